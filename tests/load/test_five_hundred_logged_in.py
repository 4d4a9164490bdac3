"""Five hundred people logged in over FTP, each somewhere else: the server mixes nobody up."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from typing import Any, NamedTuple

from playground.testing import Login, Running, run
from tests.load.people import all_closed, ftp_to, needs_proc, resident

PEOPLE = 500
AT_MOST_KIB = 40
"""Memory that one may take with its place in the journal's ring; benchmarks/connections.py measures it."""
LIMITS = [f"ftp.connections={PEOPLE + 10}", f"ftp.connections_per_address={PEOPLE + 10}"]


class Person(NamedTuple):
    """What somebody has told the server, by number: no two of them the same."""

    number: int

    @property
    def login(self) -> Login:
        """Every second one is bob."""
        return Login("ada", "ada") if self.number % 2 == 0 else Login("bob", "bob")

    @property
    def says(self) -> list[str]:
        """After the login."""
        says = [f"CWD folder-{self.number}", "TYPE I", f"REST {self.number + 1}"]
        if self.number % 3 == 0:
            says.append(f"RNFR file-{self.number}")
        if self.number % 5 == 0:
            says.append("EPSV ALL")
        return says

    @property
    def is_remembered(self) -> dict[str, Any]:
        """What the server remembers afterwards."""
        state: dict[str, Any] = {
            "user": self.login.name,
            "authenticated": True,
            "cwd": f"/folder-{self.number}",
            "type": "I",
            "rest": self.number + 1,
        }
        if self.number % 3 == 0:
            state["rename_from"] = f"/folder-{self.number}/file-{self.number}"
        if self.number % 5 == 0:
            state["epsv_all"] = True
        return state


@needs_proc
def test_everybodys_state_is_their_own():
    people = [Person(number) for number in range(PEOPLE)]
    with run(only="ftp", set=LIMITS) as playground, ExitStack() as connections:
        furnish(playground)
        warm_up(playground, people[0])
        before = resident(playground)
        clients = [connections.enter_context(closing(ftp_to(playground))) for _ in people]
        for person, ftp in zip(people, clients, strict=True):
            ftp.login(*person.login)
        for step in range(5):  # all of them one step, then all of them the next
            for person, ftp in zip(people, clients, strict=True):
                for command in person.says[step : step + 1]:
                    ftp.sendcmd(command)

        state = playground.state()
        told = [row["remembers"] for row in state["connections"]]
        assert told == [person.is_remembered for person in people]
        assert [row["held"] for row in state["connections"]] == [
            len(json.dumps(memory, separators=(",", ":"))) for memory in told
        ]
        assert state["totals"]["ftp"] == {
            "connections": PEOPLE,
            "remembers": PEOPLE,
            "held": sum(row["held"] for row in state["connections"]),
        }
        assert (resident(playground) - before) / PEOPLE < AT_MOST_KIB
        for person, ftp in zip(people[::50], clients[::50], strict=True):  # and each is told its own
            words = json.loads(ftp.sendcmd("SITE STATE").splitlines()[1])
            assert words["connection"] == person.is_remembered

        connections.close()  # everybody hangs up, without a goodbye
        closes = all_closed(playground)
        died = sorted((close.forgot for close in closes[1:]), key=lambda forgot: int(forgot["rest"]))
        assert died == [person.is_remembered for person in people]


def furnish(playground: Running) -> None:
    """A folder with a file for everybody."""
    for number in range(PEOPLE):
        folder = playground.state_dir / "ftp" / f"folder-{number}"
        folder.mkdir()
        (folder / f"file-{number}").touch()


def warm_up(playground: Running, person: Person) -> None:
    """What is loaded at the first use is not counted."""
    with closing(ftp_to(playground)) as ftp:
        ftp.login(*person.login)
        for command in person.says:
            ftp.sendcmd(command)
    all_closed(playground)

"""The first minute: say who you are, hang up, come back, ask; then read what was written down of it."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest

from playground.journal.events import Sent, State
from tests.clients.shell import Program, Shell, in_order

pytestmark = pytest.mark.needs("curl", "ftp", "nc")

STEPS = 8
"""With the seed of the fixture each may go so deep into the first cave."""


def test_the_first_minute(shell: Shell):
    say_it_over_http(shell)
    ftp_says = upload_and_come_back(shell)
    game_says = play_a_cave_and_be_killed_in_it(shell)
    shell.waits_for("protocol:game", "event:connection.close", count=3)
    everything = shell.playground.events()

    the_answers_are_what_the_journal_says(everything, "ftp-1", ftp_says)
    the_answers_are_what_the_journal_says(everything, "game-3", game_says)
    the_log_tells_it(shell("playground log").text)
    the_changes_are_those_of_who_remembers(shell("playground log changed").text)
    written = shell.playground.log.read_text()
    assert "PASS ada" not in written
    assert not re.search(r"\b[0-9a-f]{20}\b", written), "a token"


def say_it_over_http(shell: Shell) -> None:
    """The request carries "ada"; the next one does not, and nobody knows her."""
    nothing: dict[str, Any] = {"connection": {}, "session": {}, "shared": {}}
    assert shell("curl -s http://$HOST:$HTTP/state?name=ada").json == nothing | {"carried": {"name": "ada"}}
    assert shell("curl -s http://$HOST:$HTTP/state").json == nothing | {"carried": {}}
    closes = shell.waits_for("protocol:http", "event:connection.close", count=2)
    assert [event.forgot for event in closes] == [{}, {}]
    # No event tells of any memory, so there is none: that is what the answers say.
    assert not shell.playground.events("protocol:http", "event:state")


def upload_and_come_back(shell: Shell) -> Any:
    """ftp as a person types it; then once more without a login. Returns what SITE STATE said."""
    sent = shell.file("song.bin", os.urandom(300_000))
    ftp = shell.begin("ftp $HOST $FTP")
    for question, answer in (("Name (", "ada"), ("Password:", "ada"), ("230 Login successful.", "")):
        ftp.until(question)
        if answer:
            ftp.types(answer)
    for command, shown in (
        ("cd docs", '250 "/docs" is the current directory.'),
        ("put song.bin", "226 Transfer complete."),
        ("get song.bin back.bin", "226 Transfer complete."),
    ):
        ftp.until("ftp> ")
        ftp.types(command)
        ftp.until(shown)
    ftp.types("quote SITE STATE")
    ftp.until("211-What this server remembers of you:")
    ftp.line()
    says = json.loads(ftp.line())
    ftp.types("bye")
    ftp.until("221 Goodbye.")
    ftp.rest()
    assert ftp.status == 0
    assert shell.read("back.bin") == sent
    assert (shell.playground.state_dir / "ftp" / "docs" / "song.bin").read_bytes() == sent

    assert "530 Log in with USER and PASS first." in shell("ftp -nv $HOST $FTP", "quote pwd\nbye\n").text
    return says


def play_a_cave_and_be_killed_in_it(shell: Shell) -> Any:
    """Two players; the nc of one dies by kill -9 half way. Returns what ``state`` said to her afterwards."""
    ada = shell.begin("nc $HOST $GAME")
    token = takes_a_seat(ada, "ada")
    bob = shell.begin("nc $HOST $GAME")
    takes_a_seat(bob, "bob")
    ada.types("ready")
    bob.types("ready")
    for step in range(STEPS):
        for person in (ada, bob):
            person.until("? go deeper or go home? ")
        if step == STEPS // 2:
            ada.kill()
            bob.until("* ada has gone quiet. Their seat is kept for 60s")
            ada = shell.begin("nc $HOST $GAME")
            ada.until("* Lantern. Say: name <you> | resume <token> | watch\n")
            ada.types(f"resume {token}")
            assert ada.until("New token: ") == "* welcome back ada. New token: "
            assert "You carry 12; chest 0" in ada.line()
            ada.until("? go deeper or go home? ")
            bob.until("* ada is back\n")
        for person in (ada, bob):
            person.types("go")
    ada.until("? go deeper or go home? ")
    ada.types("home", "state")
    ada.until("= home\n")
    ada.until("{")
    says = json.loads("{" + ada.line())
    bob.types("home")
    over = "> cave 1 of 3 is over. Chests: ada=17, bob=17\n"
    bob.until(over)
    ada.until(over)
    for person in (ada, bob):
        person.types("quit")
        person.until("* goodbye\n")
    return says


def takes_a_seat(person: Program, name: str) -> str:
    """Name oneself; returns the token."""
    person.until("* Lantern. Say: name <you> | resume <token> | watch\n")
    person.types(f"name {name}")
    person.until(f"* welcome {name}. Your token is ")
    return person.until(". Say: ready\n").split(".")[0]


def the_answers_are_what_the_journal_says(events: list[Any], conn: str, says: dict[str, Any]) -> None:
    """Each part of an answer is its subject's last ``remembers`` before that; no event means empty."""
    answered = next(
        event.seq
        for event in events
        if isinstance(event, Sent) and event.conn == conn and '"carried"' in str(event.data)
    )
    remembers: dict[tuple[str, str | None], Any] = {}
    for event in events:
        if event.seq < answered and isinstance(event, State):
            remembers[event.where, event.session or event.shared or event.conn] = event.remembers
    mine = remembers.get(("connection", conn), {})
    seat = f"game/{mine.get('seat')}"
    assert says == {
        "connection": mine,
        "session": {seat: remembers["session", seat]} if ("session", seat) in remembers else {},
        "shared": {name: held for (where, name), held in remembers.items() if where == "shared"},
        "carried": {},
    }
    assert mine


def the_log_tells_it(log: str) -> None:
    """The lines that a reader of the first screen is promised, in their order."""
    in_order(
        log,
        """
        run …, pid … | C: client  S: server  = what the server remembers
        http-1  -- opened by 127.0.0.1:…
        http-1  C: GET /state?name=ada HTTP/1.1     (+3 header lines)
        http-1  S: 200 OK                           (… bytes)
        http-1  -- closed after … ms. Forgot: nothing. Carried: name=ada
        http-2  C: GET /state HTTP/1.1              (+3 header lines)
        http-2  -- closed after … ms. Forgot: nothing. Carried: nothing
        ftp-1   -- opened by 127.0.0.1:…
        ftp-1   S: 220 Playground FTP. Try: USER ada
        ftp-1   C: USER ada
        ftp-1   =  user           none → ada        connection
        ftp-1   S: 331 …
        ftp-1   C: PASS ***
        ftp-1   =  authenticated  no → yes          connection
        ftp-1   =  cwd            none → /          connection
        ftp-1   S: 230 Login successful.
        ftp-1   C: SYST → 215, C: FEAT → 211        changed nothing
        ftp-1   C: CWD docs
        ftp-1   =  cwd            / → /docs         connection
        ftp-1   S: 250 "/docs" is the current directory.
        ftp-1   C: STOR song.bin
        ftp-1   S: 226 Transfer complete.
        ftp-1   C: RETR song.bin
        ftp-1   S: 226 Transfer complete.
        ftp-1   C: SITE STATE
        ftp-1   C: QUIT
        ftp-1   S: 221 Goodbye.
        ftp-1   -- closed after … Forgot: user ada, …cwd /docs
        ftp-2   C: pwd
        ftp-2   S: 530 Log in with USER and PASS first.       refused
        game-1  S: * Lantern. Say: name <you> | resume <token> | watch
        game-1  C: name ada
        game-1  =  dialogue       none → seated        connection
        game-1  =  name           none → ada           session game/ada
        game-1  =  seat           none → present       session game/ada
        game-1  =  players        none → 1             shared game/table
        game-1  S: * welcome ada. Your token is #…. Say: ready
        game-1  C: go
        game-…  =  depth          0 → 1                shared game/table
        game-1  =  seat           present → away       session game/ada
        game-1  -- closed by client after …. Forgot: dialogue …Kept: game/ada …
        game-3  C: resume #…
        game-3  =  seat           away → present       session game/ada
        game-3  S: * welcome back ada. New token: #…. You carry 12; chest 0
        game-…  S: > cave 1 of 3 is over. Chests: ada=17, bob=17
        connections  changes  held now
        http              2        0       0 B  carried: in the request, gone with it
        ftp               2       …       0 B  connection: gone with the socket
        game              3       …
        """,
    )


def the_changes_are_those_of_who_remembers(changed: str) -> None:
    """``grep changed`` is the lesson: FTP and the game have such lines, HTTP has none."""
    in_order(
        changed,
        """
        ftp-1   =  user           none → ada        connection
        ftp-1   =  cwd            / → /docs         connection
        game-1  =  seat           none → present       session game/ada
        game-1  =  players        none → 1             shared game/table
        game-3  =  seat           away → present       session game/ada
        """,
    )
    assert "http" not in changed

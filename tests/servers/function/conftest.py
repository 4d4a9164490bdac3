"""The functions in this process, with a folder of functions that misbehave in every way."""

from __future__ import annotations

import os
import random
import textwrap
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from playground.journal.journal import Journal
from playground.journal.query import parse_filter
from playground.servers import Playground
from playground.servers.function.limits import FunctionLimits
from playground.servers.function.server import FunctionServer
from playground.stores.accounts import Accounts
from playground.wire.invoking import Invoked
from tests.reactor import the_reactor

FUNCTIONS = {
    "count": """
        import os, time
        runs = 0
        def handler(event, context):
            global runs
            runs += 1
            time.sleep(float(event.get("sleep", 0)))
            if event.get("exit"):
                os._exit(event["exit"])
            if event.get("raise"):
                raise LookupError("no such cat")
            return {"runs": runs, "pid": os.getpid()}
    """,
    "tell": """
        import os, sys
        def handler(event, context):
            return {
                "variables": sorted(os.environ),
                "api": os.environ["AWS_LAMBDA_RUNTIME_API"],
                "left": context.get_remaining_time_in_millis(),
                "name": context.function_name,
                "cwd": os.getcwd(),
                "event": event,
            }
    """,
    "parent": """
        import subprocess
        def handler(event, context):
            child = subprocess.Popen(["sleep", "600"])
            print(f"child {child.pid}", flush=True)
            if event.get("wait"):
                child.wait()
            return child.pid
    """,
    "wide": "def handler(event, context):\n    return 'x' * event['size']\n",
    "hungry": "def handler(event, context):\n    return len(bytearray(2_000_000_000))\n",
    "chatty": """
        def handler(event, context):
            print("\\x1b[31mred\\x1b[0m")
            for number in range(1000):
                print("line", number)
            print("w" * 100_000, end="")
    """,
    "broken": "import no_such_module\n",
    "mute": "import time\ntime.sleep(600)\n",
    "quits": "import os\nos._exit(7)\n",
}


class House:
    """A desk, and what its journal says."""

    def __init__(self, playground: Playground, server: FunctionServer) -> None:
        self.playground = playground
        self.server = server
        self.desk = server.open(playground)

    def ask(self, name: str, event: bytes = b"{}", **more: Any) -> Deferred[Invoked]:
        """Run a function."""
        run = self.desk.invoke(name, event, str(uuid4()), **more)
        return run.addTimeout(15, self.playground.reactor)

    def events(self, *words: str) -> list[Any]:
        """The journal so far."""
        keep = parse_filter(words)
        return [event for event in self.playground.journal.ring if keep(event)]

    @property
    def processes(self) -> list[int]:
        """Those that this process has started and that still run."""
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return [int(pid) for pid in children if b"awslambdaric" in _command(pid)]


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


Open = Callable[..., Awaitable[House]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FUNCTIONS.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
    return tmp_path


@pytest_twisted.async_yield_fixture
async def house(folder: Path):
    reactor = the_reactor()
    opened: list[House] = []

    async def open_house(**limits: Any) -> House:
        server = FunctionServer(replace(FunctionLimits(), **limits))
        playground = Playground(
            server,
            reactor=reactor,
            journal=Journal(time),
            accounts=Accounts(()),
            random=random.Random(1),
            settings={"functions": folder},
        )
        opened.append(House(playground, server))
        return opened[-1]

    yield open_house
    for one in opened:
        await one.desk.close().addTimeout(10, reactor)
        assert not one.processes

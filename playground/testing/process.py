"""A whole playground in a process of its own, for tests of clients and of the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

from playground.ask import ask
from playground.journal.events import AnyEvent
from playground.journal.query import parse_filter
from playground.views.jsonl import read_run

START_SECONDS = 20.0
STOP_SECONDS = 5.0


class Login(NamedTuple):
    """A name and a password."""

    name: str
    password: str


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Running:
    """A running playground. Made by :func:`run`."""

    def __init__(self, process: subprocess.Popen[str], ready: Mapping[str, Any], said: IO[bytes]) -> None:
        self.process = process
        self._said = said
        self.ready = ready
        """The ready line: pid, log, state_dir, accounts, servers."""
        self.state_dir = Path(ready["state_dir"])
        self.log = Path(ready["log"])
        self.servers = {
            name: Address(server["host"], server["port"]) for name, server in ready["servers"].items()
        }
        self._since = 0

    @property
    def url(self) -> str:
        """The HTTP server's, without a slash at the end."""
        return f"http://{self.servers['http']}"

    @property
    def login(self) -> Login:
        """Somebody who may log in."""
        return next(Login(name, password) for name, password in self.ready["accounts"].items())

    def events(self, *words: str) -> list[Any]:
        """The journal so far (since the last :meth:`reset`), filtered as ``playground log`` does.

        Typed Any, so that a test may ask for any field. Raises ``ControlError``
        when the playground does not run any more; then read :attr:`log`.
        """
        self._ask("flush")
        return self.written(*words)

    def written(self, *words: str) -> list[Any]:
        """As :meth:`events`, from the file as it is, whether or not the playground still runs."""
        keep = parse_filter(words)
        events: Iterator[AnyEvent] = (event for _, event in read_run(self.log))
        return [event for event in events if event.seq > self._since and not event.again and keep(event)]

    def state(self) -> dict[str, Any]:
        """What is remembered right now: connections, sessions, shared, totals."""
        state: dict[str, Any] = self._ask("state")
        return state

    def forget(self, *where: str, protocol: str | None = None) -> list[dict[str, Any]]:
        """Drop that memory (without a word: connection and session); returns what went."""
        went: list[dict[str, Any]] = self._ask("forget", where=list(where), protocol=protocol)["forgot"]
        return went

    def reset(self) -> None:
        """Forget everything, and let :meth:`events` begin anew. Connections stay open."""
        self._since = int(self._ask("reset")["seq"])

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Stop politely; returns the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    @property
    def complaints(self) -> str:
        """What it has written to its standard error."""
        return _all_of(self._said)

    def kill(self) -> None:
        """``kill -9``."""
        self.process.kill()
        self.process.wait()

    def _ask(self, what: str, **more: Any) -> Any:
        return ask(self.state_dir, {"ask": what, **more})

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            for stream in (self.process.stdin, self.process.stdout, self._said):
                if stream is not None:
                    stream.close()


def start(state_dir: Path, *arguments: str, **options: Any) -> Running:
    """Start a playground in ``state_dir`` and wait until it is ready. It ends when this process does.

    ``options`` are those of the command line: ``http=0``, ``only="http,ftp"``,
    ``ftp_write=True``, and lists for those that may be repeated. Variables
    ``PLAYGROUND_*`` of this process do not reach it. Raises ``RuntimeError`` with what it said when it
    does not start.
    """
    given = {"http": 0, "ftp": 0, "game": 0, "waiter": 0} | options
    command = [
        sys.executable,
        "-m",
        "playground",
        "up",
        "--json",
        "--until-eof",
        "--state-dir",
        str(state_dir),
    ]
    command += [word for name, value in given.items() for word in _words(name, value)]
    # No pipe: one that nobody reads would stop the servers when it is full.
    said = tempfile.TemporaryFile()  # noqa: SIM115  # Running closes it
    process = subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("PLAYGROUND_")},
    )
    assert process.stdout is not None
    too_long = threading.Timer(START_SECONDS, process.kill)
    too_long.start()
    line = process.stdout.readline()
    too_long.cancel()
    if not line:
        process.communicate(timeout=START_SECONDS)
        with said:
            raise RuntimeError(f"the playground did not start: {_all_of(said).strip()}")
    return Running(process, json.loads(line), said)


def _all_of(file: IO[bytes]) -> str:
    return os.pread(file.fileno(), 1_000_000, 0).decode(
        errors="replace"
    )  # its position is the process's, too


def _words(name: str, value: object) -> Iterator[str]:
    flag = "--" + name.replace("_", "-")
    if value is True:
        yield flag
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from (flag, str(item))
    elif value is not None and value is not False:
        yield from (flag, str(value))


@contextmanager
def run(*arguments: str, **options: Any) -> Iterator[Running]:
    """A playground on free ports with a temporary folder of its own::

        with playground.testing.run(http=0, ftp=0) as playground:
            subprocess.run(["curl", f"{playground.url}/state?name=ada"])
            assert not playground.events("changed")

    ``options`` as for :func:`start`.
    """
    with tempfile.TemporaryDirectory(prefix="playground-test-") as folder:
        state_dir = Path(folder) / "state"
        with start(state_dir, *arguments, **options) as running:
            yield running

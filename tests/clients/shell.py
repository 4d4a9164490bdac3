"""A shell beside a running playground, so that tests read like transcripts of what a person types.

Commands find the servers as ``$HOST``, ``$HTTP``, ``$FTP``, ``$GAME`` and
``$WAITER`` (the ports), and ``playground`` is this checkout's, asking this
playground. Nothing outlives its time limit, and no process its test.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from playground.testing import Running

PATIENCE = 20.0
"""Seconds that any one step may take."""

T = TypeVar("T")


class Said(NamedTuple):
    """What a command wrote, and how it ended."""

    out: bytes
    err: bytes
    status: int

    @property
    def text(self) -> str:
        """The output as text."""
        return self.out.decode()

    @property
    def json(self) -> Any:
        """The output as JSON."""
        return json.loads(self.out)


class Shell:
    """One terminal window."""

    def __init__(self, playground: Running, folder: Path) -> None:
        self.playground = playground
        self.folder = folder
        """Where the commands run."""
        self._programs: list[Program] = []
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "PLAYGROUND_STATE_DIR": str(playground.state_dir),
        }
        for name, (host, port) in playground.servers.items():
            self._environment |= {"HOST": host, name.upper(): str(port)}

    def __call__(self, command: str, typed: str | bytes = "", *, seconds: float = PATIENCE) -> Said:
        """Run a command to its end, with ``typed`` as all of its input."""
        process = subprocess.Popen(
            ["bash", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self._environment,
            start_new_session=True,
        )
        with process:
            try:
                out, err = process.communicate(
                    typed.encode() if isinstance(typed, str) else typed, timeout=seconds
                )
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # the programs that bash has started, too
                out, err = process.communicate()
                raise AssertionError(f"{command}: no end after {seconds} s\n{out!r}\n{err!r}") from None
        return Said(out, err, process.returncode)

    def begin(self, command: str) -> Program:
        """Start a program and leave it running, as a person does. It ends with the test at the latest."""
        program = Program(command, self.folder, self._environment)
        self._programs.append(program)
        return program

    def waits_for(self, *words: str, count: int = 1) -> list[Any]:
        """The journal's events of that filter, as soon as there are ``count``."""

        def found() -> list[Any] | None:
            events = self.playground.events(*words)
            return events if len(events) >= count else None

        return soon(found, f"{count} of {' '.join(words)} in the journal")

    def file(self, name: str, content: bytes) -> bytes:
        """Make a file where the commands run."""
        (self.folder / name).write_bytes(content)
        return content

    def read(self, name: str) -> bytes:
        """A file where the commands run."""
        return (self.folder / name).read_bytes()

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in self._programs:
            program.kill()


class Program:
    """A program that runs on a terminal of its own, which does not echo."""

    def __init__(self, command: str, folder: Path, environment: dict[str, str]) -> None:
        self._command = command
        self._terminal, terminal = pty.openpty()
        mode = termios.tcgetattr(terminal)
        mode[1] &= ~termios.OPOST  # a line ends as the program ends it
        mode[3] &= ~termios.ECHO
        termios.tcsetattr(terminal, termios.TCSANOW, mode)
        try:
            self._process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                stdin=terminal,
                stdout=terminal,
                stderr=terminal,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        finally:
            os.close(terminal)
        self._unread = b""
        self._killed = False
        self.all = ""
        """Everything that was read of it."""

    def types(self, *lines: str) -> None:
        """Type lines, each with the return key."""
        os.write(self._terminal, "".join(f"{line}\n" for line in lines).encode())

    def presses(self, keys: bytes) -> None:
        """Press keys: ``^D``, ``^]``."""
        os.write(self._terminal, keys)

    def until(self, text: str, seconds: float = PATIENCE) -> str:
        """All that it says from where the last call ended, to the end of ``text``."""
        wanted, deadline = text.encode(), time.monotonic() + seconds
        while wanted not in self._unread:
            if not self._read(deadline):
                seen = self._unread.decode(errors="replace")
                raise AssertionError(f"{self._command}: not said: {text!r}\n--- but:\n{seen}")
        end = self._unread.index(wanted) + len(wanted)
        said, self._unread = self._unread[:end].decode(), self._unread[end:]
        self.all += said
        return said

    def line(self) -> str:
        """The rest of the line that it is about to say."""
        return self.until("\n").rstrip("\r\n")

    def rest(self, seconds: float = PATIENCE) -> str:
        """What it says until it ends by itself."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass
        assert time.monotonic() < deadline, f"{self._command}: no end after {seconds} s\n{self._unread!r}"
        self._process.wait(seconds)
        said, self._unread = self._unread.decode(), b""
        self.all += said
        return said

    @property
    def status(self) -> int | None:
        """How it has ended; None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """``kill -9``."""
        if not self._killed:
            self._killed = True
            self._process.kill()
            self._process.wait(PATIENCE)
            os.close(self._terminal)

    def _read(self, deadline: float) -> bool:
        """Read some more; False at the program's end or when it is too late."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self._terminal], [], [], left)[0]:
            return False
        try:
            piece = os.read(self._terminal, 65536)
        except OSError:  # how Linux says that nobody has the terminal any more
            return False
        self._unread += piece
        return bool(piece)


def soon(ask: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """What ``ask`` answers as soon as that is not None; it is asked again and again."""
    deadline = time.monotonic() + seconds
    while (answer := ask()) is None:
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
    return answer


def in_order(text: str, expected: str) -> None:
    """Fail unless the lines of ``expected`` stand in ``text`` in that order, with others between them.

    ``…`` stands for anything, clock times and ports for any of their kind, runs of spaces for any.
    """
    lines = text.splitlines()
    at = 0
    for wanted in filter(None, map(str.strip, expected.splitlines())):
        pattern = re.escape(" ".join(wanted.split())).replace("\\ ", r"\s+").replace("…", ".*")
        for number in range(at, len(lines)):
            if re.search(pattern, lines[number]):
                at = number + 1
                break
        else:
            rest = "\n".join(lines[at:])
            raise AssertionError(f"not there, or not in this order: {wanted}\n--- in:\n{rest}")

"""The command line as a person or a program uses it: processes, and what they say."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

PATIENCE = 20.0
WAITER = ("--only", "waiter", "--waiter", "0")


class Said(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """This process's, without settings of the playground, and with ``more``."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PLAYGROUND_")}
    return clean | {"PYTHONUNBUFFERED": "1"} | more


def playground(*words: str, env: Mapping[str, str] | None = None, program: str = "playground") -> Said:
    """Run one command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", program, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=env or environment(),
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@contextmanager
def starting(
    *words: str, env: Mapping[str, str] | None = None, program: str = "playground", **options: object
) -> Iterator[subprocess.Popen[str]]:
    """A command that runs until the test is over."""
    process = subprocess.Popen(
        [sys.executable, "-m", program, *words],
        stdin=options.pop("stdin", subprocess.PIPE),  # type: ignore[call-overload]  # as Popen has it
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env or environment(),
        **options,
    )
    try:
        yield process
    finally:
        process.kill()
        with suppress(BrokenPipeError):
            process.communicate(timeout=PATIENCE)


def line_with(process: subprocess.Popen[str], text: str) -> str:
    """The next line with ``text``. Fails at the end, which comes when it takes too long."""
    assert process.stdout is not None
    too_long = threading.Timer(PATIENCE, process.kill)
    too_long.start()
    try:
        for line in process.stdout:
            if text in line:
                return line
    finally:
        too_long.cancel()
    raise AssertionError(f"it ended and never said {text!r}")


def ended(process: subprocess.Popen[str], seconds: float = 5.0) -> Said:
    """Wait for the end and take what was said."""
    out, err = process.communicate(timeout=seconds)
    return Said(process.returncode, out, err)


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def stop(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> Said:
    """Send a signal and wait for the end."""
    process.send_signal(number)
    return ended(process)


def descriptors_in(folder: Path) -> list[str]:
    """Names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())

"""Whether heavy FTP clients hold up everybody else: they work all at once, and HTTP and the game are timed.

    .venv/bin/python -m benchmarks.fairness [--seconds S] [--disk]

At work are one client that floods commands without reading the answers, two that download 200 MB and two that
upload them, one that lists a folder of 50,000 files with LIST and one that does so with NLST, each again and
again. Meanwhile a browser's worth of HTTP requests and a player's lines in the game are answered; printed are
p50, p99 and the longest of their times in ms, quiet and with each kind of client at work alone. The goal is a
p99 below 30 ms with all of them.

The files are kept in memory where the system has a place for that: a disk may take its time (to throw away an
old file of 200 MB takes some 60 ms on ext4), and that is not what is measured here.
"""

from __future__ import annotations

import argparse
import ftplib
import http.client
import multiprocessing
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.synchronize import Event
from pathlib import Path

from benchmarks.answer_times import in_ms
from playground.testing import Running, run

SHARED_MEMORY = Path("/dev/shm")
MEGABYTES = 200
FILES = 50_000
PAUSE = 0.005
"""Seconds between two questions of those that are timed."""


def download(playground: Running, stop: Event) -> None:
    """Fetch the same large file until told to stop."""
    with visit(playground) as ftp:
        while not stop.is_set():
            ftp.retrbinary("RETR big", lambda _: None, blocksize=1 << 18)


def upload(playground: Running, stop: Event) -> None:
    """Store it until told to stop."""
    name = f"up-{multiprocessing.current_process().pid}"
    with visit(playground) as ftp:
        while not stop.is_set():
            with (playground.state_dir / "ftp" / "big").open("rb") as file:
                ftp.storbinary(f"STOR {name}", file, blocksize=1 << 18)


def flood(playground: Running, stop: Event) -> None:
    """Ask and ask, as fast as it is let in; the answers are read away so that it goes on."""
    commands = b"PWD\r\n" * 2000
    with visit(playground) as ftp:
        assert ftp.sock is not None
        ftp.sock.setblocking(False)
        while not stop.is_set():
            with suppress(BlockingIOError):
                ftp.sock.send(commands)
            with suppress(BlockingIOError):
                ftp.sock.recv(1 << 20)


def long_list(playground: Running, stop: Event) -> None:
    """LIST the large folder until told to stop."""
    with visit(playground) as ftp:
        while not stop.is_set():
            ftp.retrlines("LIST many", lambda _: None)


def names(playground: Running, stop: Event) -> None:
    """NLST it."""
    with visit(playground) as ftp:
        while not stop.is_set():
            ftp.retrlines("NLST many", lambda _: None)


Work = Callable[[Running, Event], None]
MIXES: dict[str, tuple[Work, ...]] = {
    "quiet": (),
    "a flood of commands": (flood,),
    f"four transfers of {MEGABYTES} MB": (download, download, upload, upload),
    f"LIST of {FILES:,} files": (long_list,),
    f"NLST of {FILES:,} files": (names,),
    "all of them at once": (flood, download, download, upload, upload, long_list, names),
}


@contextmanager
def visit(playground: Running) -> Iterator[ftplib.FTP]:
    """Somebody logged in, for binary files."""
    with ftplib.FTP(timeout=60) as ftp:
        ftp.connect(*playground.servers["ftp"])
        ftp.login(*playground.login)
        ftp.voidcmd("TYPE I")
        yield ftp
        ftp.close()


@contextmanager
def at_work(playground: Running, works: Sequence[Work]) -> Iterator[None]:
    """While this lasts, they work, each in a process of its own."""
    stop = multiprocessing.Event()
    workers = [
        multiprocessing.Process(target=as_from_elsewhere, args=(work, playground, stop), daemon=True)
        for work in works
    ]
    for worker in workers:
        worker.start()
    try:
        wait(1.0 if workers else 0.0)
        yield
    finally:
        stop.set()
        for worker in workers:
            worker.join(20)
            worker.kill()


def as_from_elsewhere(work: Work, playground: Running, stop: Event) -> None:
    """Work, but leave the processor to those that are measured: real clients have machines of their own."""
    os.nice(10)
    work(playground, stop)


def wait(seconds: float) -> None:
    """Let time pass."""
    time.sleep(seconds)  # noqa: TID251  # no reactor here: other processes work meanwhile


def timed(seconds: float, ask: Callable[[], object]) -> list[float]:
    """Seconds that each answer took, asked again and again with a short pause."""
    times = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        ask()
        times.append(time.perf_counter() - begun)
        wait(PAUSE)
    return times


def http_answers(playground: Running, seconds: float) -> list[float]:
    """ms of HTTP answers on one kept connection."""
    connection = http.client.HTTPConnection(*playground.servers["http"], timeout=60)

    def ask() -> None:
        connection.request("GET", "/get?name=ada")
        connection.getresponse().read()

    times = timed(seconds, ask)
    connection.close()
    return times


def game_lines(playground: Running, seconds: float) -> list[float]:
    """ms of the game's answers to a line."""
    with socket.create_connection(playground.servers["game"], 60) as player, player.makefile("rb") as lines:
        player.sendall(b"who\n")
        while b"no seat" not in lines.readline():
            pass

        def ask() -> None:
            player.sendall(b"who\n")
            lines.readline()

        return timed(seconds, ask)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each mix and each of the two servers")
    parser.add_argument("--disk", action="store_true", help="keep the files where temporary files are kept")
    asked = parser.parse_args()
    seconds = asked.seconds
    if not asked.disk and SHARED_MEMORY.is_dir():
        tempfile.tempdir = str(SHARED_MEMORY)
    with run("--quiet", "--set", "game.lines_per_second=0") as playground:
        folder = playground.state_dir / "ftp"
        with (folder / "big").open("wb") as file:
            file.truncate(MEGABYTES << 20)
        (folder / "many").mkdir()
        for number in range(FILES):
            (folder / "many" / f"a-file-with-a-name-{number:05}").touch()
        print(f"ms: {'p50':>34} {'p99':>8} {'longest':>8}   game lines: p50, p99, longest")
        for name, works in MIXES.items():
            with at_work(playground, works):
                http_times = http_answers(playground, seconds)
                game_times = game_lines(playground, seconds)
            print(f"  {name:28} {in_ms(http_times)}            {in_ms(game_times)}", flush=True)


if __name__ == "__main__":
    main()

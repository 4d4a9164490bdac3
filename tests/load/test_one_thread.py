"""One process, one reactor thread: a large transfer, many requests and a game at once."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from playground.journal.events import Sent, State
from playground.testing import Running, run
from tests.load.people import SECONDS, Line, ftp_to, http_to, needs_proc, threads_of

MEGABYTE = 1024 * 1024
FILE_MEGABYTES = 200
REQUESTS = 1000
LINES = 100
"""What each player says."""
THREADS = ("the reactor", "the journal's writer", "the game's store", "password hashing")


@needs_proc
def test_transfers_a_thousand_requests_and_a_game_share_one_thread():
    with run(set=["game.lines_per_second=0"]) as playground, ThreadPoolExecutor(5) as people:
        whole = make_file(playground.state_dir / "ftp" / "big.bin")
        transfers_run, others_are_done = threading.Barrier(5, timeout=SECONDS), threading.Event()
        others: list[Future[Any]] = [
            people.submit(asks, playground, transfers_run),
            people.submit(plays, playground, "ada", transfers_run),
            people.submit(plays, playground, "bob", transfers_run),
        ]
        transfers = [
            people.submit(downloads, playground, transfers_run, others_are_done),
            people.submit(uploads, playground, transfers_run, others_are_done),
        ]
        threads = watch_threads(playground, others, others_are_done) | watch_threads(playground, transfers)
        assert [one.result() for one in others] == [REQUESTS, LINES, LINES]
        for one in transfers:
            assert set(one.result()) == {whole}
        assert max(map(len, threads)) <= len(THREADS), threads
        they_were_at_it_together(playground)


def watch_threads(
    playground: Running, work: list[Future[Any]], done: threading.Event | None = None
) -> set[tuple[str, ...]]:
    """The threads that the process had at any time until all of that work is done."""
    seen = set()
    while not all(one.done() for one in work):
        seen.add(tuple(threads_of(playground.ready["pid"])))
    if done is not None:
        done.set()
    return seen


def make_file(path: Path) -> str:
    """Bytes of which no two pieces are the same; returns their digest."""
    random, digest = Random(7), hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(FILE_MEGABYTES):
            piece = random.randbytes(MEGABYTE)
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def downloads(playground: Running, run: threading.Barrier, done: threading.Event) -> list[str]:
    """RETR, again and again until the others are done; returns the digest of each."""
    digests: list[str] = []
    with ftp_to(playground) as ftp:
        ftp.login(*playground.login)
        run.wait()
        while not (digests and done.is_set()):
            digest = hashlib.sha256()
            ftp.retrbinary("RETR big.bin", digest.update, blocksize=MEGABYTE)
            digests.append(digest.hexdigest())
    return digests


def uploads(playground: Running, run: threading.Barrier, done: threading.Event) -> list[str]:
    """STOR of the same file under another name, likewise; returns the digests of what has arrived."""
    folder = playground.state_dir / "ftp"
    digests: list[str] = []
    with ftp_to(playground) as ftp, (folder / "big.bin").open("rb") as file:
        ftp.login(*playground.login)
        run.wait()
        while not (digests and done.is_set()):
            file.seek(0)
            ftp.storbinary("STOR copy.bin", file, blocksize=MEGABYTE)
            with (folder / "copy.bin").open("rb") as copy:
                digests.append(hashlib.file_digest(copy, "sha256").hexdigest())
    return digests


def asks(playground: Running, run: threading.Barrier) -> int:
    """A thousand requests on one connection, each with a body of its own that must come back."""
    answered = 0
    with closing(http_to(playground)) as connection:
        run.wait()
        for number in range(REQUESTS):
            sent = b"%d " % number * 200
            connection.request("POST", "/", body=sent)
            answered += connection.getresponse().read() == sent
    return answered


def plays(playground: Running, name: str, run: threading.Barrier) -> int:
    """Say a hundred things, and hear each of them."""
    with Line(playground.servers["game"]) as player:
        player.says(f"name {name}")
        player.hears(f"* welcome {name}.")
        run.wait()
        for number in range(LINES):
            player.says(f"say {number}")
            player.hears(f"* {name}: {number}")
    return LINES


def they_were_at_it_together(playground: Running) -> None:
    """While transfers ran, the others were answered: more than can be explained by the gaps between them."""
    events = playground.events()
    for verb in ("RETR", "STOR"):
        running, answered = False, Counter[str]()
        for event in events:
            if isinstance(event, State) and "data" in event.changed:
                before, after = event.changed["data"]
                if f"transfer:{verb}" in (before, after):
                    running = after == f"transfer:{verb}"
            elif running and isinstance(event, Sent):
                answered[event.protocol or ""] += 1
        # How many depends on how quick the transfers are; were they in the way, it would be a handful.
        assert answered["http"] > REQUESTS // 10, (verb, answered)
        assert answered["game"] > LINES // 4, (verb, answered)

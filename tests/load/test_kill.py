"""kill -9 in the middle of work: what was written stays readable, and the next start is as any other."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

from playground.journal.events import ConnectionOpen
from playground.testing import Running, start
from playground.views.jsonl import decode, read_run
from tests.load.people import SECONDS, Line, ftp_to, get, http_to, needs_proc, soon

LINES = 500
AS_FAST_AS_IT_GOES = ("--set", "game.lines_per_second=0")
PLAYGROUND = Path(sys.executable).with_name("playground")


def test_every_line_but_perhaps_the_last_is_whole(tmp_path: Path):
    with start(tmp_path, *AS_FAST_AS_IT_GOES) as playground:
        with work(playground):
            playground.kill()
        lines = playground.log.read_bytes().split(b"\n")
        assert len(lines) > LINES
        for line in lines[:-1]:
            decode(line)
        numbers = [event.seq for _, event in read_run(playground.log)]
        assert numbers == list(range(1, len(numbers) + 1)), "none is missing between them"


def test_what_was_flushed_is_there(tmp_path: Path):
    with start(tmp_path, *AS_FAST_AS_IT_GOES) as playground, work(playground):
        known = playground.events()
        playground.kill()
        assert playground.written()[: len(known)] == known


def test_the_next_start_works_at_once_and_the_older_journal_is_read_as_the_last_run(tmp_path: Path):
    with start(tmp_path, *AS_FAST_AS_IT_GOES) as playground:
        with work(playground):
            playground.kill()
        older = playground.log.read_bytes()
        left_behind = Path((tmp_path / "control").read_text())
        assert left_behind.is_socket()

    with start(tmp_path) as playground:
        assert not left_behind.parent.exists()
        with closing(http_to(playground)) as connection:
            get(connection, "/state?name=after")
        assert playground.state()["totals"]["http"]["remembers"] == 0
        names = {event.conn for event in playground.events() if isinstance(event, ConnectionOpen)}
        assert names == {"http-1"}, "the new run has a file of its own, and counts anew"

        (moved,) = (tmp_path / "runs").iterdir()
        assert moved.read_bytes() == older
        last = log(tmp_path, "--run", "last", "--json")
        assert last.stdout.encode().splitlines() == older.rpartition(b"\n")[0].splitlines()
        opening = json.loads(last.stdout.splitlines()[0])
        assert opening["run"] in log(tmp_path, "--run", "list").stdout
        told = log(tmp_path, "--run", opening["run"]).stdout
        assert "C: GET /state?name=before" in told
        assert "name=after" not in told
        assert "name=after" in log(tmp_path).stdout


def test_a_torn_last_line_is_passed_over_with_a_note(tmp_path: Path):
    with start(tmp_path, *AS_FAST_AS_IT_GOES) as playground:
        with work(playground):
            playground.kill()
        os.truncate(playground.log, playground.log.read_bytes().rindex(b"\n") - 5)
    with start(tmp_path):
        last = log(tmp_path, "--run", "last")
        assert "C: GET /state?name=before" in last.stdout
        assert "the last line is torn" in last.stderr


def test_a_state_folder_is_held_by_one_at_a_time(tmp_path: Path):
    with start(tmp_path) as playground:
        second = subprocess.run(
            [
                PLAYGROUND,
                "--state-dir",
                tmp_path,
                "--http",
                "0",
                "--ftp",
                "0",
                "--game",
                "0",
                "--waiter",
                "0",
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert second.returncode == 2
        assert str(playground.ready["pid"]) in second.stderr
        assert playground.events("event:journal.open"), "the first one goes on"


@needs_proc
def test_no_playground_outlives_the_test_that_started_it():
    """Neither one that ends in order, nor one that is killed."""
    script = (
        "import sys, time; from playground.testing import run\n"
        "with run() as playground: print(playground.ready['pid'], flush=True); sys.stdin.read()"
    )
    for end in (signal.SIGTERM, signal.SIGKILL):
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as test:
            assert test.stdout is not None
            pid = int(test.stdout.readline())
            assert not has_ended(pid)
            test.send_signal(end)
            soon(partial(has_ended, pid), f"the end of {pid} after {end.name}")


def has_ended(pid: int) -> bool | None:
    """True or None. A process that has ended, and that nobody has asked how, has ended too."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text() or None
    except (FileNotFoundError, ProcessLookupError):
        return True


@contextmanager
def work(playground: Running) -> Iterator[None]:
    """While this lasts, people ask, play and transfer files, until the playground is gone under them."""
    all_are_at_it = threading.Barrier(4, timeout=SECONDS)
    with ThreadPoolExecutor(3) as people:
        working = [people.submit(person, playground, all_are_at_it) for person in (asks, plays, transfers)]
        try:
            all_are_at_it.wait()
            soon(lambda: len(playground.events()) > LINES or None, f"{LINES} events in the journal")
            yield
        finally:
            playground.kill()
        assert [one.exception() for one in working] == [None, None, None]


def asks(playground: Running, all_are_at_it: threading.Barrier) -> None:
    """Requests on one connection, until it breaks."""
    with closing(http_to(playground)) as connection:
        get(connection, "/state?name=before")
        all_are_at_it.wait()
        with suppress(OSError, http.client.HTTPException):
            while True:
                get(connection, "/state?name=before")


def plays(playground: Running, all_are_at_it: threading.Barrier) -> None:
    """Says something and hears the answer, until the connection breaks."""
    with Line(playground.servers["game"]) as player:
        player.says("name ada")
        player.hears("* welcome ada.")
        all_are_at_it.wait()
        with suppress(OSError, EOFError):
            while True:
                player.says("look")
                player.hears("> no cave")


def transfers(playground: Running, all_are_at_it: threading.Barrier) -> None:
    """Downloads, until the connection breaks."""
    with closing(ftp_to(playground)) as ftp:
        ftp.login(*playground.login)
        all_are_at_it.wait()
        with suppress(OSError, EOFError):
            while True:
                ftp.retrbinary("RETR a.txt", lambda _: None)


def log(state_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``playground log`` of that folder."""
    return subprocess.run(
        [PLAYGROUND, "log", "--state-dir", state_dir, *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )

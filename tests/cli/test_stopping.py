"""How a playground ends: signals, its parent's death, closed streams, and ``kill -9``."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from playground.testing import start
from playground.views.jsonl import read_run
from tests.cli.commands import (
    PATIENCE,
    WAITER,
    descriptors_in,
    ended,
    environment,
    line_with,
    playground,
    starting,
    stop,
)
from tests.load.people import needs_proc


def ready(process: subprocess.Popen[str]) -> tuple[str, int]:
    """The waiter's address."""
    waiter = json.loads(line_with(process, "{"))["servers"]["waiter"]
    return waiter["host"], waiter["port"]


@contextmanager
def connected(process: subprocess.Popen[str]) -> Iterator[socket.socket]:
    """Somebody who hardly listens."""
    with socket.socket() as eve:
        eve.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        eve.connect(ready(process))
        yield eve


def fill(eve: socket.socket) -> None:
    """Say so much and read so little that neither side's buffers take any more."""
    eve.settimeout(0.5)
    refusals = 0
    while refusals < 3:  # one alone may be a server that was busy for a moment
        try:
            eve.send(b"bill\n" * 1000)
            refusals = 0
        except TimeoutError:
            refusals += 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_says_goodbye_and_ends_with_0(tmp_path: Path, number: signal.Signals):
    with starting("up", "--json", *WAITER, "--state-dir", str(tmp_path / "s")) as process:
        ada = socket.create_connection(ready(process), timeout=10)
        with ada, ada.makefile() as heard:
            ada.sendall(b"order soup\n")
            assert heard.readline().startswith("* Good evening")
            assert heard.readline() == "= soup, very well\n"
            began = monotonic()
            assert stop(process, number) == (0, "", "")
            assert monotonic() - began < 3
            assert heard.read() == "* the kitchen closes\n"
    events = [event for _, event in read_run(tmp_path / "s/playground.jsonl")]
    assert (type(events[-1]).__name__, getattr(events[-1], "reason", "")) == ("ConnectionClose", "shutdown")
    assert getattr(events[-1], "forgot", {}) == {"orders": ["soup"], "cooking": 1}


def test_the_goodbye_tells_what_is_forgotten(tmp_path: Path):
    with starting("up", *WAITER, "--state-dir", str(tmp_path / "s")) as process:
        port = int(line_with(process, "nc 127.0.0.1").split()[-1])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as ada, ada.makefile() as heard:
            ada.sendall(b"order soup\n")
            assert heard.readline().startswith("* Good evening")
            assert heard.readline() == "= soup, very well\n"
            status, out, err = stop(process, signal.SIGINT)
    assert (status, err) == (0, "")
    last = out.strip().splitlines()[-1]
    assert last.startswith("Stopping. Said goodbye to 1 waiter connection; ")
    assert "soup" in last


def test_what_is_missing_in_the_journal_is_told_at_the_end(tmp_path: Path):
    logs = tmp_path / "logs"
    words = ("up", "--json", *WAITER, "--state-dir", str(tmp_path / "s"), "--log", str(logs / "day.jsonl"))
    with starting(*words) as process, connected(process) as ada:
        shutil.rmtree(logs)
        logs.write_text("in the folder's place")
        ada.sendall(b"order soup\n")
        assert ada.makefile().readline().startswith("* Good evening")
        status, _, err = stop(process)
    assert status == 1
    told = r"^playground: \d+ events are missing in .*/logs/day\.jsonl, which could not be written\.$"
    assert re.search(told, err, re.MULTILINE)


def test_who_does_not_read_is_not_waited_for(tmp_path: Path):
    up = starting("up", "--json", *WAITER, "--state-dir", str(tmp_path / "s"))
    with up as process, connected(process) as eve:
        fill(eve)
        began = monotonic()
        assert stop(process) == (0, "", "")
        assert monotonic() - began < 3


def test_a_second_signal_ends_it_at_once(tmp_path: Path):
    up = starting("up", "--json", *WAITER, "--state-dir", str(tmp_path / "s"))
    with up as process, connected(process) as eve:
        fill(eve)
        process.send_signal(signal.SIGINT)
        # It has begun to stop when nobody can connect any more.
        deadline = monotonic() + PATIENCE
        while monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", eve.getpeername()[1]), timeout=1).close()
            except OSError:
                break
        began = monotonic()
        assert stop(process, signal.SIGINT).status == 130
        assert monotonic() - began < 1


@needs_proc
def test_a_signal_that_another_thread_gets_ends_the_reactors_wait(tmp_path: Path):
    with starting("up", "--json", *WAITER, "--state-dir", str(tmp_path / "s")) as process:
        ready(process)
        threads = {int(thread.name) for thread in Path(f"/proc/{process.pid}/task").iterdir()}
        other = (threads - {process.pid}).pop()
        assert ctypes.CDLL(None).tgkill(process.pid, other, signal.SIGTERM) == 0
        assert ended(process) == (0, "", "")


def test_a_signal_at_any_moment_of_the_start_ends_it(tmp_path: Path):
    for hundredth in range(0, 40, 5):
        with starting("up", "--json", *WAITER, "--state-dir", str(tmp_path / "s")) as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.02 + hundredth / 100)
            status, _, err = stop(process, signal.SIGINT)
            if "KeyboardInterrupt" not in err:  # that is Python, which was not started itself
                assert (status in (0, 130, -signal.SIGINT), err) == (True, "")
    assert playground("state", "--state-dir", str(tmp_path / "s")).status == 2  # nobody is left


def test_it_ends_with_its_parent(tmp_path: Path):
    parent = (
        "import sys, playground.testing\n"
        "from pathlib import Path\n"
        f"running = playground.testing.start(Path({str(tmp_path / 's')!r}), only='waiter')\n"
        "print(running.process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.kill()
    process.communicate()
    deadline = monotonic() + 5
    while monotonic() < deadline and _runs(pid):
        os.sched_yield()
    assert not _runs(pid)
    events = [event for _, event in read_run(tmp_path / "s/playground.jsonl")]
    assert [type(event).__name__ for event in events] == ["JournalOpen"]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_standard_input_that_is_a_file_ends_it_at_its_end(tmp_path: Path):
    with starting(
        "up", "--json", "--until-eof", *WAITER, "--state-dir", str(tmp_path / "s"), stdin=subprocess.DEVNULL
    ) as process:
        status, out, err = ended(process, PATIENCE)
        assert (status, err) == (0, "")
        assert json.loads(out)["event"] == "ready"


def test_a_reader_that_goes_away_stops_no_server(tmp_path: Path):
    with starting("up", *WAITER, "--state-dir", str(tmp_path / "s")) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line_with(process, "")
        process.stdout.close()
        deadline = monotonic() + PATIENCE
        while playground("state", "--state-dir", str(tmp_path / "s")).status:
            assert monotonic() < deadline
        process.terminate()
        assert process.wait(5) == 0
        assert process.stderr.read() == ""


def test_streams_that_are_closed_from_the_start(tmp_path: Path):
    command = (
        f"exec {sys.executable} -m playground up {' '.join(WAITER)} --state-dir {tmp_path}/s <&- >&- 2>&-"
    )
    process = subprocess.Popen(["/bin/sh", "-c", command], env=environment())
    try:
        deadline = monotonic() + PATIENCE
        while playground("state", "--state-dir", str(tmp_path / "s")).status:
            assert monotonic() < deadline
        process.terminate()
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()


def test_a_terminal_that_knows_no_arrows(tmp_path: Path):
    env = environment(PYTHONIOENCODING="ascii", XDG_STATE_HOME=str(tmp_path))
    with starting("up", *WAITER, env=env) as process:
        line_with(process, "before ? after")
        assert stop(process).status == 0


def test_nohup_is_respected(tmp_path: Path):
    with starting(
        "up",
        "--json",
        *WAITER,
        "--state-dir",
        str(tmp_path / "s"),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    ) as process:
        address = ready(process)
        process.send_signal(signal.SIGHUP)
        with socket.create_connection(address, timeout=10) as ada, ada.makefile() as heard:
            assert heard.readline().startswith("* Good evening")
        assert stop(process).status == 0


def test_after_kill_9_the_journal_is_readable_and_a_restart_works_at_once(tmp_path: Path):
    with start(tmp_path / "s", only="waiter") as first:
        pointer = Path((tmp_path / "s/control").read_text())
        with socket.create_connection(first.servers["waiter"], timeout=10) as ada, ada.makefile() as heard:
            heard.readline()
            ada.sendall(b"bill\n" * 2000)
            for _ in range(2000):
                heard.readline()
            (opening,) = first.events("event:journal.open")  # waits for the writer
            ada.sendall(b"bill\n" * 5000)
            heard.readline()
            first.kill()
        lines = first.log.read_bytes().split(b"\n")
        for line in lines[:-1]:
            json.loads(line)
        seqs = [event.seq for event in first.written()]
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(seqs) > 4000
    with start(tmp_path / "s", only="waiter") as second:
        assert f"{opening.run}.jsonl" in descriptors_in(tmp_path / "s/runs")
        assert [event.seq for event in second.events("event:journal.open")] == [1]
        assert not pointer.parent.exists()  # what the first one could not tidy up
        assert second.state()["connections"] == []
        assert second.stop() == 0
    old = [event for _, event in read_run(tmp_path / f"s/runs/{opening.run}.jsonl")]
    assert len(old) == len(seqs)

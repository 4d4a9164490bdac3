"""The file's writer in trouble: an unwritable folder, a full disk, a killed program. No test here sleeps."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from playground.journal.events import Dropped
from playground.views import jsonl_file
from playground.views.jsonl import read_events
from playground.views.jsonl_writer import JsonlWriter
from tests.core.views.writing import OPENING, line


def test_an_unwritable_folder_is_trouble_once_and_nothing_is_lost_while_the_queue_has_room(
    tmp_path: Path, writers: list[JsonlWriter]
) -> None:
    blocked = tmp_path / "state"
    blocked.write_text("a file where the folder should be")
    troubles: list[str] = []
    told = threading.Event()

    def trouble(text: str) -> None:
        troubles.append(text)
        told.set()

    path = blocked / "playground.jsonl"
    writer = JsonlWriter(path, on_trouble=trouble, retry=0.01)
    writers.append(writer)
    writer.put(OPENING)
    assert told.wait(5)
    assert not writer.flush(timeout=0.05)
    writer.put(line(2))
    blocked.unlink()
    assert writer.flush()
    assert list(read_events(path)) == [OPENING, line(2)]
    assert len(troubles) == 1
    assert "The servers go on" in troubles[0]
    assert writer.lost == 0


class FullDisk:
    """Stands where ``os.write`` does: after ``room`` bytes the disk is full."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.refused = threading.Event()

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self.room <= 0:
            self.refused.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = os.write(fd, data[: self.room])
        self.room -= taken
        return taken


def test_a_full_disk_costs_events_and_says_how_many_where_they_are_missing(
    path: Path, writers: list[JsonlWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles: list[str] = []
    writer = JsonlWriter(path, queue_events=10, on_trouble=troubles.append, retry=0.01, now=lambda: 5.0)
    writers.append(writer)
    writer.put(OPENING)
    assert writer.flush()
    disk = FullDisk(room=30)
    monkeypatch.setattr(jsonl_file, "_write", disk.write)
    writer.put(line(2))
    assert disk.refused.wait(5)
    assert list(read_events(path)) == [OPENING], "half a line was taken back"
    for seq in range(3, 100):
        writer.put(line(seq))
    lost = writer.lost
    assert lost == 87
    disk.room = 10**9
    assert writer.flush()
    writer.put(line(100))
    assert writer.flush()
    events = list(read_events(path))
    assert [event.seq for event in events] == [*range(1, 13), 12, 100]
    gap = events[12]
    assert isinstance(gap, Dropped)
    assert gap.count == 87
    assert gap.time.timestamp() == 5.0
    assert len(troubles) == 1
    disk.room = 0
    writer.put(line(101))
    disk.refused.clear()
    assert disk.refused.wait(5)
    disk.room = 10**9
    assert writer.flush()
    assert len(troubles) == 2, "a second episode is told again"


def test_many_that_find_no_room_are_counted_and_those_that_do_are_kept(
    path: Path, writers: list[JsonlWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(room=0)
    monkeypatch.setattr(jsonl_file, "_write", disk.write)
    writer = JsonlWriter(path, queue_events=5, retry=0.01)
    writers.append(writer)
    writer.put_all([OPENING, *(line(seq) for seq in range(2, 20))])
    assert writer.lost > 0
    disk.room = 10**9
    assert writer.flush()
    found = list(read_events(path))
    kept = [event.seq for event in found if not isinstance(event, Dropped)]
    (dropped,) = [event for event in found if isinstance(event, Dropped)]
    assert kept == list(range(1, len(kept) + 1))
    assert dropped.count == writer.lost == 19 - len(kept)


def test_a_device_in_the_files_place_is_left_alone() -> None:
    troubles: list[str] = []
    before = os.stat(os.devnull).st_mode
    writer = JsonlWriter(os.devnull, on_trouble=troubles.append)
    writer.put(OPENING)
    assert not writer.close()
    assert "Not a regular file" in troubles[0]
    assert os.stat(os.devnull).st_mode == before


def test_a_real_size_limit_is_a_full_disk(path: Path) -> None:
    program = """
import sys, resource, signal
from pathlib import Path
from playground.views.jsonl_writer import JsonlWriter
from playground.journal.events import Received, JournalOpen
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
writer = JsonlWriter(sys.argv[1], retry=0.01, on_trouble=lambda text: print("trouble", flush=True))
writer.put(JournalOpen(seq=1, schema=1, run="r", version="0", pid=1, servers={}))
for seq in range(2, 500):
    writer.put(Received(seq=seq, size=4, data="NOOP"))
assert not writer.flush(0.5)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert writer.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.split() == ["trouble"]
    assert [event.seq for event in read_events(path)] == list(range(1, 500))


def test_after_kill_9_all_but_perhaps_the_last_line_is_whole(path: Path) -> None:
    program = """
import itertools, sys
from playground.views.jsonl_writer import JsonlWriter
from playground.journal.events import Received, JournalOpen
writer = JsonlWriter(sys.argv[1])
writer.put(JournalOpen(seq=1, schema=1, run="r", version="0", pid=1, servers={}))
for seq in itertools.count(2):
    writer.put(Received(seq=seq, size=1000, data="x" * 1000))
    if seq % 1000 == 0:
        writer.flush()
        print(seq, flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    flushed = 0
    while flushed < 3000:
        flushed = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read().split()
    child.stdout.close()
    assert child.wait(30) == -signal.SIGKILL
    notes: list[str] = []
    seqs = [event.seq for event in read_events(path, notes.append)]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) >= int(rest[-1] if rest else flushed)
    assert all("torn" in note for note in notes)
    assert len(notes) <= 1

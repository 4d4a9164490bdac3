"""Reading a journal while it is written, and what becomes of former runs. No test here sleeps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from playground.journal.events import JournalOpen, Received
from playground.views.jsonl import encode, parts, read_run, rotated
from playground.views.jsonl_follow import follow
from playground.views.jsonl_writer import JsonlWriter
from playground.views.runs import find_run, runs, start_run

OPENING = JournalOpen(seq=1, schema=1, run="r1", version="0.1.0", pid=1, servers={"ftp": "tcp:2121"})


def line(seq: int) -> Received:
    return Received(seq=seq, protocol="ftp", conn="ftp-1", size=10, data="x" * 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "playground.jsonl"


def collect(path: Path, after_each_pause: list[object], notes: list[str]) -> list[int]:
    """Follow ``path``; each time nothing is new, the next thing happens; ends after the last one."""
    pending = iter(after_each_pause)
    ended = False

    def next_thing(_: float) -> None:
        nonlocal ended
        action = next(pending, None)
        if action is None:
            ended = True
        elif callable(action):
            action()

    found = follow(path, notes.append, stop=lambda: ended, wait=next_thing)
    return [step[1].seq for step in found if step is not None]


def test_following_survives_rotation_a_new_run_and_a_torn_line(path: Path) -> None:
    path.parent.mkdir()
    notes: list[str] = []

    def add(target: Path, *data: bytes) -> None:
        with open(target, "ab") as file:
            file.write(b"".join(data))

    again = encode(JournalOpen(seq=1, schema=1, run="r1", version="0", pid=1, servers={}, again=True))
    half, rest = encode(line(4))[:15], encode(line(4))[15:]

    def rotate_twice_between_two_looks() -> None:
        os.replace(path, rotated(path, 1))
        add(path, again, encode(line(5)))
        os.replace(rotated(path, 1), rotated(path, 2))
        os.replace(path, rotated(path, 1))
        add(path, again, encode(line(6)))

    def restart() -> None:
        start_run(path, path.parent / "runs")
        add(
            path,
            encode(JournalOpen(seq=1, schema=1, run="r2", version="0", pid=2, servers={})),
            encode(line(2)),
        )

    seqs = collect(
        path,
        [
            lambda: add(path, encode(OPENING), encode(line(2))),
            lambda: add(path, encode(line(3)), half),
            lambda: add(path, rest, b"nonsense\n"),
            rotate_twice_between_two_looks,
            restart,
        ],
        notes,
    )
    assert seqs == [1, 2, 3, 4, 5, 6, 1, 2]
    assert len(notes) == 1
    assert notes[0].startswith("a line is not an event; passed over (")


def test_following_a_real_writer_through_rotations_misses_nothing(path: Path) -> None:
    writer = JsonlWriter(path, max_bytes=700, keep=4)
    batches = iter(range(2, 200, 7))

    def write_some() -> None:
        start = next(batches)
        for seq in range(start, start + 7):
            writer.put(line(seq))
        assert writer.flush()

    writer.put(OPENING)
    seqs = collect(path, [write_some] * 28, [])
    assert writer.close()
    assert seqs == list(range(1, 198))
    assert len(parts(path)) == 5


def test_following_bounds_a_line_and_restarts_a_file_that_was_cut_short(path: Path) -> None:
    path.parent.mkdir()
    notes: list[str] = []
    path.write_bytes(encode(OPENING) + encode(line(2)))
    ended = iter([False, False, True])

    def act(_: float) -> None:
        path.write_bytes(
            b"y" * 900 + b"\n" + encode(line(3)) if path.stat().st_size < 900 else encode(line(4))
        )

    found = follow(path, notes.append, stop=lambda: next(ended), wait=act, longest=400)
    assert [step[1].seq for step in found if step is not None] == [1, 2, 3, 4]
    assert notes == [
        "a line is longer than 400 bytes; passed over",
        "the file was cut short; it is read from its beginning",
    ]


def test_a_new_run_puts_the_former_one_aside(path: Path) -> None:
    path.parent.mkdir()
    folder = path.parent / "runs"
    assert start_run(path, folder) == []
    assert runs(folder) == []
    rotated(path, 1).write_bytes(encode(OPENING) + encode(line(2)))
    path.write_bytes(
        encode(JournalOpen(seq=1, schema=1, run="r1", version="0", pid=1, servers={}, again=True))
        + encode(line(3))
    )
    assert start_run(path, folder) == [folder / "r1.1.jsonl", folder / "r1.jsonl"]
    assert parts(path) == []
    (run,) = runs(folder)
    assert run.name == "r1"
    assert run.opening is not None
    assert [event.seq for _, event in read_run(run.path)] == [1, 2, 3]
    assert find_run(folder, "last") == find_run(folder, "r1") == find_run(folder, "r") == run
    assert find_run(folder, "s") is None


def test_only_the_newest_runs_stay_and_none_overwrites_another(path: Path) -> None:
    path.parent.mkdir()
    folder = path.parent / "runs"
    for number, name in enumerate(["a", "b", "b", "../../etc/c d", ""]):
        path.write_bytes(encode(JournalOpen(seq=1, schema=1, run=name, version="0", pid=1, servers={})))
        os.utime(path, (number * 86400, number * 86400))
        start_run(path, folder, keep=4)
    assert [run.name for run in runs(folder)] == ["unnamed-19700105T000000Z", "etc-c-d", "b-2", "b"]
    found = find_run(folder, "b")
    assert found is not None
    assert found.name == "b"

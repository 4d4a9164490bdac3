"""The file's writer: batches, rotation, what stands in its place. No test here sleeps."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from playground.journal.broadcast import Broadcast
from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    Dropped,
    Forgotten,
    JournalOpen,
    Sent,
    SessionEnd,
    State,
    Where,
)
from playground.views import jsonl, jsonl_file, jsonl_writer
from playground.views.jsonl import encode, parts, read_events, read_run, rotated
from playground.views.jsonl_writer import JsonlWriter
from tests.core.views.writing import OPENING, line


def opened(seq: int, conn: str) -> ConnectionOpen:
    return ConnectionOpen(
        seq=seq, conn=conn, client_address="::1", client_port=1, server_address="::1", server_port=2121
    )


def closed(seq: int, conn: str) -> ConnectionClose:
    totals: Any = {"received_bytes": 0, "sent_bytes": 0, "received_messages": 0, "sent_messages": 0}
    return ConnectionClose(seq=seq, conn=conn, reason="client", lifetime=1.0, forgot={}, **totals)


def state(
    seq: int, where: Where, *, conn: str | None = None, session: str | None = None, shared: str | None = None
) -> State:
    return State(
        seq=seq,
        where=where,
        conn=conn,
        session=session,
        shared=shared,
        changed={"n": (0, seq)},
        remembers={"n": seq},
        held=7,
        cause=seq - 1,
    )


def test_what_was_put_is_in_the_file_after_a_flush(path: Path, writers: list[JsonlWriter]) -> None:
    writer = JsonlWriter(path)
    writers.append(writer)
    events: list[AnyEvent] = [OPENING, *(line(seq) for seq in range(2, 5000))]
    for event in events:
        writer.put(event)
    assert writer.flush()
    assert list(read_events(path)) == events
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(("waiting", "most"), [(1500, 100), (6000, 1000)])
def test_where_few_wait_few_are_written_in_one_go(
    path: Path, writers: list[JsonlWriter], monkeypatch: pytest.MonkeyPatch, waiting: int, most: int
) -> None:
    """The servers wait while events are encoded."""
    batches: list[int] = []

    def encode_all(events: list[AnyEvent]) -> bytes:
        batches.append(len(events))
        return jsonl.encode_all(events)

    monkeypatch.setattr(jsonl_writer, "encode_all", encode_all)
    writer = JsonlWriter(path)
    writers.append(writer)
    writer.put_all([line(seq) for seq in range(1, waiting + 1)])
    assert writer.flush()
    assert max(batches) == most
    assert sum(batches) == waiting


def test_many_at_once_are_as_many_one_by_one(path: Path, writers: list[JsonlWriter]) -> None:
    writer = JsonlWriter(path)
    writers.append(writer)
    events: list[AnyEvent] = [line(seq) for seq in range(2, 3000)]
    writer.put(OPENING)
    writer.put_all(events[:2000])
    writer.put_all(events[2000:])
    assert writer.flush()
    assert list(read_events(path)) == [OPENING, *events]


NEWS = Broadcast(Sent(seq=3, protocol="game", size=7, data="* news\n"), [f"game-{n}" for n in range(100)])
"""Takes the places 3 to 102."""


def test_a_broadcast_is_in_the_file_event_by_event(path: Path, writers: list[JsonlWriter]) -> None:
    writer = JsonlWriter(path)
    writers.append(writer)
    for event in (OPENING, line(2)):
        writer.put(event)
    writer.put_all(NEWS)
    writer.put(line(103))
    assert writer.flush()
    assert list(read_events(path)) == [OPENING, line(2), *NEWS, line(103)]


def test_a_broadcast_that_a_file_has_no_room_for_goes_on_in_the_next(
    path: Path, writers: list[JsonlWriter]
) -> None:
    writer = JsonlWriter(path, max_bytes=3000, keep=20)
    writers.append(writer)
    writer.put(OPENING)
    writer.put(line(2))
    writer.put_all(NEWS)
    writer.put(line(103))
    assert writer.flush()
    assert len(parts(path)) > 3
    assert [event.seq for _, event in read_run(path) if not event.again] == list(range(1, 104))
    assert writer.waiting == 0


def test_a_head_says_nothing_that_its_file_has_yet_to_tell(path: Path, writers: list[JsonlWriter]) -> None:
    """What does not fit is put back, and is not known before it is written."""
    writer = JsonlWriter(path, max_bytes=1000, keep=100)
    writers.append(writer)
    writer.put(OPENING)
    writer.put_all([state(seq, "shared", shared=f"pot-{seq}") for seq in range(2, 60)])
    assert writer.flush()
    told: set[str] = set()
    for part in parts(path):
        for event in read_events(part):
            if isinstance(event, State) and event.again:
                assert event.shared in told
            elif isinstance(event, State):
                told.add(event.shared or "")
    assert len(told) == 58


def test_what_waits_is_counted_by_events_and_not_by_broadcasts(
    path: Path, writers: list[JsonlWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = threading.Event(), threading.Event()

    def write(fd: int, data: bytes) -> int:
        writing.set()
        assert go_on.wait(5)
        return os.write(fd, data)

    monkeypatch.setattr(jsonl_file, "_write", write)
    writer = JsonlWriter(path, queue_events=150, now=lambda: NEWS.message.time.timestamp() + 4)
    writers.append(writer)
    writer.put(OPENING)
    assert writing.wait(5)
    writer.put_all(NEWS)
    assert (writer.waiting, writer.lag()) == (101, 4.0)
    writer.put_all(Broadcast(Sent(seq=103, protocol="game", size=7), NEWS.conns))
    assert (writer.waiting, writer.lost) == (152, 50)  # with the event that will say so
    go_on.set()
    assert writer.flush()
    *_, last, dropped = read_events(path)
    assert (writer.waiting, last.seq) == (0, 152)
    assert isinstance(dropped, Dropped)
    assert (dropped.count, dropped.seq) == (50, 152)


def test_a_single_event_reaches_the_file_without_a_flush(
    path: Path, writers: list[JsonlWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()

    def write(fd: int, data: bytes) -> int:
        size = os.write(fd, data)
        written.set()
        return size

    monkeypatch.setattr(jsonl_file, "_write", write)
    writer = JsonlWriter(path)
    writers.append(writer)
    for event in (OPENING, line(2), line(3)):  # all but the first may find the thread at rest
        written.clear()
        writer.put(event)
        assert written.wait(5), "nobody hurried the thread, and it came by itself"
    assert list(read_events(path)) == [OPENING, line(2), line(3)]


def test_the_reactor_can_be_told_when_a_flush_is_done(path: Path, writers: list[JsonlWriter]) -> None:
    writer = JsonlWriter(path)
    writers.append(writer)
    seen: list[list[AnyEvent]] = []
    done = threading.Event()

    def reached() -> None:
        seen.append(list(read_events(path)))
        done.set()

    writer.put(OPENING)
    writer.when_flushed(reached)
    assert done.wait(5)
    assert seen == [[OPENING]]


def test_a_listener_that_raises_does_not_end_the_writer(path: Path, writers: list[JsonlWriter]) -> None:
    writer = JsonlWriter(path)
    writers.append(writer)
    writer.when_flushed(lambda: 1 / 0)  # type: ignore[arg-type]  # it returns nothing: it fails
    writer.put(OPENING)
    assert writer.flush()


def test_close_writes_the_rest_and_later_events_are_lost(path: Path) -> None:
    writer = JsonlWriter(path)
    writer.put(OPENING)
    assert writer.close()
    writer.put(line(2))
    assert writer.lost == 1
    assert list(read_events(path)) == [OPENING]


def test_each_file_of_a_rotated_run_stands_alone(path: Path, writers: list[JsonlWriter]) -> None:
    writer = JsonlWriter(path, max_bytes=2000, keep=3)
    writers.append(writer)
    head: list[AnyEvent] = [
        OPENING,
        opened(2, "ftp-1"),
        opened(3, "ftp-2"),
        state(4, "connection", conn="ftp-1"),
        state(5, "connection", conn="ftp-2"),
        state(6, "session", session="game/ada"),
        state(7, "session", session="game/bob", conn="game-1"),
        state(8, "shared", shared="game/table"),
        closed(9, "ftp-2"),
        SessionEnd(seq=10, session="game/ada", reason="expired", forgot={}),
    ]
    events = [*head, *(line(seq) for seq in range(11, 60))]
    for event in events:
        writer.put(event)
    assert writer.flush()
    assert [event for _, event in read_run(path)] == events
    files = parts(path)
    assert 2 < len(files) <= 4
    for file in files[:-1]:
        assert 2000 <= file.stat().st_size < 2300
    first, *again = list(read_events(path))[:5]
    assert isinstance(first, JournalOpen)
    assert first.again
    assert first.run == "r1"
    assert [type(event).__name__ for event in again] == ["ConnectionOpen", "State", "State", "State"]
    assert all(event.again for event in again)
    assert [event.seq for event in again] == [2, 4, 7, 8]
    assert [event.changed for event in again if isinstance(event, State)] == [{}, {}, {}]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_only_the_newest_parts_are_kept(path: Path, writers: list[JsonlWriter]) -> None:
    writer = JsonlWriter(path, max_bytes=500, keep=2)
    writers.append(writer)
    writer.put(OPENING)
    for seq in range(2, 100):
        writer.put(line(seq))
    assert writer.flush()
    assert parts(path) == [rotated(path, 2), rotated(path, 1), path]
    seqs = [event.seq for _, event in read_run(path)]
    assert seqs[0] == 1
    assert seqs[1:] == list(range(seqs[1], 100))


def test_a_head_that_is_larger_than_a_file_does_not_rotate_for_ever(
    path: Path, writers: list[JsonlWriter]
) -> None:
    writer = JsonlWriter(path, max_bytes=300, keep=2)
    writers.append(writer)
    writer.put(OPENING)
    for seq in range(2, 12):
        writer.put(opened(seq, f"ftp-{seq}"))
    assert writer.flush()
    assert len(parts(path)) == 3


def test_a_file_that_was_deleted_is_begun_anew(path: Path, writers: list[JsonlWriter]) -> None:
    writer = JsonlWriter(path)
    writers.append(writer)
    writer.put(OPENING)
    assert writer.flush()
    path.unlink()
    writer.put(line(2))
    assert writer.flush()
    opening, event = read_events(path)
    assert opening.again
    assert event == line(2)


def test_a_line_torn_by_a_former_process_does_not_spoil_the_next(
    path: Path, writers: list[JsonlWriter]
) -> None:
    path.parent.mkdir()
    path.write_bytes(encode(OPENING) + encode(line(2))[:20])
    writer = JsonlWriter(path)
    writers.append(writer)
    writer.put(line(3))
    assert writer.flush()
    assert list(read_events(path)) == [OPENING, line(3)]


def test_a_link_in_the_files_place_is_not_followed(path: Path) -> None:
    troubles: list[str] = []
    path.parent.mkdir()
    elsewhere = path.parent / "elsewhere"
    path.symlink_to(elsewhere)
    writer = JsonlWriter(path, on_trouble=troubles.append)
    writer.put(OPENING)
    assert not writer.close()
    assert not elsewhere.exists()
    assert len(troubles) == 1


def test_forgetting_is_restated_as_nothing(path: Path, writers: list[JsonlWriter]) -> None:
    writer = JsonlWriter(path, max_bytes=400)
    writers.append(writer)
    empty = State(seq=4, conn="ftp-1", where="connection", changed={"n": (2, None)}, remembers={}, held=0)
    forgotten = Forgotten(seq=3, conn="ftp-1", where="connection", forgot={"n": 2})
    for event in (OPENING, state(2, "connection", conn="ftp-1"), forgotten, empty, line(5), line(6), line(7)):
        writer.put(event)
    assert writer.flush()
    assert not [event for event in read_events(path) if isinstance(event, State)]

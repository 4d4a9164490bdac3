"""JSON Lines: what is written can be read, and what cannot be read is told, never raised."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from playground.journal.broadcast import Broadcast
from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    Dropped,
    Forgotten,
    JournalOpen,
    Kept,
    LimitHit,
    Partial,
    Received,
    Refused,
    Sent,
    SessionEnd,
    SessionStart,
    State,
    Trouble,
)
from playground.views.jsonl import (
    SCHEMA_PATH,
    encode,
    encode_all,
    parts,
    read_events,
    read_lines,
    read_run,
    rotated,
    run_of,
    schema,
    schema_text,
)

TIME = datetime(2026, 11, 24, 2, 53, 0, 11603, tzinfo=UTC)

SAMPLES: list[AnyEvent] = [
    JournalOpen(seq=1, time=TIME, schema=1, run="r1", version="0.1.0", pid=4711, servers={"ftp": "tcp:2121"}),
    ConnectionOpen(
        seq=2,
        time=TIME,
        protocol="ftp",
        conn="ftp-3",
        client_address="127.0.0.1",
        client_port=51580,
        server_address="127.0.0.1",
        server_port=2121,
    ),
    Received(seq=3, time=TIME, protocol="ftp", conn="ftp-3", size=10, data="CWD docs\r\n", carried={"a": 1}),
    State(
        seq=4,
        time=TIME,
        protocol="ftp",
        conn="ftp-3",
        where="connection",
        cause=3,
        changed={"cwd": ("/", "/docs")},
        remembers={"user": "ada", "cwd": "/docs", "rest": 0, "data": None},
        held=58,
    ),
    Sent(seq=5, time=TIME, protocol="ftp", conn="ftp-3", cause=3, size=3, data_b64="/wBh"),
    Partial(seq=6, time=TIME, protocol="ftp", conn="ftp-3", size=4, data="****", truncated=True),
    SessionStart(seq=7, time=TIME, protocol="game", session="game/ada", expires_in=60.0),
    SessionEnd(seq=8, time=TIME, protocol="game", session="game/ada", reason="expired", forgot={"seat": 1}),
    Forgotten(seq=9, time=TIME, protocol="ftp", conn="ftp-3", where="connection", forgot={"user": "ada"}),
    Refused(
        seq=10, time=TIME, protocol="http", conn="http-1", rule="host", text="No Host.", source="RFC 9112 3.2"
    ),
    LimitHit(seq=11, time=TIME, protocol="http", conn="http-1", limit="http.idle", value=300.0, text="idle"),
    Trouble(seq=12, time=TIME, text="disk full"),
    ConnectionClose(
        seq=13,
        time=TIME,
        protocol="game",
        conn="game-1",
        reason="client",
        received_bytes=9,
        sent_bytes=99,
        received_messages=1,
        sent_messages=2,
        lifetime=11.0,
        forgot={},
        kept=[Kept(where="session", name="game/ada", remembers={"seat": "away"}, expires_in=60.0)],
    ),
    Dropped(seq=14, time=TIME, count=7, reason="slow"),
]


def file_of(*lines: bytes) -> io.BytesIO:
    return io.BytesIO(b"".join(lines))


def test_every_kind_of_event_comes_back_as_it_was() -> None:
    lines = [encode(event) for event in SAMPLES]
    assert all(line.endswith(b"}\n") and line.count(b"\n") == 1 for line in lines)
    assert list(read_events(file_of(*lines))) == SAMPLES
    assert {type(event) for event in SAMPLES} == set(AnyEvent.__args__)


def test_times_are_utc_with_microseconds() -> None:
    assert json.loads(encode(SAMPLES[2]))["time"] == "2026-11-24T02:53:00.011603Z"


def test_a_torn_last_line_is_passed_over_with_a_note() -> None:
    notes: list[str] = []
    whole = [encode(event) for event in SAMPLES[:3]]
    assert list(read_events(file_of(*whole, encode(SAMPLES[3])[:40]), notes.append)) == SAMPLES[:3]
    assert notes == ["the journal: the last line is torn after 40 bytes; passed over"]


def test_a_last_line_that_lacks_only_its_end_counts() -> None:
    assert list(read_events(file_of(encode(SAMPLES[0]).strip()))) == SAMPLES[:1]


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"\x00\x00\x00",
        b"[1]",
        b'{"event":"surprise"}',
        b"\xff\xfe",
        b'{"event":"trouble"}',
        b"[" * 100_000,
    ],
    ids=["half", "zeros", "list", "unknown", "bytes", "field", "deep"],
)
def test_a_bad_line_is_noted_with_its_number_and_the_rest_is_read(bad: bytes, tmp_path: Path) -> None:
    path = tmp_path / "playground.jsonl"
    path.write_bytes(encode(SAMPLES[0]) + bad + b"\n" + encode(SAMPLES[1]))
    notes: list[str] = []
    assert list(read_events(path, notes.append)) == SAMPLES[:2]
    assert len(notes) == 1
    assert notes[0].startswith("playground.jsonl: line 2 is not an event; passed over (")


def test_a_line_beyond_the_bound_is_passed_over_without_reading_it_whole() -> None:
    notes: list[str] = []
    source = file_of(encode(SAMPLES[0]), b"x" * 5000 + b"\n", encode(SAMPLES[1]))
    assert list(read_events(source, notes.append, longest=1000)) == SAMPLES[:2]
    assert notes == ["the journal: line 2 is longer than 1,000 bytes; passed over"]


def test_a_file_that_is_no_journal_does_not_fill_the_screen_with_notes() -> None:
    notes: list[str] = []
    assert list(read_events(file_of(b"nonsense\n" * 500), notes.append)) == []
    assert len(notes) == 21
    assert notes[-1] == "the journal: 480 more lines were passed over"


def test_a_missing_file_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_events(tmp_path / "playground.jsonl"))


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("value", ["\udc80", 2**70, b"\xff", float("nan"), {"\ud800": {"\udfff"}}, object()])
def test_what_json_cannot_say_is_written_nevertheless(value: Any) -> None:
    event = Forgotten(seq=1, time=TIME, where="connection", forgot={"x": value})
    read = next(iter(read_events(file_of(encode(event)))))
    assert isinstance(read, Forgotten)
    assert "x" in read.forgot


def test_what_cannot_be_written_at_all_becomes_trouble() -> None:
    nested: dict[str, Any] = {}
    nested["again"] = nested
    for hopeless in (Odd(), nested):
        event = Forgotten(seq=5, time=TIME, where="connection", forgot={"x": hopeless})
        (read,) = read_events(file_of(encode(event)))
        assert read.seq == 5
        assert isinstance(read, Trouble | Forgotten)


@given(st.text(), st.binary())
def test_any_text_makes_one_line_that_comes_back(text: str, data: bytes) -> None:
    event = Received(seq=1, time=TIME, size=len(data), data=text)
    line = encode(event)
    assert line.count(b"\n") == 1
    assert list(read_events(file_of(line))) == [event]


MESSAGES = st.builds(
    Sent,
    seq=st.integers(1, 10**12),
    time=st.just(TIME),
    protocol=st.text(st.characters(), max_size=9),
    size=st.integers(0, 10**6),
    data=st.none() | st.text(st.characters(), max_size=40) | st.just('{"seq":1,"conn":""}'),
    data_b64=st.none() | st.just("/w=="),
    truncated=st.booleans(),
)
NAMES = st.sampled_from(["game", '"', "\\", "ö", "\ud800", ""])
FEW = st.lists(st.builds("{}-{}".format, NAMES, st.integers()))
MANY = st.builds(lambda name, number: [f"{name}-{n}" for n in range(number)], NAMES, st.integers(30, 40))


@given(MESSAGES, FEW | MANY)
def test_a_broadcast_is_written_as_its_events_would_be(message: Sent, conns: list[str]) -> None:
    broadcast = Broadcast(message, conns)
    alone = Trouble(seq=7, time=TIME, text="alone")
    written = encode_all([alone, broadcast, broadcast, alone])
    assert written == b"".join(encode(event) for event in [alone, *broadcast, *broadcast, alone])


def test_the_shipped_schema_is_up_to_date() -> None:
    assert SCHEMA_PATH.read_text(encoding="utf-8") == schema_text(), "run: python -m playground.views.jsonl"


def test_every_kind_of_line_validates_against_the_schema() -> None:
    validator = Draft202012Validator(schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    validator.check_schema(schema())
    for event in SAMPLES:
        validator.validate(json.loads(encode(event)))


@pytest.mark.parametrize(
    "line",
    [{"event": "received"}, {"event": "surprise"}, {"event": "trouble", "text": 1}, {"event": "trouble"}, []],
)
def test_the_schema_turns_down_what_is_no_event(line: Any) -> None:
    assert not Draft202012Validator(schema()).is_valid(line)


def test_the_parts_of_a_run_are_found_oldest_first(tmp_path: Path) -> None:
    path = tmp_path / "play[ground].jsonl"
    for name in (
        path,
        rotated(path, 2),
        rotated(path, 10),
        rotated(path, 1),
        tmp_path / "play[ground].x.jsonl",
    ):
        name.touch()
    assert parts(path) == [rotated(path, 10), rotated(path, 2), rotated(path, 1), path]


def test_a_run_is_read_over_its_parts_and_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "playground.jsonl"
    again = [msgspec.structs.replace(event, again=True) for event in SAMPLES[:2]]
    rotated(path, 1).write_bytes(b"".join(encode(event) for event in SAMPLES[:3]))
    path.write_bytes(b"".join(encode(event) for event in [*again, *SAMPLES[3:]]))
    assert [event for _, event in read_run(path)] == SAMPLES
    rotated(path, 1).unlink()
    assert [event for _, event in read_run(path)] == [*again, *SAMPLES[3:]], "each file stands alone"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        list(read_run(path))


def test_the_run_of_a_file_is_in_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "playground.jsonl"
    assert run_of(path) is None
    path.write_bytes(encode(SAMPLES[1]))
    assert run_of(path) is None
    path.write_bytes(encode(SAMPLES[0]))
    assert run_of(path) == SAMPLES[0]


def test_raw_lines_come_with_their_events() -> None:
    line = encode(SAMPLES[0])
    assert list(read_lines(file_of(line))) == [(line.strip(), SAMPLES[0])]

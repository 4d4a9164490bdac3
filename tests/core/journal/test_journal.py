"""The journal: one order, a ring, what is kept of a message, and readers that may be slow."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from typing_extensions import override

from playground.journal.events import AnyEvent, Dropped, Received, Refused, Sent, Trouble
from playground.journal.journal import CAPTURE_BYTES, Capture, Journal, Sink
from playground.journal.redaction import Secret


def journal_of(*, capture: Capture = "head", reveal: bool = False, ring_events: int = 100) -> Journal:
    return Journal(lambda: 0.0, capture=capture, reveal=reveal, ring_events=ring_events)


def shown(
    journal: Journal, data: bytes, secrets: Sequence[Secret] = (), values: Sequence[tuple[bytes, str]] = ()
) -> dict[str, Any]:
    """What an event says of a message with these bytes."""
    event = Sent(size=len(data))
    journal.show(event, data, secrets, values)
    said = {"data": event.data, "data_b64": event.data_b64, "truncated": event.truncated or None}
    return {name: value for name, value in said.items() if value is not None}


class Told(Sink):
    """A sink that remembers."""

    def __init__(self) -> None:
        self.seqs: list[int] = []

    @override
    def put(self, event: AnyEvent) -> None:
        self.seqs.append(event.seq)


def test_events_get_their_place_and_time_from_the_journal():
    clock = count(1_790_000_000)
    journal = Journal(lambda: float(next(clock)))
    assert [journal.record(Trouble(text=word)) for word in ("one", "two")] == [1, 2]
    assert journal.last_seq == 2
    assert [(event.seq, event.time) for event in journal.ring] == [
        (1, datetime.fromtimestamp(1_790_000_000, UTC)),
        (2, datetime.fromtimestamp(1_790_000_001, UTC)),
    ]


def test_the_ring_keeps_the_newest():
    journal = journal_of(ring_events=3)
    for number in range(10):
        journal.record(Trouble(text=str(number)))
    assert [event.seq for event in journal.ring] == [8, 9, 10]


def test_every_sink_is_told_in_order_even_if_one_of_them_makes_events():
    journal = journal_of()

    class Echo(Sink):
        @override
        def put(self, event: AnyEvent) -> None:
            if isinstance(event, Trouble):
                journal.record(Refused(rule="echo", text=""))
                assert journal.ring[-1].seq == journal.last_seq

    before, after = Told(), Told()
    for sink in (before, Echo(), after):
        journal.add_sink(sink)
    journal.record(Trouble(text="first"))
    journal.record(Trouble(text="second"))
    assert before.seqs == after.seqs == [event.seq for event in journal.ring] == [1, 2, 3, 4]


def test_a_sink_that_leaves_while_it_is_told_takes_nobody_with_it():
    journal = journal_of()

    class Once(Told):
        @override
        def put(self, event: AnyEvent) -> None:
            super().put(event)
            journal.remove_sink(self)

    once, always = Once(), Told()
    journal.add_sink(once)
    journal.add_sink(always)
    journal.record(Trouble(text="a"))
    journal.record(Trouble(text="b"))
    assert (once.seqs, always.seqs) == ([1], [1, 2])


@pytest.mark.filterwarnings("error")
def test_a_sink_that_breaks_its_promise_does_not_end_the_record():
    journal = journal_of()

    class Broken(Told):
        @override
        def put(self, event: AnyEvent) -> None:
            raise RuntimeError("never")

    broken, told = Broken(), Told()
    journal.add_sink(broken)
    with pytest.raises(RuntimeError, match="never"):
        journal.record(Trouble(text="a"))
    journal.remove_sink(broken)
    journal.add_sink(told)
    journal.record(Trouble(text="b"))
    assert told.seqs == [2]


# -- readers ----------------------------------------------------------------------------------


def test_a_slow_reader_loses_the_oldest_and_is_told_how_many():
    journal = journal_of()
    reader = journal.subscribe(limit=2)
    for _ in range(5):
        journal.record(Trouble(text=""))
    dropped, *rest = reader.take()
    assert isinstance(dropped, Dropped)
    assert (dropped.count, reader.dropped) == (3, 3)
    assert [event.seq for event in rest] == [4, 5]
    assert dropped.seq == 4  # so that it sorts before what is there

    journal.record(Trouble(text=""))
    assert [type(event) for event in reader.take()] == [Trouble]
    assert reader.take() == []


def test_a_closed_subscription_takes_no_more_and_may_be_closed_again():
    journal = journal_of()
    reader = journal.subscribe()
    reader.close()
    reader.close()
    journal.record(Trouble(text=""))
    assert reader.take() == []


# -- what is kept of a message ----------------------------------------------------------------


def test_text_is_kept_as_text_and_the_rest_as_base64():
    journal = journal_of()
    assert shown(journal, "CWD docs→\r\n".encode()) == {"data": "CWD docs→\r\n"}
    assert shown(journal, b"\xff\x00") == {"data_b64": "/wA="}
    assert shown(journal, b"") == {"data": ""}


def test_capture_none_keeps_nothing():
    assert shown(journal_of(capture="none"), b"PASS secret", [Secret(5, 11)]) == {}


def test_capture_head_keeps_4_kib_and_says_that_there_was_more():
    journal = journal_of()
    assert shown(journal, b"x" * 4096) == {"data": "x" * 4096}
    assert shown(journal, b"x" * 4097) == {"data": "x" * 4096, "truncated": True}


def test_capture_full_keeps_what_head_cuts():
    assert shown(journal_of(capture="full"), b"x" * 100_000) == {"data": "x" * 100_000}
    assert CAPTURE_BYTES["full"] == 16 * 1024 * 1024


@pytest.mark.parametrize("character", ["é", "→", "🦀"])
@pytest.mark.parametrize("before", range(4090, 4097))
def test_the_cut_is_between_characters(character: str, before: int):
    text = "x" * before + character * 10
    kept = shown(journal_of(), text.encode())
    assert kept["truncated"] is True
    assert text.startswith(kept["data"])
    assert 4096 - len(kept["data"].encode()) < len(character.encode())


@pytest.mark.parametrize("tail", [b"\x80" * 10, b"\xff" * 10, b"\xe2" * 10, b"\xf0\x9f\x80" * 4])
def test_what_is_no_text_is_cut_near_the_limit(tail: bytes):
    data = b"\xff" * 4090 + tail
    kept = b64decode(shown(journal_of(), data)["data_b64"])
    assert data.startswith(kept)
    assert 4096 - 3 <= len(kept) <= 4096


def test_secrets_are_covered_before_the_cut():
    data = b"x" * 4090 + b"hunter2hunter2"
    assert shown(journal_of(), data, [Secret(4090, 4104)]) == {
        "data": "x" * 4090 + "*" * 6,
        "truncated": True,
    }


def test_a_value_is_covered_wherever_it_is_echoed():
    kept = shown(journal_of(), b"you said hunter2, hunter2!", values=[(b"hunter2", "mask")])
    assert kept == {"data": "you said *******, *******!"}


def test_reveal_covers_nothing():
    kept = shown(journal_of(reveal=True), b"PASS hunter2", [Secret(5, 12)], [(b"PASS", "mask")])
    assert kept == {"data": "PASS hunter2"}


# -- many at once -----------------------------------------------------------------------------


def test_a_broadcast_is_recorded_as_one_message_after_the_other_would_be():
    journal = journal_of()

    class Echo(Sink):
        @override
        def put(self, event: AnyEvent) -> None:
            if isinstance(event, Sent):
                journal.record(Refused(rule="echo", text=""))

    class Many(Told):
        @override
        def put_all(self, events: Sequence[AnyEvent]) -> None:
            self.seqs += [event.seq for event in events]

    told, many = Told(), Many()
    for sink in (told, Echo(), many):
        journal.add_sink(sink)
    journal.record(Trouble(text="before"))
    journal.record_broadcast(Sent(size=2, data="a\n"), ["game-1", "game-2"])
    journal.record_broadcast(Sent(size=2, data="b\n"), ["game-2"])
    assert told.seqs == many.seqs == [event.seq for event in journal.ring] == [1, 2, 3, 4, 5, 6, 7]
    assert [event.conn or event.rule for event in journal.ring[1:]] == [  # type: ignore[union-attr]  # who has no conn has a rule
        "game-1",
        "game-2",
        "echo",
        "echo",
        "game-2",
        "echo",
    ]


def test_a_broadcast_to_nobody_is_nothing():
    journal = journal_of()
    told = Told()
    journal.add_sink(told)
    journal.record_broadcast(Sent(size=2), [])
    assert (journal.last_seq, journal.ring, told.seqs) == (0, [], [])


def test_a_broadcast_that_a_sink_leads_to_comes_after_what_the_sink_was_told_of():
    journal = journal_of()

    class Answering(Sink):
        @override
        def put(self, event: AnyEvent) -> None:
            if isinstance(event, Trouble):
                journal.record_broadcast(Sent(size=2, data="a\n"), ["game-1", "game-2"])

    told = Told()
    for sink in (Answering(), told):
        journal.add_sink(sink)
    journal.record(Trouble(text="first"))
    assert told.seqs == [event.seq for event in journal.ring] == [1, 2, 3]
    assert [event.conn for event in journal.ring] == [None, "game-1", "game-2"]


def test_a_broadcast_leaves_the_ring_event_by_event():
    journal = journal_of(ring_events=3)
    journal.record_broadcast(Sent(size=2, data="a\n"), ["game-1", "game-2", "game-3", "game-4"])
    assert [(event.seq, event.conn) for event in journal.ring] == [
        (2, "game-2"),
        (3, "game-3"),
        (4, "game-4"),
    ]
    journal.record(Trouble(text="after"))
    assert [(event.seq, event.conn) for event in journal.ring] == [(3, "game-3"), (4, "game-4"), (5, None)]


def test_a_sink_that_counts_is_spared_messages_without_state():
    journal = journal_of()

    class Counting(Told):
        wants_messages = False

    counting = Counting()
    journal.add_sink(counting)
    journal.record_broadcast(Sent(size=2), ["game-1", "game-2"])
    journal.record_exchange(Received(size=2), Sent(size=2))
    journal.record_exchange(Received(size=2, carried={"n": 1}), Sent(size=2))
    assert counting.seqs == [5, 6]


def test_a_broadcast_reads_as_a_list_of_its_events():
    journal = journal_of()
    took: list[Sequence[AnyEvent]] = []

    class Taking(Told):
        @override
        def put_all(self, events: Sequence[AnyEvent]) -> None:
            took.append(events)

    journal.add_sink(Taking())
    journal.record_broadcast(Sent(size=2, data="a\n"), ["game-1", "game-2", "game-3"])
    (broadcast,) = took
    assert list(broadcast) == [broadcast[0], broadcast[1], broadcast[-1]] == broadcast[:3] == journal.ring
    assert [event.conn for event in broadcast[1:]] == ["game-2", "game-3"]
    assert (len(broadcast), broadcast[2].seq) == (3, 3)
    with pytest.raises(IndexError):
        broadcast[3]

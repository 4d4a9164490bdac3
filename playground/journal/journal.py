"""The one record of the playground: order, clock, ring, capture, sinks.

Nothing here knows of sockets or of Twisted. Whoever has something to tell
makes an event and hands it to :meth:`Journal.record`; whoever wants to know
reads the ring, subscribes, or is a sink (the file writer).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import groupby, repeat
from typing import Literal

from typing_extensions import override

from playground.journal.broadcast import Broadcast
from playground.journal.events import AnyEvent, Dropped, Message, Received, Sent
from playground.journal.redaction import Secret, mask_spans, mask_values

Capture = Literal["none", "head", "full"]
"""How much of each message is kept: nothing, the first 4 KiB, or (nearly) all."""

CAPTURE_BYTES: dict[Capture, int] = {"none": 0, "head": 4096, "full": 16 * 1024 * 1024}
RING_EVENTS = 10_000

Events = Sequence[AnyEvent]
"""Some that happened at once, in their order; a :class:`Broadcast` is one of the forms."""


class Sink(ABC):
    """Takes events as they are recorded. Must return at once and never raise."""

    wants_messages = True
    """Without it, a sink is spared most messages: those that come by the hundred and carry no state (a
    request with its answer, a broadcast). It may still be given others. Every other event it gets.
    """

    @abstractmethod
    def put(self, event: AnyEvent) -> None:
        """Take one event, which will not change any more."""

    def put_all(self, events: Events) -> None:
        """Take some that happened at once."""
        for event in events:
            self.put(event)


class Journal:
    """Records events in one total order.

    ``now`` is the clock: seconds since 1970, as :func:`time.time` gives them.
    With ``reveal`` nothing is masked; that is for one's own passwords only.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        capture: Capture = "head",
        reveal: bool = False,
        ring_events: int = RING_EVENTS,
    ) -> None:
        self._now = now
        self.capture: Capture = capture
        self.capture_bytes = CAPTURE_BYTES[capture]
        self.reveal = reveal
        self.last_seq = 0
        self._ring: deque[AnyEvent | Broadcast] = deque(maxlen=ring_events)
        """A broadcast stands in it once for each of its events, so that the oldest of them go one by one."""
        self._sinks: tuple[Sink, ...] = ()
        self._takers: tuple[Callable[[AnyEvent], None], ...] = ()
        self._takers_of_many: tuple[Callable[[Events], None], ...] = ()
        self._takers_of_messages: tuple[Callable[[Events], None], ...] = ()
        self._telling = False
        self._untold: deque[AnyEvent] = deque()

    @property
    def ring(self) -> list[AnyEvent]:
        """The flight recorder: the newest events, oldest first, whatever happens to the file."""
        events: list[AnyEvent] = []
        for _, places in groupby(self._ring, key=id):
            item, *more = places
            if isinstance(item, Broadcast):
                events += item[-1 - len(more) :]
            else:
                events.append(item)
        return events

    def record(self, event: AnyEvent) -> int:
        """Stamp ``event`` with its place and time, keep it, and return its ``seq``.

        The event belongs to the journal from here on and must not be changed.
        """
        self.last_seq = seq = self.last_seq + 1
        event.seq = seq
        event.time = datetime.fromtimestamp(self._now(), UTC)
        self._ring.append(event)
        if self._telling:  # a sink has led to this event: it comes after the one that the sink was told of
            self._untold.append(event)
            return seq
        self._telling = True
        try:
            for take in self._takers:
                take(event)
            if self._untold:
                self._tell_the_rest()
        finally:
            self._telling = False
            self._untold.clear()
        return seq

    def record_exchange(self, received: Received, sent: Sent) -> int:
        """Record a message and what it is answered with at once; returns the ``seq`` of the first.

        As :meth:`record` twice, with one look at the clock: each is a tenth of what an exchange costs.
        """
        if self._telling:
            sent.cause = self.record(received)
            self.record(sent)
            return sent.cause
        received.seq = sent.cause = seq = self.last_seq + 1
        sent.seq = self.last_seq = seq + 1
        received.time = sent.time = datetime.fromtimestamp(self._now(), UTC)
        exchange = (received, sent)
        self._ring += exchange
        self._tell_many(self._takers_of_many if received.carried else self._takers_of_messages, exchange)
        return seq

    def record_broadcast(self, message: Sent, conns: Sequence[str]) -> None:
        """Record that each of ``conns`` was sent ``message``, in that order: as :meth:`record` of each.

        ``message`` belongs to the journal from here on, and ``conns`` must not be changed either.
        """
        if not conns:
            return
        if self._telling:
            for event in Broadcast(message, conns):
                self.record(event)
            return
        message.seq = self.last_seq + 1
        message.time = datetime.fromtimestamp(self._now(), UTC)
        self.last_seq += len(conns)
        broadcast = Broadcast(message, conns)
        self._ring.extend(repeat(broadcast, len(conns)))
        self._tell_many(self._takers_of_messages, broadcast)

    def _tell_many(self, takers: Sequence[Callable[[Events], None]], events: Events) -> None:
        self._telling = True
        try:
            for take in takers:
                take(events)
            if self._untold:
                self._tell_the_rest()
        finally:
            self._telling = False
            self._untold.clear()

    def _tell_the_rest(self) -> None:
        """What sinks have recorded while they were told of something."""
        while self._untold:
            known = self._untold.popleft()
            for take in self._takers:
                take(known)

    def show(
        self,
        message: Message,
        data: bytes,
        secrets: Sequence[Secret] = (),
        values: Sequence[tuple[bytes, str]] = (),
    ) -> None:
        """Write into ``message`` what may be kept of its bytes: masked, cut to the limit, text or base64.

        ``secrets`` are spans of ``data``; ``values`` are secrets of the same
        exchange, covered wherever they are echoed.
        """
        room = self.capture_bytes
        if room == 0:
            return
        if not self.reveal:
            if secrets:
                data = mask_spans(data, secrets)
            if values:
                data = mask_values(data, values)
        if len(data) > room:
            data = _cut_between_characters(data, room)
            message.truncated = True
        try:
            message.data = data.decode()
        except UnicodeDecodeError:
            message.data_b64 = b64encode(data).decode("ascii")

    def add_sink(self, sink: Sink) -> None:
        """From now on ``sink`` gets the events."""
        self._tell((*self._sinks, sink))

    def remove_sink(self, sink: Sink) -> None:
        """``sink`` gets nothing any more; it may say so while it takes an event."""
        self._tell(tuple(kept for kept in self._sinks if kept is not sink))

    def _tell(self, sinks: tuple[Sink, ...]) -> None:
        self._sinks = sinks
        self._takers = tuple(sink.put for sink in sinks)
        self._takers_of_many = tuple(sink.put_all for sink in sinks)
        self._takers_of_messages = tuple(sink.put_all for sink in sinks if sink.wants_messages)

    def subscribe(self, limit: int = 1000) -> Subscription:
        """A bounded queue of what happens from now on, for a reader that may be slow."""
        return Subscription(self, limit)


class Subscription(Sink):
    """The newest events for one reader. A slow reader loses the oldest, and is told how many."""

    def __init__(self, journal: Journal, limit: int) -> None:
        self._journal = journal
        self._waiting: deque[AnyEvent] = deque(maxlen=limit)
        self._dropped = 0
        self.dropped = 0
        """Events that this reader lost, in all."""
        journal.add_sink(self)

    @override
    def put(self, event: AnyEvent) -> None:
        """Called by the journal."""
        if len(self._waiting) == self._waiting.maxlen:
            self._dropped += 1
        self._waiting.append(event)

    def take(self) -> list[AnyEvent]:
        """Everything since the last call, oldest first; a ``dropped`` event leads where some were lost."""
        taken = list(self._waiting)
        self._waiting.clear()
        if self._dropped:
            self.dropped += self._dropped
            lost = Dropped(count=self._dropped, reason="this reader was too slow")
            lost.seq, lost.time = (taken[0].seq, taken[0].time) if taken else (0, lost.time)
            taken.insert(0, lost)
            self._dropped = 0
        return taken

    def close(self) -> None:
        """Take no more."""
        self._journal.remove_sink(self)


def _cut_between_characters(data: bytes, room: int) -> bytes:
    """The first ``room`` bytes, or up to three fewer so that no UTF-8 character is halved."""
    cut = data[:room]
    for back in range(1, min(4, len(cut)) + 1):
        byte = cut[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return cut[:-back] if back < width else cut
    return cut

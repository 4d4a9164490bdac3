"""The same message to many connections, kept as one thing until somebody looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import final, overload

from msgspec.structs import replace
from typing_extensions import override

from playground.journal.events import AnyEvent, Sent


@final
class Broadcast(Sequence[Sent]):
    """Reads as a list of ``sent`` events that differ in ``seq`` and ``conn`` alone.

    They are made anew at each look, and most are never looked at: to make them all was a third of what a
    broadcast cost.
    """

    __slots__ = ("conns", "message")

    def __init__(self, message: Sent, conns: Sequence[str]) -> None:
        self.message = message
        """The event of the first connection, with its ``seq`` and ``time``; its ``conn`` does not count."""
        self.conns = conns

    @override
    def __len__(self) -> int:
        return len(self.conns)

    @override
    def __iter__(self) -> Iterator[Sent]:
        return iter(self.events())

    def events(self) -> list[Sent]:
        """All of them."""
        message = self.message
        return [replace(message, seq=seq, conn=conn) for seq, conn in enumerate(self.conns, message.seq)]

    @overload
    def __getitem__(self, index: int) -> Sent: ...

    @overload
    def __getitem__(self, index: slice) -> list[Sent]: ...

    @override
    def __getitem__(self, index: int | slice) -> Sent | list[Sent]:
        if isinstance(index, slice):
            return self.events()[index]
        place = range(len(self))[index]
        return replace(self.message, seq=self.message.seq + place, conn=self.conns[place])


def first_of(recorded: AnyEvent | Broadcast) -> AnyEvent:
    """That event, or the first of that broadcast."""
    return recorded[0] if type(recorded) is Broadcast else recorded


def last_of(recorded: AnyEvent | Broadcast) -> AnyEvent:
    """That event, or the last of that broadcast."""
    return recorded[-1] if type(recorded) is Broadcast else recorded


def each_alone(recorded: Iterable[AnyEvent | Broadcast]) -> Iterator[AnyEvent]:
    """All events, those of broadcasts too."""
    for item in recorded:
        if type(item) is Broadcast:
            yield from item
        else:
            yield item

"""The same message to many connections, and one write for each, however many messages it is sent.

In the journal it is no other thing than each of them sent alone: one ``sent`` event for each connection and
message, in that order. What is shared is the work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from playground.journal.events import Sent
from playground.journal.redaction import Secret
from playground.wire.connection import Connection
from playground.wire.ledger import Ledger
from playground.wire.sending import Sending


class Audience:
    """Connections that are told the same things; :meth:`Together.audience` makes one.

    It is looked once who is there and what is remembered of each, so it is good only while nothing happens
    but that they are told things: until the server's code handles another input, or one of them is closed.
    """

    def __init__(self, wires: Sequence[Sending], outgoing: Sequence[list[bytes]]) -> None:
        self.connections = [wire.connection for wire in wires]
        self.ids = [connection.id for connection in self.connections]
        self.keep = [messages.append for messages in outgoing]
        """What keeps a message for each of them until it is written."""
        self.special = {one.id for one in self.connections if not one.has_nothing_special()}
        """Those whose events are not like those of all others."""
        self.places = {conn: place for place, conn in enumerate(self.ids)}


class Together:
    """Gathers what connections of one server are sent, until :meth:`leave`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: deque[Sending] = deque()

    def audience(self, wires: Iterable[Sending]) -> Audience:
        """Those of ``wires`` that are not being closed."""
        open_ones = [wire for wire in wires if not wire.disconnecting]
        return Audience(open_ones, [self._outgoing(wire) for wire in open_ones])

    def tell(
        self, audience: Audience, data: bytes, secrets: Sequence[Secret] = (), *, but: str | None = None
    ) -> None:
        """All of ``audience``, but not the connection ``but``, are sent ``data``, one whole message.

        It is journaled now, and written with the rest.
        """
        connections, ids, keep = audience.connections, audience.ids, audience.keep
        if but is not None and (place := audience.places.get(but)) is not None:
            connections = connections[:place] + connections[place + 1 :]
            ids = ids[:place] + ids[place + 1 :]
            keep = keep[:place] + keep[place + 1 :]
        if audience.special or self._ledger.memory.stale or self._is_caused_by_one(audience, but):
            self._record_one_by_one(audience, connections, data, secrets)
        else:
            self._record(ids, data, secrets)
            for connection in connections:  # no more to note than that: nothing of theirs could be echoed
                connection.messages_sent += 1
        for keep_it in keep:
            keep_it(data)

    def tell_one(self, wire: Sending, data: bytes, secrets: Sequence[Secret] = ()) -> None:
        """As :meth:`tell`, for one alone."""
        if not wire.disconnecting:
            wire.connection.sent(data, secrets=secrets)
            self._outgoing(wire).append(data)

    def _outgoing(self, wire: Sending) -> list[bytes]:
        if wire.gathered is None:
            wire.gathered = []
            self._waiting.append(wire)
        return wire.gathered

    def _is_caused_by_one(self, audience: Audience, but: str | None) -> bool:
        """Whether one of those who are told has made the server say it, or each of them has."""
        acting = self._ledger.acting
        if acting is None:
            return True
        return acting != "server" and acting.id != but and acting.id in audience.places

    def _record_one_by_one(
        self, audience: Audience, connections: Iterable[Connection], data: bytes, secrets: Sequence[Secret]
    ) -> None:
        """Where something has to be written before some of the events, or some of them have a cause."""
        ledger, acting, alike = self._ledger, self._ledger.acting, list[str]()
        for connection in connections:
            special = connection.id in audience.special
            if not (special or acting is None or acting is connection or ledger.memory.stale):
                connection.messages_sent += 1
                alike.append(connection.id)
                continue
            self._record(alike, data, secrets)
            alike = []
            connection.sent(data, secrets=secrets)
            if special and connection.has_nothing_special():
                audience.special.discard(connection.id)
        self._record(alike, data, secrets)

    def _record(self, ids: Sequence[str], data: bytes, secrets: Sequence[Secret]) -> None:
        if not ids:
            return
        journal = self._ledger.journal
        message = Sent(protocol=self._ledger.server.name, size=len(data))
        journal.show(message, data, secrets)
        journal.record_broadcast(message, ids)

    def leave(self) -> None:
        """Write what was gathered."""
        waiting = self._waiting
        while waiting:  # one that fails keeps nothing from those behind it for longer than to the next time
            waiting.popleft().write_gathered()

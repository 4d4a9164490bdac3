"""The same message to many connections, and one write for each, however many messages it is sent.

In the journal it is no other thing than each of them sent alone: one ``sent`` event for each connection and
message, in that order. What is shared is the work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from playground.journal.redaction import Secret
from playground.wire.connection import Connection, sent_to_all
from playground.wire.ledger import Ledger
from playground.wire.sending import Sending


class Together:
    """Gathers what connections of one server are sent, until :meth:`leave`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: deque[Sending] = deque()

    def tell(self, wires: Iterable[Sending], data: bytes, secrets: Sequence[Secret] = ()) -> None:
        """Each of ``wires`` is sent ``data``, one whole message: journaled now, written with the rest."""
        told: list[Connection] = []
        for wire in wires:
            if wire.disconnecting:
                continue
            told.append(wire.connection)
            if wire.gathered is None:
                wire.gathered = [data]
                self._waiting.append(wire)
            else:
                wire.gathered.append(data)
        sent_to_all(self._ledger, told, data, secrets)

    def leave(self) -> None:
        """Write what was gathered."""
        waiting = self._waiting
        while waiting:  # one that fails keeps nothing from those behind it for longer than to the next time
            waiting.popleft().write_gathered()

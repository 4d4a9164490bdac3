"""The messages of an observed connection: how much of what came is one, and that what is sent is one.

Here alone bytes become messages of the journal; those that never do are ``partial`` in the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.interfaces import IReactorTime
from typing_extensions import override

from playground.journal.events import Json
from playground.journal.redaction import Secret
from playground.wire.flood import Flood
from playground.wire.ledger import Ledger
from playground.wire.limits import UNCLAIMED_BYTES
from playground.wire.sending import Sending


class Claiming(Sending):
    """Keeps what has come until the protocol claims it as a message; counts messages, bounds what waits."""

    def __init__(self, ledger: Ledger, reactor: IReactorTime) -> None:
        super().__init__(ledger, reactor)
        limits = self._limits
        self._flood = Flood(limits.flood_per_second, limits.flood_burst) if limits.flood_per_second else None
        self.nothing_asked = False
        """Whether, of the bytes that have just come, nobody was told who remembers anything."""
        self.unclaimed: bytes | bytearray = b""
        """What the client has sent and the protocol has not claimed; in the end it is ``partial``."""

    def _keep(self, data: bytes) -> bool:
        """Put ``data`` behind what is not claimed yet. False where that is more than any message may have."""
        if not isinstance(self.unclaimed, bytearray):
            self.unclaimed = bytearray(self.unclaimed)
        self.unclaimed += data
        if len(self.unclaimed) <= UNCLAIMED_BYTES:
            return True
        self.limit("unclaimed", UNCLAIMED_BYTES, "more bytes than any message may have")
        self.abortConnection("limit")
        return False

    def claim(
        self,
        size: int,
        *,
        secrets: Sequence[Secret] = (),
        carried: Mapping[str, Json] | None = None,
        carried_size: int | None = None,
    ) -> bytes:
        """The first ``size`` bytes that were not claimed yet are one message; returns them.

        Call it before handling the message, and do not handle it when ``disconnecting`` afterwards: it was
        one too many. ``secrets`` are spans in it, ``carried`` is the state that the client had to bring.
        """
        unclaimed = self.unclaimed
        if size >= len(unclaimed):
            message, self.unclaimed = bytes(unclaimed), b""
        else:
            if not isinstance(unclaimed, bytearray):
                unclaimed = self.unclaimed = bytearray(unclaimed)
            message = bytes(unclaimed[:size])
            del unclaimed[:size]
        self.said_at = now = self._ledger.seconds()
        self.connection.received(message, secrets=secrets, carried=carried, carried_size=carried_size)
        if self._flood is not None and not self.disconnecting and self._flood.exceeded(now):
            self.limit("flood_per_second", self._flood.rate, "more messages than one connection may send")
            self.farewell("flood")
        return message

    def exchange(
        self, answer: bytes, *, carried: Mapping[str, Json] | None = None, carried_size: int | None = None
    ) -> None:
        """All that is unclaimed is one message, and ``answer`` what it was always answered with.

        As :meth:`claim` and :meth:`send`, for where nobody who remembers anything is asked, so that nothing
        has to be compared afterwards: what did change by some mistake is found before the next message.
        """
        if self._flood is not None:
            self.claim(len(self.unclaimed), carried=carried, carried_size=carried_size)
            self.send(answer)
            return
        message, self.unclaimed = bytes(self.unclaimed), b""
        self.connection.exchanged(message, answer, carried, carried_size)
        self.nothing_asked = True
        self.write_silently(answer)

    def drop_unclaimed(self) -> None:
        """What was not claimed will be no message, and not ``partial`` either."""
        self.unclaimed = b""

    @override
    def send(self, data: bytes, *, secrets: Sequence[Secret] = ()) -> None:
        """Send one whole message, with the spans in it that are secret."""
        if self.disconnecting or not data:
            return
        self.connection.sent(data, secrets=secrets)
        self.write_silently(data)

    def refused(self, rule: str, text: str, source: str | None = None) -> None:
        """Journal that the newest message is not allowed."""
        self.connection.refused(rule, text, source)

    def limit(self, setting: str, value: float, text: str) -> None:
        """Journal that a limit was reached."""
        self.connection.limit(setting, value, text)

    def farewell(self, reason: str) -> None:
        """Say goodbye in the protocol's own way, then close."""
        raise NotImplementedError

    def abortConnection(self, reason: str = "server") -> None:
        """Close now; what is not sent is lost."""
        raise NotImplementedError

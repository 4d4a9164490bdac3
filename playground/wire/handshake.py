"""The beginning of a TLS connection, and how it may fail: each way has its line in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.python.failure import Failure

if TYPE_CHECKING:
    from playground.wire.observed import Observed

NOT_TLS = "The client spoke plainly on a port that speaks TLS."

HINTS = (
    ("unsupported protocol", " TLS 1.2 or newer is spoken here."),
    ("unknown ca", " The client does not trust the certificate; with curl, say --cacert."),
    ("bad certificate", " The client does not take the certificate."),
    ("certificate unknown", " The client does not take the certificate."),
)
"""What OpenSSL calls the mistakes that people make, and what to say to them."""


class Handshake:
    """The TLS handshake of one connection."""

    def __init__(self, wire: Observed, seconds: float) -> None:
        self._wire = wire
        self._seconds = seconds
        self.under_way = True
        if seconds:
            wire.deadline(seconds, self._too_long)

    def _too_long(self) -> None:
        if self.under_way and not self._wire.disconnecting:
            self._wire.limit("handshake", self._seconds, "the TLS handshake did not come to its end")
            self._wire.abortConnection("limit")

    def not_tls(self, data: bytes) -> None:
        """The client spoke plainly: say so in plain text, and that is all."""
        self._wire.connection.bytes_received += len(data)
        self._wire.unclaimed += data
        self._wire.refused("not-tls", NOT_TLS)
        self._wire.farewell("not-tls")

    def lost(self, reason: Failure) -> str:
        """The connection is lost: why this side gave it up, or nothing."""
        error = reason.value
        if not self.under_way or self._wire.disconnecting or not _is_of_openssl(error):
            return ""
        from playground.wire.tls import error_text

        said = error_text(error)
        hint = next((words for part, words in HINTS if part in said.casefold()), "")
        self._wire.refused("tls-handshake", f"The TLS handshake failed: {said}.{hint}")
        return "refused"


def _is_of_openssl(error: object) -> bool:
    return type(error).__module__.startswith("OpenSSL")

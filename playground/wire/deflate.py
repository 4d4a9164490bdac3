"""permessage-deflate, RFC 7692: what two sides agree on, and the two directions of it. No I/O."""

from __future__ import annotations

import re
import zlib
from typing import Final, NamedTuple

NAME: Final = "permessage-deflate"

TAIL: Final = b"\0\0\xff\xff"
"""What ends each deflated message, and is left out. RFC 7692 7.2.1."""

BITS: Final = 12
"""The window where the client leaves it to us: 4 KiB, so that a thousand connections stay small."""

MEMORY_LEVEL: Final = 5
SMALLEST: Final = 64
"""Bytes. Shorter messages are sent as they are: to deflate them costs more than it saves."""

MOST_ENDINGS = 16
"""Final blocks in the middle of one message. Nobody needs one; each costs more than it weighs."""

_PARAMETER = re.compile(r'([!#$%&\'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*"?([0-9A-Za-z-]+)"?)?')


class Agreement(NamedTuple):
    """What was agreed on."""

    server_bits: int
    client_bits: int
    server_forgets: bool
    """Whether each of our messages is deflated without regard to those before (no context takeover)."""
    client_forgets: bool
    answer: str
    """The value of ``Sec-WebSocket-Extensions`` that says so."""


def agree(offers: str) -> Agreement | None:
    """What we accept of a client's ``Sec-WebSocket-Extensions``; None where there is nothing to accept."""
    for offer in offers.split(",")[:8]:
        name, *parameters = (part.strip() for part in offer.split(";"))
        if name.lower() == NAME and (agreed := _accept(parameters)):
            return agreed
    return None


def _accept(parameters: list[str]) -> Agreement | None:
    given: dict[str, str | None] = {}
    for parameter in parameters:
        found = _PARAMETER.fullmatch(parameter)
        if found is None or found[1].lower() in given:
            return None
        given[found[1].lower()] = found[2]
    server_bits = _bits(given.pop("server_max_window_bits", str(BITS)))
    wants_client_bits = "client_max_window_bits" in given
    client_offer = given.pop("client_max_window_bits", None)
    client_most = _bits(client_offer) if client_offer is not None else 15
    server_forgets = "server_no_context_takeover" in given
    client_forgets = "client_no_context_takeover" in given
    flags = (
        given.pop("server_no_context_takeover", None),
        given.pop("client_no_context_takeover", None),
    )
    # zlib cannot deflate with a window of 8 bits; such an offer is left alone. RFC 7692 7.1.2.1.
    if given or any(flags) or server_bits is None or server_bits < 9 or client_most is None:
        return None
    client_bits = min(client_most, BITS) if wants_client_bits else 15
    words = [NAME, f"server_max_window_bits={server_bits}"]
    words += [f"client_max_window_bits={max(client_bits, 8)}"] if wants_client_bits else []
    words += ["server_no_context_takeover"] if server_forgets else []
    words += ["client_no_context_takeover"] if client_forgets else []
    return Agreement(server_bits, client_bits, server_forgets, client_forgets, "; ".join(words))


def _bits(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[89]|1[0-5]", text) else None


class Inflate:
    """The incoming direction."""

    __slots__ = ("_bits", "_endings", "_forgets", "_stream")

    def __init__(self, agreement: Agreement) -> None:
        self._bits = -agreement.client_bits
        self._forgets = agreement.client_forgets
        self._endings = 0
        self._stream: zlib._Decompress | None = None  # 7 KiB and a window: made when needed

    def inflate(self, data: bytes, room: int, *, last: bool) -> bytes | None:
        """More of a message's content; None when it has more than ``room`` bytes. Raises ``ValueError``."""
        pieces = []
        parts = [TAIL, data] if last else [data]
        while parts:
            stream = self._stream = self._stream or zlib.decompressobj(self._bits)
            try:
                piece = stream.decompress(parts.pop(), room + 1)
            except zlib.error as error:
                raise ValueError(str(error)) from error
            room -= len(piece)
            if room < 0 or stream.unconsumed_tail:
                return None
            pieces.append(piece)
            if stream.eof:  # a final block ends the stream, not the message. RFC 7692 7.2.3.4
                if rest := stream.unused_data:
                    parts.append(rest)
                    self._endings += 1
                    if self._endings > MOST_ENDINGS:
                        raise ValueError("too many final blocks")
                self._stream = None
        if last:
            self._endings = 0
            if self._forgets:
                self._stream = None
        return b"".join(pieces)


class Deflate:
    """The outgoing direction."""

    __slots__ = ("_bits", "_forgets", "_stream")

    def __init__(self, agreement: Agreement) -> None:
        self._bits = -agreement.server_bits
        self._forgets = agreement.server_forgets
        self._stream: zlib._Compress | None = None  # it weighs most of a connection: made when needed

    def deflate(self, data: bytes) -> bytes:
        """A whole message, deflated."""
        stream = self._stream
        if stream is None:
            stream = zlib.compressobj(wbits=self._bits, memLevel=MEMORY_LEVEL)
            self._stream = None if self._forgets else stream
        deflated = stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
        return deflated.removesuffix(TAIL)

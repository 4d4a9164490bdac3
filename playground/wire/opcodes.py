"""The numbers in WebSocket frames, RFC 6455 5.2 and 7.4.1."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

FIN: Final = 0x80
"""In a frame's first byte: it is its message's last."""
DEFLATED: Final = 0x40
"""In the first byte: the message is deflated. RFC 7692 6."""
RESERVED: Final = 0x30
"""In the first byte: what nobody has a use for."""
OPCODE: Final = 0x0F
"""In the first byte: what the frame is, an :class:`Opcode`."""
MASKED: Final = 0x80
"""In the second byte: a key of four bytes masks the content."""
LENGTH: Final = 0x7F
"""In the second byte: how long the content is, or, from 126 on, in how many more bytes that stands."""

CONTROL_BYTES: Final = 125
"""A control frame says no more. RFC 6455 5.5."""


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


NAMES: Final = {one.value: one.name.lower() for one in Opcode}
"""Opcode to its name in the journal."""


class Code(IntEnum):
    """Why a WebSocket closes. RFC 6455 7.4.1."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED = 1003
    NOT_UTF_8 = 1007
    POLICY = 1008
    TOO_BIG = 1009
    TROUBLE = 1011
    TRY_AGAIN = 1013

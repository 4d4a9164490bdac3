"""The numbers that WebSocket frames are named by, RFC 6455 5.2 and 7.4.1."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


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

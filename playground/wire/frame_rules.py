"""What is wrong with a client's WebSocket frames: each rule with its name, sentence and source. No I/O."""

from __future__ import annotations

from typing import Final, NamedTuple

from playground.wire.opcodes import (
    CONTROL_BYTES,
    DEFLATED,
    FIN,
    LENGTH,
    MASKED,
    NAMES,
    OPCODE,
    RESERVED,
    Code,
    Opcode,
)


class Broken(NamedTuple):
    """What is wrong. Nothing that follows can be read."""

    code: Code
    rule: str
    text: str
    source: str
    limit: int = 0
    """The limit that was exceeded, if that is what is wrong."""
    goodbye: bool = False
    """Whether it is the client's own close frame that is wrong: nothing comes after it."""


def _wrong(rule: str, text: str, section: str) -> Broken:
    return Broken(Code.PROTOCOL_ERROR, rule, text, f"RFC 6455 {section}")


LENGTH_TOO_LONG: Final = _wrong(
    "frame-length", "A frame's length is written in more bytes than it needs.", "5.2"
)
NOT_UTF_8: Final = Broken(Code.NOT_UTF_8, "not-utf-8", "A text message is not valid UTF-8.", "RFC 6455 8.1")
NOT_DEFLATED: Final = Broken(
    Code.PROTOCOL_ERROR, "deflate", "A message is deflated in a wrong way.", "RFC 7692 7.2.2"
)

SAYABLE: Final = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014))
"""Codes below 3000 that may stand in a close frame."""


def frame_too_big(most: int) -> Broken:
    """A frame has more than ``most`` bytes."""
    text = f"A frame may have {most} bytes."
    return Broken(Code.TOO_BIG, "frame-too-big", text, "RFC 6455 10.4", most)


def message_too_big(most: int) -> Broken:
    """A message has more than ``most`` bytes."""
    text = f"A message may have {most} bytes."
    return Broken(Code.TOO_BIG, "message-too-big", text, "RFC 6455 10.4", most)


def header_problem(first: int, second: int, *, inflates: bool, in_message: bool) -> Broken | None:
    """What is wrong with a header that begins with these two bytes, or None. RFC 6455 5.2, 5.4 and 5.5.

    ``inflates`` is whether permessage-deflate was agreed on, ``in_message`` whether a message is under way.
    """
    opcode = first & OPCODE
    if first & RESERVED or (first & DEFLATED and (not inflates or opcode not in (1, 2))):
        return _wrong("frame-reserved", "A reserved bit is set that nobody agreed on.", "5.2")
    if opcode not in NAMES:
        return _wrong("frame-opcode", f"No kind of frame has the number {opcode}.", "5.2")
    if not second & MASKED:
        return _wrong("frame-unmasked", "A client must mask its frames, and this one is not.", "5.1")
    if opcode & 8:
        goodbye = opcode == Opcode.CLOSE
        if not first & FIN:
            problem = _wrong("control-fragmented", "A control frame cannot come in fragments.", "5.5")
            return problem._replace(goodbye=goodbye)
        if second & LENGTH > CONTROL_BYTES:
            problem = _wrong("control-length", "A control frame has 125 bytes at most.", "5.5")
            return problem._replace(goodbye=goodbye)
    elif opcode == Opcode.CONTINUATION and not in_message:
        return _wrong("nothing-to-continue", "A message is continued that was not begun.", "5.4")
    elif opcode != Opcode.CONTINUATION and in_message:
        return _wrong("message-unfinished", "A message begins in the middle of another one.", "5.4")
    return None


def close_problem(content: bytes) -> Broken | None:
    """What is wrong with a close frame, or None. RFC 6455 5.5.1 and 7.4."""
    if not content:
        return None
    if len(content) == 1:
        return _wrong("close-code", "A close frame's code has two bytes.", "5.5.1")
    code = int.from_bytes(content[:2], "big")
    if not (code in SAYABLE or 3000 <= code <= 4999):
        return _wrong("close-code", f"Nobody may say {code} when closing.", "7.4")
    try:
        content[2:].decode()
    except UnicodeDecodeError:
        text = "The reason for closing is not valid UTF-8."
        return Broken(Code.NOT_UTF_8, "not-utf-8", text, "RFC 6455 5.5.1")
    return None

"""One WebSocket frame, and how it goes over the wire: RFC 6455 5.2. No I/O.

Framing is our own so that the journal can show each frame, what it says and how many bytes it took; so that
text is validated as it arrives; and for speed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from playground.wire.opcodes import CONTROL_BYTES, DEFLATED, FIN, MASKED, Code, Opcode

__all__ = ["Code", "Frame", "Opcode", "close_content", "frame", "unmask"]


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One whole frame. (A struct is made in a quarter of a tuple's time.)"""

    opcode: int
    size: int
    """Bytes on the wire."""
    content: bytes
    """What it says: unmasked, and inflated where it was deflated."""
    message: bytes | str | None = None
    """The whole message that ends with it: text, or bytes. Of a control frame its content."""


def unmask(data: bytes, key: bytes) -> bytes:
    """``data`` with each byte XORed with the next one of the four in ``key``: masks, and unmasks again."""
    size = len(data)
    if key == b"\0\0\0\0":
        return data
    mask = int.from_bytes((key * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(data, "little") ^ mask).to_bytes(size, "little")


_HEADS: Final = {code.value: [bytes((FIN | code, size)) for size in range(126)] for code in Opcode}
"""What most frames of a server begin with, by opcode and length."""


def frame(
    opcode: int, content: bytes, *, fin: bool = True, deflated: bool = False, key: bytes = b""
) -> bytes:
    """One frame as it goes over the wire; a client gives a ``key`` of four bytes."""
    size = len(content)
    if size < 126 and fin and not (deflated or key):
        return _HEADS[opcode][size] + content
    first = (FIN if fin else 0) | (DEFLATED if deflated else 0) | opcode
    masked = MASKED if key else 0
    if size < 126:
        head = bytes((first, masked | size))
    elif size < 65_536:
        head = bytes((first, masked | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, masked | 127)) + size.to_bytes(8, "big")
    return head + key + unmask(content, key) if key else head + content


def close_content(code: int, reason: str = "") -> bytes:
    """What a close frame says: the code, and a reason cut to fit."""
    text = reason.encode()[: CONTROL_BYTES - 2].decode(errors="ignore").encode()
    return code.to_bytes(2, "big") + text

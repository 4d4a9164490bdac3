"""Brotli's frame without its compression: the content is stored as it is. RFC 7932 9.

Python has no Brotli of its own, and a decoder need not know that nobody compressed anything.
"""

from __future__ import annotations

_MOST = 1 << 16


def stored(data: bytes) -> bytes:
    """``data`` as a Brotli stream of uncompressed blocks."""
    # The first bit says: a window of 64 KiB (WBITS 16). Bits fill each byte from its low end.
    bits, filled = 0, 1
    out = bytearray()
    for start in range(0, len(data), _MOST):
        block = data[start : start + _MOST]
        # ISLAST 0, MNIBBLES 4 (00), MLEN - 1 in 16 bits, ISUNCOMPRESSED 1; then the byte is filled up.
        bits |= ((len(block) - 1) << 3 | 1 << 19) << filled
        size = (filled + 20 + 7) // 8
        out += bits.to_bytes(size, "little") + block
        bits = filled = 0
    # ISLAST 1, ISLASTEMPTY 1.
    bits |= 3 << filled
    return bytes(out) + bits.to_bytes(1, "little")

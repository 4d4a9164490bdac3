"""Keep secrets out of the journal without changing how long anything is.

A mask keeps the byte length of what it hides, so that sizes, offsets and
exports stay right. Identifiers that a person wants to follow from line to line
(session ids, resume tokens) become a short digest instead: the same token is
the same ``#3f9c`` everywhere, and the token cannot be had from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Literal, NamedTuple

SHORTEST_ECHO = 6
"""Bytes. A shorter secret is not searched for in answers: ``ada`` is also a name."""

ECHOES = 16
"""Secrets of unanswered messages that are looked for in what is sent, at most."""


class Secret(NamedTuple):
    """The place of a secret in a message, in bytes from its start."""

    start: int
    end: int
    kind: Literal["mask", "digest"] = "mask"


def digest(secret: bytes | str) -> str:
    """A short public name for a secret id: ``#`` and four hexadecimal digits."""
    raw = secret.encode() if isinstance(secret, str) else secret
    return "#" + blake2b(raw, digest_size=2).hexdigest()


def cover(secret: bytes, kind: str = "mask") -> bytes:
    """What stands in a secret's place: exactly as many bytes."""
    if kind == "digest":
        return digest(secret).encode().ljust(len(secret), b"*")[: len(secret)]
    return b"*" * len(secret)


def mask_spans(data: bytes, secrets: Iterable[Secret]) -> bytes:
    """``data`` with each span covered. Spans outside of ``data`` are cut to it."""
    masked = bytearray(data)
    for start, end, kind in secrets:
        masked[start:end] = cover(bytes(masked[start:end]), kind)
    return bytes(masked)


def mask_values(data: bytes, values: Sequence[tuple[bytes, str]]) -> bytes:
    """``data`` with every occurrence of each ``(secret, kind)`` covered."""
    for secret, kind in values:
        if secret in data:
            data = data.replace(secret, cover(secret, kind))
    return data


def echoes(
    data: bytes, secrets: Iterable[Secret], earlier: Iterable[tuple[bytes, str]] = ()
) -> list[tuple[bytes, str]]:
    """What to cover in the answers to ``data``: its secrets, and those of earlier messages that wait.

    Longest first: else of a secret that contains another one only half would be covered.
    """
    said = {data[start:end]: kind for start, end, kind in secrets if end - start >= SHORTEST_ECHO}
    return sorted(list((said | dict(earlier)).items())[:ECHOES], key=lambda echo: -len(echo[0]))

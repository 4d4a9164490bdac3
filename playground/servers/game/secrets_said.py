"""Where tokens stand in what people say, so that the journal shows their digests only."""

from __future__ import annotations

import re

from playground.journal.redaction import Secret

_TOKEN_LIKE = re.compile(rb"\b[0-9a-f]{20}\b")
"""A token that strayed into another command is a secret too."""
_RESUME = re.compile(rb"\s*resume\s+(?P<token>\S+)", re.IGNORECASE)


def in_line(raw: bytes, text: bytes) -> tuple[Secret, ...]:
    """The secrets in a line: ``raw`` as it was sent, ``text`` as it was meant."""
    resume = _RESUME.match(text)
    if resume is not None and raw != text:
        # Erased characters and telnet's own bytes are in between: nothing of it is shown.
        return (Secret(0, len(raw)),)
    spans = {match.span() for match in _TOKEN_LIKE.finditer(raw)}
    if resume is not None:
        start, end = resume.span("token")
        spans.add((start, start + len(resume["token"].rstrip(b".,;")) or end))
    return tuple(Secret(start, end, "digest") for start, end in sorted(spans))


def in_answer(line: bytes, token: str) -> tuple[Secret, ...]:
    """The place of ``token`` in a line of ours."""
    start = line.find(token.encode()) if token else -1
    return (Secret(start, start + len(token), "digest"),) if start >= 0 else ()

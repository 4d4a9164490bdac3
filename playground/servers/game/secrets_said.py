"""Where tokens stand in what people say, so that the journal shows their digests only."""

from __future__ import annotations

import re

from playground.journal.redaction import Secret
from playground.servers.game import words

_TOKEN_LIKE = re.compile(words.TOKEN_LIKE.pattern.encode())
_RESUME = re.compile(rb"\s*resume\s+(?P<token>\S+)", re.IGNORECASE)


def in_line(raw: bytes, text: bytes) -> tuple[Secret, ...]:
    """The secrets in a line: ``raw`` as it was sent, ``text`` as it was meant."""
    resume = _RESUME.match(text)
    if raw != text and (resume is not None or b"resume" in raw.lower()):
        # Erased characters and telnet's own bytes are in between: nothing of it is shown.
        return (Secret(0, len(raw)),)
    spans = {match.span() for match in _TOKEN_LIKE.finditer(raw)}
    if resume is not None:
        start, end = resume.span("token")
        spans.add((start, start + len(resume["token"].rstrip(b".,;")) or end))
    return tuple(Secret(start, end, "digest") for start, end in sorted(spans))


def in_answer(line: bytes, token: str) -> tuple[Secret, ...]:
    """The places in a line of ours of ``token``, if there is one, and of whatever else looks like a token."""
    spans = {match.span() for match in _TOKEN_LIKE.finditer(line)}
    if token and (start := line.find(token.encode())) >= 0:
        spans.add((start, start + len(token)))
    return tuple(Secret(start, end, "digest") for start, end in sorted(spans))

"""What can be wrong with a request, as a value."""

from __future__ import annotations

from typing import NamedTuple

from playground.journal.redaction import Secret


class Problem(NamedTuple):
    """A rule that a request broke, and how the server answers that.

    ``text`` tells a person what was wrong and what to do about it.
    """

    status: int
    rule: str
    """The rule's short name, such as ``host-missing``."""
    text: str
    source: str
    """Where the rule comes from, such as ``RFC 9112 3.2``."""
    size: int = 0
    """Unclaimed bytes of the message up to and including what is wrong; set by whoever knows the place."""
    limit: str = ""
    """The setting's name, where the rule is a limit of ours."""
    value: float = 0
    """The limit."""
    unread: bool = False
    """Whether the client is probably still sending."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Fields that the answer must have, such as ``Allow``."""
    head_only: bool = False
    """Whether the request is a HEAD, so that the answer must have no body; set by the reader."""
    secrets: tuple[Secret, ...] = ()
    """Secret spans in those ``size`` bytes; set by the reader."""

    def at(self, size: int) -> Problem:
        """The same problem, ``size`` bytes into the message."""
        return self._replace(size=size)


def over_limit(status: int, setting: str, value: float, text: str, source: str, size: int = 0) -> Problem:
    """A limit of ours was exceeded, and the client is probably still sending."""
    return Problem(status, setting, text, source, size, limit=setting, value=value, unread=True)

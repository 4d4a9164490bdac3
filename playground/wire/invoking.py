"""Running a function for somebody: what one server asks of another, so that neither knows the other."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Literal, NamedTuple, Protocol

Start = Literal["cold", "warm"]
"""Whether a process had to be started for it, or one was there that has answered before."""


class Invoked(NamedTuple):
    """How a function's run has ended."""

    status: int
    """200, or the HTTP status that tells what went wrong."""
    content: bytes
    """What the function has answered, if it has: JSON."""
    rule: str = ""
    """What went wrong, in the journal's word; empty where nothing has."""
    text: str = ""
    """The same for a person, with what to do about it."""
    environment: str = ""
    """The process that has run it, such as ``hits-1``; empty where none has."""
    start: Start = "cold"
    number: int = 0
    """Which of that process's runs it was, from 1."""
    seconds: float = 0.0
    """How long the client had to wait, a cold start included."""


class Functions(Protocol):
    """Whoever can run functions."""

    def invoke(
        self, name: str, event: bytes, request_id: str, secrets: tuple[bytes, ...] = ()
    ) -> Awaitable[Invoked]:
        """Run a function with a JSON text. Always ends, and never with an exception.

        ``secrets`` are values that the journal must not show, wherever they stand.
        """

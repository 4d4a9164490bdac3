"""Blocks of code in which a control connection answers one command, or one thing that has happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playground.servers.ftp.talk import Talk


class Answering:
    """A block in which replies answer a command. (``contextlib`` would take twice the time.)"""

    __slots__ = ("_command", "_outer", "_talk")

    def __init__(self, talk: Talk, cause: int | None, command: str) -> None:
        self._talk = talk
        self._command = cause, command

    def __enter__(self) -> None:
        talk = self._talk
        self._outer = talk.cause, talk.command
        talk.cause, talk.command = self._command
        talk.depth += 1
        talk.settled = False

    def __exit__(self, *_: object) -> None:
        talk = self._talk
        talk.depth -= 1
        try:
            if not talk.depth:
                talk.settle()
        finally:
            talk.cause, talk.command = self._outer

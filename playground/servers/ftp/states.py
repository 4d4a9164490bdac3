"""The phases of an FTP session, and every way between them: the machine ``ftp`` of the journal. Pure.

A phase is the short name of what the server remembers (``memory.phase``), so
one input may lead to several: when a transfer ends, whoever was told to leave
meanwhile is gone. The picture in the documentation is drawn from :data:`WAYS`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where the conversation is."""

    CONNECTED = "connected"
    """Nobody in particular."""
    USER_GIVEN = "user-given"
    """A name was said, its password is awaited."""
    LOGGED_IN = "logged-in"
    """Somebody, in a directory."""
    RENAME_PENDING = "rename-pending"
    """Logged in, and RNFR has named a file: the next RNTO means that one."""
    TRANSFERRING = "transferring"
    """A file or a listing is on its way over the data connection."""
    QUITTING = "quitting"
    """QUIT was said during a transfer: when that is over, the server hangs up."""


TRANSFERS = ("RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD")
"""The commands that need a data connection (RFC 959 4.1.3, RFC 3659 7)."""

BEGINS = (*TRANSFERS, "data-open")
"""What a transfer begins with: the command or, where that came first, the data connection."""

ENDS = ("data-close", "data-timeout", "ABOR", "PASV", "EPSV", "PORT", "EPRT")
"""What it ends with. A command that asks for a new data connection ends what is under way."""

LEAVES = ("REIN", "AUTH", "forget")
"""After these the server knows nobody any more. ``forget`` is the playground's own."""


class Way(NamedTuple):
    """What leads from one state to another."""

    before: State
    inputs: tuple[str, ...]
    after: State
    seldom: str = ""
    """When that is so, where it is not the rule."""


WAYS = (
    Way(State.CONNECTED, ("USER",), State.USER_GIVEN),
    Way(State.USER_GIVEN, ("PASS",), State.LOGGED_IN),
    Way(State.USER_GIVEN, ("PASS", "AUTH", "forget"), State.CONNECTED),
    Way(State.LOGGED_IN, ("USER",), State.USER_GIVEN),
    Way(State.LOGGED_IN, LEAVES, State.CONNECTED),
    Way(State.LOGGED_IN, ("RNFR",), State.RENAME_PENDING),
    Way(State.LOGGED_IN, BEGINS, State.TRANSFERRING),
    Way(State.RENAME_PENDING, ("RNTO",), State.LOGGED_IN),
    Way(State.RENAME_PENDING, BEGINS, State.TRANSFERRING),
    Way(State.RENAME_PENDING, ("USER",), State.USER_GIVEN),
    Way(State.RENAME_PENDING, LEAVES, State.CONNECTED),
    Way(State.TRANSFERRING, ENDS, State.LOGGED_IN),
    Way(State.TRANSFERRING, ENDS, State.RENAME_PENDING, "a rename was pending"),
    Way(State.TRANSFERRING, ("forget",), State.CONNECTED),
    Way(State.TRANSFERRING, ("data-close",), State.CONNECTED, "REIN came meanwhile"),
    Way(State.TRANSFERRING, ("data-close",), State.USER_GIVEN, "USER came meanwhile"),
    Way(State.TRANSFERRING, ("QUIT",), State.QUITTING),
)
"""Every way. There is none back from ``quitting``; from every state the connection may end."""

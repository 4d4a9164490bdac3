"""What an FTP server remembers of a connection, as the journal shows it. Pure.

The values are read from pyftpdlib's handler by ``mirror.py``; this module
knows what a fresh connection looks like and which phase a memory stands for.
"""

from __future__ import annotations

from itertools import compress
from operator import ne
from typing import NamedTuple

from playground.journal.events import Json
from playground.servers.ftp.states import State


class Remembered(NamedTuple):
    """One connection's state. The defaults are those of a fresh connection."""

    user: str | None = None
    """The argument of USER."""
    authenticated: bool = False
    failed_logins: int = 0
    cwd: str | None = None
    """The working directory; there is none before the login."""
    type: str = "A"
    """``A`` or ``I`` (RFC 959 3.1.1)."""
    rest: int = 0
    """Where the next transfer starts, in bytes (RFC 3659 5)."""
    rename_from: str | None = None
    """The argument of RNFR, until RNTO."""
    data: str | None = None
    """``pasv-listening:PORT``, ``active-connecting``, ``open-idle``, ``transfer:COMMAND``, or ``refused``
    when the next transfer will be told that its data connection was."""
    queued: str | None = None
    """The transfer command that waits for its data connection."""
    epsv_all: bool = False
    """After EPSV ALL no other command may ask for a data connection (RFC 2428 4)."""
    mlst_facts: str | None = None
    """The facts chosen by OPTS MLST, where they are not the default ones."""
    tls: bool = False
    """Whether the control connection is encrypted."""
    pbsz: bool = False
    """True after PBSZ, which has to come before PROT (RFC 4217 9)."""
    prot: str | None = None
    """What PROT has chosen for data connections: ``P``, encrypted, or ``C``, plain, as without it."""
    quit_pending: bool = False
    """True after a QUIT during a transfer, which is finished first."""


FRESH = Remembered()


def snapshot(memory: Remembered) -> dict[str, Json]:
    """``memory`` without what a fresh connection has too: a fresh connection remembers nothing."""
    return dict(compress(zip(Remembered._fields, memory, strict=True), map(ne, memory, FRESH)))


def phase(memory: Remembered) -> State:
    """The state of the machine ``ftp`` that ``memory`` stands for."""
    if memory.quit_pending:
        return State.QUITTING
    if memory.data and memory.data.startswith("transfer:"):
        return State.TRANSFERRING
    if memory.rename_from is not None:
        return State.RENAME_PENDING
    if memory.authenticated:
        return State.LOGGED_IN
    return State.USER_GIVEN if memory.user else State.CONNECTED

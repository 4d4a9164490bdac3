"""What the tests of the file's writer write."""

from __future__ import annotations

from playground.journal.events import JournalOpen, Received

OPENING = JournalOpen(seq=1, schema=1, run="r1", version="0.1.0", pid=1, servers={"ftp": "tcp:2121"})


def line(seq: int, conn: str = "ftp-1", size: int = 10) -> Received:
    return Received(seq=seq, protocol="ftp", conn=conn, size=size, data="x" * size)

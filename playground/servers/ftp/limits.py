"""The limits of the FTP server."""

from __future__ import annotations

from dataclasses import dataclass

from playground.wire.limits import Limits, limit


@dataclass(frozen=True)
class FtpLimits(Limits):
    """What holds for FTP beside what holds for everybody. Times are seconds."""

    unsent: int = limit(64 * 1024, "bytes of replies that may wait for a client that does not read them")
    login_attempts: int = limit(3, "wrong passwords on one connection before it is closed (RFC 2577 5)")
    login_penalty: float = limit(
        3.0, "the answer to a wrong password waits this long, on this connection only"
    )
    data_wait: float = limit(30.0, "after PASV or PORT the data connection must be there in this time")
    data_stall: float = limit(300.0, "a transfer that does not move any more is given up")
    last_words: float = limit(2.0, "after the last reply the client may take this long to read it")
    captured_piece: int = limit(64 * 1024, "bytes of a data connection in one journal event, at most")
    tls_resumed: bool = limit(
        True, "with --ftp-tls required, a data connection resumes its control connection's TLS session"
    )
    quota_files: int = limit(
        5000, "files and folders of an account with a quota: they are counted before an upload, and all wait"
    )

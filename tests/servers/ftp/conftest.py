"""An FTP server for each test, with waits that suit a test."""

from __future__ import annotations

from pathlib import Path

import pytest_twisted

from playground.servers.ftp import FtpServer
from playground.servers.ftp.limits import FtpLimits
from playground.testing import serve

LIMITS = FtpLimits(
    login_penalty=0.05, connections=8, connections_per_address=6, last_words=0.3, half_closed=2.0
)


@pytest_twisted.async_yield_fixture
async def ftp(tmp_path: Path):
    from twisted.internet import reactor  # noqa: TID251

    served = await serve(FtpServer(LIMITS), reactor, state_dir=tmp_path)
    yield served
    await served.stop()

"""An FTP server for each test, with waits that suit a test. Its states change in known ways only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from playground.servers.ftp import FtpServer, mirror
from playground.servers.ftp.limits import FtpLimits
from playground.servers.ftp.memory import Remembered
from playground.servers.ftp.states import WAYS
from playground.servers.ftp.talk import Talk
from playground.testing import Served, serve
from playground.wire.certificates import Identity, own_identity, utc_now
from tests.reactor import the_reactor
from tests.servers.ftp.client import steps
from tests.servers.ftp.encrypted import Serve

LIMITS = FtpLimits(
    login_penalty=0.05, connections=8, connections_per_address=6, last_words=0.3, half_closed=2.0
)


@pytest.fixture(autouse=True)
def _nothing_is_overlooked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever a session is asked what it remembers, it has noticed everything that has changed."""
    remembered = Talk.remembered

    def compared(talk: Talk) -> Remembered:
        told = remembered(talk)
        assert told == mirror.remembered(talk)
        return told

    monkeypatch.setattr(Talk, "remembered", compared)


@pytest_twisted.async_yield_fixture
async def ftp(tmp_path: Path):
    reactor = the_reactor()
    served = await serve(FtpServer(LIMITS), reactor, state_dir=tmp_path)
    yield served
    await served.stop()
    only_known_ways(served)


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """A certificate of an authority of its own."""
    pytest.importorskip("cryptography")
    return own_identity(tmp_path_factory.mktemp("tls"), [], utc_now())


@pytest_twisted.async_yield_fixture
async def house(tmp_path: Path, identity: Identity) -> AsyncIterator[Serve]:
    """Starts FTP servers that have it: ``await house("required", handshake=0.2)``."""
    reactor = the_reactor()
    running: list[Served] = []

    async def start(tls: str = "allowed", **limits: Any) -> Served:
        options = FtpLimits(**{"login_penalty": 0.05, "last_words": 0.3, **limits})
        served = await serve(FtpServer(options), reactor, state_dir=tmp_path, identity=identity, ftp_tls=tls)
        running.append(served)
        return served

    yield start
    for served in running:
        await served.stop()
        only_known_ways(served)


def only_known_ways(served: Served) -> None:
    """Fail when the machine ``ftp`` has gone a way that is not in its table."""
    ways = {(way.before, what, way.after) for way in WAYS for what in way.inputs}
    assert {(step.before, step.input, step.after) for step in steps(served)} <= ways

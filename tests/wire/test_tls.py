"""Over TLS, which has to shake hands before it says anything; and what waits in a transport."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.task import deferLater

from playground.testing import Served, Talk
from playground.wire.outflow import waiting_bytes
from tests.wire.wired import LOCALHOST, Generous, Greeter, Serve

pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # Twisted's


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost that nobody trusts."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return file


def over_tls(certificate: Path) -> str:
    return f"ssl:0:privateKey={certificate}:interface=127.0.0.1"


async def connect_tls(served: Served) -> Talk:
    """A client that trusts anybody."""
    from twisted.internet.ssl import CertificateOptions

    reactor = served.playground.reactor
    plain = HostnameEndpoint(reactor, served.host, served.port)
    talk: Talk = await connectProtocol(wrapClientTLS(CertificateOptions(), plain), Talk(reactor))
    return talk


@pytest_twisted.ensureDeferred
async def test_over_tls_the_server_may_speak_first(house: Serve, certificate: Path):
    served = await house(Greeter, endpoint=over_tls(certificate))
    ada = await connect_tls(served)
    assert await ada.line() == b"* welcome\n"
    ada.say("hello\n")
    assert await ada.line() == b"hello\n"
    (opened,) = served.events("event:connection.open")
    assert (opened.transport, opened.tls) == ("tcp", True)
    ada.hang_up()
    (closed,) = await served.happens("event:connection.close")
    assert closed.reason == "client"


@pytest_twisted.ensureDeferred
async def test_over_tls_nothing_is_lost_either(house: Serve, certificate: Path):
    served = await house(Generous, endpoint=over_tls(certificate))
    ada = await connect_tls(served)
    ada.say("abc\n")
    assert len(await ada.until("abc" * 1_000_000)) == 3_000_000
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_one_too_many_hears_so_over_tls(house: Serve, certificate: Path):
    served = await house(endpoint=over_tls(certificate), connections_per_address=1)
    ada = await connect_tls(served)
    ada.say("hello\n")
    assert await ada.line() == b"hello\n"
    extra = await connect_tls(served)
    assert await extra.rest() == b"* too-many\n"
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_who_never_shakes_hands_is_given_up(house: Serve, certificate: Path):
    served = await house(Greeter, endpoint=over_tls(certificate), clogged=0.2)
    eve = await served.connect()
    eve.say("this is no TLS")
    (closed,) = await served.happens("event:connection.close")
    assert closed.reason == "not-tls"
    eve.abort()
    silent = await served.connect()
    (_, closed) = await served.happens("event:connection.close", count=2)
    assert closed.reason == "clogged"
    silent.abort()


@pytest_twisted.ensureDeferred
async def test_who_does_not_read_over_tls_is_given_up(house: Serve, certificate: Path):
    served = await house(Generous, endpoint=over_tls(certificate), clogged=0.3)
    eve = await connect_tls(served)
    eve.say("abc\n")
    await eve.until("abc" * 1_000_000)
    eve.stop_reading()
    eve.say("abc\n" * 6)
    (closed,) = await served.happens("event:connection.close")
    assert closed.reason == "clogged"
    eve.abort()


# -- private names ----------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True])
@pytest_twisted.ensureDeferred
async def test_waiting_bytes_are_those_that_the_kernel_has_not_taken(
    house: Serve, certificate: Path, tls: bool
):
    served = await house(endpoint=over_tls(certificate) if tls else LOCALHOST)
    ada = await (connect_tls(served) if tls else served.connect())
    ada.say("hello\n")
    await ada.line()
    ada.stop_reading()
    (conn,) = served.playground.connections
    transport = conn.inner.wire.transport
    assert waiting_bytes(transport) == 0
    size = 8_000_000
    transport.write(b"x" * size)
    reactor = served.playground.reactor
    before = -1
    while waiting_bytes(transport) != before:  # until the kernel takes no more
        before = waiting_bytes(transport)
        await deferLater(reactor, 0.05)
    assert 0 < before <= size * 1.01
    ada.read_again()
    heard = len(await ada.until(b"x" * 1_000_000))
    while heard < size:
        heard += len(await ada.until(b"x"))
        heard += len(await ada.until(b"x" * min(1_000_000, size - heard))) if heard < size else 0
    assert waiting_bytes(transport) == 0
    ada.hang_up()

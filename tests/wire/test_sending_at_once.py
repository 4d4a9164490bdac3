"""What is sent goes to the kernel at once where that is safe, and else in order through the transport."""

from __future__ import annotations

import socket
import ssl
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.internet.threads import deferToThread
from typing_extensions import override

from playground.testing import Served
from playground.wire.certificates import Identity, own_identity
from playground.wire.outflow import can_send_now, sent_now, waiting_bytes
from tests.wire.wired import Repeater, Serve

pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # Twisted's

PATIENCE = 20.0


async def raw_client(served: Served) -> tuple[socket.socket, Any]:
    """A plain blocking socket that the reactor knows nothing of, and the server's side of it."""
    client = await deferToThread(socket.create_connection, (served.host, served.port), PATIENCE)
    client.sendall(b"hello\n")
    assert await deferToThread(read_line, client) == b"hello\n"
    (conn,) = served.playground.connections
    return client, conn.inner.wire


def at_once(client: socket.socket) -> bytes:
    """What the client's kernel has, without any turn of the reactor."""
    client.setblocking(False)
    try:
        return client.recv(100_000)
    except BlockingIOError:
        return b""
    finally:
        client.settimeout(PATIENCE)


@pytest_twisted.ensureDeferred
async def test_an_answer_is_with_the_client_before_the_reactors_next_turn(house: Serve):
    """The canary for Twisted's private names: were one gone, nothing would be sent at once."""
    served = await house()
    client, wire = await raw_client(served)
    wire.send(b"news\n")
    assert at_once(client) == b"news\n"
    client.close()


@pytest_twisted.ensureDeferred
async def test_what_waits_goes_first(house: Serve):
    served = await house()
    client, wire = await raw_client(served)
    wire.transport.write(b"first ")
    wire.send(b"second\n")
    assert at_once(client) == b""
    assert await deferToThread(read_line, client) == b"first second\n"
    client.close()


def read_line(client: socket.socket) -> bytes:
    heard = b""
    while not heard.endswith(b"\n"):
        heard += client.recv(1000)
    return heard


@pytest_twisted.ensureDeferred
async def test_nothing_goes_past_a_producer_that_is_not_ours(house: Serve):
    served = await house()
    client, wire = await raw_client(served)
    wire.transport.producer = object()
    assert sent_now(wire.transport, b"x", wire._out) == 0
    wire.transport.producer = None
    assert sent_now(wire.transport, b"x", wire._out) == 1
    client.close()


@pytest_twisted.ensureDeferred
async def test_after_the_close_nothing_is_sent(house: Serve):
    served = await house()
    client, wire = await raw_client(served)
    transport = wire.transport
    wire.loseConnection()
    assert sent_now(transport, b"x", wire._out) == 0
    await served.happens("event:connection.close")
    assert sent_now(transport, b"x", wire._out) == 0
    assert client.recv(10) == b""
    client.close()


@pytest_twisted.ensureDeferred
async def test_what_a_full_kernel_does_not_take_comes_behind_it(house: Serve):
    served = await house()
    client, wire = await raw_client(served)
    size = 20_000_000
    pattern = b"".join(b"%09d\n" % number for number in range(size // 10))
    wire.send(pattern)
    assert 0 < waiting_bytes(wire.transport) < size
    wire.send(b"and the end")
    heard = await deferToThread(read, client, size + len(b"and the end"))
    assert heard == pattern + b"and the end"
    client.sendall(b"again\n")
    assert await deferToThread(read_line, client) == b"again\n"
    wire.send(b"at once\n")  # nothing waits any more
    assert at_once(client) == b"at once\n"
    client.close()


def read(client: socket.socket, size: int) -> bytes:
    heard = bytearray()
    while len(heard) < size and (piece := client.recv(1_000_000)):
        heard += piece
    return bytes(heard)


class Flood(Repeater):
    """Answers a line with 38 megabytes."""

    @override
    def line_received(self, line: str) -> None:
        self.wire.send(b"0123456789abcdef" * (38_000_000 // 16))


@pytest_twisted.ensureDeferred
async def test_38_megabytes_come_whole_through_a_closed_half(house: Serve):
    served = await house(Flood)
    client = await deferToThread(socket.create_connection, (served.host, served.port), PATIENCE)
    client.sendall(b"go\n")
    client.shutdown(socket.SHUT_WR)
    heard = await deferToThread(read, client, 50_000_000)
    assert heard == b"0123456789abcdef" * (38_000_000 // 16)
    (closed,) = await served.happens("event:connection.close")
    assert (closed.reason, closed.sent_bytes) == ("client", 38_000_000)
    client.close()


@pytest_twisted.ensureDeferred
async def test_a_socket_that_is_broken_is_told_as_lost(house: Serve):
    served = await house()
    client, wire = await raw_client(served)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()  # a reset, of which the reactor has not heard yet
    for _ in range(3):
        wire.send(b"anybody?\n")
    (closed,) = await served.happens("event:connection.close")
    assert closed.reason == "lost"


# -- TLS: never a byte past it ----------------------------------------------------------------


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return own_identity(tmp_path_factory.mktemp("tls"), (), datetime.now(UTC))


def talk_tls(address: tuple[str, int], said: bytes, authority: Path) -> tuple[bytes, bytes]:
    """Say something over TLS; returns the server's answer, and all its bytes as they were on the wire."""
    context = ssl.create_default_context(cafile=str(authority))
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(into, out, server_hostname="localhost")
    on_the_wire, heard, greeted = bytearray(), b"", False
    with socket.create_connection(address, PATIENCE) as plain:
        while not heard.endswith(b"\n"):
            try:
                if not greeted:
                    client.do_handshake()
                    greeted = True
                    client.write(said)
                    plain.sendall(out.read())
                heard += client.read(100_000)
            except ssl.SSLWantReadError:
                plain.sendall(out.read())
                piece = plain.recv(100_000)
                assert piece
                on_the_wire += piece
                into.write(piece)
    return heard, bytes(on_the_wire)


@pytest_twisted.ensureDeferred
async def test_over_tls_no_word_is_on_the_wire_as_it_is(house: Serve, identity: Identity):
    served = await house(
        endpoint=f"ssl:0:privateKey={identity.key}:certKey={identity.chain}:interface=127.0.0.1"
    )
    assert identity.authority is not None
    secret = b"the word that nobody else may read"
    heard, on_the_wire = await deferToThread(
        talk_tls, (served.host, served.port), secret + b"\n", identity.authority
    )
    assert heard == secret + b"\n"
    assert len(on_the_wire) > 500
    assert secret not in on_the_wire


@pytest_twisted.ensureDeferred
async def test_a_transport_that_has_turned_to_tls_is_not_gone_past(house: Serve, identity: Identity):
    served = await house()
    client, wire = await raw_client(served)
    assert can_send_now(wire.transport)
    wire.transport.startTLS(DefaultOpenSSLContextFactory(str(identity.key), str(identity.chain)))
    assert sent_now(wire.transport, b"secret", wire.transport.producer) == 0
    assert at_once(client) == b""
    client.close()
    await served.happens("event:connection.close")

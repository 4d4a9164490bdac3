"""The client of the package websockets, which has nothing in common with this server's code."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from playground.testing import Running, run

SECONDS = 10


@pytest.fixture(scope="module")
def playground() -> Iterator[Running]:
    with run(only="http", set=["http.websocket_message=200000"]) as running:
        yield running


def opened(playground: Running, path: str = "/websocket/echo", **more: Any) -> ClientConnection:
    host, port = playground.servers["http"]
    url = f"ws://{host}:{port}{path}"
    made: ClientConnection = connect(url, open_timeout=SECONDS, close_timeout=SECONDS, proxy=None, **more)
    return made


@pytest.mark.parametrize("compression", ["deflate", None])
def test_text_and_bytes_come_back_as_they_were(playground: Running, compression: str | None):
    with opened(playground, compression=compression) as socket:
        for message in ("", "hello", "größer €", "x" * 150_000, b"", bytes(range(256)) * 500):
            socket.send(message)
            assert socket.recv(SECONDS) == message
        socket.send(["in ", "three ", "pieces"])
        assert socket.recv(SECONDS) == "in three pieces"
        assert socket.ping(b"still there?").wait(SECONDS)
    assert (socket.close_code, socket.protocol.close_rcvd_then_sent) == (1000, False)


def test_a_counter_lives_as_long_as_the_socket(playground: Running):
    for _ in range(2):
        with opened(playground, "/ws") as socket:
            socket.send("one")
            assert socket.recv(SECONDS) == '{"n":1,"echo":"one"}'
            socket.send("two")
            assert socket.recv(SECONDS) == '{"n":2,"echo":"two"}'
            socket.send('{"ask":"state"}')
            assert '"connection":{"counter":2}' in str(socket.recv(SECONDS))


def test_what_is_too_long_ends_with_1009(playground: Running):
    with opened(playground) as socket:
        socket.send("x" * 200_001)
        with pytest.raises(ConnectionClosed):
            socket.recv(SECONDS)
    assert (socket.close_code, socket.close_reason) == (1009, "A message may have 200000 bytes.")


def test_a_page_from_elsewhere_is_refused(playground: Running):
    with pytest.raises(InvalidStatus) as refused, opened(playground, origin="http://elsewhere"):
        pass
    assert refused.value.response.status_code == 403
    host, port = playground.servers["http"]
    with opened(playground, origin=f"http://{host}:{port}") as socket:
        socket.send("hi")
        assert socket.recv(SECONDS) == "hi"


def test_over_tls_it_is_the_same():
    with run(only="http", tls="auto", https=0) as secured:
        host, port = secured.servers["https"]
        trust = ssl.create_default_context(cafile=str(secured.state_dir / "tls" / "ca.pem"))
        url = f"wss://{host}:{port}/ws"
        with connect(url, ssl=trust, origin=Origin(f"https://{host}:{port}"), proxy=None) as socket:
            socket.send("x" * 100_000)
            assert str(socket.recv(SECONDS)).startswith('{"n":1,"echo":"xxx')
        foreign = Origin(f"http://{host}:{port}")
        with pytest.raises(InvalidStatus), connect(url, ssl=trust, origin=foreign, proxy=None):
            pass

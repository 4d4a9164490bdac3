"""Five carts, the same hundred steps: what each has to send, and who holds it in the end.

    python -m playground.lab.carts --steps 100

A playground of its own is started in a temporary folder, and nothing of it is
left. Somebody logs in where that is needed and puts things into a cart, once
with a plain cookie, once with a signed token, twice with a session (in memory,
and in SQLite or in the Redis that ``--redis`` names), and once on a WebSocket.
Each stays on one connection, and its requests say nothing that is not needed.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from playground.testing import Address, start
from playground.wire.frames import Opcode, frame

THINGS = ("tea", "soup", "bread", "apples", "cheese")
"""What goes into the cart, one after the other, again and again."""
LOGIN = b"user=ada&password=ada"
SECONDS = 10.0
MASK = b"\x00\x00\x00\x00"


class Bill(NamedTuple):
    """What one cart has cost."""

    where: str
    sent: int
    """Bytes from the client, all requests as they stand."""
    state: int
    """How many of these were who one is and what is in the cart: a cookie's or a token's field."""
    received: int
    """Bytes from the server."""
    server: int
    """Bytes that the server holds in the end."""
    client: int
    """Bytes that the client has to bring the next time."""


class Shopper:
    """A client on one connection that counts its bytes."""

    def __init__(self, address: Address) -> None:
        self._socket = socket.create_connection(address, SECONDS)
        self.sent = self.received = self.state = 0
        self._heard = b""

    def say(self, data: bytes) -> None:
        """Send."""
        self._socket.sendall(data)
        self.sent += len(data)

    def hear(self, size: int) -> bytes:
        """The next bytes."""
        while len(self._heard) < size:
            self._more()
        data, self._heard = self._heard[:size], self._heard[size:]
        return data

    def head(self) -> str:
        """The next message's head."""
        while (end := self._heard.find(b"\r\n\r\n")) < 0:
            self._more()
        return self.hear(end + 4).decode()

    def _more(self) -> None:
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionError("the server has hung up")
        self._heard += data
        self.received += len(data)

    def post(self, target: str, body: bytes, state: str = "") -> tuple[str, dict[str, Any]]:
        """One exchange; ``state`` is a header field with its line end. Returns the answer's head and body."""
        self.state += len(state)
        self.say(
            f"POST {target} HTTP/1.1\r\nHost: shop\r\n{state}Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = self.head()
        found = re.search(r"Content-Length: ([0-9]+)\r", head)
        said: dict[str, Any] = json.loads(self.hear(int(found[1]) if found else 0))
        if "error" in said:
            raise ValueError(f"{target}: {said['error']}")
        return head, said

    def bill(self, where: str, said: dict[str, Any]) -> Bill:
        """What it came to, with the last answer; and hang up."""
        self._socket.close()
        held = said["held"]
        return Bill(where, self.sent, self.state, self.received, held["server"], held["client"])


def adding(step: int) -> bytes:
    """What is put into the cart in that step."""
    return f"add={THINGS[step % len(THINGS)]}".encode()


def in_a_cookie(address: Address, steps: int) -> Bill:
    """The client brings the whole cart, as it likes."""
    shopper, cookie = Shopper(address), ""
    said: dict[str, Any] = {}
    for step in range(steps):
        head, said = shopper.post("/cookies/cart", adding(step), cookie)
        cookie = f"Cookie: {_cookie(head)}\r\n"
    return shopper.bill("a cookie", said)


def in_a_token(address: Address, steps: int) -> Bill:
    """The client brings the whole cart, and a signature with it."""
    shopper = Shopper(address)
    _, said = shopper.post("/token/login", LOGIN)
    for step in range(steps):
        _, said = shopper.post("/token/cart", adding(step), f"Authorization: Bearer {said['token']}\r\n")
    return shopper.bill("a token", said)


def in_a_session(address: Address, steps: int, store: str) -> Bill:
    """The client brings an id."""
    shopper = Shopper(address)
    head, said = shopper.post("/session/login", LOGIN)
    cookie = f"Cookie: {_cookie(head)}\r\n"
    for step in range(steps):
        _, said = shopper.post("/session/cart", adding(step), cookie)
    return shopper.bill(f"a session in {store}", said)


def on_a_websocket(address: Address, steps: int) -> Bill:
    """The client brings nothing: the connection is who it is."""
    shopper = Shopper(address)
    said: dict[str, Any] = {}
    shopper.say(
        b"GET /ws/cart HTTP/1.1\r\nHost: shop\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    shopper.head()
    for step in range(steps):
        shopper.say(frame(Opcode.TEXT, adding(step).replace(b"=", b" "), key=MASK))
        _, size = shopper.hear(2)
        said = json.loads(shopper.hear(int.from_bytes(shopper.hear(2), "big") if size == 126 else size))
    return shopper.bill("a WebSocket", said)


def _cookie(head: str) -> str:
    return head.partition("Set-Cookie: ")[2].partition(";")[0]


def shop(steps: int, folder: Path, redis: str | None = None) -> list[Bill]:
    """All five, on two playgrounds: one keeps its sessions in memory, the other one where they last."""
    with start(folder / "one", only="http") as playground:
        address = playground.servers["http"]
        bills = [
            in_a_cookie(address, steps),
            in_a_token(address, steps),
            in_a_session(address, steps, "memory"),
        ]
        websocket = on_a_websocket(address, steps)
    with start(folder / "two", only="http", session_store=redis or "sqlite") as playground:
        name = "Redis" if redis else "SQLite"
        bills.append(in_a_session(playground.servers["http"], steps, name))
    return [*bills, websocket]


def lines(bills: Sequence[Bill], steps: int) -> list[str]:
    """The table."""
    told = [
        f"{f'{steps} steps, in bytes':20} {'sent':>9} {'of it state':>13} {'received':>10}"
        f" {'held by server':>16} {'by client':>11}"
    ]
    told += [
        f"{one.where:20} {one.sent:9,} {one.state:13,} {one.received:10,} {one.server:16,} {one.client:11,}"
        for one in bills
    ]
    return told


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Five carts: what each has to send.")
    parser.add_argument("--steps", type=int, default=100, help="things that go into each cart")
    parser.add_argument("--redis", help="redis://HOST:PORT/DATABASE, for one of the sessions")
    said = parser.parse_args()
    if not 1 <= said.steps <= 4000:
        parser.error("--steps is a number from 1 to 4000")
    with tempfile.TemporaryDirectory(prefix="playground-carts-") as folder:
        try:
            bills = shop(said.steps, Path(folder), said.redis)
        except (OSError, RuntimeError, ValueError) as error:
            parser.error(str(error))
    print("\n".join(lines(bills, said.steps)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

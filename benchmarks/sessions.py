"""What people who are logged in cost, by the store that keeps them; and what WebSockets cost beside them.

    python benchmarks/sessions.py [SESSIONS [WEBSOCKETS]]

For each store (memory, SQLite, and Redis where there is one) a fresh process: so many people (5,000 without
a number) log in with a cookie and put one thing into their cart, on 20 connections; then so many WebSockets
(1,000) are opened beside them, and each puts one thing into its cart. Prints what each of them takes: bytes
that the store keeps for a session, memory of the playground's process, and of the Redis server or the
SQLite file. Then all WebSockets hang up and all sessions are forgotten, and it prints what is left.

Passwords are hashed at the cheapest cost here: with the usual one, 5,000 logins take two minutes of one
processor, and no byte more.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from typing_extensions import override

from playground.ask import ask
from tests.stores.redis_server import RedisServer, program, redis_server

SESSIONS = 5000
WEBSOCKETS = 1000
CONNECTIONS = 20
RING = 1000
"""Events that the server keeps in memory: the same number throughout, so they count for nothing."""
WARM_UP = 300
"""Logins before anything is measured: they fill the ring, and load what is loaded at the first use."""
ROOM = 300
"""Descriptors and connections beyond those that are counted."""
LOGIN = b"user=ada&password=ada"
ADD = b"add=tea"
UPGRADE = (
    b"GET /ws/cart HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ADD_FRAME = b"\x81\x87\x00\x00\x00\x00add tea"


class Measured(NamedTuple):
    """What one store's run has shown. Bytes."""

    store: str
    kept: float
    """For a session, in the store: key and body."""
    memory: float
    """For a session, in the playground's process."""
    elsewhere: float
    """For a session, in the Redis server's memory or SQLite's file."""
    websocket: float
    """For a WebSocket, in the playground's process."""
    seconds: float
    """For a login and a change of the cart, one after the other on 20 connections."""
    left: tuple[int, int, int]
    """Sessions, connections and open descriptors more than before, in the end."""


class Child(NamedTuple):
    """The playground's process."""

    process: subprocess.Popen[str]
    state_dir: Path
    port: int

    def memory(self) -> int:
        """Resident bytes, once its journal is written."""
        ask(self.state_dir, {"ask": "flush"})
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

    def state(self) -> Any:
        """What is remembered now."""
        return ask(self.state_dir, {"ask": "state"})

    def descriptors(self) -> int:
        """How many are open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def main() -> None:
    """Measure and print."""
    sessions = int(sys.argv[1]) if sys.argv[1:] else SESSIONS
    websockets = int(sys.argv[2]) if sys.argv[2:] else WEBSOCKETS
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (websockets + ROOM, hard))
    print(f"{sessions} sessions and {websockets} WebSockets at once; bytes for each")
    print(
        f"  {'store':7} {'kept':>6} {'process':>8} {'store’s own':>12} {'a WebSocket':>12} {'ms a step':>10}"
    )
    for store in ("memory", "sqlite", "redis"):
        if store == "redis" and program() is None:
            print("  redis   neither valkey-server nor redis-server is installed")
            continue
        one = measure(store, sessions, websockets)
        print(
            f"  {one.store:7} {one.kept:6.0f} {one.memory:8.0f} {one.elsewhere:12.0f} {one.websocket:12.0f}"
            f" {1000 * one.seconds:10.2f}"
        )
        sessions_left, connections, descriptors = one.left
        print(
            f"          left: {sessions_left} sessions, {connections} connections, {descriptors} descriptors"
        )


def measure(store: str, sessions: int, websockets: int) -> Measured:
    """One store, in a process of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(redis_server(folder)) if store == "redis" else None
        child = stack.enter_context(
            served(folder / "state", redis.url if redis else store, sessions, websockets)
        )
        kept = log_in(child.port, WARM_UP)
        forget(child)
        before, elsewhere, descriptors = child.memory(), taken(redis, child), child.descriptors()
        began = monotonic()
        kept = log_in(child.port, sessions)
        seconds = (monotonic() - began) / (2 * sessions)
        with_sessions, full = child.memory(), taken(redis, child)
        sockets = [upgraded(child.port) for _ in range(websockets)]
        with_sockets = child.memory()
        for one in sockets:
            one.close()
        forget(child)
        state = child.state()
        return Measured(
            store,
            kept,
            (with_sessions - before) / sessions,
            (full - elsewhere) / sessions,
            (with_sockets - with_sessions) / websockets if websockets else 0.0,
            seconds,
            (len(state["sessions"]), len(state["connections"]), child.descriptors() - descriptors),
        )


def taken(redis: RedisServer | None, child: Child) -> int:
    """Bytes that the store takes outside of the playground's process."""
    if redis is not None:
        return int(redis.ask("INFO", "memory").partition(b"used_memory:")[2].split(b"\r")[0])
    return sum(file.stat().st_size for file in child.state_dir.glob("sessions.sqlite*"))


def forget(child: Child) -> None:
    """Everything, and wait until the last connection has gone."""
    ask(child.state_dir, {"ask": "forget", "where": ["session"]})
    while child.state()["connections"]:
        pass


def log_in(port: int, how_many: int) -> float:
    """So many log in and add something to their cart; returns the bytes that the store keeps for the last."""
    connections = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(CONNECTIONS)]
    answer: dict[str, Any] = {}
    for number in range(how_many):
        connection = connections[number % CONNECTIONS]
        head, _ = asked(connection, "/session/login", LOGIN)
        cookie = head.partition("Set-Cookie: ")[2].partition(";")[0]
        _, answer = asked(connection, "/session/cart", ADD, f"Cookie: {cookie}\r\n")
    for connection in connections:
        connection.close()
    return float(answer["held"]["server"])


def asked(connection: socket.socket, target: str, body: bytes, more: str = "") -> tuple[str, dict[str, Any]]:
    """One exchange: the answer's head, and its body."""
    head = f"POST {target} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    connection.sendall(head.encode() + body)
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += some(connection)
    said, _, rest = heard.partition(b"\r\n\r\n")
    length = int(said.partition(b"Content-Length: ")[2].split(b"\r")[0])
    while len(rest) < length:
        rest += some(connection)
    return said.decode(), json.loads(rest)


def some(connection: socket.socket) -> bytes:
    """What has arrived."""
    data = connection.recv(65_536)
    assert data, "the server has hung up"
    return data


def upgraded(port: int) -> socket.socket:
    """A WebSocket that has a cart with something in it."""
    connection = socket.create_connection(("127.0.0.1", port), 30)
    connection.sendall(UPGRADE + ADD_FRAME)
    heard = b""
    while b'"tea":1' not in heard:
        heard += some(connection)
    return connection


@contextmanager
def served(state_dir: Path, store: str, sessions: int, websockets: int) -> Iterator[Child]:
    """The server, in a process of its own."""
    command = [sys.executable, __file__, "--serve", str(state_dir), store, str(sessions), str(websockets)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": "."},
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        yield Child(process, state_dir, port)
        process.stdin.close()


def serve(state_dir: str, store: str, sessions: str, websockets: str) -> None:
    """What that process does: a playground as ever, but for the cost of a hash. It ends with its input."""
    from twisted.internet import reactor as typed_too_narrowly  # noqa: TID251  # a program of its own
    from twisted.internet.defer import Deferred
    from twisted.internet.protocol import Protocol
    from twisted.internet.stdio import StandardIO

    from playground.service import PlaygroundService
    from playground.settings import load
    from playground.stores.hashing import CHEAP

    reactor: Any = typed_too_narrowly
    room = int(websockets) + ROOM
    limits = [f"http.sessions={int(sessions) + ROOM}", f"http.connections={room}"]
    limits.append(f"http.connections_per_address={room}")
    limits.append(f"journal.ring={RING}")
    flags = {"only": "http", "http": "0", "state_dir": state_dir, "session_store": store, "set": limits}
    service = PlaygroundService(load(flags), reactor, cost=CHEAP)

    class Input(Protocol):
        @override
        def connectionLost(self, reason: object = None) -> None:
            closing = Deferred.fromCoroutine(service.close())
            _ = closing.addBoth(lambda _: reactor.stop())

    async def begin() -> None:
        await service.open()
        StandardIO(Input())
        os.write(1, b"%d\n" % service.running["http"].port)

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(begin()))
    reactor.run()


if __name__ == "__main__":
    serve(*sys.argv[2:]) if sys.argv[1:2] == ["--serve"] else main()

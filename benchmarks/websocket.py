"""How many short messages a second a WebSocket server echoes: this one and two others, side by side.

    python bootstrap.py bench          # once
    .venv/bin/python -m benchmarks.websocket [--rounds N] [--seconds S] [--connections C] [--size BYTES]

Each connection sends a text message, waits for its echo, and sends the next. All servers run at once and are
asked in turn, round after round. Printed is the median of the rounds: messages a second, the playground's
ratio to each peer (of the same round), and the microseconds of processor time that the server's process
needed for each message (which others on the machine disturb least). The journal is on.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import selectors
import socket
import sys
import time
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import NamedTuple

from benchmarks.http.peers import PLAYGROUND, Peer, Serving, cpu_seconds, playground, script
from playground.wire.frames import Opcode, frame

HANDSHAKE = (
    b"GET /websocket/echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

AIOHTTP = """
import sys
from aiohttp import WSMsgType, web
async def echo(request):
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket
app = web.Application()
app.router.add_get("/websocket/echo", echo)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
"""

WEBSOCKETS = """
import asyncio, sys
from contextlib import suppress
from websockets.exceptions import ConnectionClosed
from websockets.asyncio.server import serve
async def echo(socket):
    with suppress(ConnectionClosed):
        async for message in socket:
            await socket.send(message)
async def main():
    async with serve(echo, "127.0.0.1", int(sys.argv[1]), compression=None) as server:
        await server.serve_forever()
asyncio.run(main())
"""

PEERS = (
    Peer(PLAYGROUND, playground()),
    Peer("aiohttp", script(AIOHTTP)),
    Peer("websockets (asyncio)", script(WEBSOCKETS)),
)


class Round(NamedTuple):
    """What was counted in one round."""

    per_second: float
    cpu: float
    """Microseconds of the server's process for each message."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each server in each round")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--size", type=int, default=32, help="bytes of a message")
    asked = parser.parse_args()
    lacking = [name for name in ("aiohttp", "websockets") if importlib.util.find_spec(name) is None]
    if lacking:
        sys.exit(f"Not installed: {', '.join(lacking)}. Say: python bootstrap.py bench")
    text = b"x" * asked.size
    with ExitStack() as stack:
        serving = {peer.name: stack.enter_context(contextmanager(peer.start)()) for peer in PEERS}
        rounds: dict[str, list[Round]] = {name: [] for name in serving}
        for server in serving.values():
            echoes(server, text, 0.5, asked.connections)  # what is made at the first use
        for _ in range(asked.rounds):
            for name, server in serving.items():
                rounds[name].append(echoes(server, text, asked.seconds, asked.connections))
    print(f"Messages of {asked.size} bytes, {asked.connections} WebSockets, {asked.rounds} rounds")
    print(f"  {'':24} {'messages/s':>11} {'ratio':>6} {'CPU us':>7}")
    own = rounds[PLAYGROUND]
    for name, seen in rounds.items():
        ratio = median(mine.per_second / other.per_second for mine, other in zip(own, seen, strict=True))
        per_second, cpu = (median(column) for column in zip(*seen, strict=True))
        print(f"  {name:24} {per_second:11,.0f} {ratio:6.2f} {cpu:7.1f}")


def echoes(server: Serving, text: bytes, seconds: float, connections: int) -> Round:
    """One round: each connection has one message on the way all the time."""
    question = frame(Opcode.TEXT, text, key=os.urandom(4))
    answer = len(frame(Opcode.TEXT, text))
    ready = selectors.DefaultSelector()
    clients = [connect(server.port) for _ in range(connections)]
    cpu_before, began, count = cpu_seconds(server.pid), time.perf_counter(), 0
    for connected in clients:
        ready.register(connected, selectors.EVENT_READ)
        connected.sendall(question)
    heard = dict.fromkeys(clients, 0)
    while time.perf_counter() - began < seconds:
        for key, _ in ready.select(1.0):
            client = key.fileobj
            assert isinstance(client, socket.socket)
            heard[client] += len(client.recv(65_536))
            if heard[client] == answer:
                count += 1
                heard[client] = 0
                client.sendall(question)
    took, cpu = time.perf_counter() - began, cpu_seconds(server.pid) - cpu_before
    for connected in clients:
        connected.close()
    ready.close()
    return Round(count / took, cpu / count * 1e6)


def connect(port: int) -> socket.socket:
    """An open WebSocket."""
    client = socket.create_connection(("127.0.0.1", port), 10)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(HANDSHAKE)
    heard = b""
    while not heard.endswith(b"\r\n\r\n"):
        heard += client.recv(4096)
    assert heard.startswith(b"HTTP/1.1 101"), heard
    return client


if __name__ == "__main__":
    main()

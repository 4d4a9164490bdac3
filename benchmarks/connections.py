"""What a connection costs that says nothing: memory of the process, and one descriptor.

    python benchmarks/connections.py [HOW_MANY]

Opens so many connections (2,000 without a number) to one server after the other,
each in a fresh process, and prints KiB of resident memory for each of them:
idle after the greeting, and after one exchange that the server remembers; the
journal's ring of newest events is part of it
(FTP: a login, a folder and a type; the waiter: an order; the game: watch; HTTP: nothing to remember).
Beside them stands ``held``: the bytes of what is remembered for one of them (`playground state`).
"""

from __future__ import annotations

import resource
import socket
import sys
from pathlib import Path

from playground.testing import Running, run

HOW_MANY = 2000
ROOM = 200
"""Descriptors and connections beyond those that are counted."""
EXCHANGES = {
    "http": (b"", b"GET /state HTTP/1.1\r\nHost: x\r\n\r\n", b"}\n"),
    "ftp": (b"\r\n", b"USER ada\r\nPASS ada\r\nCWD docs\r\nTYPE I\r\n", b"200 Type set to: Binary.\r\n"),
    "game": (b"\n", b"watch\n", b"\n"),
    "waiter": (b"\n", b"order soup\n", b"\n"),
}
"""Server to the end of its greeting, what is said then, and the end of the answer."""


def main() -> None:
    """Measure and print."""
    how_many = int(sys.argv[1]) if sys.argv[1:] else HOW_MANY
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (how_many + ROOM, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    print(f"{how_many} connections to one server, KiB of memory for each")
    print(f"  {'':8} {'process alone':>14} {'idle':>8} {'after one exchange':>20} {'held':>12}")
    for server in EXCHANGES:
        alone, idle, after, held = measure(server, how_many)
        print(f"  {server:8} {alone / 1024:10.0f} MiB {idle:8.1f} {after:20.1f} {held:6.0f} bytes")


def measure(server: str, how_many: int) -> tuple[float, float, float, float]:
    """KiB of the process before; KiB a connection, idle and after one exchange; bytes held for one then."""
    limits = [
        f"{server}.connections={how_many + ROOM}",
        f"{server}.connections_per_address={how_many + ROOM}",
    ]
    with run(only=server, set=limits) as playground:
        greeting, question, ending = EXCHANGES[server]
        for client in open_some(playground, server, 20, greeting):  # what is loaded at the first use
            ask(client, question, ending)
            client.close()
        while playground.state()["connections"]:
            pass
        alone = memory(playground)
        clients = open_some(playground, server, how_many, greeting)
        idle = memory(playground)
        for client in clients:
            ask(client, question, ending)
        after = memory(playground)
        held = playground.state()["totals"][server]["held"]
        for client in clients:
            client.close()
    return alone, (idle - alone) / how_many, (after - alone) / how_many, held / how_many


def ask(client: socket.socket, question: bytes, ending: bytes) -> None:
    """Say it, and read to the end of the answer."""
    client.sendall(question)
    said = b""
    while not said.endswith(ending):
        said += client.recv(4096)


def open_some(playground: Running, server: str, how_many: int, greeting: bytes) -> list[socket.socket]:
    """Connections that have been greeted."""
    clients = []
    for _ in range(how_many):
        client = socket.create_connection(playground.servers[server], 30)
        clients.append(client)
        if greeting and server != "game":
            client.recv(4096)
    if server == "game":  # it waits a moment, in case that the client speaks first
        for client in clients:
            client.recv(4096)
    while len(playground.state()["connections"]) < how_many:
        pass
    return clients


def memory(playground: Running) -> float:
    """Resident memory of the process in KiB, once its journal is written."""
    playground.events("event:journal.open")
    status = Path(f"/proc/{playground.ready['pid']}/status").read_text()
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


if __name__ == "__main__":
    main()

"""How many small answers a second, and how quickly: this HTTP server and others, side by side in one go.

    python bootstrap.py bench          # once: the Python servers; wrk and nginx are the system's
    .venv/bin/python -m benchmarks.http [--rounds N] [--seconds S] [--connections C] [--only NAME ...]

All servers run at once and are asked in turn, round after round, so that what disturbs the machine
disturbs all of them. Printed is the median of the rounds: answers a second, the playground's ratio to
each peer (of the same round), p50 and p99 in ms, the microseconds of processor time that the server's
process needed for each answer (which others on the machine disturb least), and KiB of memory for each
kept connection that has had one answer and now says nothing.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import resource
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.http.peers import MOST_CONNECTIONS, PEERS, PLAYGROUND, Peer, Serving, cpu_seconds, missing

IDLE_CONNECTIONS = 1000
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


class Round(NamedTuple):
    """What wrk saw in one round."""

    per_second: float
    p50: float
    """ms"""
    p99: float
    cpu: float
    """Microseconds of the server's process for each answer."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each server in each round")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", nargs="*", help="peers whose names begin so, beside the playground")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk makes the requests and is not installed. Debian, Ubuntu: sudo apt install wrk")
    lacking = [name for name in ("uvicorn", "uvloop", "aiohttp") if importlib.util.find_spec(name) is None]
    if lacking:
        sys.exit(f"Not installed: {', '.join(lacking)}. Say: python bootstrap.py bench")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(MOST_CONNECTIONS, hard), hard))
    peers = [peer for peer in PEERS if wanted(peer, asked.only)]
    with ExitStack() as stack:
        serving = {peer.name: stack.enter_context(contextmanager(peer.start)()) for peer in peers}
        memory = {peer.name: idle_kib(serving[peer.name], peer.path) for peer in peers}
        for peer in peers:
            wrk(serving[peer.name], peer.path, 1, asked.connections)  # what is made at the first use
        rounds: dict[str, list[Round]] = {name: [] for name in serving}
        for _ in range(asked.rounds):
            for peer in peers:
                seen = wrk(serving[peer.name], peer.path, asked.seconds, asked.connections)
                rounds[peer.name].append(seen)
    print(f"Small answers, {asked.connections} kept connections, {asked.rounds} rounds of {asked.seconds} s")
    columns = (
        f"{'answers/s':>10} {'ratio':>6} {'p50 ms':>7} {'p99 ms':>7} {'CPU us':>7} {'KiB/connection':>15}"
    )
    print(f"  {'':30} {columns}")
    for name, all_of_it in rounds.items():
        print(f"  {name:30} {line(all_of_it, rounds[PLAYGROUND])} {memory[name]:15.1f}")


def line(seen: list[Round], own: list[Round]) -> str:
    """The medians of one server's rounds, and the playground's ratio to them."""
    ratio = median(mine.per_second / other.per_second for mine, other in zip(own, seen, strict=True))
    per_second, p50, p99, cpu = (median(column) for column in zip(*seen, strict=True))
    return f"{per_second:10,.0f} {ratio:6.2f} {p50:7.2f} {p99:7.2f} {cpu:7.1f}"


def wanted(peer: Peer, only: list[str] | None) -> bool:
    """Whether a peer was asked for and can be had; says so where it cannot."""
    if peer.name != PLAYGROUND and only is not None and not any(peer.name.startswith(one) for one in only):
        return False
    if missing(peer):
        print(f"{peer.needs} is not installed and left out. Debian, Ubuntu: sudo apt install {peer.needs}")
        return False
    return True


def wrk(server: Serving, path: str, seconds: int, connections: int) -> Round:
    """One round."""
    url = f"http://127.0.0.1:{server.port}{path}"
    cpu_before = cpu_seconds(server.pid)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        sys.exit(f"{url} gives other answers than 200:\n{said}")
    found = re.search(r"(\d+) requests in .*\nRequests/sec:\s+([\d.]+)", said, re.DOTALL)
    assert found is not None, said
    cpu = (cpu_seconds(server.pid) - cpu_before) / int(found[1]) * 1e6
    return Round(float(found[2]), percentile(said, "50%"), percentile(said, "99%"), cpu)


def percentile(said: str, which: str) -> float:
    """One line of wrk's latency distribution, in ms."""
    found = re.search(rf"^\s+{which}\s+([\d.]+)(us|ms|s)$", said, re.MULTILINE)
    assert found is not None, said
    return float(found[1]) * _UNITS[found[2]]


def idle_kib(server: Serving, path: str) -> float:
    """KiB of memory for a kept connection that has had one answer."""
    for client in kept_connections(server, path, 20):  # what is loaded at the first use
        client.close()
    before = memory(server.pid)
    clients = kept_connections(server, path, IDLE_CONNECTIONS)
    after = memory(server.pid)
    for client in clients:
        client.close()
    return (after - before) / IDLE_CONNECTIONS


def kept_connections(server: Serving, path: str, how_many: int) -> list[socket.socket]:
    """Connections that have had an answer."""
    clients = []
    for _ in range(how_many):
        client = socket.create_connection(("127.0.0.1", server.port), 10)
        client.sendall(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
        client.recv(4096)
        clients.append(client)
    return clients


def memory(pid: int) -> float:
    """Resident memory of a process in KiB; 0 where the system does not say."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    return float(next(line.split()[1] for line in status.read_text().splitlines() if "VmRSS" in line))


if __name__ == "__main__":
    main()

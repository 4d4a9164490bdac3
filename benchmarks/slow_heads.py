"""Ten thousand clients that send their heads at one byte a second, and a hundred that behave.

    python benchmarks/slow_heads.py [HOW_MANY [SECONDS]]

While so many slow clients (10,000) are connected for so long (60 s), each one that the server closes is
replaced by a new one, so that they never become fewer. The hundred ask five times a second each, on
connections that they keep, first alone and then beside the slow ones. The limits are the server's
defaults, except for the number of connections. Prints what the hundred wait for their answers, how the
slow ones ended, and the memory of the server's process. What a connection had is not given back to the
system when it goes, but used by the next one: at the end it is about what it was when all had come.

Three processes: the server, the slow clients, the hundred. On a machine with fewer processors than that they
also take time from each other, which the numbers then contain.
"""

from __future__ import annotations

import errno
import heapq
import multiprocessing
import resource
import select
import socket
import statistics
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from playground.testing import Address, Running, run

HOW_MANY = 10_000
SECONDS = 60.0
ROOM = 300
"""Descriptors and connections beyond the slow ones."""

NORMAL = 100
PAUSE = 0.2
"""Seconds between the questions of each of the hundred."""
QUESTION = b"GET /get?name=ada HTTP/1.1\r\nHost: here\r\nUser-Agent: normal\r\n\r\n"

SLOW_HEAD = b"GET / HTTP/1.1\r\nHost: here\r\nX-Slow: "
A_BYTE_EVERY = 1.0
"""Seconds."""
TICK = 0.001
"""Seconds. In each one at most one new slow client begins: ten thousand strangers do not act in step."""


class Slow:
    """One slow client."""

    __slots__ = ("begun", "heard", "sent", "socket")

    def __init__(self, address: Address, number: int) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.bind((f"127.0.{number % 250 + 1}.1", 0))  # one address would run out of ports
        if self.socket.connect_ex(address) not in (0, errno.EINPROGRESS):
            raise OSError("no connection")
        self.begun = time.monotonic()
        self.heard = b""
        self.sent = 0

    def send_one(self) -> None:
        """One byte more of a head that never ends."""
        try:
            self.socket.send(SLOW_HEAD[self.sent : self.sent + 1] or b"a")
            self.sent += 1
        except OSError:
            pass  # not connected yet, or not any more: then it is heard of soon

    def hear(self) -> bool:
        """Read; returns whether the server has closed."""
        try:
            data = self.socket.recv(4096)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self.heard += data
        return not data


class SlowHeads:
    """All the slow clients of one process."""

    def __init__(self, address: Address, how_many: int, *, a_byte_every: float = A_BYTE_EVERY) -> None:
        self._a_byte_every = a_byte_every
        self._address = address
        self._how_many = how_many
        self._numbers = 0
        self._open: dict[int, Slow] = {}
        self._turns: deque[tuple[float, Slow]] = deque()
        self._poll = select.epoll()
        self.ended: Counter[str] = Counter()
        """How the server took leave of them."""
        self.longest = 0.0
        """Seconds that one of them was served."""

    @property
    def open(self) -> int:
        """How many are connected."""
        return len(self._open)

    def go_on(self, until: Callable[[], bool], *, replace: bool) -> None:
        """Send bytes when they are due, and (``replace``) a new client where one is missing."""
        while not until():
            now = time.monotonic()
            if replace and self.open < self._how_many:
                self._begin(now)
            while self._turns and self._turns[0][0] <= now:
                _, slow = self._turns.popleft()
                if slow.socket.fileno() >= 0:
                    slow.send_one()
                    self._turns.append((now + self._a_byte_every, slow))
            for descriptor, _ in self._poll.poll(TICK):
                if self._open[descriptor].hear():
                    self._end(descriptor)

    def _begin(self, now: float) -> None:
        self._numbers += 1
        slow = Slow(self._address, self._numbers)
        self._open[slow.socket.fileno()] = slow
        self._poll.register(slow.socket, select.EPOLLIN)
        self._turns.append((now + self._a_byte_every, slow))

    def _end(self, descriptor: int) -> None:
        slow = self._open.pop(descriptor)
        self._poll.unregister(descriptor)
        slow.socket.close()
        self.longest = max(self.longest, time.monotonic() - slow.begun)
        self.ended[slow.heard.partition(b"\r\n")[0].decode() or "without a word"] += 1

    def close(self) -> None:
        """Hang up."""
        for slow in self._open.values():
            slow.socket.close()
        self._poll.close()


def ask(address: Address, how_many: int, seconds: float, tell: Any) -> None:
    """So many clients ask for so long; ``tell`` (a queue) gets the seconds that each answer took."""
    random, begin = Random(7), time.monotonic()
    sockets = [socket.create_connection(address, 30) for _ in range(how_many)]
    poll, asked, times = select.epoll(), dict[int, float](), list[float]()
    by_number = {client.fileno(): client for client in sockets}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    due = [(begin + random.random() * PAUSE, number) for number in by_number]
    heapq.heapify(due)
    while due or asked:
        now = time.monotonic()
        while due and due[0][0] <= now:
            _, number = heapq.heappop(due)
            if now < begin + seconds:
                asked[number] = time.perf_counter()
                by_number[number].sendall(QUESTION)
        wait = max(due[0][0] - now, 0) if due else 1.0
        for number, _ in poll.poll(wait):
            heard = by_number[number].recv(65536)
            if not heard.startswith(b"HTTP/1.1 200 ") or not heard.endswith(b"}\n"):
                raise AssertionError(f"an answer of another kind: {heard!r}")
            times.append(time.perf_counter() - asked.pop(number))
            heapq.heappush(due, (time.monotonic() + PAUSE * (0.5 + random.random()), number))
    for client in sockets:
        client.close()
    tell.put(times)


class Asking:
    """The clients that behave, in a process of their own."""

    def __init__(self, address: Address, how_many: int, seconds: float) -> None:
        fresh = multiprocessing.get_context("spawn")  # a process without this one's threads and sockets
        self._queue: Any = fresh.Queue()
        self._process = fresh.Process(target=ask, args=(address, how_many, seconds, self._queue))
        self._process.start()
        self._times: list[float] | None = None

    def done(self) -> bool:
        """Whether they have asked enough."""
        if self._times is None and not self._queue.empty():
            self._times = self._queue.get()
            self._process.join()
        if self._times is None and not self._process.is_alive() and self._queue.empty():
            raise AssertionError("the clients that behave have failed")
        return self._times is not None

    def times(self) -> Sequence[float]:
        """Wait for them; the seconds that each answer took."""
        while not self.done():
            self._process.join(0.05)
        assert self._times is not None
        return sorted(self._times)


def p99(ordered: Sequence[float]) -> float:
    """The time that one answer of a hundred exceeds."""
    return ordered[int(len(ordered) * 0.99) - 1]


def limits(how_many: int) -> list[str]:
    """Settings with which so many may be connected."""
    return [f"http.connections={how_many + ROOM}", f"http.connections_per_address={how_many + ROOM}"]


def allow_descriptors(how_many: int) -> None:
    """Let this process, and those that it starts, open so many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (how_many + ROOM, hard))


def main() -> None:
    """Measure and print."""
    how_many = int(sys.argv[1]) if sys.argv[1:] else HOW_MANY
    seconds = float(sys.argv[2]) if sys.argv[2:] else SECONDS
    allow_descriptors(how_many)
    with run(only="http", set=limits(how_many)) as playground:
        address = playground.servers["http"]
        Asking(address, NORMAL, 2.0).times()  # what is loaded at the first use
        quiet = Asking(address, NORMAL, min(seconds, 20.0)).times()
        before = memory(playground)

        slow = SlowHeads(address, how_many)
        slow.go_on(lambda: slow.open == how_many, replace=True)
        all_there = memory(playground)
        asking = Asking(address, NORMAL, seconds)
        slow.go_on(asking.done, replace=True)
        during = memory(playground)
        attacked = asking.times()
        slow.go_on(lambda: not slow.open, replace=False)
        slow.close()
        while playground.state()["connections"]:
            pass
        after = memory(playground)

    print(f"{NORMAL} clients, one question each {PAUSE:g} s; answers in ms")
    print(f"  {'':34} {'p50':>8} {'p99':>8} {'longest':>8}")
    for name, times in (("alone", quiet), (f"beside {how_many} slow heads", attacked)):
        p50 = statistics.median(times)
        print(f"  {name:34} {p50 * 1e3:8.2f} {p99(times) * 1e3:8.2f} {times[-1] * 1e3:8.2f}")
    print(f"  p99, beside to alone: {p99(attacked) / p99(quiet):.2f}")
    print(f"slow heads that were ended: {sum(slow.ended.values())}, the last after {slow.longest:.1f} s")
    for how, count in slow.ended.most_common():
        print(f"  {count:8} {how}")
    print(f"memory of the server, MiB: {before:.0f} before, {all_there:.0f} when all had come,")
    print(f"  {during:.0f} at the end, {after:.0f} when all were gone")


def memory(playground: Running) -> float:
    """Resident memory of the server's process, in MiB."""
    status = Path(f"/proc/{playground.ready['pid']}/status").read_text()
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


if __name__ == "__main__":
    main()

"""Ten thousand clients that send their heads at one byte a second, and a hundred that behave.

    python -m benchmarks.slow_heads [--slow N] [--seconds S] [--rounds R]

While so many slow clients (10,000) are connected for so long (60 s), each one that the server closes is
replaced by a new one, so that they never become fewer. The hundred ask on connections that they keep, first
alone and then beside the slow ones: five times a second each, and then again as soon as they are answered.
The limits are the server's defaults, except for the number of connections. Where nginx is installed, it has
to bear the same, with one worker and the same ten seconds for a head. Printed is what the hundred wait for
their answers, how the slow ones ended, and the memory of the playground's process. What a connection had is
used by the next one, and not given back to the system; playground.trimming says when it would be.

Three processes are at work: the server, the hundred, and the slow ones, which run where nobody else wants to,
for real strangers have machines of their own. For the same reason an answer's time ends when the kernel has
it for its client. They still share two processors, and the numbers contain that.
"""

from __future__ import annotations

import argparse
import errno
import heapq
import multiprocessing
import resource
import select
import socket
import statistics
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from benchmarks.answer_times import p99
from benchmarks.http.peers import PLAYGROUND, Peer, missing, nginx, playground
from benchmarks.strangers import give_way, read, stamp
from playground.testing import Address

ROOM = 300
"""Descriptors and connections beyond the slow ones."""

NORMAL = 100
PAUSES = {"five times a second each": 0.2, "again, once answered": 0.0}
"""Seconds between an answer and the next question of each of the hundred, on average."""
QUESTION = b"GET /%b HTTP/1.1\r\nHost: here\r\nUser-Agent: normal\r\n\r\n"

SLOW_HEAD = b"GET / HTTP/1.1\r\nHost: here\r\nX-Slow: "
A_BYTE_EVERY = 1.0
"""Seconds."""
TICK = 0.001
"""Seconds."""
COME_WITHIN = 9.0
"""Seconds in which all slow clients come, and are replaced: evenly, for strangers do not act in step."""


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

    def __init__(
        self,
        address: Address,
        how_many: int,
        *,
        a_byte_every: float = A_BYTE_EVERY,
        come_within: float = COME_WITHIN,
    ) -> None:
        self._a_byte_every = a_byte_every
        self._come_every = come_within / how_many
        self._address = address
        self._how_many = how_many
        self._numbers = 0
        self._next_comes = 0.0
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
            while replace and self.open < self._how_many and self._next_comes <= now:
                self._begin(now)
                self._next_comes = max(self._next_comes + self._come_every, now - TICK)
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


def ask(address: Address, how_many: int, seconds: float, pause: float, path: str, tell: Any) -> None:
    """So many clients ask for so long; ``tell`` (a queue) gets the seconds that each answer took."""
    question = QUESTION % path.encode()
    random, begin = Random(7), time.monotonic()
    sockets = [socket.create_connection(address, 30) for _ in range(how_many)]
    poll, asked, times = select.epoll(), dict[int, float](), list[float]()
    by_number = {client.fileno(): client for client in sockets}
    for client in sockets:
        stamp(client)
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    due = [(begin + random.random() * pause, number) for number in by_number]
    heapq.heapify(due)
    while due or asked:
        now = time.monotonic()
        while due and due[0][0] <= now:
            _, number = heapq.heappop(due)
            if now < begin + seconds:
                asked[number] = time.time()
                by_number[number].sendall(question)
        wait = max(due[0][0] - now, 0) if due else 1.0
        for number, _ in poll.poll(wait):
            heard, when = read(by_number[number])
            if not heard.startswith(b"HTTP/1.1 200 ") or not heard.endswith(b"}\n"):
                raise AssertionError(f"an answer of another kind: {heard!r}")
            times.append(when - asked.pop(number))
            heapq.heappush(due, (time.monotonic() + pause * (0.5 + random.random()), number))
    for client in sockets:
        client.close()
    tell.put(times)


class Asking:
    """The clients that behave, in a process of their own."""

    def __init__(
        self,
        address: Address,
        how_many: int,
        seconds: float,
        *,
        pause: float = 0.2,
        path: str = "get?name=ada",
    ) -> None:
        fresh = multiprocessing.get_context("spawn")  # a process without this one's threads and sockets
        self._queue: Any = fresh.Queue()
        self._process = fresh.Process(target=ask, args=(address, how_many, seconds, pause, path, self._queue))
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
        return self._times


def limits(how_many: int) -> list[str]:
    """Settings with which so many may be connected."""
    return [f"http.connections={how_many + ROOM}", f"http.connections_per_address={how_many + ROOM}"]


def allow_descriptors(how_many: int) -> None:
    """Let this process, and those that it starts, open so many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (how_many + ROOM, hard))


def attack(address: Address, how_many: int, all_here: Any, over: Any, tell: Any) -> None:
    """The slow ones, in a process of their own, until ``over``; ``tell`` gets how they ended."""
    give_way()
    slow = SlowHeads(address, how_many)
    slow.go_on(lambda: slow.open == how_many, replace=True)
    all_here.set()
    slow.go_on(over.is_set, replace=True)
    slow.go_on(lambda: not slow.open, replace=False)
    slow.close()
    tell.put((slow.ended, slow.longest))


@contextmanager
def under_attack(address: Address, how_many: int) -> Iterator[list[Any]]:
    """While this lasts, the slow ones are there. Afterwards the list has how they ended, and the longest."""
    fresh, ends = multiprocessing.get_context("spawn"), list[Any]()
    all_here, over, tell = fresh.Event(), fresh.Event(), fresh.Queue()
    process = fresh.Process(target=attack, args=(address, how_many, all_here, over, tell))
    process.start()
    try:
        if not all_here.wait(60):
            raise AssertionError("not all of the slow ones could come")
        yield ends
        over.set()
        ends += tell.get(timeout=60)
    finally:
        process.terminate()
        process.join()


class Round(NamedTuple):
    """What one server did in one round; times in order, in seconds, for each of :data:`PAUSES`."""

    alone: list[Sequence[float]]
    beside: list[Sequence[float]]
    ended: Counter[str]
    longest: float
    """Seconds that a slow one was served."""
    memory: list[float]
    """MiB: before, when all had come, when the hundred had asked, when all were gone."""


def measured(peer: Peer, how_many: int, seconds: float) -> Round:
    """Start the server, and ask it alone and beside the slow ones."""
    path = "get?name=ada" if peer.name == PLAYGROUND else "version"

    def asked(each: float) -> list[Sequence[float]]:
        return [Asking(address, NORMAL, each, pause=pause, path=path).times() for pause in PAUSES.values()]

    with contextmanager(peer.start)() as serving:
        address = Address("127.0.0.1", serving.port)
        asked(1.0)  # what is loaded at the first use
        alone = asked(min(seconds / 2, 10.0))
        memory = [resident(serving.pid)]
        with under_attack(address, how_many) as ends:
            memory.append(resident(serving.pid))
            beside = asked(seconds / 2)
            memory.append(resident(serving.pid))
        memory.append(resident(serving.pid))
    ended, longest = ends
    return Round(alone, beside, ended, longest, memory)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--slow", type=int, default=10_000, help="how many slow clients there are at once")
    parser.add_argument("--seconds", type=float, default=60.0, help="that the hundred ask beside them")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    allow_descriptors(given.slow)
    peers = [Peer(PLAYGROUND, playground()), Peer("nginx, one worker", nginx, needs="nginx")]
    rounds: dict[str, list[Round]] = {peer.name: [] for peer in peers if not missing(peer)}
    for _ in range(given.rounds):
        for peer in peers:
            if peer.name in rounds:
                rounds[peer.name].append(measured(peer, given.slow, given.seconds))
    print(f"{NORMAL} clients alone and beside {given.slow:,} slow heads; ms that their answers took,")
    print(f"medians of {given.rounds} rounds")
    print(f"  {'':18} {'':26} {'alone: p50':>10} {'p99':>7} {'beside: p50':>11} {'p99':>7} {'p99 ratio':>10}")
    for name, seen in rounds.items():
        for number, how in enumerate(PAUSES):
            print(f"  {name:18} {how:26} {row(seen, number)}")
    for one in rounds[PLAYGROUND]:
        ends = ", ".join(f"{count:,} {how}" for how, count in one.ended.most_common())
        print(f"the playground's slow ones: {ends}; the last after {one.longest:.1f} s; its memory in MiB:")
        print(
            "  {:.0f} before, {:.0f} when all had come, {:.0f} at the end, {:.0f} afterwards".format(
                *one.memory
            )
        )


def row(rounds: Sequence[Round], number: int) -> str:
    """p50 and p99, alone and beside the slow ones, and how many times as long the second p99 is."""
    pairs = [(one.alone[number], one.beside[number]) for one in rounds]
    alone50, beside50 = (
        statistics.median(map(statistics.median, times)) * 1e3 for times in zip(*pairs, strict=True)
    )
    alone99, beside99 = (statistics.median(map(p99, times)) * 1e3 for times in zip(*pairs, strict=True))
    ratio = statistics.median(p99(beside) / p99(alone) for alone, beside in pairs)
    return f"{alone50:10.2f} {alone99:7.2f} {beside50:11.2f} {beside99:7.2f} {ratio:10.2f}"


def resident(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


if __name__ == "__main__":
    main()

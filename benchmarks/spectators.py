"""How quickly Lantern tells a thousand spectators, beside a bare broadcast of the same lines.

    python benchmarks/spectators.py

The bare server is a LineOnlyReceiver that keeps no state, no journal and no
limits: it counts the moves of a step and sends the same lines to the same
connections. Both run in processes of their own, and are asked in turns. Printed
are the commands that 100 players get answered a second, and the time from the
move that makes a step to the last of 1,000 spectators, with the ratios of the
medians (above 1: Lantern is quicker).

Lantern does more: each move is on the disk before anything is said of it, and
each line to each listener is an event in the journal. Its caves also end, which
takes a few more lines: how many lines a command leads to is printed for both.
The pause between two caves is as good as none, so that nothing waits for a clock.
"""

from __future__ import annotations

import multiprocessing
import resource
import selectors
import socket
import statistics
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from typing_extensions import override

from benchmarks.answer_times import p99
from playground.testing import Address, run

PLAYERS = 100
SPECTATORS = 1000
ROUNDS = 3
STEPS = 6
SECONDS = 2.0

SET = {
    "game.connections": 5000,
    "game.connections_per_address": 5000,
    "game.lines_per_second": 0,
    "game.pause": 0.0001,
    "game.oil": 600,
    "game.greeting": 0,
    "game.hello": 0,
}


class Figures(NamedTuple):
    """What one server did in one round."""

    commands: float
    """Answered a second, with nobody watching but the players."""
    watched_commands: float
    """The same with all spectators."""
    delays: list[float]
    """Seconds from the resolving move to the last spectator."""
    lines: float
    """Lines that were read for each command, with nobody watching but the players."""


def main() -> None:
    """Measure and print."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    limits = [f"{name}={value}" for name, value in SET.items()]
    rounds: list[tuple[Figures, Figures]] = []
    for _ in range(ROUNDS):
        with run(only="game", http=None, ftp=None, waiter=None, set=limits) as playground:
            ours = figures(playground.servers["game"])
        here, there = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve_bare, args=(there,), daemon=True)
        server.start()
        bare = figures(Address("127.0.0.1", here.recv()))
        server.terminate()
        server.join()
        rounds.append((ours, bare))
    print(f"{PLAYERS} players, {SPECTATORS} spectators, medians of {ROUNDS} rounds")
    print(f"  {'':34} {'lantern':>10} {'bare':>10} {'ratio':>7}")
    table: list[tuple[str, Callable[[Figures], float], bool]] = [
        ("commands/s, players alone", lambda one: one.commands, True),
        ("commands/s, with spectators", lambda one: one.watched_commands, True),
        ("to the last spectator, p50, ms", lambda one: 1000 * statistics.median(one.delays), False),
        ("to the last spectator, p99, ms", lambda one: 1000 * p99(one.delays), False),
    ]
    for name, value, more_is_better in table:
        pairs = [(value(ours), value(bare)) for ours, bare in rounds]
        ratios = [ours / bare if more_is_better else bare / ours for ours, bare in pairs]
        mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(f"  {name:34} {mine:10.1f} {theirs:10.1f} {statistics.median(ratios):7.2f}")
    lantern_lines, bare_lines = (
        statistics.median(one.lines for one in side) for side in zip(*rounds, strict=True)
    )
    print(f"  {'lines read for a command, alone':34} {lantern_lines:10.1f} {bare_lines:10.1f}")


# -- the crowd ---------------------------------------------------------------------------------------


class Crowd:
    """Players and spectators in one loop. What they read is searched, not cut into lines."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._selector = selectors.DefaultSelector()
        self.spectators: list[socket.socket] = []
        self.steps = dict.fromkeys(self.spectators, 0)
        """How many steps each spectator was told of."""
        self.taken = 0
        """Commands that were answered."""
        self.lines = 0
        """Lines that anybody has read."""
        self.asked: set[socket.socket] = set()
        """Whose turn it is."""
        self.players: list[socket.socket] = []
        for number in range(PLAYERS):
            self.players.append(self._connect(f"name p-{number}\n"))
        self.until_quiet()
        for player in self.players:
            player.sendall(b"ready\n")

    def _connect(self, line: str) -> socket.socket:
        one = socket.create_connection(self._address, 30)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.sendall(line.encode())
        self._selector.register(one, selectors.EVENT_READ)
        return one

    def watch(self) -> None:
        """The spectators come."""
        for _ in range(SPECTATORS):
            one = self._connect("watch\n")
            self.spectators.append(one)
            self.steps[one] = 0
            self.turn(0)
        self.until_quiet()

    def turn(self, seconds: float) -> None:
        """Read what there is."""
        for key, _ in self._selector.select(seconds):
            one: socket.socket = key.fileobj  # type: ignore[assignment]  # sockets are all it has
            data = one.recv(262_144)
            self.lines += data.count(b"\n")
            if not data:
                raise EOFError("the server has closed")
            if one in self.steps:
                self.steps[one] += data.count(b"> depth ")
                continue
            self.taken += data.count(b"= go") + data.count(b"= ready")
            if b"? go " in data:
                self.asked.add(one)
            if b"* Say: ready, for another" in data:
                one.sendall(b"ready\n")

    def until_quiet(self) -> None:
        """Read until nothing comes for a while."""
        while self._selector.select(0.2):
            self.turn(0)

    def until(self, true: Callable[[], bool]) -> None:
        """Read until that is so."""
        deadline = time.monotonic() + 30
        while not true():
            if time.monotonic() > deadline:
                raise TimeoutError("the server does not answer")
            self.turn(0.5)

    def go(self, one: socket.socket) -> None:
        """Deeper."""
        self.asked.discard(one)
        one.sendall(b"go\n")

    def close(self) -> None:
        """Hang up."""
        for one in [*self.players, *self.spectators]:
            one.close()


def figures(address: Address) -> Figures:
    """Play, alone and watched."""
    crowd = Crowd(address)
    try:
        lines, taken = crowd.lines, crowd.taken
        alone = commands(crowd)
        lines, taken = crowd.lines - lines, crowd.taken - taken
        crowd.watch()
        delays = [delay(crowd) for _ in range(STEPS)]
        watched = commands(crowd)
    finally:
        crowd.close()
    return Figures(alone, watched, delays, lines / taken)


def commands(crowd: Crowd) -> float:
    """Commands that are answered a second, when everybody moves as soon as it is his turn."""
    began, before = time.monotonic(), crowd.taken
    while time.monotonic() - began < SECONDS:
        for player in list(crowd.asked):
            crowd.go(player)
        crowd.turn(0.5)
    speed = (crowd.taken - before) / (time.monotonic() - began)
    crowd.until_quiet()
    return speed


def begin_a_step(crowd: Crowd) -> None:
    """Let those who are still asked finish a step that others have begun, until it is everybody's turn."""
    deadline = time.monotonic() + 30
    while len(crowd.asked) < PLAYERS:
        if time.monotonic() > deadline:
            raise TimeoutError("the server does not answer")
        for player in list(crowd.asked):
            crowd.go(player)
        crowd.until_quiet()


def delay(crowd: Crowd) -> float:
    """From the move that makes a step to the last spectator."""
    begin_a_step(crowd)
    *others, last = crowd.players
    taken = crowd.taken + PLAYERS - 1
    for player in others:
        crowd.go(player)
    crowd.until(lambda: crowd.taken >= taken)
    crowd.until_quiet()
    steps = {one: told + 1 for one, told in crowd.steps.items()}
    began = time.monotonic()
    crowd.go(last)
    crowd.until(lambda: crowd.steps[crowd.spectators[-1]] == steps[crowd.spectators[-1]])
    crowd.until(lambda: all(crowd.steps[one] == told for one, told in steps.items()))
    return time.monotonic() - began


# -- the bare server ---------------------------------------------------------------------------------


def serve_bare(pipe: Connection) -> None:
    """Say the port into ``pipe``, and serve until the process is ended."""
    from twisted.internet import reactor as typed_too_narrowly  # noqa: TID251  # a program of its own
    from twisted.internet.protocol import Factory
    from twisted.protocols.basic import LineOnlyReceiver

    reactor: Any = typed_too_narrowly
    players: dict[Any, str] = {}
    everybody: dict[Any, None] = {}
    chosen: set[Any] = set()

    def tell(line: str, to: Iterable[Any]) -> None:
        data = line.encode()
        for one in to:
            one.sendLine(data)

    def tell_one(to: Any, line: bytes) -> None:
        to.sendLine(line)

    def ask() -> None:
        chosen.clear()
        tell("? go deeper or go home? (600s of oil)  you carry 0", players)

    class Bare(LineOnlyReceiver):
        delimiter = b"\n"

        @override
        def connectionMade(self) -> None:
            self.transport.setTcpNoDelay(True)  # type: ignore[union-attr]  # TCP has it
            tell_one(self, b"* Lantern. Say: name <you> | resume <token> | watch")

        @override
        def lineReceived(self, line: bytes) -> None:
            word, _, rest = line.decode().partition(" ")
            if word == "name":
                players[self] = rest
                everybody[self] = None
                tell_one(self, f"* welcome {rest}. Your token is {'0' * 20}. Say: ready".encode())
            elif word == "watch":
                everybody[self] = None
                tell_one(self, b"* you watch. To play, say: sit <you>")
            elif word in ("go", "ready"):
                chosen.add(self)
                tell_one(self, b"= " + line)
                news = f"* {players[self]} has chosen ({len(chosen)}/{len(players)})"
                tell(news, (one for one in everybody if one is not self))
                if len(chosen) == len(players):
                    tell("> depth 3: a vein of 17 gems. 0 each, 17 left on the floor", everybody)
                    ask()

    class Bares(Factory):
        noisy = False
        protocol = Bare

    port = reactor.listenTCP(0, Bares(), backlog=1024, interface="127.0.0.1")
    pipe.send(port.getHost().port)
    reactor.run()


if __name__ == "__main__":
    main()

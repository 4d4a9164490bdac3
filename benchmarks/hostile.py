"""How long players wait for an answer while everything hostile goes on beside them.

    python -m benchmarks.hostile

Players ask and wait, first in quiet, then while each attack of
playground.lab.attacks is repeated again and again by other processes, with
2,000 connections beside them that say nothing; in turns. Prints p50 and p99 of
each turn, and the median of the ratios.

Real attackers have machines of their own. Here they share the server's, so they run
when nobody else wants to (SCHED_IDLE; with nice 19 they would still keep a processor for
milliseconds that the server needs): what is measured is what their connections do to the
server, not who gets the processor. For the same reason an answer's time ends when the
kernel has it for the player, and not when this program, one of many on the same two
processors, gets round to reading it. Players have their seats before the first of them
asks. A quiet turn begins when nothing is left of the attack before it: no connection and
no seat. Both kinds of turn are measured in the same way.
"""

from __future__ import annotations

import multiprocessing
import resource
import selectors
import socket
import statistics
import threading
import time
from contextlib import suppress
from multiprocessing.synchronize import Event
from random import Random

from benchmarks.answer_times import in_ms, p99
from benchmarks.strangers import give_way, read, stamp
from playground.lab.attacks import ATTACKS
from playground.testing import Address, Running, run

TURNS = 5
SECONDS = 4.0
PLAYERS = 20
THINK = 0.1
"""Seconds between an answer and the next question, on average."""
SILENT = 2000
EACH_EVERY = 0.5
"""Seconds from one attack of a kind to the next."""

SET = {
    "game.connections": 5000,
    "game.connections_per_address": 5000,
    "game.tokens_per_address": 0,
    "game.seats": 1000,
    "game.lines_per_second": 50,
    "game.grace": 2,
    "game.clogged": 2,
}


def main() -> None:
    """Measure and print."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with run(
        set=[f"{name}={value}" for name, value in SET.items()], only="game", http=None, ftp=None, waiter=None
    ) as playground:
        address = playground.servers["game"]
        print(f"{PLAYERS} players ask and wait, {len(ATTACKS)} kinds of attack, each every {EACH_EVERY} s,")
        print(f"{SILENT} silent connections; answers in ms")
        print(f"  {'':10} {'answers':>8} {'p50':>8} {'p99':>8} {'longest':>8}")
        ratios = []
        for _ in range(TURNS):
            until_all_are_gone(playground)
            quiet = answers(address)
            hostile = under_attack(address)
            for name, times in (("quiet", quiet), ("hostile", hostile)):
                print(f"  {name:10} {len(times):8} {in_ms(times)}")
            ratios.append(p99(hostile) / p99(quiet))
        print(f"p99 hostile / p99 quiet: {statistics.median(ratios):.2f} (median of {TURNS})")
        refused = {event.rule for event in playground.events("event:refused")}
        limits = {event.limit for event in playground.events("event:limit")}
        print(f"refused: {', '.join(sorted(refused))}; limits: {', '.join(sorted(limits))}")


def until_all_are_gone(playground: Running) -> None:
    """Wait until the server remembers nobody."""
    deadline = time.monotonic() + 30
    while (state := playground.state())["connections"] or state["sessions"]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"still there: {state}")
        time.sleep(0.2)  # noqa: TID251  # no reactor here: the server is another process


def under_attack(address: Address) -> list[float]:
    """The answers' times while all that goes on."""
    stop, all_silent = multiprocessing.Event(), multiprocessing.Event()
    workers = [
        multiprocessing.Process(target=say_nothing, args=(address, stop, all_silent)),
        multiprocessing.Process(target=attack, args=(address, stop)),
    ]
    for worker in workers:
        worker.start()
        all_silent.wait(30)
    try:
        return answers(address)
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def attack(address: Address, stop: Event) -> None:
    """Each attack in a thread of its own, again and again."""
    give_way()

    def again_and_again(name: str) -> None:
        random = Random(f"{name} {time.time_ns()}")  # seats of the turn before may still be kept
        while not stop.wait(EACH_EVERY * random.uniform(0.5, 1.5)):
            ATTACKS[name](address, random)

    threads = [threading.Thread(target=again_and_again, args=(name,)) for name in ATTACKS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def say_nothing(address: Address, stop: Event, all_there: Event) -> None:
    """Be there, and say no name."""
    give_way()
    crowd: list[socket.socket] = []
    with suppress(OSError):
        while len(crowd) < SILENT and not stop.is_set():
            crowd.append(socket.create_connection(address, 5))
    all_there.set()
    stop.wait()
    for one in crowd:
        one.close()


def answers(address: Address) -> list[float]:
    """How long each of the players' questions waited for its answer, in seconds."""
    random, times, selector = Random(1), list[float](), selectors.DefaultSelector()
    players = [seated(address, f"p-{number}-{time.time_ns() % 10**6}") for number in range(PLAYERS)]
    by_number = {player.fileno(): player for player in players}
    for player in players:
        selector.register(player, selectors.EVENT_READ)
    due = [(time.time() + random.uniform(0, THINK), player) for player in players]
    asked: dict[socket.socket, float] = {}
    end = time.time() + SECONDS
    while (now := time.time()) < end:
        for moment, player in [one for one in due if one[0] <= now]:
            due.remove((moment, player))
            asked[player] = time.time()
            player.sendall(b"look\n")
        for key, _ in selector.select(0.001):
            player = by_number[key.fd]
            heard, when = read(player)
            if player in asked and b"> no cave is open" in heard:
                times.append(when - asked.pop(player))
                due.append((time.time() + random.uniform(0, 2 * THINK), player))
    for player in players:
        player.sendall(b"quit\n")
        player.close()
    return times


def seated(address: Address, name: str) -> socket.socket:
    """A player with a seat."""
    player = socket.create_connection(address, 10)
    stamp(player)
    player.sendall(f"name {name}\n".encode())
    while b"* welcome" not in read(player)[0]:
        pass
    return player


if __name__ == "__main__":
    main()

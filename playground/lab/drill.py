"""The recovery drill: a crowd plays Lantern, and the server is killed under it, again and again.

    python -m playground.lab.drill --players 50 --seconds 20 --kills 5 --store sqlite

A playground of its own is started in a temporary folder, and nothing of it is
left. After each ``kill -9`` the store is read as the dead process left it, and
every move that was acknowledged is looked for in it; then a new process is
started, every player comes with the token, and what they are told is compared
with what was saved. The exit status is 1 when a durable store has lost anything.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from playground.lab.crowd import Crowd
from playground.lab.player import Player
from playground.lab.referee import Gems, Referee, Verdict
from playground.servers.game import saved
from playground.servers.game.saved import Saved
from playground.testing import Running, start

PATIENCE = 60.0
"""Seconds that the whole crowd may take to have seats before the drill is given up."""

LIMITS = {
    # Scripts type faster than people, and a crowd comes from one address.
    "game.lines_per_second": 0,
    "game.connections": 2000,
    "game.connections_per_address": 2000,
    "game.tokens_per_address": 0,
    "game.pause": 0.2,
}
MOST_PLAYERS = 1000


@dataclass(frozen=True)
class Plan:
    """What to do."""

    players: int = 50
    seconds: float = 20.0
    kills: int = 5
    store: str = "sqlite"
    seed: int = 1

    def moments(self) -> list[float]:
        """Seconds of play before each kill, and after the last: somewhere in each equal part of the time."""
        random = Random(self.seed)
        part = self.seconds / max(self.kills, 1)
        kills = [part * (number + random.uniform(0.1, 0.9)) for number in range(self.kills)]
        edges = [0.0, *kills, self.seconds]
        return [later - earlier for earlier, later in pairwise(edges)]


@dataclass(frozen=True)
class Kill:
    """One kill, and what came of it."""

    verdict: Verdict
    resumed: int
    first_answer: float
    """Seconds from the new start to the first player's answer."""


@dataclass(frozen=True)
class Report:
    """All of it."""

    plan: Plan
    kills: Sequence[Kill]
    objections: Sequence[str]
    gems_at_the_end: Gems | None

    @property
    def lost(self) -> int:
        """Acknowledged moves that nobody knows any more."""
        return sum(len(kill.verdict.lost) for kill in self.kills)

    @property
    def kept_everything(self) -> bool:
        """No move, no seat and no gem is missing, and nobody was told anything that was not saved."""
        gems = [self.gems_at_the_end, *(kill.verdict.gems for kill in self.kills)]
        return (
            not self.lost
            and not self.objections
            and all(one is not None and one.conserved for one in gems)
            and all(kill.resumed == self.plan.players for kill in self.kills)
        )

    def lines(self) -> list[str]:
        """For a person."""
        lines = [
            f"{self.plan.players} players, {self.plan.seconds:g} s, {self.plan.kills} kills, "
            f"store {self.plan.store}, seed {self.plan.seed}",
            "kill  moves acknowledged  found  lost  seats resumed  first answer after start  gems",
        ]
        lines += [
            f"{number:4}  {kill.verdict.acknowledged:18}  {kill.verdict.found:5}  {len(kill.verdict.lost):4}"
            f"  {f'{kill.resumed} of {self.plan.players}':>13}  {f'{kill.first_answer:.2f} s':>24}"
            f"  {_gems(kill.verdict.gems)}"
            for number, kill in enumerate(self.kills, 1)
        ]
        asked = sum(kill.verdict.acknowledged for kill in self.kills)
        lines += [
            f"moves acknowledged: {asked}",
            f"moves found:        {asked - self.lost}",
            f"moves lost:         {self.lost}",
            f"seats resumed:      {sum(kill.resumed for kill in self.kills)}"
            f" of {len(self.kills) * self.plan.players}",
        ]
        if self.kills:
            median = statistics.median(kill.first_answer for kill in self.kills)
            lines.append(f"first answer:       {median:.2f} s after the start (median)")
        lines.append(f"gems at the end:    {_gems(self.gems_at_the_end)}")
        lines += [f"objection: {objection}" for objection in self.objections[:20]]
        return lines


def _gems(gems: Gems | None) -> str:
    if gems is None:
        return "none were saved"
    return f"{'conserved' if gems.conserved else 'NOT CONSERVED'} ({gems})"


def drill(plan: Plan, folder: Path) -> Report:
    """Do as planned, with a playground whose state is in ``folder``."""
    random, referee = Random(plan.seed), Referee()
    players = [
        Player(f"p-{number}", Random(random.random()), referee) for number in range(1, plan.players + 1)
    ]
    crowd, kills = Crowd(players), []
    first, *others = plan.moments()
    playground = _started(plan, folder)
    try:
        crowd.connect(playground.servers["game"])
        _wait_for_all(crowd)
        crowd.everybody_says("ready")
        crowd.play(first)
        for seconds in others:
            playground.kill()
            crowd.hear_the_end()
            left_behind = _left_behind(folder)
            verdict = referee.examine(left_behind)
            crowd.hang_up(left_behind)
            _close(playground)
            began = time.monotonic()
            playground = _started(plan, folder)
            crowd.connect(playground.servers["game"])
            _wait_for_all(crowd)
            resumed = sum(player.came_back for player in players)
            kills.append(Kill(verdict, resumed, crowd.first_heard - began))
            if resumed < plan.players:
                crowd.everybody_says("ready")
            crowd.play(seconds)
    finally:
        _close(playground)
    crowd.hear_the_end()
    objections = [objection for player in players for objection in player.objections]
    at_the_end = _left_behind(folder)
    return Report(plan, kills, objections, None if at_the_end is None else Gems.of(at_the_end))


def _started(plan: Plan, folder: Path) -> Running:
    limits = [word for name, value in LIMITS.items() for word in ("--set", f"{name}={value}")]
    more = ["--set", f"game.seats={max(100, plan.players)}", "--game-store", plan.store]
    return start(folder, *limits, *more, only="game", http=None, ftp=None, waiter=None, game_seed=plan.seed)


def _wait_for_all(crowd: Crowd) -> None:
    if not crowd.play(PATIENCE, lambda: all(player.phase == "seated" for player in crowd.players)):
        waiting = next(player for player in crowd.players if player.phase != "seated")
        raise RuntimeError(f"{waiting.name} has no seat after {PATIENCE:g} s: it is {waiting.phase}")


def _left_behind(folder: Path) -> Saved | None:
    """What the store holds, read from a copy, so that the next process finds it as it was left."""
    with tempfile.TemporaryDirectory() as aside:
        for file in folder.glob("game.sqlite*"):
            shutil.copy(file, aside)
        store = Path(aside) / "game.sqlite"
        if not store.exists():
            return None
        with closing(sqlite3.connect(store)) as copy:
            row = copy.execute("SELECT body FROM snapshot").fetchone()
        return None if row is None else saved.read(row[0])


def _close(playground: Running) -> None:
    with playground:
        pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the drill that the command line asks for; returns the exit status."""
    plan = _asked_for(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="playground-drill-") as folder:
            report = drill(plan, Path(folder))
    except RuntimeError as error:
        print(f"The drill was given up: {error}", file=sys.stderr)
        return 2
    print("\n".join(report.lines()))
    return 0 if plan.store == "memory" or report.kept_everything else 1


def _asked_for(arguments: Sequence[str] | None) -> Plan:
    parser = argparse.ArgumentParser(
        "python -m playground.lab.drill",
        description="Kill Lantern under its players; count what is lost.",
    )
    _ = parser.add_argument("--players", type=int, default=Plan.players, help="how many (%(default)s)")
    _ = parser.add_argument("--seconds", type=float, default=Plan.seconds, help="of play (%(default)s)")
    _ = parser.add_argument("--kills", type=int, default=Plan.kills, help="how many (%(default)s)")
    _ = parser.add_argument("--store", choices=("sqlite", "memory"), default=Plan.store)
    _ = parser.add_argument("--seed", type=int, default=Plan.seed, help="of every choice (%(default)s)")
    plan = Plan(**vars(parser.parse_args(arguments)))
    if not (1 <= plan.players <= MOST_PLAYERS and plan.seconds > 0 and plan.kills >= 0):
        parser.error(f"1 to {MOST_PLAYERS} players, more than 0 seconds and 0 or more kills, please")
    return plan


if __name__ == "__main__":
    sys.exit(main())

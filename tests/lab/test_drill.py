"""The recovery drill, small: a durable game loses nothing, and one in memory loses everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec
import pytest

from playground.lab.drill import Plan, drill
from playground.lab.player import Player
from playground.lab.referee import Clock, Gems, Moment, Move, Referee
from playground.servers.game.saved import Saved, SavedCave, SavedSeat


def test_a_durable_game_loses_no_acknowledged_move(tmp_path: Path):
    report = drill(Plan(players=10, seconds=4, kills=2), tmp_path)
    assert report.objections == []
    assert report.lost == 0
    assert [kill.resumed for kill in report.kills] == [10, 10]
    assert all(kill.verdict.acknowledged > 50 for kill in report.kills)
    assert report.kept_everything, report.lines()


def test_a_game_in_memory_loses_every_move_and_every_seat(tmp_path: Path):
    report = drill(Plan(players=10, seconds=2, kills=1, store="memory"), tmp_path)
    (kill,) = report.kills
    assert report.lost == kill.verdict.acknowledged > 10
    assert kill.resumed == 0
    assert not report.kept_everything
    assert f"moves lost:         {report.lost}" in report.lines()


def test_the_moments_of_the_kills_are_the_same_each_time_and_one_in_each_part():
    plan = Plan(seconds=20, kills=5)
    assert plan.moments() == plan.moments()
    assert sum(plan.moments()) == pytest.approx(20)
    assert len(plan.moments()) == 6


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [(["--players", "0"], 2, "1 to 1000 players"), (["--store", "paper"], 2, "invalid choice")],
)
def test_what_cannot_be_done_is_said(words: list[str], status: int, said: str):
    command = [sys.executable, "-m", "playground.lab.drill", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, said in done.stderr) == (status, True)


# -- the referee: it must see each kind of loss ------------------------------------------------------

ADA = SavedSeat("ada", "key", None, ready=False, chest=7)
CAVE = SavedCave([5, "gas"], {"ada": 3, "bob": 0}, {"ada": "home"}, 0, 2, [], 0)
SAVED = Saved("choosing", [ADA], CAVE, 1, 3, 12.0, 0.0, 124, 0, 4)
"""In the third step of the fourth cave, ada has chosen."""


def judged(word: str, at: Moment, saved: Saved | None = SAVED) -> bool:
    referee = Referee()
    referee.acknowledged(Move("ada", word, at))
    return not referee.examine(saved).lost


def test_a_choice_is_found_where_it_is_saved_or_was_played():
    assert judged("home", Moment(4, 3))
    assert judged("go", Moment(4, 2))
    assert judged("go", Moment(3, 9))
    assert not judged("go", Moment(4, 3)), "another choice was saved"
    assert not judged("home", Moment(4, 4)), "the store is a step behind"
    assert not judged("home", Moment(5, 0)), "the store is a cave behind"


def test_a_name_and_a_ready_are_found_with_the_seat():
    in_lobby = msgspec.structs.replace(SAVED, table="lobby", cave=None, cave_number=0, steps=0)
    assert judged("name", Moment(5, 0), in_lobby)
    assert not judged("ready", Moment(5, 0), in_lobby)
    assert judged("ready", Moment(4, 0), in_lobby), "that game was played"
    assert not judged("name", Moment(1, 0), msgspec.structs.replace(SAVED, seats=[]))
    assert not judged("name", Moment(1, 0), None)


def test_gems_are_counted_one_by_one():
    gems = Gems.of(SAVED)
    assert (gems.deck, gems.pockets, gems.chests) == (5, 3, 7)
    assert not gems.conserved
    assert Gems.of(msgspec.structs.replace(SAVED, buried=124 - 15)).conserved


def test_a_clock_goes_by_what_is_read():
    clock = Clock()
    for line, moment in (
        ("* bob sits down", (1, 0)),
        ("> cave 1 of 3. The lamps are lit. Inside: ada", (1, 1)),
        ("> depth 1: a vein of 5 gems. All for ada", (1, 2)),
        ("> cave 1 of 3 is over. Chests: ada=5", (2, 0)),
        ("> cave 1 of 3. The lamps are lit. Inside: ada", (4, 1)),
    ):
        clock.hears(line)
        assert clock.moment == moment, line
    clock.is_told(2, 7)
    assert clock.moment == (5, 7)


@pytest.mark.parametrize(
    ("seat", "asked", "objection"),
    [
        ({"chest": 7, "pocket": 3, "ready": False}, False, ""),
        ({"chest": 6, "pocket": 3, "ready": False}, False, "ada had 7 and is told 6"),
        ({"chest": 7, "pocket": 0, "ready": False}, False, "ada carried 3, not 0"),
        ({"chest": 7, "pocket": 3, "ready": False}, True, "ada had said home, asked: True"),
    ],
)
def test_a_player_objects_to_what_was_not_saved(seat: dict[str, object], asked: bool, objection: str):
    ada = Player("ada", Random(1), Referee(), token="0" * 20)
    ada.hung_up(SAVED)
    assert ada.connected() == ["resume " + "0" * 20]
    assert ada.hears("* welcome back ada. New token: abc. You carry 3; chest 7") == ["state"]
    if asked:
        assert ada.hears("? go deeper or go home? (9s of oil)  you carry 3") == []
    four = {
        "shared": {"game/table": {"table": "choosing", "cave": 1, "step": 3}},
        "session": {"game/ada": seat},
    }
    _ = ada.hears(msgspec.json.encode(four).decode())
    assert ada.objections == ([objection] if objection else [])

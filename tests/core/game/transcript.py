"""Lantern without sockets, for tests that read like transcripts.

``ada << "go"`` is what ada types; ``>> "= go"`` is the next line that she reads.
``...`` stands for anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any

from playground.servers.game import pictures, saved
from playground.servers.game.cards import Card, Danger, Vein
from playground.servers.game.effects import (
    Alarm,
    Answer,
    Close,
    DialogueStep,
    Effect,
    Limit,
    Refuse,
    Rest,
    Show,
    SubjectStep,
    Tell,
    TellState,
    Wake,
)
from playground.servers.game.lantern import Lantern
from playground.servers.game.limits import GameLimits


class Stacked(Random):
    """Shuffles so that the cards named in ``caves`` come first: ``["11 gas 5", "1 1"]``."""

    def __init__(self, caves: Sequence[str]):
        super().__init__(1)
        self.caves = list(caves)

    def shuffle(self, deck):
        super().shuffle(deck)
        if self.caves:
            wanted: list[Card] = [
                Vein(int(word)) if word.isdigit() else Danger(word) for word in self.caves.pop(0).split()
            ]
            for card in wanted:
                deck.remove(card)
            deck.extend(reversed(wanted))


class Person:
    """Somebody with one connection at a time."""

    def __init__(self, house: House, name: str):
        self.house = house
        self.name = name
        self.lines: list[str] = []
        self.token = ""
        self.refused: list[str] = []
        self.limits: list[str] = []
        self.closed = ""
        self.conn = house.open(self)

    def __lshift__(self, line: str) -> Person:
        self.house.carry_out(self.house.lantern.line(self.conn, line))
        return self

    def __rshift__(self, expected: str) -> Person:
        assert self.lines, f"{self.name} read nothing instead of {expected!r}"
        line = self.lines.pop(0)
        pattern = ".*".join(re.escape(part) for part in expected.split("..."))
        assert re.fullmatch(pattern, line), f"{self.name} read {line!r} instead of {expected!r}"
        return self

    def reads_nothing(self) -> None:
        assert self.lines == []

    def skip(self) -> Person:
        """What she has read so far is not what this test is about."""
        self.lines.clear()
        return self

    def skip_to(self, expected: str) -> Person:
        while self.lines and not self.lines[0].startswith(expected):
            self.lines.pop(0)
        return self >> f"{expected}..."

    def drops(self, reason: str = "lost") -> None:
        """Her network is gone."""
        self.house.carry_out(self.house.lantern.lost(self.conn, reason))

    def ends(self) -> None:
        """She closes her half."""
        self.house.carry_out(self.house.lantern.ended(self.conn))

    def again(self) -> Person:
        """The same person on a new connection; what she knows is the newest token."""
        person = Person(self.house, self.name)
        person.token = self.token
        return person

    @property
    def remembered(self):
        return self.house.lantern._talks[self.conn].remembered()

    @property
    def seat(self):
        seat = self.house.lantern.seats.get(self.name)
        assert seat is not None
        return seat


class House:
    """The core, a clock, and a shell that keeps everything in lists."""

    def __init__(self, *caves: str, **limits: Any):
        self.time = 1000.0
        self.numbers = count(1)
        self.tokens = (f"{number:020x}" for number in count(0xADA))
        self.limits = GameLimits(**limits)
        self.random = Stacked(caves)
        self.lantern = self.a_lantern()
        self.people: dict[str, Person] = {}
        self.alarms: dict[Alarm, float] = {}
        self.steps: list[str] = []

    def a_lantern(self) -> Lantern:
        return Lantern(self.limits, self.random, lambda: next(self.tokens), lambda: self.time)

    def dies_and_comes_back(self, slept: float) -> None:
        """``kill -9``, and ``slept`` seconds later a new process finds what was saved."""
        body = saved.taken(self.lantern)
        for person in self.people.values():
            person.closed = person.closed or "killed"
        self.alarms.clear()
        self.time += slept
        self.lantern = self.a_lantern()
        self.carry_out(self.lantern.put_back(saved.read(body), {}, slept))

    def person(self, name: str) -> Person:
        """Somebody connects and is greeted."""
        return Person(self, name) >> "* Lantern. Say: name <you> | resume <token> | watch"

    def seated(self, *names: str) -> list[Person]:
        """People who have seats and have read all that was said so far."""
        people = [self.person(name) << f"name {name}" for name in names]
        for person in people:
            person.skip()
        return people

    def playing(self, *names: str) -> list[Person]:
        """People in their first cave, asked for the first time."""
        people = self.seated(*names)
        for person in people:
            person << "ready"
        for person in people:
            person.skip()
        return people

    def open(self, person: Person) -> str:
        conn = f"game-{next(self.numbers)}"
        self.people[conn] = person
        self.lantern.opened(conn, "192.0.2.1")
        person.conn = conn
        self.carry_out(self.lantern.greet(conn))
        return conn

    @property
    def clocks(self) -> set[str]:
        """Which clocks run, beside those of people who have not said their names."""
        return {str(alarm.kind) for alarm in self.alarms} - {"greeting"}

    def wait(self, seconds: float) -> None:
        """Time passes, and alarms ring when they are due."""
        end = self.time + seconds
        while self.alarms and min(self.alarms.values()) <= end:
            alarm = min(self.alarms, key=lambda alarm: self.alarms[alarm])
            self.time = self.alarms.pop(alarm)
            self.carry_out(self.lantern.rings(alarm))
        self.time = end

    def carry_out(self, effects: list[Effect]) -> None:
        closing: list[Close] = []
        for effect in effects:
            match effect:
                case Tell(to, text, secret, but):
                    for conn in (one for one in to if one != but):
                        self.people[conn].lines.append(text)
                        if secret:
                            assert secret in text
                            self.people[conn].token = secret
                case Show(to, text):
                    self.people[to].lines.append(text)
                case Refuse(to, rule, text, silent):
                    self.people[to].refused.append(rule)
                    if not silent:
                        self.people[to].lines.append(f"! {text}")
                case Answer(to, data):
                    self.people[to].lines.append(data.decode())
                case TellState(to):
                    self.people[to].lines.append("{}")
                case Limit(to, setting):
                    self.people[to].limits.append(setting)
                case Close():
                    closing.append(effect)
                case DialogueStep(to, step):
                    self.steps.append(f"{to} {step.before} --{step.input}--> {step.after}")
                case SubjectStep(_, name, step):
                    self.steps.append(f"{name} {step.before} --{step.input}--> {step.after}")
                case Wake(alarm, seconds):
                    self.alarms[alarm] = self.time + seconds
                case Rest(alarm):
                    del self.alarms[alarm]
                case _:
                    raise AssertionError(effect)
        for close in closing:
            self.people[close.to].closed = close.reason
            self.carry_out(self.lantern.lost(close.to, close.reason))
        self.check()

    def check(self) -> None:
        """What is true after each input, whatever it was."""
        lantern, game = self.lantern, self.lantern.game
        assert game.gems == game.dealt, "a gem was invented or lost"
        assert not game.orders.pending
        present = [seat for seat in lantern.seats if seat.present]
        if game.state == "paused":
            assert lantern.seats
            assert not present
        if game.state == "choosing":
            assert present
            assert game.cave is not None
            assert game.cave.undecided
            assert game.oil_until is not None
        assert game.state != "resolving"
        for seat in lantern.seats:
            assert (seat.conn is not None) == seat.present
            assert seat.present != (("grace", seat.name) in lantern._alarms)
        assert set(self.alarms) == {alarm for alarm, _ in lantern._alarms.values()}
        drawn_anew = [pictures.of_seat(seat, game.carried_by(seat)) for seat in lantern.seats]
        drawn_anew += [picture] if (picture := pictures.of_table(game)) else []
        assert [subject.remembers for subject in lantern.subjects()] == drawn_anew, "an outdated picture"

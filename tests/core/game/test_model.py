"""Seats and tokens against a model that fits on a screen: drops, takeovers, clocks, forget, restarts.

The model knows who has a seat, who sits there, until when it is kept, and which
tokens open it. The game has to agree after every input, and no gem may be
missing, whatever is done in whatever order.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from playground.servers.game import saved
from tests.core.game.transcript import House, Person

NAMES = ("ada", "bob", "eve", "joe")
GRACE = 60.0


@dataclass
class ModelSeat:
    """What the model knows of a seat."""

    sitter: Person | None
    token: str
    older: str = ""
    """The token of the newest resume, while it is still good."""
    kept_until: float = 0.0

    def opens(self, token: str) -> bool:
        return token in (self.token, self.older) and token != ""


class Evenings(RuleBasedStateMachine):
    """Four people, bad networks, and a server that dies now and then."""

    @initialize(seed=st.integers(0, 1000))
    def the_house_opens(self, seed: int) -> None:
        self.house = House(lines_per_second=0.0, tokens_per_address=0, tokens_per_connection=0)
        self.house.lantern.game.random.seed(seed)
        self.seats: dict[str, ModelSeat] = {}
        self.dead = ["0" * 20]
        """Tokens that open nothing any more."""
        self.known = (self.house.lantern, -1, b"")
        """The game, its number of changes when it was looked at last, and what was to be saved of it then."""

    # -- what people do ----------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES))
    def takes_a_seat(self, name: str) -> None:
        person = Person(self.house, name) << f"name {name}"
        if name in self.seats:
            assert person.refused == ["name-taken"]
            person.drops()
        else:
            self.seats[name] = ModelSeat(person, person.token)

    @rule(
        name=st.sampled_from(NAMES),
        word=st.sampled_from(["go", "go", "go", "home", "ready", "ready", "ready", "say hi", "who", "x", ""]),
    )
    def says(self, name: str, word: str) -> None:
        if (seat := self.taken(name)) is not None and seat.sitter is not None:
            seat.sitter << word
            self.is_heard(seat)

    @rule()
    def all_are_ready(self) -> None:
        for name in NAMES:
            self.says(name, "ready")

    @rule(names=st.lists(st.sampled_from(NAMES), min_size=2, unique=True))
    def a_game_begins(self, names: list[str]) -> None:
        """With some who have no seat yet, as far as no other game is on; else hardly one ever does."""
        for name in names:
            if name not in self.seats:
                self.takes_a_seat(name)
        self.all_are_ready()

    @rule(bold=st.lists(st.booleans(), min_size=4, max_size=4))
    def all_choose(self, bold: list[bool]) -> None:
        for name, goes in zip(NAMES, bold, strict=True):
            self.says(name, "go" if goes else "home")

    @rule(name=st.sampled_from(NAMES), word=st.sampled_from(["leave", "quit"]))
    def gives_the_seat_up(self, name: str, word: str) -> None:
        if (seat := self.taken(name)) is not None and seat.sitter is not None:
            seat.sitter << word
            if word == "leave":
                seat.sitter.drops()
            self.is_gone(name)

    @rule(
        name=st.sampled_from(NAMES),
        how=st.sampled_from(["lost", "client", "idle", "clogged", "half", "long"]),
    )
    def is_cut_off(self, name: str, how: str) -> None:
        if (seat := self.taken(name)) is not None and seat.sitter is not None:
            if how == "half":
                seat.sitter.ends()
            elif how == "long":
                self.house.carry_out(self.house.lantern.line_too_long(seat.sitter.conn))
            else:
                seat.sitter.drops(how)
            self.is_away(seat)

    @rule(
        name=st.sampled_from(NAMES),
        which=st.sampled_from(["newest", "newest", "older", "dead"]),
        then=st.sampled_from(["", "who", "go"]),
    )
    def brings_a_token(self, name: str, which: str, then: str) -> None:
        seat = self.taken(name)
        token = {
            "newest": seat.token if seat else self.dead[-1],
            "older": (seat.older if seat else "") or self.dead[-1],
            "dead": self.dead[len(self.dead) // 2],
        }[which]
        person = Person(self.house, name) << f"resume {token}"
        if seat is None or not seat.opens(token):
            assert person.refused == ["bad-token"]
            person.drops()
            return
        assert person.token != token
        if seat.sitter is not None:
            assert seat.sitter.closed == "takeover"
        self.dead += {seat.token, seat.older} - {token, ""}
        seat.sitter, seat.token, seat.older = person, person.token, token
        self.nothing_that_is_to_be_saved_changes_unnoticed()
        if then:
            self.says(name, then)

    # -- what happens to all -----------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 12.0, 30.0, 59.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.house.wait(seconds)
        for name, seat in list(self.seats.items()):
            if seat.sitter is None and seat.kept_until <= self.house.time:
                self.is_gone(name)

    @precondition(lambda self: self.seats)
    @rule(slept=st.sampled_from([0.0, 0.2, 5.0, 100_000.0]), before_it=st.lists(st.sampled_from(NAMES)))
    def the_server_dies_and_comes_back(self, slept: float, before_it: list[str]) -> None:
        for name in before_it:  # in the midst of a step: what they want must be known afterwards
            self.says(name, "go")
        cave = deepcopy(self.house.lantern.game.cave)
        before = saved.read(saved.taken(self.house.lantern))
        self.house.dies_and_comes_back(slept)
        after = saved.read(saved.taken(self.house.lantern))
        assert self.house.lantern.game.cave == cave
        for part in ("seats", "cave_number", "steps", "dealt", "buried", "decks"):
            assert getattr(after, part) == getattr(before, part), part
        if before.oil_until is not None:
            left = before.oil_until - (self.house.time - slept)
            assert after.table == "paused"
            assert abs(after.oil_left - max(left, 1.0)) < 0.001
        for seat in self.seats.values():
            self.is_away(seat)

    @rule(where=st.sampled_from(["connections", "seats", "table"]), really=st.integers(0, 4))
    def is_forgotten(self, where: str, really: int) -> None:
        if really:
            return
        self.house.carry_out(getattr(self.house.lantern, f"forget_{where}")())
        for name, seat in list(self.seats.items()):
            sitter = seat.sitter
            if where == "connections" and sitter is not None:
                self.is_away(seat)
            if where == "seats":
                self.is_gone(name)
            if where != "table" and sitter is not None:
                sitter.drops()

    # -- what must be true -------------------------------------------------------------------

    @invariant()
    def the_game_agrees_with_the_model(self) -> None:
        self.house.check()
        lantern = self.house.lantern
        assert {seat.name for seat in lantern.seats} == set(self.seats)
        for seat in lantern.seats:
            sitter = self.seats[seat.name].sitter
            assert seat.conn == (sitter.conn if sitter else None), seat.name
            assert seat.state == ("present" if sitter else "away"), seat.name
        if not self.seats:
            assert lantern.game.state == "lobby"
        saved.read(saved.taken(lantern))  # which raises where it could not be put back

    @invariant()
    def nothing_that_is_to_be_saved_changes_unnoticed(self) -> None:
        """Where the number of changes is the same as before, nothing is saved before the answer leaves."""
        lantern, changes, body = self.known
        now = saved.taken(self.house.lantern)
        if lantern is self.house.lantern and changes == lantern.changes:
            assert now == body
        self.known = (self.house.lantern, self.house.lantern.changes, now)

    # -- the model's own words ---------------------------------------------------------------

    def taken(self, name: str) -> ModelSeat | None:
        return self.seats.get(name)

    def is_heard(self, seat: ModelSeat) -> None:
        if seat.older:
            self.dead.append(seat.older)
            seat.older = ""

    def is_away(self, seat: ModelSeat) -> None:
        seat.sitter, seat.kept_until = None, self.house.time + GRACE

    def is_gone(self, name: str) -> None:
        seat = self.seats.pop(name)
        self.dead += {seat.token, seat.older} - {""}


TestEvenings = Evenings.TestCase
TestEvenings.settings = settings(
    max_examples=80, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

"""No gem is ever invented or lost, and no input raises, whatever people do."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.core.game.transcript import House, Person

NAMES = ("ada", "bob", "eve")


class Evening(RuleBasedStateMachine):
    """Three people with bad networks, over several games."""

    @initialize(seed=st.integers(0, 1000))
    def the_house_opens(self, seed: int) -> None:
        self.house = House(lines_per_second=0.0)
        self.house.lantern.game.random.seed(seed)
        self.people: dict[str, Person] = {name: Person(self.house, name) for name in NAMES}

    @rule(name=st.sampled_from(NAMES), word=st.sampled_from(["go", "go", "home", "ready", "leave", "look"]))
    def says(self, name: str, word: str) -> None:
        self.open(name) << word

    @rule(name=st.sampled_from(NAMES))
    def sits_down(self, name: str) -> None:
        self.open(name) << f"name {name}" << f"sit {name}"

    @rule(name=st.sampled_from(NAMES), line=st.text(max_size=20))
    def says_anything(self, name: str, line: str) -> None:
        self.open(name) << line

    @rule(name=st.sampled_from(NAMES), word=st.sampled_from(["watch", "quit", "resume x", "who", "state"]))
    def does_something_rare(self, name: str, word: str) -> None:
        self.open(name) << word

    @rule(name=st.sampled_from(NAMES), how=st.sampled_from(["lost", "client", "idle", "clogged"]))
    def drops(self, name: str, how: str) -> None:
        if not self.people[name].closed:
            self.people[name].drops(how)
            self.people[name].closed = "dropped"

    @rule(name=st.sampled_from(NAMES))
    def hangs_up_half(self, name: str) -> None:
        self.open(name).ends()

    @rule(name=st.sampled_from(NAMES))
    def resumes(self, name: str) -> None:
        """With the newest token, on a new connection, whether the old one is open or not."""
        older = self.people[name]
        newer = self.people[name] = older.again()
        newer << f"resume {newer.token}"
        if not older.closed:
            older.drops()
            older.closed = "dropped"

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 12.0, 30.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.house.wait(seconds)

    @rule(
        what=st.sampled_from(["forget_connections", "forget_seats", "forget_table"]), really=st.integers(0, 5)
    )
    def is_forgotten(self, what: str, really: int) -> None:
        if not really:
            self.house.carry_out(getattr(self.house.lantern, what)())

    @invariant()
    def all_is_well(self) -> None:
        self.house.check()
        list(self.house.lantern.subjects())
        for person in self.people.values():
            assert all(char.isprintable() for line in person.lines for char in line)
            person.lines.clear()

    def open(self, name: str) -> Person:
        if self.people[name].closed:
            self.people[name] = self.people[name].again()
        return self.people[name]


TestEvening = Evening.TestCase
TestEvening.settings = settings(
    max_examples=60, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

"""What is counted, and that nobody can make the numbers too many."""

from __future__ import annotations

from playground.journal.events import Refused, State
from playground.journal.journal import Journal
from playground.metrics.counts import MOST_LABELS, Counts


def test_inventing_rules_does_not_grow_the_numbers():
    journal = Journal(lambda: 0.0)
    counts = Counts()
    journal.add_sink(counts)
    for number in range(MOST_LABELS + 50):
        journal.record(Refused(protocol="parrot", rule=f"rule-{number}", text=""))
    assert len(counts.refusals.counts) == MOST_LABELS + 1
    assert counts.refusals.counts["other", "other"] == 50
    assert sum(counts.refusals.counts.values()) == MOST_LABELS + 50


def test_what_is_said_again_happened_once():
    counts = Counts()
    state = State(protocol="ftp", where="connection", changed={}, remembers={}, held=2)
    counts.put(state)
    counts.put(State(protocol="ftp", where="connection", changed={}, remembers={}, held=2, again=True))
    assert dict(counts.changes.counts) == {("ftp", "connection"): 1}

"""Clients that send their heads one byte at a time, beside others that behave."""

from __future__ import annotations

from benchmarks.slow_heads import Asking, SlowHeads, limits
from playground.testing import run
from tests.load.people import all_closed, descriptors_of, needs_proc, soon

SLOW = 300
DEADLINE = 0.6
"""Seconds for a head, here; the bytes keep coming."""
LATER = 5.0
"""Seconds that a busy machine may add."""


@needs_proc
def test_all_are_ended_by_the_deadline_and_the_others_are_answered():
    with run(only="http", set=[*limits(SLOW), f"http.head_seconds={DEADLINE}"]) as playground:
        address = playground.servers["http"]
        Asking(address, 1, 0.1).times()  # what it opens at its first connection and keeps is not counted
        all_closed(playground)
        before = descriptors_of(playground.ready["pid"])
        slow = SlowHeads(address, SLOW, a_byte_every=0.1, come_within=DEADLINE / 3)
        asking = Asking(address, 10, 3 * DEADLINE)
        try:
            slow.go_on(asking.done, replace=True)
            slow.go_on(lambda: not slow.open, replace=False)
        finally:
            slow.close()
        assert len(asking.times()) > 10
        assert set(slow.ended) == {"HTTP/1.1 408 Request Timeout"}
        assert slow.ended.total() >= SLOW
        assert DEADLINE <= slow.longest < DEADLINE + LATER

        closes = [event for event in all_closed(playground) if event.reason == "limit"]
        assert len(closes) == slow.ended.total()
        told = playground.events("event:limit")
        assert {(event.limit, event.value) for event in told} == {("http.head_seconds", DEADLINE)}
        soon(lambda: descriptors_of(playground.ready["pid"]) <= before or None, "all descriptors again")

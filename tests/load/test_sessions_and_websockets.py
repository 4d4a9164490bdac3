"""People who are logged in and WebSockets, many at once: each costs little, and nothing is left of them."""

from __future__ import annotations

import pytest

from benchmarks.sessions import measure
from tests.load.people import needs_proc


@needs_proc
@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_what_they_take_is_small_and_is_given_back(store: str):
    """The benchmark, smaller: 5,000 sessions and 1,000 WebSockets there."""
    one = measure(store, 600, 200)
    assert 100 < one.kept < 250
    assert one.memory < 10_000
    assert one.websocket < 20_000
    assert one.left[:2] == (0, 0)
    assert one.left[2] <= 1

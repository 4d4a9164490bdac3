"""A moment is told as a time of day, and the number stays in the journal."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf, nan
from typing import Any

import pytest

from playground.views.memory import state_lines
from playground.views.moments import clocked, clocked_changes
from playground.views.text import TextView
from tests.core.views.scenario import Story

AT = datetime(2026, 11, 24, 14, 5, 31, 898000, tzinfo=UTC).timestamp()


def test_the_log_tells_until_what_time_the_oil_burns() -> None:
    story = Story()
    story.says("game-1", "go\n")
    story.shared("game/table", "game-1", 10, depth=(1, 2), oil_until=(AT, AT + 12))
    view = TextView(80, zone=UTC)
    lines = [line.plain for event in story.events for line in view.feed(event)]
    lines += [line.plain for line in view.flush()]
    assert lines[1:] == [
        "             game-1  =  depth          1 → 2                shared game/table",
        "             game-1  =  oil_until      14:05:31 → 14:05:43  shared game/table",
    ]


def test_so_does_what_is_remembered_right_now() -> None:
    row = {
        "protocol": "game",
        "shared": "game/table",
        "remembers": {"players": 1, "oil_until": AT},
        "held": 9,
    }
    local = datetime.fromtimestamp(AT, UTC).astimezone()
    lines = [line.plain for line in state_lines({"shared": [row]})]
    assert lines[-1] == f"  game/table  players 1, oil_until {local:%H:%M:%S}  9 B"


@pytest.mark.parametrize("strange", [None, True, 0, -5.0, nan, inf, 1e300, 10**400, "soon", [AT], {"a": AT}])
def test_what_is_no_moment_stays_as_it_is(strange: Any) -> None:
    assert clocked({"oil_until": strange}, UTC) == {"oil_until": strange}
    assert clocked_changes({"oil_until": (strange, AT)}, UTC) == {"oil_until": (strange, "14:05:31")}


def test_only_its_name_makes_a_number_a_moment() -> None:
    memory = {"chest": AT, "until": AT}
    assert clocked(memory, UTC) is memory
    assert clocked({**memory, "oil_until": AT}, UTC) == {**memory, "oil_until": "14:05:31"}

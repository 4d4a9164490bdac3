"""Whatever peers send, what the terminal is shown is harmless and fits."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from playground.journal.events import AnyEvent
from playground.views.closing import Closing
from tests.core.views.hostile import hostile_events
from tests.core.views.scenario import shown


@given(st.lists(hostile_events(), max_size=8), st.sampled_from([50, 80, 120]))
def test_whatever_happens_no_control_character_reaches_a_line_and_no_line_is_too_wide(
    events: list[AnyEvent], width: int
) -> None:
    lines = shown(events, width)
    for line in lines:
        assert not any(
            unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for one in line
        )
        assert cell_len(line) <= width
    closing = Closing()
    for event in events:
        closing.note(event)
    for table_line in closing.lines(width):
        assert table_line.plain.isprintable()

"""The page on the journal's events says nothing that the journal would not write."""

from __future__ import annotations

from pathlib import Path

import msgspec

from playground.journal.events import AnyEvent, State
from playground.views.jsonl import encode

PAGE = Path(__file__).parents[3] / "docs" / "events.md"


def examples() -> list[bytes]:
    block = PAGE.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]
    return block.encode().splitlines(keepends=True)


def test_each_example_is_a_line_that_the_journal_would_write() -> None:
    assert len(examples()) == 2
    for line in examples():
        assert encode(msgspec.json.decode(line, type=AnyEvent)) == line


def test_the_example_of_a_change_counts_right_what_is_held() -> None:
    change = msgspec.json.decode(examples()[1], type=AnyEvent)
    assert isinstance(change, State)
    assert change.held == len(msgspec.json.encode(change.remembers))

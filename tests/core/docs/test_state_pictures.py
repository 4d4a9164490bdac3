"""The pictures of the state machines show what the machines do: every state and every input."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from docs._ext import machine_pictures, state_picture
from docs._ext.state_picture import Arrow
from playground.servers.game import dialogue, seats, table
from playground.wire.machines import transitions

MACHINES = {
    "game dialogue": dialogue.dialogue_machine,
    "game seat": seats.seat_machine,
    "game table": table.table_machine,
}
PAGES = Path(__file__).parents[3] / "docs"


def words_of(drawn: str) -> str:
    """All that is written in it."""
    return " ".join(" ".join(ET.fromstring(drawn).itertext()).split())


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_and_input_is_in_the_picture(name: str):
    drawn = machine_pictures.PICTURES[name]()
    assert "\n\n" not in drawn  # Markdown would end it there
    said = words_of(drawn)
    steps = transitions(MACHINES[name])
    assert len(steps) > 8
    for step in steps:
        for word in (step.before, step.after, step.input.replace("_", " ")):
            assert word in said, word


def test_every_picture_that_a_page_asks_for_exists():
    asked = {name for page in PAGES.glob("*.md") for name in machine_pictures.PLACE.findall(page.read_text())}
    assert asked <= set(machine_pictures.PICTURES)


def test_forward_is_above_and_back_is_below():
    drawn = state_picture.picture("x", ["a", "b"], [Arrow("a", "there", "b"), Arrow("b", "back", "a")])
    heights = {
        text: float(y) for y, text in re.findall(r'<text x="[\d.]+" y="([\d.]+)"[^>]*>(\w+)</text>', drawn)
    }
    (box,) = set(re.findall(r'<rect x="[\d.]+" y="([\d.]+)"', drawn))
    assert heights["there"] < float(box) < heights["back"]


def test_what_many_states_have_in_common_is_told_in_words():
    few, sentences = state_picture.told_in_words([Arrow(state, "quit", "end") for state in "abc"])
    assert few == []
    assert sentences == ["from a, b, c to end: quit"]


def test_names_are_escaped():
    drawn = state_picture.picture("<b>", ["<i>", "&"], [Arrow("<i>", '"<x>"', "&"), Arrow("&", "<y>", "&")])
    assert '"<x>"' in words_of(drawn)
    assert "<x>" not in drawn

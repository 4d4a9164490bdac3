"""How remembered values are put into words."""

from __future__ import annotations

import pytest

from playground.journal import wording
from playground.journal.events import Json


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (["soup", "tea"], "soup tea"),
        (["pea soup", "pea soup", "tea"], '"pea soup" "pea soup" tea'),
        ([{"n": 1, "m": 2}, {"n": 3}], '"n 1, m 2" "n 3"'),
        ([], "none"),
        (list(range(9)), "0 1 2 3 4 5 6 7 … 9 in all"),
        ("pea soup", "pea soup"),
    ],
)
def test_of_several_each_stands_apart(of: Json, words: str):
    assert wording.value(of) == words

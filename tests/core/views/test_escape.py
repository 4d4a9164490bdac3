"""Nothing that a peer sends reaches a terminal as anything but plain characters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from playground.views.escape import collapse_masks, cut, escape


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain text, [red]not markup[/red] :smile:", "plain text, [red]not markup[/red] :smile:"),
        ("\x1b]0;pwn\x07", r"\x1b]0;pwn\x07"),
        ("\x1b[2J\x1b[1;1H", r"\x1b[2J\x1b[1;1H"),
        ("\x9b31m", r"\x9b31m"),
        ("a\tb\r\nc\x00\x7f", r"a\tb\r\nc\x00\x7f"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066a\u2069\u200b\ufeff\u2028", r"\u2066a\u2069\u200b\ufeff\u2028"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("\u3164\u2800", r"\u3164\u2800"),
        ("a\u0301\u0301\u0301\u0301\u0301", "a\u0301\u0301\u0301" + r"\u0301\u0301"),
        ("Größe 東京 → ✓", "Größe 東京 → ✓"),
        (b"\xff\xfe CWD", r"\xff\xfe CWD"),
        (b"\xc3\xa4\xc3", "ä\\xc3"),
        (b"\x1b[0m", r"\x1b[0m"),
    ],
)
def test_escape(hostile: str | bytes, shown: str) -> None:
    assert escape(hostile) == shown


def dangerous(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@given(st.one_of(st.text(), st.binary(), st.text(alphabet=st.characters(categories=["C", "Z", "M"]))))
def test_no_control_character_ever_comes_out(data: str | bytes) -> None:
    shown = escape(data)
    assert not any(map(dangerous, shown))
    assert escape(shown) == shown


@given(st.text(), st.integers(min_value=0, max_value=50))
def test_cut_keeps_to_the_width_in_cells(text: str, cells: int) -> None:
    shown = cut(escape(text), cells)
    assert cell_len(shown) <= max(cells, 0)
    if cell_len(escape(text)) <= cells:
        assert shown == escape(text)


def test_a_wide_character_is_not_halved() -> None:
    assert cut("東京都", 4) == "東…"
    assert cut("abcdef", 4) == "abc…"
    assert cut("abc", 0) == ""


@pytest.mark.parametrize(
    ("masked", "shown"),
    [
        ("PASS ********", "PASS ***"),
        ("PASS **", "PASS **"),
        ("resume #3f9c******************", "resume #3f9c"),
        ("* Lantern ** 5", "* Lantern ** 5"),
        ("a=#3f9c**; b=#a71e*****", "a=#3f9c; b=#a71e"),
    ],
)
def test_masks_are_shortened(masked: str, shown: str) -> None:
    assert collapse_masks(masked) == shown

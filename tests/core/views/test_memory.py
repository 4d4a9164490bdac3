"""What ``playground state`` and ``playground forget`` print."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from playground.views.memory import forget_lines, state_lines
from tests.core.views.hostile import HOSTILE, MEMORY

NOW: dict[str, Any] = {
    "connections": [
        {
            "conn": "ftp-1",
            "protocol": "ftp",
            "client": "127.0.0.1:51580",
            "age": 12.3,
            "remembers": {"user": "ada", "authenticated": True, "cwd": "/docs"},
            "held": 58,
        },
        {
            "conn": "http-3",
            "protocol": "http",
            "client": "127.0.0.1:51590",
            "age": 0.2,
            "remembers": {},
            "held": 0,
        },
    ],
    "sessions": [
        {
            "protocol": "game",
            "session": "game/ada",
            "remembers": {"name": "ada", "seat": "away"},
            "held": 40,
            "expires_in": 48.2,
        }
    ],
    "shared": [{"protocol": "game", "shared": "game/table", "remembers": {"players": 0}, "held": 13}],
    "totals": {
        "http": {"connections": 1, "remembers": 0, "held": 0},
        "ftp": {"connections": 1, "remembers": 1, "held": 58},
        "game": {"connections": 0, "remembers": 2, "held": 53},
    },
}

STATE = """\
Connections (gone with the socket)
  ftp-1   127.0.0.1:51580  12 s    user ada, authenticated, cwd /docs  58 B
  http-3  127.0.0.1:51590  200 ms  remembers nothing                    0 B

Sessions (kept under an id that the client brings back)
  game/ada  48 s left  name ada, seat away  40 B

Shared (kept for everybody)
  game/table  players 0  13 B

In all
  http  1 connection   nothing remembered   0 B
  ftp   1 connection   1 remembered        58 B
  game  0 connections  2 remembered        53 B
"""


def plain(lines: list[Any]) -> list[str]:
    return [line.plain for line in lines]


def test_state() -> None:
    assert plain(state_lines(NOW)) == STATE.splitlines()


def test_state_of_a_playground_that_nobody_uses() -> None:
    nobody: dict[str, Any] = {"connections": [], "sessions": [], "shared": [], "totals": {}}
    expected = ["Connections (gone with the socket)", "  none is open"]
    assert plain(state_lines(nobody)) == plain(state_lines({})) == expected


def test_forget_lists_what_went() -> None:
    answer = {
        "forgot": [
            {
                "protocol": "ftp",
                "where": "connection",
                "conn": "ftp-1",
                "forgot": {"user": "ada", "cwd": "/docs"},
            },
            {"protocol": "game", "where": "session", "session": "game/ada", "forgot": {"seat": "away"}},
            {"protocol": "http", "where": "connection", "conn": "http-1", "forgot": {}},
        ]
    }
    assert plain(forget_lines(answer)) == [
        "Forgotten (the connections stay open):",
        "connection  ftp-1       user ada, cwd /docs",
        "session     game/ada    seat away",
    ]


def test_what_went_stands_in_one_column_however_long_the_names_are() -> None:
    rows = [
        {"where": "session", "session": "#3787", "forgot": {"counter": 1}},
        {"where": "shared", "shared": "function/greet", "forgot": {"cold": 1}},
        {"where": "shared", "shared": "a-name-that-is-longer-than-that", "forgot": {"cold": 1}},
    ]
    assert plain(forget_lines({"forgot": rows}))[1:] == [
        "session     #3787                 counter 1",
        "shared      function/greet        cold 1",
        "shared      a-name-that-is-long…  cold 1",
    ]


@pytest.mark.parametrize("answer", [{}, {"forgot": []}, {"forgot": [{"where": "connection", "forgot": {}}]}])
def test_nothing_to_forget(answer: dict[str, Any]) -> None:
    assert plain(forget_lines(answer)) == ["There was nothing to forget."]


@given(HOSTILE, MEMORY, st.sampled_from([60, 80, 120]))
def test_hostile_bytes_stay_text_and_lines_keep_to_the_width(
    text: str, memory: dict[str, Any], width: int
) -> None:
    row = {"conn": text, "client": text, "age": 1.0, "remembers": memory, "held": 5, "expires_in": 9}
    totals = {text: {"connections": 1, "remembers": 1, "held": 5}}
    lines = plain(
        state_lines({"connections": [row], "sessions": [row], "shared": [row], "totals": totals}, width)
    )
    lines += plain(forget_lines({"forgot": [{"where": text, "conn": text, "forgot": memory}]}, width))
    for line in lines:
        assert line.isprintable()
        assert cell_len(line) <= width

"""``playground log`` as a person, a script and a pipe meet it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from playground.journal.events import AnyEvent, JournalOpen, Received
from playground.terminal.log import run_log
from playground.terminal.since import SinceError, parse_since
from playground.views.jsonl import encode, rotated
from tests.core.views.scenario import first_minute
from tests.core.views.test_text import FIRST_MINUTE, TABLE

NOON = datetime(2026, 11, 24, 14, 6, tzinfo=UTC)


class Screen:
    """Runs ``playground log`` on a terminal of 80 columns without colours, or into a pipe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.out = self.err = ""

    def log(self, *filters: str, terminal: bool = True, **options: Any) -> int:
        out, err = io.StringIO(), io.StringIO()
        environment = {"TERM": "xterm-256color", "NO_COLOR": "1"}
        code = run_log(
            self.path,
            filters,
            console=Console(file=out, width=80, force_terminal=terminal, _environ=environment),
            errors=Console(file=err, width=80, _environ=environment),
            now=NOON.timestamp,
            zone=UTC,
            **options,
        )
        self.out, self.err = out.getvalue(), err.getvalue()
        return code


@pytest.fixture
def screen(tmp_path: Path) -> Screen:
    path = tmp_path / "playground.jsonl"
    path.write_bytes(b"".join(encode(event) for event in first_minute()))
    return Screen(path)


def test_the_whole_story_with_the_table_below(screen: Screen) -> None:
    assert screen.log() == 0
    assert screen.out == FIRST_MINUTE + "\n" + TABLE
    assert screen.err == ""


def test_a_pipe_gets_the_same_shape_and_nothing_cut(screen: Screen) -> None:
    long = Received(seq=99, time=NOON, protocol="game", conn="game-2", size=101, data="x" * 100 + "\n")
    with screen.path.open("ab") as file:
        file.write(encode(long))
    assert screen.log(terminal=False) == 0
    assert "x" * 100 in screen.out
    assert "             http-1  C: GET /state?name=ada HTTP/1.1     (+3 header lines)\n" in screen.out


def test_a_filter_shows_what_matches_and_no_table(screen: Screen) -> None:
    assert screen.log("changed", "protocol:ftp") == 0
    assert [line[21:] for line in screen.out.splitlines()[2:]] == [
        "=  user           none → ada        connection",
        "=  authenticated  no → yes          connection",
        "=  cwd            none → /          connection",
        "=  cwd            / → /docs         connection",
    ]


def test_a_connection_can_be_picked(screen: Screen) -> None:
    assert screen.log(conn="game-2") == 0
    assert len(screen.out.splitlines()) == 2 + 4
    assert screen.log("from:client", conn="game-2") == 0
    assert screen.out.splitlines()[2:] == ["14:05:31.250 game-2  C: resume #3f9c"]


def test_since_leaves_out_what_was_before(screen: Screen) -> None:
    assert screen.log(since="1m") == 0
    assert screen.out.splitlines()[2] == "14:05:10.001 game-1  -- opened by 127.0.0.1:51602"


def test_json_gives_the_lines_as_they_stand_in_the_file(screen: Screen) -> None:
    assert screen.log("changed", as_json=True, terminal=False) == 0
    in_file = [line for line in screen.path.read_text().splitlines() if '"event":"state"' in line]
    assert screen.out.splitlines() == in_file
    assert len(in_file) == 8


def test_json_on_a_terminal_says_the_same_without_control_characters(screen: Screen) -> None:
    hostile = Received(seq=1, time=NOON, size=9, data="\x9b2J\u202e\U000e0041é")
    screen.path.write_bytes(encode(hostile))
    assert screen.log(as_json=True) == 0
    assert screen.out.strip().isprintable()
    assert json.loads(screen.out)["data"] == hostile.data
    assert screen.log(as_json=True, terminal=False) == 0
    assert screen.out.encode() == encode(hostile)


def test_nothing_matching_is_said_so(screen: Screen) -> None:
    assert screen.log("nonsense") == 0
    assert screen.err == "None of 44 events matches.\n"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"since": "yesterday"}, "'yesterday' is no point in time; say 10m, 2h, 14:02"),
        ({"run": "none"}, "There is no such former run, or several begin so: none."),
        ({"run": "last"}, "There is no former run yet: the next start puts the present journal aside."),
        ({"run": "last", "follow": True}, "a former run gets no new lines"),
        ({"conn": '"'}, None),
    ],
)
def test_what_cannot_be_asked_is_said_and_the_exit_code_is_2(
    screen: Screen, options: dict[str, Any], says: str | None
) -> None:
    code = screen.log(**options)
    if says is not None:
        assert code == 2
        assert screen.err.startswith(says)
        assert screen.out == ""


def test_a_bad_filter_is_explained(screen: Screen) -> None:
    assert screen.log("/(/") == 2
    assert screen.err.startswith("/(/ is not a regular expression: ")


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    screen = Screen(tmp_path / "playground.jsonl")
    assert screen.log() == 2
    assert screen.err == f"There is no journal {screen.path}. Start one with: playground up\n"


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    screen = Screen(tmp_path)
    assert screen.log() == 2
    assert screen.err == f"The journal cannot be read: Is a directory ({tmp_path})\n"


def test_an_empty_journal_is_no_error(tmp_path: Path) -> None:
    screen = Screen(tmp_path / "playground.jsonl")
    screen.path.touch()
    assert screen.log() == 0
    assert screen.err == "Nothing has happened yet.\n"


def test_a_torn_line_is_a_note_beside_the_log(screen: Screen) -> None:
    with screen.path.open("ab") as file:
        file.write(b'{"event":"sent","data":"\x1b[2J')
    assert screen.log("conn:ftp-2") == 0
    assert screen.err == "note: playground.jsonl: the last line is torn after 28 bytes; passed over\n"


def test_former_runs_are_listed_and_read(screen: Screen) -> None:
    assert screen.log(run="list") == 0
    assert screen.out.startswith("There is no former run yet")
    runs = screen.path.parent / "runs"
    runs.mkdir()
    os.replace(screen.path, runs / "r1.jsonl")
    assert screen.log(run="list") == 0
    assert screen.out.split() == ["r1", "2026-11-24", "14:02:07", "8.8", "kB", "http,", "ftp,", "game"]
    for name in ("last", "r1"):
        assert screen.log(run=name) == 0
        assert screen.out == FIRST_MINUTE + "\n" + TABLE


def test_rotated_parts_are_one_story(screen: Screen) -> None:
    lines = screen.path.read_bytes().splitlines(keepends=True)
    rotated(screen.path, 1).write_bytes(b"".join(lines[:20]))
    again = JournalOpen(seq=1, time=NOON, schema=1, run="r1", version="0", pid=1, servers={}, again=True)
    screen.path.write_bytes(encode(again) + b"".join(lines[20:]))
    assert screen.log() == 0
    assert screen.out == FIRST_MINUTE + "\n" + TABLE


def test_following_shows_what_comes_and_ends_quietly(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: Iterator[bool] = iter([False, False, True])

    def stop() -> bool:
        with screen.path.open("ab") as file:
            late: AnyEvent = Received(
                seq=99, time=NOON, protocol="game", conn="game-2", size=6, data="ready\n"
            )
            file.write(encode(late))
        return next(looks)

    assert screen.log("ready", follow=True, stop=stop) == 0
    assert [line[21:] for line in screen.out.splitlines()[-2:]] == ["C: ready", "C: ready"]


def test_ctrl_c_ends_following_with_what_was_held_back(screen: Screen) -> None:
    def interrupted() -> bool:
        raise KeyboardInterrupt

    assert screen.log(follow=True, stop=interrupted) == 0
    assert screen.out == FIRST_MINUTE
    assert screen.err == ""


PROGRAM = """
import sys
from pathlib import Path
from rich.console import Console
from playground.terminal.log import run_log
sys.exit(run_log(Path(sys.argv[1]), as_json=len(sys.argv) > 2, console=Console()))
"""


@pytest.mark.parametrize("more", [[], ["json"]])
def test_a_reader_that_goes_away_is_no_error(screen: Screen, more: list[str]) -> None:
    with screen.path.open("ab") as file:
        for seq in range(20_000):
            file.write(encode(Received(seq=seq, time=NOON, conn="game-1", size=9, data="ready\n")))
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(screen.path), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(30) == 0


def test_a_terminal_without_arrows_still_gets_the_log(screen: Screen) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(screen.path)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        timeout=30,
        check=True,
    )
    assert b"/ ? /docs" in done.stdout
    assert done.stderr == b""


PARIS = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", "2026-11-24T14:04:30+00:00"),
        ("10m", "2026-11-24T13:56:00+00:00"),
        ("1.5h", "2026-11-24T12:36:00+00:00"),
        ("2d", "2026-11-22T14:06:00+00:00"),
        ("14:02", "2026-11-24T13:02:00+00:00"),
        ("15:05:59", "2026-11-24T14:05:59+00:00"),
        ("15:30", "2026-11-23T14:30:00+00:00"),
        ("2026-11-24", "2026-11-23T23:00:00+00:00"),
        ("2026-11-24T14:02", "2026-11-24T13:02:00+00:00"),
        ("2026-11-24T14:02Z", "2026-11-24T14:02:00+00:00"),
        ("2026-11-24 14:02+02:00", "2026-11-24T12:02:00+00:00"),
    ],
)
def test_points_in_time(text: str, moment: str) -> None:
    assert parse_since(text, NOON, PARIS).astimezone(UTC).isoformat() == moment


@pytest.mark.parametrize(
    "text", ["", "10", "m", "25:00", "14:60", "99999999d", "2026-13-01", "-5m", "\u0661\u0660m"]
)
def test_no_points_in_time(text: str) -> None:
    with pytest.raises(SinceError, match="no point in time"):
        parse_since(text, NOON, PARIS)

"""The log as a person reads it: the first minute, word for word, and everything hostile."""

from __future__ import annotations

import io
from datetime import UTC, date, timedelta

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    Dropped,
    Forgotten,
    JournalOpen,
    LimitHit,
    Partial,
    Received,
    Refused,
    Sent,
    SessionEnd,
    SessionStart,
    State,
    Trouble,
)
from playground.views.closing import Closing
from playground.views.text import TextView
from tests.core.views.scenario import Story, first_minute, shown

FIRST_MINUTE = """\
run 14:02:07, pid 4711 | C: client  S: server  = what the server remembers

14:02:31.204 http-1  -- opened by 127.0.0.1:51544
             http-1  C: GET /state?name=ada HTTP/1.1     (+3 header lines)
             http-1  S: 200 OK                           (132 bytes)
             http-1  -- closed after 3 ms. Forgot: nothing. Carried: name=ada
14:02:40.118 http-2  -- opened by 127.0.0.1:51550
             http-2  C: GET /state HTTP/1.1              (+3 header lines)
             http-2  S: 200 OK                           (121 bytes)
             http-2  -- closed after 2 ms. Forgot: nothing. Carried: nothing

14:03:06.010 ftp-1   -- opened by 127.0.0.1:51580
             ftp-1   S: 220 Playground FTP. Try: USER ada
14:03:09.377 ftp-1   C: USER ada
             ftp-1   =  user           none → ada        connection
             ftp-1   S: 331 Username ok, send password.
14:03:12.602 ftp-1   C: PASS ***
             ftp-1   =  authenticated  no → yes          connection
             ftp-1   =  cwd            none → /          connection
             ftp-1   S: 230 Login successful.
             ftp-1   C: SYST → 215, C: FEAT → 211        changed nothing
14:03:20.041 ftp-1   C: CWD docs
             ftp-1   =  cwd            / → /docs         connection
             ftp-1   S: 250 "/docs" is the current directory.
14:03:31.500 ftp-1   C: QUIT
             ftp-1   S: 221 Goodbye.
             ftp-1   -- closed after 25 s.
             ftp-1      Forgot: user ada, authenticated, cwd /docs
14:03:40.200 ftp-2   -- opened by 127.0.0.1:51592
14:03:44.019 ftp-2   C: PWD
             ftp-2   S: 530 Log in with USER and PASS first.  refused

14:05:10.001 game-1  -- opened by 127.0.0.1:51602
             game-1  S: * Lantern. Say: name <you> | resume <token> | watch
14:05:13.412 game-1  C: name ada
             game-1  =  dialogue       none → seated     connection
             game-1  =  seat           none → ada        connection
             game-1  =  name           none → ada        session game/ada
             game-1  =  seat           none → present    session game/ada
             game-1  =  players        0 → 1             shared game/table
             game-1  S: * welcome ada. Your token is #3f9c. Say: ready
14:05:20.660 game-1  =  seat           present → away    session game/ada
             game-1  -- closed by client after 11 s.
             game-1     Forgot: dialogue seated, seat ada.
             game-1     Kept: game/ada (session, 60 s left), game/table (shared)
14:05:27.100 game-2  -- opened by 127.0.0.1:51610
14:05:31.250 game-2  C: resume #3f9c
             game-2  =  seat           away → present    session game/ada
             game-2  S: * welcome back ada. New token: #a71e
"""

TABLE = """\
        connections  changes  held now  remembered in
http              2        0       0 B  carried: in the request, gone with it
ftp               2        4       0 B  connection: gone with the socket
game              2        7      74 B  connection: gone with the socket
                                        session: survives the hang-up
                                        shared: kept for everybody
"""


def test_the_first_minute_reads_as_promised() -> None:
    assert shown(first_minute()) == FIRST_MINUTE.splitlines()


def test_the_closing_table_says_where_state_lived() -> None:
    closing = Closing()
    for event in first_minute():
        closing.note(event)
    assert [line.plain for line in closing.lines(80)] == TABLE.splitlines()
    assert Closing().lines() == []


@pytest.mark.parametrize("width", [50, 60, 80, 100, 132, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(cell_len, shown(first_minute(), width))) <= width


def test_a_wide_terminal_shows_why_something_was_refused() -> None:
    assert any(line.endswith("refused (not-logged-in)") for line in shown(first_minute(), 120))


def test_colour_is_for_terminals_and_says_nothing_that_the_text_does_not() -> None:
    for terminal in (True, False):
        out = io.StringIO()
        environment = {"TERM": "xterm-256color"}
        console = Console(file=out, width=80, force_terminal=terminal, _environ=environment)
        view = TextView(80, zone=UTC)
        for event in first_minute():
            for line in view.feed(event):
                console.print(line, soft_wrap=True)
        assert ("\x1b[" in out.getvalue()) == terminal


def only_line(*events: AnyEvent, width: int = 80) -> str:
    (line,) = shown([*events], width)
    return line[13:]


def http(data: str | None, size: int | None = None, *, b64: str | None = None, cut: bool = False) -> Received:
    size = len((data or "").encode()) if size is None else size
    return Received(seq=1, protocol="http", conn="http-1", size=size, data=data, data_b64=b64, truncated=cut)


def game(data: str) -> Received:
    return Received(seq=1, protocol="game", conn="game-1", size=len(data.encode()), data=data)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (game("ready\n"), "game-1  C: ready"),
        (game(""), "game-1  C:                                  (0 bytes)"),
        (game("a\nb\nc\n"), "game-1  C: a                                (+2 lines)"),
        (game("no end"), "game-1  C: no end                           (6 bytes)"),
        (game("\x1b]0;pwn\x07[red]\n"), r"game-1  C: \x1b]0;pwn\x07[red]"),
        (game("x" * 500 + "\n"), "game-1  C: " + "x" * 55 + "…"),
        (
            http("POST /a HTTP/1.1\r\nHost: a\r\n\r\nb=c"),
            "http-1  C: POST /a HTTP/1.1               (+1 header line, 3 bytes)",
        ),
        (
            http("GET / HTTP/1.1\r\nHost: a\r\n", 9000, cut=True),
            "http-1  C: GET / HTTP/1.1       (+2 header lines, 9,000 bytes, cut)",
        ),
        (http("BREW / HTTP/1.1\r\n"), "http-1  C: BREW / HTTP/1.1                  (17 bytes)"),
        (http("b=c&d=e"), "http-1  C: b=c&d=e                          (7 bytes)"),
        (http(None, 70_000), "http-1  C:                                  (70.0 kB)"),
        (http(None, 3, b64="/wBh"), r"http-1  C: \xff\x00a                        (3 bytes)"),
        (http(None, 3, b64="not base64"), "http-1  C: not base64                       (3 bytes)"),
        (
            Partial(seq=1, conn="http-1", size=4, data="****"),
            "http-1  C: ***                              (4 bytes, unfinished)",
        ),
        (
            Sent(seq=1, conn="http-1", size=30, data="HTTP/1.1 204 No Content\r\n\r\n"[:27]),
            "http-1  S: 204 No Content                   (3 bytes)",
        ),
        (
            Sent(seq=1, conn="http-1", size=27, data="HTTP/1.1 204 No Content\r\n\r\n"),
            "http-1  S: 204 No Content                   (no body)",
        ),
        (
            Received(seq=1, conn="http-1", size=8, data_b64="A+g=", frame="close"),
            "http-1  C: 1000                             (close frame, 8 bytes)",
        ),
        (
            Sent(seq=1, conn="http-1", size=8, data_b64="A+phYg==", frame="close"),
            "http-1  S: 1002 ab                          (close frame, 8 bytes)",
        ),
        (Trouble(seq=1, text="the disk is full\x07"), r"        !! the disk is full\x07"),
        (
            LimitHit(seq=1, conn="http-1", limit="http.idle", value=300.0, text="silent"),
            "http-1  !! limit http.idle (300): silent",
        ),
        (Dropped(seq=1, count=1204, reason="slow"), "        !! 1,204 events are missing here: slow"),
        (
            Refused(seq=1, conn="http-1", rule="host", text="No Host.", source="RFC 9112 3.2"),
            "http-1  !! refused: No Host. (RFC 9112 3.2)",
        ),
        (
            Forgotten(seq=1, conn="ftp-1", where="connection", forgot={"user": "ada", "rest": 0}),
            "ftp-1   -- forgotten on request: user ada   connection",
        ),
        (
            SessionEnd(seq=1, protocol="game", session="game/ada", reason="expired", forgot={"seat": "away"}),
            "game    -- session game/ada expired. Forgot: seat away",
        ),
        (
            SessionStart(seq=1, protocol="game", session="#3f9c", expires_in=3600.0),
            "game    -- session #3f9c begins, for 1 h",
        ),
        (
            State(
                seq=1,
                conn="ftp-1",
                where="connection",
                changed={},
                remembers={"cwd": "/"},
                held=9,
                again=True,
            ),
            "ftp-1   =  still cwd /                      connection",
        ),
    ],
)
def test_one_event_one_line(event: AnyEvent, line: str) -> None:
    assert only_line(event) == line


def test_the_line_end_of_a_telnet_key_by_key_is_a_line_end() -> None:
    assert only_line(game("go\r\0")) == only_line(game("go\r\n")) == only_line(game("go\n"))


def test_a_state_event_without_a_connection_stands_with_its_server_and_names_its_subject() -> None:
    seat = State(
        seq=1,
        protocol="game",
        where="session",
        session="game/ada",
        changed={"seat": (1, 2)},
        remembers={},
        held=2,
    )
    assert only_line(seat) == "game    =  seat           1 → 2             session game/ada"


def test_a_state_event_is_told_with_the_connection_that_caused_it() -> None:
    caused = State(
        seq=2,
        cause=1,
        protocol="game",
        where="shared",
        shared="game/table",
        changed={"n": (1, 2)},
        remembers={},
        held=2,
    )
    assert (
        shown([game("ready\n"), caused])[1][13:]
        == "game-1  =  n              1 → 2             shared game/table"
    )


def test_a_session_that_begins_is_told_with_its_first_state() -> None:
    start = SessionStart(seq=1, protocol="http", conn="http-1", session="#3f9c", expires_in=60.0)
    first = State(
        seq=2, protocol="http", conn="http-1", where="session", session="#3f9c", changed={"n": (None, 1)},
        remembers={"n": 1}, held=7,
    )  # fmt: skip  # fields that belong together stay on one line
    assert only_line(start, first) == "http-1  =  n              none → 1          session, 60 s left"


def test_changes_from_nothing_to_nothing_are_no_news() -> None:
    state = State(
        seq=1,
        conn="ftp-1",
        where="connection",
        changed={"rest": (None, 0), "data": (None, None)},
        remembers={},
        held=2,
    )
    assert shown([state]) == []


def test_a_refusal_whose_reason_the_answer_does_not_give_has_its_own_line() -> None:
    story = Story()
    story.says("http-1", "GET / HTTP/1.1\r\n\r\n")
    story.refuses("http-1", "host-missing", "A request needs a Host field.", "RFC 9112 3.2")
    story.hears("http-1", "HTTP/1.1 400 Bad Request\r\n\r\n")
    assert [line[21:] for line in shown(story.events)] == [
        "C: GET / HTTP/1.1",
        "!! refused: A request needs a Host field. (RFC 9112 3.2)",
        "S: 400 Bad Request                  refused",
    ]


def test_what_went_wrong_is_told_whole_but_not_without_end() -> None:
    trouble = Trouble(seq=1, text="the journal cannot be written: No space left on device; the servers go on")
    assert [line[21:] for line in shown([trouble])] == [
        "!! the journal cannot be written: No space left on device;",
        "   the servers go on",
    ]
    assert len(shown([Trouble(seq=1, text="no end " * 1000)])) == 6


def test_a_large_file_is_told_by_its_size_and_not_by_its_beginning_alone() -> None:
    story = Story()
    story.opens("ftp-1.1", 40000, parent="ftp-1")
    story.says("ftp-1.1", "x" * 4095 + "\n")
    story.add(
        ConnectionClose(
            protocol="ftp",
            conn="ftp-1.1",
            reason="client",
            received_bytes=300_000,
            sent_bytes=0,
            received_messages=1,
            sent_messages=0,
            lifetime=0.2,
            forgot={},
        )
    )
    assert [line[21:] for line in shown(story.events)[-2:]] == [
        "-- closed after 200 ms.",
        "   Received 300.0 kB; the first 4.1 kB are recorded",
    ]


def test_routine_commands_share_a_line_only_where_they_changed_nothing() -> None:
    story = Story()
    for command in ("SYST", "FEAT", "NOOP"):
        story.says("ftp-1", f"{command}\r\n")
        story.hears("ftp-1", "200 Yes.\r\n")
    story.says("ftp-1", "TYPE I\r\n")
    story.changes("ftp-1", type=("A", "I"))
    story.hears("ftp-1", "200 Type set.\r\n")
    story.says("ftp-1", "OPTS UTF8 ON\r\n")
    story.hears("ftp-1", "501 No.\r\n")
    story.says("ftp-1", "NOOP\r\n")
    story.says("ftp-2", "NOOP\r\n")
    story.hears("ftp-2", "200 Yes.\r\n")
    assert [line[13:] for line in shown(story.events)] == [
        "ftp-1   C: SYST → 200, C: FEAT → 200        changed nothing",
        "ftp-1   C: NOOP → 200                       changed nothing",
        "ftp-1   C: TYPE I",
        "ftp-1   =  type           A → I             connection",
        "ftp-1   S: 200 Type set.",
        "ftp-1   C: OPTS UTF8 ON",
        "ftp-1   S: 501 No.",
        "ftp-1   C: NOOP",
        "ftp-2   C: NOOP → 200                       changed nothing",
    ]


def test_the_time_is_told_when_the_connection_changes_or_after_a_pause() -> None:
    story = Story()
    story.at("14:00:00.000").says("game-1", "a\n")
    story.at("14:00:00.199").hears("game-1", "b\n")
    story.at("14:00:00.200").hears("game-1", "c\n")
    story.says("game-2", "d\n")
    assert [line[:12].strip() for line in shown(story.events)] == [
        "14:00:00.000",
        "",
        "14:00:00.200",
        "14:00:00.200",
    ]


def test_other_days_are_named() -> None:
    opening = JournalOpen(seq=1, time=Story().time, schema=1, run="r", version="0", pid=1, servers={})
    late = msgspec.structs.replace(game("ready\n"), time=opening.time + timedelta(hours=12))
    lines = shown([opening, game_at(opening), late], today=date(2026, 12, 1))
    assert lines[0].startswith("run 2026-11-24 14:02:07, pid 1")
    assert lines[3:5] == ["", "2026-11-25"]
    assert lines[5].startswith("02:02:07.000 game-1")


def game_at(opening: JournalOpen) -> Received:
    return msgspec.structs.replace(game("name ada\n"), time=opening.time)


def test_a_data_connection_names_its_control_connection() -> None:
    story = Story()
    story.opens("ftp-1.1", 40000, parent="ftp-1", tls=True)
    assert shown(story.events)[0][13:] == "ftp-1.1 -- opened by 127.0.0.1:40000 (TLS), for ftp-1"


def test_what_a_filter_hides_is_kept_in_mind() -> None:
    view = TextView(80, zone=UTC)
    lines = [
        line.plain[13:]
        for event in first_minute()
        for line in view.feed(event, show=isinstance(event, ConnectionClose))
    ]
    assert lines[0] == "http-1  -- closed after 3 ms. Forgot: nothing. Carried: name=ada"

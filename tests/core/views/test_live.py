"""The live lines below the start table: one an exchange, never a flood."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from playground.journal.events import (
    AnyEvent,
    Dropped,
    Forgotten,
    LimitHit,
    Received,
    Sent,
    SessionEnd,
    Trouble,
)
from playground.views.live import LiveView
from tests.core.views.hostile import hostile_events
from tests.core.views.scenario import GET, OK, Story, first_minute

LIVE = """\
14:02:31  http-1  GET /state?name=ada → 200    remembers nothing
14:02:40  http-2  GET /state → 200             remembers nothing
14:03:09  ftp-1   USER ada → 331               user ada
14:03:12  ftp-1   PASS *** → 230               authenticated, cwd /
14:03:12  ftp-1   SYST → 215                   changed nothing
14:03:12  ftp-1   FEAT → 211                   changed nothing
14:03:20  ftp-1   CWD docs → 250               cwd / → /docs
14:03:31  ftp-1   QUIT → 221                   changed nothing
14:03:31  ftp-1   closed                       forgot user ada, authenticated, …
14:03:44  ftp-2   PWD → 530                    refused: Log in with USER and PA…
14:05:13  game-1  name ada → welcome ada. Yo…  dialogue seated, seat ada, name …
14:05:20  game-1  game/ada                     seat present → away
14:05:20  game-1  closed                       forgot dialogue seated, seat ada…
14:05:31  game-2  resume #3f9c → welcome bac…  seat away → present
"""


def shown(events: list[AnyEvent], width: int = 80) -> list[str]:
    view = LiveView(zone=UTC)
    lines = [line for event in events for line in view.lines([event], width)] + view.finish()
    return [line.plain for line in lines]


def test_the_first_minute_live() -> None:
    assert shown(first_minute()) == LIVE.splitlines()


def test_why_something_was_refused_is_told_once() -> None:
    story = Story().at("14:05:10")
    story.opens("game-1", 51602)
    story.says("game-1", "go home, all of you\n")
    story.refuses("game-1", "no-cave", "there is no cave yet. Say: ready")
    story.hears("game-1", "! there is no cave yet. Say: ready\n")
    (line,) = shown(story.events)
    assert line == "14:05:10  game-1  go home, all of you → !      refused: there is no cave yet. S…"


@pytest.mark.parametrize("width", [50, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(cell_len, shown(first_minute(), width))) <= width


def test_a_flood_is_counted_and_its_second_named() -> None:
    view = LiveView(zone=UTC, most=3)
    story = Story().at("14:00:00.000")
    for number in range(1207):
        conn = f"http-{number}"
        story.says(conn, GET.format("/"))
        story.hears(conn, OK)
    story.says("ftp-1", "NOOP\r\n")
    story.hears("ftp-1", "200 Yes.\r\n")
    lines = [line.plain for line in view.lines(story.events)]
    assert (len(lines), view.owes) == (3, True)
    story.events.clear()
    story.at("14:00:01.000").says("ftp-1", "NOOP\r\n")
    story.hears("ftp-1", "200 Yes.\r\n")
    assert [line.plain for line in view.lines(story.events)] == [
        "14:00:00  … 1,204 more http exchanges in this second",
        "14:00:00  … 1 more ftp exchanges in this second",
        "14:00:01  ftp-1   NOOP → 200                   remembers nothing",
    ]
    assert (view.finish(), view.owes) == ([], False)


def test_a_body_belongs_to_the_head_before_it() -> None:
    story = Story()
    story.says("http-1", "POST /notes HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n")
    story.says("http-1", "name=ada")
    story.hears("http-1", "HTTP/1.1 201 Created\r\n\r\n")
    assert shown(story.events) == ["14:02:07  http-1  POST /notes → 201            remembers nothing"]


def test_what_follows_a_long_name_stands_in_its_column_too() -> None:
    story = Story()
    for conn in ("ftp-1", "waiter-12", "ftp-1"):
        story.says(conn, "NOOP\r\n")
        story.hears(conn, "200 Yes.\r\n")
    assert shown(story.events) == [
        "14:02:07  ftp-1   NOOP → 200                   remembers nothing",
        "14:02:07  waiter-12 NOOP → 200                   remembers nothing",
        "14:02:07  ftp-1     NOOP → 200                   remembers nothing",
    ]


def test_go_on_is_no_answer() -> None:
    story = Story()
    story.says("http-1", "PUT /put HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n")
    story.hears("http-1", "HTTP/1.1 100 Continue\r\n\r\n")
    story.says("http-1", "name=ada")
    story.hears("http-1", "HTTP/1.1 200 OK\r\n\r\n")
    assert shown(story.events) == ["14:02:07  http-1  PUT /put → 200               remembers nothing"]


def test_a_file_is_no_question() -> None:
    story = Story()
    story.says("ftp-1", "STOR a.txt\r\n")
    story.hears("ftp-1", "125 Data connection already open. Transfer starting.\r\n")
    story.opens("ftp-1.1", 40000, parent="ftp-1")
    story.says("ftp-1.1", "whatever stands in a file\n")
    story.closes("ftp-1.1", "client", 0.1)
    assert shown(story.events) == ["14:02:07  ftp-1   STOR a.txt → 125             remembers nothing"]


def test_a_message_that_nobody_answers_is_told_at_the_close() -> None:
    story = Story()
    story.says("game-1", "ready\n")
    story.changes("game-1", ready=(False, True))
    story.closes("game-1", "lost", 2.0, ready=True)
    assert shown(story.events) == [
        "14:02:07  game-1  ready (no answer)            ready",
        "14:02:07  game-1  closed                       forgot ready",
    ]


def test_what_is_no_exchange_is_told_too() -> None:
    at = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
    events: list[AnyEvent] = [
        SessionEnd(time=at, protocol="game", session="game/ada", reason="expired", forgot={"seat": "away"}),
        Forgotten(time=at, protocol="ftp", conn="ftp-1", where="connection", forgot={"user": "ada"}),
        LimitHit(time=at, protocol="http", conn="http-1", limit="http.idle", value=300.0, text="silent"),
        Trouble(time=at, text="the disk is full"),
        Dropped(time=at, count=5, reason="this reader was too slow"),
    ]
    assert shown(events) == [
        "14:00:00  game    session game/ada expired     forgot seat away",
        "14:00:00  ftp-1   forget connection            forgot user ada",
        "14:00:00  http-1  limit http.idle              silent",
        "14:00:00          trouble                      the disk is full",
        "14:00:00          5 events not shown           this reader was too slow",
    ]


def at_once(story: Story, width: int = 80) -> list[str]:
    """What is shown of a story that happens in one moment."""
    return [line.plain for line in LiveView(zone=UTC).lines(story.events, width)]


def a_step_by_two() -> Story:
    """Bob chooses, and so a step is made for ada and him."""
    story = Story()
    for name, conn in (("ada", "game-1"), ("bob", "game-2")):
        story.says(conn, f"name {name}\n")
        story.session(f"game/{name}", conn, 10, name=(None, name))
        story.hears(conn, f"* welcome {name}\n")
    story.says("game-2", "go home\n")
    for name in ("ada", "bob"):
        story.session(f"game/{name}", "game-2", 10, pocket=(0, 5))
    story.shared("game/table", "game-2", 10, oil_until=(1795527730.25, 1795527742.5))
    story.hears("game-2", "= home\n")
    story.add(Sent(protocol="game", conn="game-1", size=7, data="* news\n"))
    story.hears("game-2", "> bob goes home with 5 gems. Chest 5\n")
    story.hears("game-2", "? go deeper or go home? (12s of oil)  you carry 5\n")
    return story


def test_what_came_of_a_word_is_told_and_not_that_it_was_taken() -> None:
    *_, line = at_once(a_step_by_two(), 130)
    assert line == (
        "14:02:07  game-2  go home → bob goes home with 5 gems. Chest 5          "
        "ada: pocket 5, pocket 5, oil_until 13:42:10 → 13:42:22"
    )


def test_those_who_find_the_same_share_a_line() -> None:
    story = Story()
    for name in ("ada", "bob", "eve"):
        story.session(f"game/{name}", None, 10, pocket=(3, 6))
    story.session("game/joe", None, 10, pocket=(3, 0))
    story.shared("game/table", None, 10, depth=(1, 2))
    story.time += timedelta(seconds=1)
    story.session("game/joe", None, 10, pocket=(3, 0))
    assert at_once(story) == [
        "14:02:07  game    game/ada and 2 more          pocket 3 → 6",
        "14:02:07  game    game/joe                     pocket 3 gone",
        "14:02:07  game    game/table                   depth 1 → 2",
        "14:02:08  game    game/joe                     pocket 3 gone",
    ]


@pytest.mark.parametrize("more", [[], ["? go deeper or go home? (12s of oil)  you carry 5\n"]])
def test_a_word_that_nothing_came_of_yet_was_taken(more: list[str]) -> None:
    story = Story()
    for conn in ("game-1", "game-2"):
        story.says(conn, "go\n")
        for answer in ("= go\n", *more):
            story.hears(conn, answer)
    assert at_once(story) == [
        f"14:02:07  {conn}  go → = go                    remembers nothing" for conn in ("game-1", "game-2")
    ]


def test_a_word_that_was_taken_before_the_end_has_its_answer() -> None:
    story = Story()
    story.says("game-1", "go\n")
    story.hears("game-1", "= go\n")
    story.closes("game-1", "lost", 2.0)
    story.events[-1].cause = story.cause["game-1"]
    assert at_once(story) == ["14:02:07  game-1  go → = go                    remembers nothing"]


def test_control_frames_are_told_by_their_kind() -> None:
    ping = Received(seq=1, protocol="http", conn="http-1", size=6, data_b64="ut7DsA==", frame="ping")
    pong = Sent(seq=2, cause=1, protocol="http", conn="http-1", size=6, data_b64="ut7DsA==", frame="pong")
    close = Received(seq=3, protocol="http", conn="http-1", size=4, data_b64="A+g=", frame="close")
    again = Sent(seq=4, cause=3, protocol="http", conn="http-1", size=4, data_b64="A+g=", frame="close")
    lines = [line.plain[18:] for line in LiveView(zone=UTC).lines([ping, pong, close, again])]
    assert lines == [
        "ping → pong                  remembers nothing",
        "close 1000 → close 1000      remembers nothing",
    ]


def test_memory_that_ends_is_said_so() -> None:
    story = Story()
    story.says("ftp-1", "REIN\r\n")
    story.changes("ftp-1", 0, user=("ada", None), authenticated=(True, None), rest=(5, 9))
    story.hears("ftp-1", "220 Fresh.\r\n")
    assert shown(story.events, 120)[0].endswith("user ada gone, not authenticated, rest 5 → 9")


def test_unanswered_messages_do_not_pile_up() -> None:
    view = LiveView(zone=UTC)
    for seq in range(1, 5000):
        view.lines([Received(seq=seq, protocol="game", conn=f"game-{seq}", size=2, data="a\n")])
    assert len(view._pending) <= 1000
    assert view.lines([Sent(seq=5000, cause=1, conn="game-1", size=2, data="b\n")]) == []


@given(st.lists(hostile_events(), max_size=8), st.sampled_from([50, 80, 120]))
def test_hostile_bytes_stay_text(events: list[AnyEvent], width: int) -> None:
    for seq, event in enumerate(events):
        event.seq, event.cause, event.time = seq, seq - 1, event.time + timedelta(days=1)
    for line in shown(events, width):
        assert not any(
            unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for one in line
        )
        assert cell_len(line) <= width

"""News that go to many are one line of the log."""

from __future__ import annotations

from datetime import UTC, timedelta

from playground.journal.events import Sent
from playground.views.text import TextView
from tests.core.views.scenario import OK, Story, shown


def told(story: Story, text: str, *conns: str, cause: int | None = None) -> None:
    """The same to each of these, as a broadcast is journaled: only one of them has caused it."""
    for conn in conns:
        data = f"{text}\n"
        story.add(Sent(protocol=conn.split("-")[0], conn=conn, cause=cause, size=len(data), data=data))
        cause = None


def test_what_is_told_to_all_is_one_line_that_names_them() -> None:
    story = Story()
    story.says("game-1", "ready\n")
    story.hears("game-1", "= ready\n")
    told(story, "* ada is ready (1/4)", "game-2", "game-1", "game-3", cause=1)
    told(story, "> cave 1 of 3", "game-2", "game-1")
    told(story, "? go deeper or go home?", "game-2")
    assert shown(story.events, 100) == [
        "14:02:07.000 game-1  C: ready",
        "             game-1  S: = ready",
        "14:02:07.000 game-2  S: * ada is ready (1/4)                          also to game-1, game-3",
        "             game-2  S: > cave 1 of 3                                 also to game-1",
        "             game-2  S: ? go deeper or go home?",
    ]


def test_many_listeners_are_counted() -> None:
    story = Story()
    told(story, "* ada sits down", *(f"game-{number}" for number in range(1, 1001)))
    (line,) = shown(story.events)
    assert line == "14:02:07.000 game-1  S: * ada sits down                  and 999 others"
    story = Story()
    told(story, f"* ada: {'x' * 42}", *(f"game-{number}" for number in range(1, 1001)))
    (line,) = shown(story.events)
    assert line.endswith("xxx  +999")


def test_two_answers_in_the_same_words_are_two_answers() -> None:
    story = Story()
    for conn in ("http-1", "http-2"):
        story.says(conn, "GET / HTTP/1.1\r\n\r\n")
    for conn in ("http-1", "http-2"):
        story.hears(conn, OK)
    assert sum("200 OK" in line for line in shown(story.events)) == 2


def test_what_is_said_again_to_one_or_later_is_said_again() -> None:
    story = Story()
    told(story, "* hello", "game-1", "game-1")
    story.time += timedelta(seconds=1)
    told(story, "* hello", "game-2")
    assert sum("* hello" in line for line in shown(story.events)) == 3


def test_what_a_filter_hides_is_not_named() -> None:
    story = Story()
    told(story, "* hello", "game-1", "game-2", "game-3")
    view = TextView(80, zone=UTC)
    lines = [line for event in story.events for line in view.feed(event, show=event.conn != "game-2")]
    (line,) = lines + view.flush()
    assert line.plain.endswith("also to game-3")

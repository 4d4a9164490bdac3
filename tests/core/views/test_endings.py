"""What is told when a connection ends."""

from __future__ import annotations

from tests.core.views.scenario import Story, shown


def test_a_data_connection_has_nothing_of_its_own_to_forget() -> None:
    story = Story()
    story.opens("ftp-1.1", 40000, parent="ftp-1")
    story.closes("ftp-1.1", "server", 0.004)
    assert shown(story.events)[-1][21:] == "-- closed after 4 ms"


def test_only_what_ever_changed_is_told_as_forgotten() -> None:
    story = Story()
    story.changes("ftp-1", cwd=("/", "/docs"))
    story.closes("ftp-1", "idle", 300.0, cwd="/docs", type="A")
    assert shown(story.events, 100)[-1][21:] == "-- closed (idle for too long) after 5 min. Forgot: cwd /docs"

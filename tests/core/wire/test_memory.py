"""What is remembered is compared with what was last written down of it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import pytest

from playground.journal.events import SessionEnd, SessionStart, Snapshot, State
from playground.journal.journal import Journal
from playground.wire.addresses import Endpoint
from playground.wire.ledger import Connection, Ledger
from playground.wire.limits import Limits
from playground.wire.machines import Transition
from playground.wire.memory import Subject, changes, held


class Cloakroom:
    """A server that remembers what a test puts there."""

    name = "cloakroom"
    options = Limits(connections=3, connections_per_address=2)

    def __init__(self) -> None:
        self.own: Snapshot = {}
        self.things: list[Subject] = []
        self.asked = 0

    def remembered(self, conn: Connection, /) -> Snapshot:
        return self.own

    def subjects(self) -> list[Subject]:
        self.asked += 1
        return self.things

    def subjects_of(self, conn: Connection, /) -> list[Subject]:
        return self.things

    def farewell(self, reason: str, /) -> bytes:
        return b""


HERE = Endpoint("127.0.0.1", 4000)
ADA, BOB = Endpoint("192.0.2.1", 50_000), Endpoint("192.0.2.2", 50_000)


class Story:
    """A ledger and what it wrote."""

    def __init__(self) -> None:
        self.server = Cloakroom()
        self.journal = Journal(lambda: 0.0)
        self.seen = 0
        self.clock = 0.0
        self.ledger = Ledger(self.journal, self.server, lambda: self.clock)

    def connect(self, client: Endpoint = ADA) -> Connection:
        return self.ledger.open(client, HERE)

    def news(self) -> list[Any]:
        seen, self.seen = self.seen, self.journal.last_seq
        return [event for event in self.journal.ring if event.seq > seen]


@pytest.fixture
def story() -> Story:
    return Story()


# -- comparing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({}, {}, {}),
        ({}, {"user": "ada"}, {"user": (None, "ada")}),
        ({"user": "ada"}, {}, {"user": ("ada", None)}),
        ({"cwd": "/", "type": "A"}, {"cwd": "/docs", "type": "A"}, {"cwd": ("/", "/docs")}),
        ({"seat": {"mood": 1, "name": "ada"}}, {"seat": {"mood": 2, "name": "ada"}}, {"seat.mood": (1, 2)}),
        ({"seat": {"mood": 1}}, {"seat": None}, {"seat": ({"mood": 1}, None)}),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {}}}, {"a.b.c": (1, None)}),
        ({}, {"rest": None}, {"rest": (None, None)}),
        ({"dishes": ("soup",)}, {"dishes": ("soup", "pie")}, {"dishes": (("soup",), ("soup", "pie"))}),
    ],
)
def test_changes_are_path_before_after(before: Snapshot, after: Snapshot, changed: dict[str, Any]):
    assert changes(before, after) == changed


def test_held_is_the_size_as_json():
    assert held({}) == 0
    assert held({"user": "ada"}) == len('{"user":"ada"}')
    assert held({"orders": ("soup",)}) == len('{"orders":["soup"]}')


@pytest.mark.parametrize("odd", ["bad\udcffname", PurePath("/docs"), object(), {1, 2}, 10**30])
def test_what_json_has_no_word_for_is_still_held(odd: object):
    assert held({"odd": odd}) > 0


# -- a connection -----------------------------------------------------------------------------


def test_a_change_is_written_once_between_question_and_answer(story: Story):
    ada = story.connect()
    cause = ada.received(b"USER ada\r\n")
    story.server.own = {"user": "ada"}
    ada.sent(b"331\r\n")
    ada.pull()
    opened, question, change, answer = story.news()
    assert isinstance(change, State)
    assert (change.conn, change.where, change.cause) == ("cloakroom-1", "connection", cause)
    assert (change.changed, change.remembers, change.held) == (
        {"user": (None, "ada")},
        {"user": "ada"},
        14,
    )
    assert answer.cause == question.seq == opened.seq + 1


def test_an_equal_picture_is_no_change(story: Story):
    ada = story.connect()
    story.server.own = {"user": "ada"}
    ada.pull()
    story.news()
    story.server.own = {"user": "ada"}
    ada.pull()
    assert story.news() == []


def test_a_machines_steps_until_the_change_are_one(story: Story):
    ada = story.connect()
    ada.received(b"NAME ada\n")
    ada.machine_step(Transition("dialogue", "name", "greeting", "asked"))
    ada.machine_step(Transition("dialogue", "seat", "asked", "seated"))
    story.server.own = {"dialogue": "seated"}
    ada.pull()
    change = story.news()[-1]
    assert (change.machine, change.input, change.before, change.after) == (
        "dialogue",
        "seat",
        "greeting",
        "seated",
    )


def test_a_step_that_changed_nothing_is_not_told_of_a_later_message(story: Story):
    ada = story.connect()
    ada.received(b"NOOP\n")
    ada.machine_step(Transition("ftp", "NOOP", "here", "here"))
    ada.sent(b"200\n")
    ada.received(b"CWD docs\n")
    story.server.own = {"cwd": "/docs"}
    ada.pull()
    assert story.news()[-1].input is None


def test_a_data_connection_has_no_memory_of_its_own(story: Story):
    ada = story.connect()
    data = story.ledger.open(ADA, HERE, parent=ada)
    story.server.own = {"user": "ada"}
    data.sent(b"file")
    assert data.id == "cloakroom-1.1"
    assert [type(event).__name__ for event in story.news()] == ["ConnectionOpen", "ConnectionOpen", "Sent"]
    data.closed("server")
    assert story.ledger.by_address == {ADA.address: 1}


def test_what_died_and_what_lives_on_stands_in_the_close_event(story: Story):
    ada = story.connect()
    story.server.own = {"user": "ada"}
    story.server.things = [Subject("session", "cloakroom/ada", {"coat": 7}, expires_in=60.0)]
    ada.pull()
    story.clock = 12.5
    story.news()
    ada.closed("client")
    ada.closed("again")
    (closed,) = story.news()
    assert (closed.reason, closed.lifetime, closed.forgot) == ("client", 12.5, {"user": "ada"})
    (kept,) = closed.kept
    assert (kept.where, kept.name, kept.remembers, kept.expires_in) == (
        "session",
        "cloakroom/ada",
        {"coat": 7},
        60.0,
    )


# -- sessions and shared things ---------------------------------------------------------------


def test_a_session_starts_changes_and_ends(story: Story):
    ada = story.connect()
    story.news()
    story.server.things = [Subject("session", "cloakroom/ada", {"coat": 7}, 60.0)]
    cause = ada.received(b"coat\n")
    ada.pull()
    story.server.things = [Subject("session", "cloakroom/ada", {"coat": 8}, 60.0)]
    ada.pull()
    story.server.things = []
    story.ledger.pull("expired")
    start, first, _, second, end = story.news()
    assert isinstance(start, SessionStart)
    assert (start.session, start.expires_in) == ("cloakroom/ada", 60.0)
    assert (first.session, first.changed) == ("cloakroom/ada", {"coat": (None, 7)})
    assert (second.changed, second.conn, second.cause) == ({"coat": (7, 8)}, "cloakroom-1", cause)
    assert isinstance(end, SessionEnd)
    assert (end.reason, end.forgot, end.conn) == ("expired", {"coat": 8}, None)


def test_a_shared_change_is_written_once_however_many_connections_there_are(story: Story):
    ada, bob = story.connect(), story.connect(BOB)
    story.server.things = [Subject("shared", "cloakroom/hooks", {"free": 9})]
    ada.pull()
    bob.pull()
    story.server.things = []
    bob.pull()
    ada.pull()
    changed = [event for event in story.news() if isinstance(event, State)]
    assert [(event.shared, event.conn, event.changed) for event in changed] == [
        ("cloakroom/hooks", "cloakroom-1", {"free": (None, 9)}),
        ("cloakroom/hooks", "cloakroom-2", {"free": (9, None)}),
    ]


def test_one_goes_and_another_comes_in_the_same_moment(story: Story):
    story.server.things = [Subject("session", "a", {"x": 1})]
    story.ledger.pull()
    story.news()
    story.server.things = [Subject("session", "b", {"x": 1})]
    story.ledger.pull()
    assert [(type(event).__name__, event.session) for event in story.news()] == [
        ("SessionStart", "b"),
        ("State", "b"),
        ("SessionEnd", "a"),
    ]


def test_a_shared_step_is_told_with_its_change_and_not_later(story: Story):
    memory = story.ledger.memory
    memory.step("shared", "table", Transition("table", "ready", "lobby", "cave"))
    story.server.things = [Subject("shared", "table", {"state": "cave"})]
    story.ledger.pull()
    story.server.things = [Subject("shared", "table", {"state": "cave", "gold": 3})]
    story.ledger.pull()
    first, second = story.news()
    assert (first.machine, first.input, first.before, first.after) == ("table", "ready", "lobby", "cave")
    assert second.machine is None


def test_what_a_message_says_to_somebody_else_names_who_did_it(story: Story):
    ada, bob = story.connect(), story.connect(BOB)
    bob.received(b"watch\n")
    cause = ada.received(b"take\n")
    story.ledger.acting = ada
    story.server.things = [Subject("shared", "cloakroom/hooks", {"free": 8})]
    bob.sent(b"ada takes a hook\n")
    story.ledger.acting = None
    change, told = story.news()[-2:]
    assert (change.shared, change.conn, change.cause) == ("cloakroom/hooks", "cloakroom-1", cause)
    assert (told.conn, told.cause) == ("cloakroom-2", None)  # bob has not asked for it


def test_telling_everybody_asks_the_server_once(story: Story):
    everybody = [story.connect(Endpoint(f"192.0.2.{number}", 1)) for number in range(50)]
    everybody[0].received(b"hello\n")
    asked = story.server.asked
    for conn in everybody:
        conn.sent(b"ada says hello\n")
    assert story.server.asked == asked + 1


# -- secrets ----------------------------------------------------------------------------------


def said(story: Story) -> list[str]:
    return [event.data for event in story.news() if type(event).__name__ in ("Received", "Sent")]


def test_an_echoed_secret_is_covered_until_the_next_message(story: Story):
    from playground.journal.redaction import Secret

    ada = story.connect()
    ada.received(b"PASS hunter2\n", secrets=[Secret(5, 12)])
    ada.sent(b"hunter2 is wrong\n")
    ada.sent(b"really, hunter2\n")
    ada.received(b"HELP\n")
    ada.sent(b"hunter2 is also a word\n")
    assert said(story) == [
        "PASS *******\n",
        "******* is wrong\n",
        "really, *******\n",
        "HELP\n",
        "hunter2 is also a word\n",
    ]


def test_the_secret_of_a_message_that_waits_for_its_answer_is_not_forgotten(story: Story):
    from playground.journal.redaction import Secret

    ada = story.connect()
    ada.received(b"PASS hunter2\n", secrets=[Secret(5, 12)])
    ada.received(b"NOOP\n")  # pipelined
    ada.sent(b"hunter2 is wrong\n")
    assert said(story)[-1] == "******* is wrong\n"


def test_a_secret_within_a_secret_leaves_no_rest(story: Story):
    from playground.journal.redaction import Secret

    ada = story.connect()
    ada.received(b"hunter hunter2 ", secrets=[Secret(0, 6), Secret(7, 14)])
    ada.sent(b"hunter2 hunter")
    assert said(story)[-1] == "******* ******"


def test_a_secret_in_an_exceptions_text_is_covered(story: Story):
    from playground.journal.redaction import Secret

    ada = story.connect()
    ada.received(b"PASS hunter2\n", secrets=[Secret(5, 12)])
    ada.trouble("ValueError in the cloakroom server: 'hunter2' " + "x" * 10_000)
    trouble = story.news()[-1]
    assert trouble.text.startswith("ValueError in the cloakroom server: '*******' xxx")
    assert len(trouble.text) == 500


# -- limits and failures ----------------------------------------------------------------------


def test_connections_are_counted_while_they_live(story: Story):
    ada, _ = story.connect(), story.connect(BOB)
    assert story.ledger.full(BOB) is None
    extra = story.connect(BOB)
    assert story.ledger.full(BOB) is None
    story.connect(BOB)
    assert story.ledger.full(BOB) == ("connections", 3)
    ada.closed("client")
    assert story.ledger.full(BOB) == ("connections_per_address", 2)
    extra.send_away()
    assert story.ledger.full(BOB) is None
    extra.closed("too-many")  # counted once
    assert (story.ledger.count, story.ledger.by_address) == (2, {BOB.address: 2})


def test_one_that_is_sent_away_is_never_asked_about(story: Story):
    extra = story.connect()
    extra.send_away()
    story.server.own = {"user": "somebody else"}
    extra.sent(b"too many\n")
    extra.closed("too-many")
    *_, closed = story.news()
    assert (closed.reason, closed.forgot) == ("too-many", {})
    assert list(story.ledger.live) == []


@pytest.mark.parametrize("what", ["remembered", "subjects", "subjects_of"])
def test_a_server_that_cannot_say_what_it_remembers_is_trouble_told_once(story: Story, what: str):
    ada = story.connect()

    def fail(*_: object) -> Any:
        raise LookupError("lost it")

    setattr(story.server, what, fail)
    for _ in range(3):
        ada.received(b"hello\n")
        ada.sent(b"hello\n")
    ada.pull()
    ada.closed("client")
    told = [event for event in story.news() if type(event).__name__ == "Trouble"]
    assert [event.text for event in told] == [f"LookupError in {what} of the cloakroom server: lost it"]
    assert story.ledger.live == {}
    assert story.ledger.count == 0

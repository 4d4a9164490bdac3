"""Answers that are not known at once: they are waited for, and nothing else of the connection changes."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from playground.servers.http.answer import Answer, text_answer
from playground.servers.http.endpoints import ALL
from playground.servers.http.problems import Problem
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, Router, endpoint
from playground.servers.http.written import Unwritable
from playground.stores.store import StoreDown

LATER = b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def asked(desk: Any) -> list[Deferred[Answer]]:
    """The answers that ``/later`` owes, in their order."""
    owed: list[Deferred[Answer]] = []

    @endpoint("/later")
    def later(request: Request, asker: Asker, parameter: str) -> Answer:
        """Answers when the test wants it."""
        owed.append(Deferred())
        return Answer(later=owed[-1])

    desk.factory._factory._site.router = Router((*ALL, later))
    return owed


def test_it_is_sent_when_it_is_there(desk: Any, asked: list[Deferred[Answer]]):
    ada = desk.connect().say(LATER)
    desk.wait(5)
    assert ada.heard() == b""
    asked[0].callback(text_answer("at last"))
    desk.wait(0)
    heard = ada.heard()
    assert heard.endswith(b"at last\n")
    assert b"Cache-Control: no-store" in heard
    assert b"Access-Control-Allow-Origin: *" in heard
    assert ada.say(HEALTH).statuses() == [200]


def test_one_that_is_there_already_is_sent_as_well(desk: Any, asked: list[Deferred[Answer]]):
    ada = desk.connect().say(LATER)
    asked[0].callback(text_answer("now"))
    desk.wait(0)
    assert ada.statuses() == [200]


def test_those_behind_it_wait_for_their_turn(desk: Any, asked: list[Deferred[Answer]]):
    ada = desk.connect().say(LATER + HEALTH + LATER)
    assert ada.heard() == b""
    asked[0].callback(Answer(status=202))
    desk.wait(0)
    assert ada.statuses() == [202, 200]
    asked[1].callback(Answer(status=203))
    desk.wait(0)
    assert ada.statuses() == [203]


def test_a_client_that_has_closed_its_half_is_waited_for(desk: Any, asked: list[Deferred[Answer]]):
    ada = desk.connect().say(LATER).end()
    desk.wait(5)
    assert not ada.closed
    asked[0].callback(text_answer("at last"))
    desk.wait(0)
    assert ada.heard().endswith(b"at last\n")
    assert ada.closed


def test_it_is_dropped_when_the_client_has_left(desk: Any, asked: list[Deferred[Answer]]):
    ada = desk.connect().say(LATER)
    ada.hang_up()
    asked[0].callback(text_answer("too late"))
    desk.wait(1)
    assert ada.heard() == b""


def test_a_client_that_waits_is_not_idle(desk: Any, asked: list[Deferred[Answer]]):
    ada = desk.connect().say(LATER)
    desk.wait(200, 10)
    assert not ada.closed
    asked[0].callback(Answer(status=202))
    desk.wait(0)
    assert ada.statuses() == [202]
    desk.wait(60)
    assert ada.statuses() == [408]


def test_shutdown_lets_it_come(desk: Any, asked: list[Deferred[Answer]]):
    ada = desk.connect().say(LATER)
    desk.service.stopService()
    asked[0].callback(Answer(status=202))
    desk.wait(0)
    assert ada.statuses() == [202]
    assert ada.closed


def test_what_is_wrong_with_the_request_is_journaled(desk: Any, asked: list[Deferred[Answer]]):
    ada = desk.connect().say(LATER)
    asked[0].callback(
        Answer(status=401, problem=Problem(401, "not-logged-in", "Log in first.", "RFC 9110 15.5.2"))
    )
    desk.wait(0)
    assert ada.statuses() == [401]
    assert [event.rule for event in desk.events("event:refused")] == ["not-logged-in"]


def test_a_store_that_is_down_is_told(desk: Any, asked: list[Deferred[Answer]]):
    desk.trouble_expected = True
    ada = desk.connect().say(LATER)
    asked[0].errback(StoreDown("The store did not answer within 2 s."))
    desk.wait(0)
    heard = ada.heard()
    assert heard.startswith(b"HTTP/1.1 503 ")
    assert b"did not answer within 2 s." in heard
    assert b"Retry-After: 1" in heard
    assert "did not answer" in desk.events("event:trouble")[0].text
    assert ada.say(HEALTH).statuses() == [200]


def test_a_value_that_no_head_may_have_is_refused(desk: Any, asked: list[Deferred[Answer]]):
    ada = desk.connect().say(LATER)
    asked[0].errback(Unwritable("No such value."))
    desk.wait(0)
    assert ada.statuses() == [400]


@pytest.mark.expects_failure
def test_our_own_mistake_is_a_500_and_ends_the_connection(desk: Any, asked: list[Deferred[Answer]]):
    desk.trouble_expected = True
    ada = desk.connect().say(LATER)
    asked[0].errback(ZeroDivisionError("oh"))
    desk.wait(0)
    assert ada.statuses() == [500]
    assert ada.closed
    assert "ZeroDivisionError" in desk.events("event:trouble")[0].text


def test_secrets_in_its_body_are_a_digest_in_the_journal(desk: Any, asked: list[Deferred[Answer]]):
    ada = desk.connect().say(LATER)
    asked[0].callback(Answer(b"the token is abcdefgh, abcdefgh", "text/plain", secrets=(b"abcdefgh",)))
    desk.wait(0)
    assert b"abcdefgh" in ada.heard()
    assert "abcdefgh" not in desk.events("event:sent")[-1].data
    assert "the token is #" in desk.events("event:sent")[-1].data

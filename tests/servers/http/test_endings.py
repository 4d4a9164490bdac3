"""How a connection ends: deadlines, refusals, half-close, shutdown, and a client that does not read."""

from __future__ import annotations

from typing import Any

import pytest

from playground.servers.http.site import Site

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
DELAY = b"GET /delay/2 HTTP/1.1\r\nHost: a\r\n\r\n"
STREAM = b"GET /stream/50 HTTP/1.1\r\nHost: a\r\n\r\n"
POST_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"


def reason(desk: Any) -> str:
    (closed,) = desk.events("event:connection.close")
    return str(closed.reason)


def limits(desk: Any) -> list[str]:
    return [event.limit for event in desk.events("event:limit")]


# -- deadlines -----------------------------------------------------------------------------------


def test_a_slow_head_is_given_up_whether_or_not_it_still_drips(desk: Any):
    ada = desk.connect().say(b"GET / HTTP/1.1\r\n")
    for _ in range(9):
        desk.wait(1)
        ada.say(b"X: y\r\n")
    assert not ada.closed
    desk.wait(1)
    assert ada.heard().startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    desk.wait(1)
    assert ada.closed
    assert limits(desk) == ["http.head_seconds"]
    assert reason(desk) == "limit"
    assert desk.events("event:partial")[0].data.strip("*") == ""


def test_a_slow_body_is_given_up(open_desk: Any):
    desk = open_desk(body_seconds=20.0)
    ada = desk.connect().say(POST_HEAD)
    for _ in range(19):
        desk.wait(1)
        ada.say(b"x")
    assert ada.heard() == b""
    desk.wait(1)
    assert ada.statuses() == [408]
    assert limits(desk) == ["http.body_seconds"]


def test_each_request_has_its_own_deadline(desk: Any):
    ada = desk.connect()
    for _ in range(4):
        ada.say(HEALTH[:5])
        desk.wait(6)
        assert ada.say(HEALTH[5:]).statuses() == [200]
    ada.say(HEALTH[:5])
    desk.wait(6)
    assert ada.say(HEALTH[5:] + HEALTH[:5]).statuses() == [200]
    desk.wait(6)
    assert ada.say(HEALTH[5:]).statuses() == [200]


def test_a_head_in_time_leaves_its_time_to_the_body(desk: Any):
    ada = desk.connect().say(POST_HEAD[:5])
    desk.wait(9)
    ada.say(POST_HEAD[5:])
    desk.wait(9)
    assert ada.say(b"x" * 100).statuses() == [200]


def test_a_silent_connection_is_given_up(desk: Any):
    ada = desk.connect().say(HEALTH)
    ada.heard()
    desk.wait(59)
    assert not ada.closed
    desk.wait(1)
    assert ada.statuses() == [408]
    assert reason(desk) == "idle"


def test_empty_lines_hold_no_connection_for_ever(desk: Any):
    ada = desk.connect()
    for _ in range(9):
        desk.wait(50)
        ada.say(b"\r\n")
    assert ada.statuses() == [400]


def test_a_deadline_of_nought_is_none(open_desk: Any):
    desk = open_desk(head_seconds=0.0, idle=0.0)
    ada = desk.connect().say(HEALTH[:5])
    desk.wait(100_000)
    assert ada.say(HEALTH[5:]).statuses() == [200]


# -- refusals ------------------------------------------------------------------------------------


def test_a_refusal_closes_at_once_when_all_was_said(desk: Any):
    ada = desk.connect().say(b"GET / HTTP/1.1\nHost: a\n\n")
    assert b"\r\nConnection: close\r\n" in ada.heard()
    assert ada.closed
    assert reason(desk) == "refused"


def test_a_client_that_is_still_sending_gets_to_read_why_it_is_refused(desk: Any):
    ada = desk.connect().say(POST_HEAD.replace(b"100", b"9999999"))
    assert ada.statuses() == [413]
    assert not ada.closed
    ada.say(b"x" * 10_000)
    assert ada.heard() == b""
    desk.wait(1)
    assert ada.closed
    assert limits(desk) == ["http.body"]


def test_it_is_not_listened_to_for_long(desk: Any):
    ada = desk.connect().say(POST_HEAD.replace(b"100", b"9999999"))
    ada.say(b"x" * 262_144)
    assert not ada.closed
    ada.say(b"x")
    assert ada.closed


def test_it_may_end_its_half_meanwhile(desk: Any):
    ada = desk.connect().say(POST_HEAD.replace(b"100", b"9999999"))
    ada.end()
    assert ada.closed


def test_nothing_behind_a_refusal_is_answered(desk: Any):
    ada = desk.connect().say(b"GET / HTTP/1.1\r\n\r\n" + HEALTH)
    assert ada.statuses() == [400]
    assert len(desk.events("event:received")) == 1


# -- half-close ----------------------------------------------------------------------------------


def test_a_client_that_ends_its_half_gets_its_whole_answer(desk: Any):
    ada = desk.connect().say(DELAY).end()
    assert not ada.closed
    desk.wait(2)
    assert b"\r\nConnection: close\r\n" in (answer := ada.heard())
    assert answer.endswith(b"}\n")
    assert ada.closed
    assert reason(desk) == "client"


def test_and_all_of_them_if_it_asked_several(desk: Any):
    ada = desk.connect().say(DELAY + DELAY + HEALTH * 50 + STREAM).end()
    desk.wait(2)
    desk.wait(2)
    desk.wait(0)
    answers = ada.heard()
    assert answers.count(b"HTTP/1.1 200 OK") == 53
    assert answers.endswith(b"0\r\n\r\n")
    assert ada.closed


def test_an_idle_connection_whose_client_ends_its_half_closes_without_a_word(desk: Any):
    ada = desk.connect().say(HEALTH)
    ada.heard()
    ada.end()
    assert ada.heard() == b""
    assert ada.closed
    assert reason(desk) == "client"


@pytest.mark.parametrize(
    "begun", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n", POST_HEAD, POST_HEAD + b"x"]
)
def test_half_a_request_is_told_what_is_missing(desk: Any, begun: bytes):
    ada = desk.connect().say(begun).end()
    assert b"empty line" in (answer := ada.heard())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert ada.closed
    assert [event.rule for event in desk.events("event:refused")] == ["incomplete"]


def test_half_a_request_behind_a_whole_one_too(desk: Any):
    ada = desk.connect().say(DELAY + HEALTH[:9]).end()
    desk.wait(2)
    assert ada.statuses() == [200, 400]
    assert ada.closed


# -- shutdown ------------------------------------------------------------------------------------


def test_at_shutdown_an_idle_connection_closes_without_a_word(desk: Any):
    idle = desk.connect().say(HEALTH)
    begun = desk.connect().say(HEALTH[:9])
    idle.heard()
    for client in (idle, begun):
        client.observed.goodbye("shutdown")
        client.watch()
        assert client.heard() == b""
        assert client.closed
    assert {event.reason for event in desk.events("event:connection.close")} == {"shutdown"}


def test_at_shutdown_the_exchange_under_way_is_finished_and_no_other(desk: Any):
    ada = desk.connect().say(DELAY + HEALTH)
    ada.observed.goodbye("shutdown")
    desk.wait(2)
    answer = ada.heard()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in answer
    assert ada.closed
    assert reason(desk) == "shutdown"


def test_at_shutdown_a_body_that_still_comes_is_answered(desk: Any):
    ada = desk.connect().say(POST_HEAD)
    ada.observed.goodbye("shutdown")
    ada.say(b"x" * 100)
    assert ada.heard().endswith(b"x" * 100)
    assert ada.closed


def test_at_shutdown_nobody_is_listened_to_any_longer_after_a_refusal(desk: Any):
    ada = desk.connect().say(POST_HEAD.replace(b"100", b"9999999"))
    ada.observed.goodbye("shutdown")
    ada.watch()
    assert ada.closed


# -- a client that does not read -----------------------------------------------------------------


def test_nothing_more_is_answered_while_the_client_does_not_read(desk: Any):
    ada = desk.connect()
    ada.clog()
    ada.say(HEALTH * 3)
    assert ada.heard() == b""
    assert not ada.reads_on
    ada.unclog()
    assert ada.statuses() == [200] * 3
    assert ada.reads_on


def test_a_stream_waits_for_its_reader(desk: Any):
    ada = desk.connect()
    write, written = ada.transport.write, []

    def write_until_full(data: bytes) -> None:
        written.append(data)
        write(data)
        if len(written) % 10 == 0:
            ada.clog()

    ada.transport.write = write_until_full
    ada.say(STREAM + HEALTH)
    for _ in range(5):
        assert len(written) % 10 == 0
        ada.unclog()
    answers = ada.heard()
    assert answers.count(b'"id":') == 50
    assert answers.endswith(b"ok\n")
    assert ada.reads_on


def test_a_client_that_is_lost_in_the_middle_leaves_nothing(desk: Any):
    ada = desk.connect().say(DELAY + HEALTH)
    ada.hang_up()
    desk.wait(5)
    assert ada.heard() == b""


# -- our own mistakes ----------------------------------------------------------------------------


@pytest.mark.expects_failure
def test_a_mistake_of_ours_is_a_500_and_in_the_journal(desk: Any, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a mistake")

    desk.trouble_expected = True
    monkeypatch.setattr(Site, "respond", fail)
    ada = desk.connect().say(HEALTH)
    assert ada.statuses() == [500]
    assert ada.closed
    assert "a mistake" in desk.events("event:trouble")[0].text

"""What is said and what is journaled, exchange by exchange."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

GET = b"GET /state?name=ada HTTP/1.1\r\nHost: a\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"


def body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def test_who_am_i(desk: Any):
    ada = desk.connect()
    ada.say(GET)
    assert msgspec.json.decode(body(ada.heard()))["carried"] == {"name": "ada"}
    ada.hang_up()
    again = desk.connect()
    again.say(GET.replace(b"?name=ada", b""))
    assert msgspec.json.decode(body(again.heard())) == {
        "connection": {},
        "session": {},
        "shared": {},
        "carried": {},
    }
    again.hang_up()
    assert not desk.events("changed")
    first, second = desk.events("event:received")
    assert (first.carried, first.carried_size) == ({"name": "ada"}, 8)
    assert (second.carried, second.carried_size) == (None, None)
    assert [event.forgot for event in desk.events("event:connection.close")] == [{}, {}]


def test_an_answer_names_its_memory_class_and_the_time(desk: Any):
    ada = desk.connect()
    answer = ada.say(GET).heard()
    assert b"\r\nPlayground-Memory: carried\r\n" in answer
    assert b"\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\n" in answer


def test_the_journal_reads_like_a_transcript(desk: Any):
    ada = desk.connect()
    ada.say(GET, POST, b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert desk.story() == [
        ("connection.open", ""),
        ("received", "GET /state?name=ada HTTP/1.1"),
        ("sent", "HTTP/1.1 200 OK"),
        ("received", "POST / HTTP/1.1"),
        ("received", "hi"),
        ("sent", "HTTP/1.1 200 OK"),
        ("received", "BREW / HTTP/1.1"),
        ("refused", "method-unknown"),
        ("sent", "HTTP/1.1 501 Not Implemented"),
        ("partial", "***********"),
        ("connection.close", "refused"),
    ]
    seqs = {event.seq: event for event in desk.journal.ring}
    for sent in desk.events("event:sent"):
        assert seqs[sent.cause].__struct_config__.tag == "received"


@pytest.mark.parametrize(
    "stream",
    [
        GET + POST + CHUNKED + HEALTH,
        b"\r\n" + POST + b"\r\n" + GET,
        GET + b"GET / HTTP/1.1\nHost: a\n\n",
        GET + POST.replace(b"Host: a\r\n", b"") + GET,
        GET.replace(b"HTTP/1.1", b"HTTP/1.0") + GET,
        POST.replace(b"Content", b"Expect: 100-continue\r\nContent") + GET,
        CHUNKED.replace(b"\r\n0\r\n", b"!\r\n0\r\n"),
        GET.replace(b"Host", b"Cookie: sid=abcdefgh\r\nHost") + POST,
    ],
)
def test_one_byte_at_a_time_gives_the_same_events_as_all_at_once(open_desk: Any, stream: bytes):
    at_once, bytewise = open_desk(), open_desk()
    at_once.connect().say(stream)
    bytewise.connect().say(*[stream[at : at + 1] for at in range(len(stream))])

    def told(desk: Any) -> list[Any]:
        # What comes behind a refusal is not read any more: how much of it has arrived is chance.
        kinds = ("received", "sent", "refused", "limit", "state")
        return [
            msgspec.structs.replace(event, seq=0, cause=None)
            for event in desk.journal.ring
            if event.__struct_config__.tag in kinds
        ]

    assert told(bytewise) == told(at_once)
    assert bytewise.clients[0].heard() == at_once.clients[0].heard()


def test_a_connection_is_used_again(desk: Any):
    ada = desk.connect()
    for _ in range(3):
        assert ada.say(HEALTH).statuses() == [200]
    assert not ada.closed


def test_connection_close_is_honoured(desk: Any):
    ada = desk.connect()
    answer = ada.say(HEALTH.replace(b"Host", b"Connection: close\r\nHost")).heard()
    assert b"\r\nConnection: close\r\n" in answer
    assert ada.closed


def test_http_1_0_closes_unless_it_asks_not_to(desk: Any):
    old = HEALTH.replace(b"HTTP/1.1", b"HTTP/1.0")
    ada = desk.connect()
    assert b"\r\nConnection: close\r\n" in ada.say(old).heard()
    assert ada.closed
    bob = desk.connect()
    answer = bob.say(old.replace(b"Host", b"Connection: keep-alive\r\nHost")).heard()
    assert b"\r\nConnection: keep-alive\r\n" in answer
    assert not bob.closed


def test_a_connection_ends_after_so_many_requests(open_desk: Any):
    desk = open_desk(requests=3)
    ada = desk.connect().say(HEALTH * 5)
    answers = ada.heard()
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert answers.count(b"\r\nConnection: close\r\n") == 1
    assert ada.closed
    assert [event.limit for event in desk.events("event:limit")] == ["http.requests"]


def test_pipelined_requests_are_answered_in_order(desk: Any):
    ada = desk.connect()
    ada.say(
        b"GET /delay/2 HTTP/1.1\r\nHost: a\r\n\r\n" + POST + b"GET /status/404 HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    desk.wait(1.9)
    assert ada.heard() == b""
    desk.wait(0.2)
    assert ada.statuses() == [200, 200, 404]
    kinds = [kind for kind, _ in desk.story()[1:]]
    assert kinds == ["received", "sent", "received", "received", "sent", "received", "sent"]


def test_at_most_32_requests_wait_then_reading_pauses(desk: Any):
    ada = desk.connect()
    ada.say(b"GET /delay/2 HTTP/1.1\r\nHost: a\r\n\r\n", HEALTH * 32)
    assert ada.reads_on
    ada.say(HEALTH)
    assert not ada.reads_on
    desk.wait(2)
    desk.wait(0)
    assert ada.statuses() == [200] * 34
    assert ada.reads_on


def test_a_long_queue_of_bytes_pauses_reading_too(desk: Any):
    ada = desk.connect()
    ada.say(b"GET /delay/2 HTTP/1.1\r\nHost: a\r\n\r\n")
    ada.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70000)
    assert not ada.reads_on
    desk.wait(2)
    assert ada.statuses() == [200, 200]
    assert ada.reads_on


def test_who_pipelines_very_many_lets_others_have_their_turn(desk: Any):
    ada, bob = desk.connect(), desk.connect()
    ada.say(HEALTH * 1000)
    assert len(ada.statuses()) == 32
    assert not ada.reads_on
    assert bob.say(HEALTH).statuses() == [200]
    while not ada.reads_on:
        desk.wait(0)
    assert len(ada.statuses()) == 1000 - 32


def test_100_continue_comes_before_the_body_is_read(desk: Any):
    ada = desk.connect()
    head, content = POST[:-2].replace(b"Host", b"Expect: 100-continue\r\nHost"), POST[-2:]
    assert ada.say(head).heard() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert body(ada.say(content).heard()) == b"hi"


def test_where_the_head_alone_is_refused_the_body_is_not_asked_for(desk: Any):
    ada = desk.connect()
    answer = ada.say(
        b"POST /get HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    ).heard()
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET, HEAD, OPTIONS\r\n" in answer
    assert b"\r\nConnection: close\r\n" in answer


def test_a_method_that_is_not_allowed_does_not_cost_the_connection(desk: Any):
    ada = desk.connect()
    assert ada.say(b"DELETE /get HTTP/1.1\r\nHost: a\r\n\r\n" + HEALTH).statuses() == [405, 200]
    assert [event.rule for event in desk.events("event:refused")] == ["method-not-allowed"]
    assert ada.say(b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").statuses() == [404]
    assert len(desk.events("event:refused")) == 1


def test_a_stream_is_chunked(desk: Any):
    ada = desk.connect()
    answer = ada.say(b"GET /stream/2 HTTP/1.1\r\nHost: a\r\n\r\n").heard()
    assert b"\r\nTransfer-Encoding: chunked\r\n" in answer
    assert b"Content-Length" not in answer
    assert body(answer).endswith(b"}\n\r\n0\r\n\r\n")
    assert len(desk.events("event:sent")) == 4  # the head, each chunk, the end
    assert ada.say(HEALTH).statuses() == [200]


def test_a_stream_in_http_1_0_ends_with_the_connection(desk: Any):
    ada = desk.connect()
    answer = ada.say(b"GET /stream/2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").heard()
    assert b"Transfer-Encoding" not in answer
    assert b"\r\nConnection: close\r\n" in answer
    assert [msgspec.json.decode(line)["id"] for line in body(answer).splitlines()] == [0, 1]
    assert ada.closed


@pytest.mark.parametrize("target", [b"/", b"/state", b"/stream/2", b"/status/404", b"/status/204"])
def test_head_gets_a_head_only(desk: Any, target: bytes):
    ada = desk.connect()
    full = ada.say(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target).heard().partition(b"\r\n\r\n")[0]
    assert ada.say(b"HEAD %b HTTP/1.1\r\nHost: a\r\n\r\n" % target).heard() == full + b"\r\n\r\n"
    assert ada.say(HEALTH).statuses() == [200]


def test_a_head_that_is_refused_gets_no_body_either(desk: Any):
    for request in (
        b"HEAD / HTTP/1.1\r\n\r\n",
        b"HEAD / HTTP/1.1\n",
        b"HEAD /post HTTP/1.1\r\nHost: a\r\n\r\n",
    ):
        answer = desk.connect().say(request).heard()
        assert answer.startswith(b"HTTP/1.1 40")
        assert answer.endswith(b"\r\n\r\n")


def test_a_body_comes_back_whether_counted_or_chunked(desk: Any):
    ada = desk.connect()
    for request in (POST, CHUNKED):
        assert body(ada.say(request).heard()) == b"hi"


def test_secrets_are_in_the_answer_and_not_in_the_journal(desk: Any):
    ada = desk.connect()
    ada.say(
        b"POST /anything HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRhOmFkYQ==\r\n"
        b"Cookie: sid=s3cret; theme=dark\r\nContent-Length: 2\r\n\r\nhi"
    )
    answer = ada.heard()
    ada.say(b"GET /stream/1 HTTP/1.1\r\nHost: a\r\nCookie: sid=s3cret\r\n\r\n")
    for secret in (b"YWRhOmFkYQ==", b"s3cret", b"dark"):
        assert secret in answer
    written = msgspec.json.encode(list(desk.journal.ring))
    for secret in (b"YWRhOmFkYQ==", b"s3cret", b"dark"):
        assert secret not in written
    assert b"Basic ****" in written


def test_a_secret_that_is_refused_is_not_in_the_journal_either(desk: Any):
    desk.connect().say(b"GET / HTTP/1.1\r\nAuthorization : Basic YWRhOmFkYQ==\r\nCookie: a=s3cret\r\n\r\n")
    written = msgspec.json.encode(list(desk.journal.ring))
    assert b"YWRh" not in written
    assert b"s3cret" not in written


def test_a_flood_is_answered_and_cut_off(open_desk: Any):
    desk = open_desk(flood_per_second=2.0, flood_burst=3)
    ada = desk.connect().say(HEALTH * 10)
    assert ada.statuses() == [200, 200, 200, 429]
    assert ada.closed
    assert desk.events("event:connection.close")[0].reason == "flood"


def test_one_connection_too_many_is_told_to_come_back(open_desk: Any):
    desk = open_desk(connections=1)
    desk.connect()
    bob = desk.connect()
    assert b"\r\nRetry-After: 5\r\n" in (answer := bob.heard())
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert bob.closed

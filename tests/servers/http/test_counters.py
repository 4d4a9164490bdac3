"""One counter in four places: how long each number lives, and what the journal says of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest


def count(client: Any, where: str, cookie: str = "") -> tuple[int, str]:
    """The number, and the cookie that came with it."""
    carried = f"Cookie: {cookie}\r\n" if cookie else ""
    answer = client.say(f"GET /counter/{where} HTTP/1.1\r\nHost: a\r\n{carried}\r\n".encode()).heard()
    head, _, body = answer.partition(b"\r\n\r\n")
    given = head.decode().partition("Set-Cookie: ")[2].partition(";")[0]
    return int(msgspec.json.decode(body)["n"]), given


def number(client: Any, where: str, cookie: str = "") -> int:
    return count(client, where, cookie)[0]


def story(desk: Any) -> list[str]:
    """What changed, as the log tells it."""
    told = []
    for event in desk.events("event:state"):
        subject = ("session" if event.session else "") or event.shared or event.conn
        told += [f"{subject} {name} {before} → {after}" for name, (before, after) in event.changed.items()]
    return told


def test_a_connections_number_is_gone_with_the_socket(desk: Any):
    ada = desk.connect()
    assert [number(ada, "connection") for _ in range(3)] == [1, 2, 3]
    assert number(desk.connect(), "connection") == 1
    ada.hang_up()
    (closed,) = desk.events("event:connection.close")
    assert closed.forgot == {"counter": 3}
    assert story(desk) == [
        "http-1 counter None → 1",
        "http-1 counter 1 → 2",
        "http-1 counter 2 → 3",
        "http-2 counter None → 1",
    ]


def test_a_sessions_number_comes_back_with_its_cookie(desk: Any):
    ada = desk.connect()
    n, cookie = count(ada, "session")
    assert (n, cookie.partition("=")[0]) == (1, "playground")
    ada.hang_up()
    (closed,) = desk.events("event:connection.close")
    assert [(part.where, part.expires_in) for part in closed.kept] == [("session", 1800.0)]
    again = desk.connect()
    assert count(again, "session", cookie) == (2, "")
    assert number(again, "session") == 1  # who brings no cookie is somebody new
    assert len(desk.events("event:session.start")) == 2


def test_it_ends_half_an_hour_after_its_last_use(desk: Any):
    ada = desk.connect()
    _, cookie = count(ada, "session")
    for n in (2, 3):
        desk.wait(1799)
        ada = desk.connect()  # the other was idle for too long
        assert number(ada, "session", cookie) == n
    assert not desk.events("event:session.end")
    desk.wait(1801)
    (ended,) = desk.events("event:session.end")
    assert ended.reason == "expired"
    n, new = count(desk.connect(), "session", cookie)
    assert n == 1
    assert new not in ("", cookie)  # and never the id that somebody brings along


def test_where_there_are_too_many_the_longest_unused_ends(open_desk: Any):
    desk = open_desk(sessions=2)
    ada, bob = (count(desk.connect(), "session")[1] for _ in range(2))
    assert number(desk.connect(), "session", ada) == 2
    count(desk.connect(), "session")
    assert number(desk.connect(), "session", ada) == 3
    assert number(desk.connect(), "session", bob) == 1


def test_everybodys_number_is_one_line_in_the_journal_each_time(desk: Any):
    assert [number(desk.connect(), "shared") for _ in range(3)] == [1, 2, 3]
    assert story(desk) == [
        "http/counter counter None → 1",
        "http/counter counter 1 → 2",
        "http/counter counter 2 → 3",
    ]


def test_the_number_that_one_carries_changes_nothing_here(desk: Any):
    ada = desk.connect()
    assert number(ada, "carried?n=41") == 42
    assert not desk.events("changed")


@pytest.mark.parametrize("where", ["connection", "session", "shared"])
def test_forget_forgets_that_one_and_no_other(desk: Any, where: str):
    ada = desk.connect()
    _, cookie = count(ada, "session")
    for other in ("connection", "shared"):
        count(ada, other)
    desk.playground.forget(where)
    assert {
        other: number(ada, other, cookie if other == "session" else "")
        for other in ("connection", "session", "shared")
    } == {"connection": 2, "session": 2, "shared": 2} | {where: 1}
    assert not ada.closed
    (forgotten,) = desk.events("event:forgotten")
    assert forgotten.where == where


def test_state_shows_the_asker_all_of_it(desk: Any):
    ada = desk.connect()
    _, cookie = count(ada, "session")
    count(ada, "connection")
    count(ada, "shared")
    ada.say(f"GET /state?name=ada HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n".encode())
    told = msgspec.json.decode(ada.heard().partition(b"\r\n\r\n")[2])
    assert told["connection"] == {"counter": 1}
    assert list(told["session"].values()) == [{"counter": 1}]
    assert told["shared"] == {"http/counter": {"counter": 1}}
    assert told["carried"]["name"] == "ada"
    bob = desk.connect().say(b"GET /state HTTP/1.1\r\nHost: a\r\n\r\n").heard()
    assert msgspec.json.decode(bob.partition(b"\r\n\r\n")[2])["session"] == {}

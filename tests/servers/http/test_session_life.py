"""How a session ends, and what becomes of it when its store has trouble."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_twisted import blockon, ensureDeferred
from twisted.internet.defer import Deferred, gatherResults

from playground.stores.accounts import Account, Accounts
from playground.stores.hashing import HashingThread
from playground.testing import Served
from tests.reactor import the_reactor
from tests.servers.http.visitors import Reply, ask, log_in, open_http
from tests.stores.redis_server import redis_server

reactor = the_reactor()


@pytest.fixture
def http() -> Iterator[Served]:
    one = blockon(Deferred.fromCoroutine(open_http(reactor)))
    yield one
    blockon(Deferred.fromCoroutine(one.stop()))


async def me(http: Served, *cookies: str) -> Reply:
    return await ask(http, "/session/me", None, *(f"Cookie: {cookie}" for cookie in cookies))


# -- the end of a session ------------------------------------------------------------------------


@ensureDeferred
async def test_a_session_ends_when_it_is_not_used():
    http = await open_http(reactor, session_seconds=0.3)
    try:
        cookie = (await log_in(http)).cookie
        (ended,) = await http.happens("event:session.end")
        assert (ended.reason, ended.forgot) == ("expired", {"user": "ada"})
        assert (await me(http, cookie)).status == 401
    finally:
        await http.stop()


@ensureDeferred
async def test_a_session_ends_however_much_it_is_used():
    http = await open_http(reactor, login_seconds=0.5)
    try:
        cookie = (reply := await log_in(http)).cookie
        assert reply.said["expires_in"] <= 1
        while (await me(http, cookie)).status == 200:
            pass
        assert [event.reason for event in http.events("event:session.end")] == ["expired"]
    finally:
        await http.stop()


@ensureDeferred
async def test_where_there_are_too_many_the_longest_unused_ends():
    http = await open_http(reactor, sessions=2)
    try:
        first, second = (await log_in(http)).cookie, (await log_in(http)).cookie
        assert (await me(http, first)).status == 200
        third = (await log_in(http)).cookie
        assert [(await me(http, one)).status for one in (first, second, third)] == [200, 401, 200]
        assert [event.reason for event in http.events("event:session.end")] == ["too many"]
    finally:
        await http.stop()


@ensureDeferred
async def test_whose_account_is_gone_is_logged_out(http: Served):
    cookie = (await log_in(http)).cookie
    http.playground.accounts._accounts.pop("ada")
    assert (await me(http, cookie)).status == 401
    assert [event.reason for event in http.events("event:session.end")] == ["no such account"]


# -- the store -----------------------------------------------------------------------------------


@ensureDeferred
async def test_who_is_to_be_forgotten_while_the_store_hangs_is_forgotten_all_the_same(tmp_path: Path):
    with redis_server(tmp_path) as redis:
        http = await open_http(reactor, session_store=redis.url)
        cookie = (await log_in(http)).cookie
        redis.hang()
        (gone,) = http.playground.forget("session")
        assert gone.forgot == {"user": "ada"}
        assert http.playground.picture()["sessions"] == []
        reply = await me(http, cookie)
        assert (reply.status, "The Redis store" in reply.body) == (503, True)
        redis.go_on()
        while (reply := await me(http, cookie)).status == 503:
            pass
        assert reply.status == 401
        assert (await log_in(http)).status == 200
        await http.stop()


@ensureDeferred
async def test_a_full_store_is_told_and_nobody_is_half_logged_in(http: Served):
    http.server._site.doorman.sessions.store._room = 150  # type: ignore[attr-defined]  # looks inside
    assert (await log_in(http)).status == 200
    assert (await log_in(http)).status == 200
    reply = await log_in(http)
    assert reply.status == 503
    assert "no more room" in reply.body
    assert reply.field("Set-Cookie") is None
    assert len(http.playground.picture()["sessions"]) == 2
    assert len(http.events("event:trouble")) == 1


@ensureDeferred
async def test_another_process_that_ends_a_session_in_the_store_ends_it_here(tmp_path: Path):
    first = await open_http(reactor, state_dir=tmp_path, session_store="sqlite")
    second = await open_http(reactor, state_dir=tmp_path, session_store="sqlite")
    cookie = (await log_in(first)).cookie
    assert (await me(second, cookie)).said["user"] == "ada"
    assert (await ask(second, "/session/cart", "add=tea", f"Cookie: {cookie}")).status == 200
    assert (await me(first, cookie)).said["cart"] == {"tea": 1}
    assert (await ask(second, "/session/logout", "", f"Cookie: {cookie}")).status == 200
    assert (await me(first, cookie)).status == 401
    assert [event.reason for event in first.events("event:session.end")] == ["gone from the store"]
    await first.stop()
    await second.stop()


@ensureDeferred
async def test_more_logins_at_once_than_can_wait_are_told_to_come_again():
    gate = threading.Event()
    thread = HashingThread(reactor, most=2)
    names = [f"pupil{number}" for number in range(6)]
    accounts = Accounts([Account(name, name) for name in names], run=thread)
    http = await open_http(reactor)
    http.server._site.doorman.accounts = accounts  # type: ignore[attr-defined]  # looks inside
    under_way = thread(lambda: gate.wait(10))
    many = gatherResults([Deferred.fromCoroutine(log_in(http, name)) for name in names])
    refused = await http.happens("event:trouble", count=4)
    gate.set()
    replies = await many
    await under_way
    assert sorted(reply.status for reply in replies) == [200, 200, 503, 503, 503, 503]
    assert "Too many people log in just now" in refused[0].text
    await http.stop()
    thread.close()

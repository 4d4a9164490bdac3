"""Logging in with a signed token: what it carries, and what it costs to take it back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import time

import jwt
import pytest
from pytest_twisted import blockon, ensureDeferred
from twisted.internet.defer import Deferred

from playground.servers.http.endpoints.token import FIELDS
from playground.testing import Served
from tests.reactor import the_reactor
from tests.servers.http.forging import claims, other_texts, signed
from tests.servers.http.visitors import Reply, ask, bearer, open_http, refusals, take_token

reactor = the_reactor()


@pytest.fixture(scope="module")
def http() -> Iterator[Served]:
    one = blockon(Deferred.fromCoroutine(open_http(reactor)))
    yield one
    blockon(Deferred.fromCoroutine(one.stop()))


@pytest.fixture(scope="module")
def strict() -> Iterator[Served]:
    """One with a denylist."""
    one = blockon(Deferred.fromCoroutine(open_http(reactor, token_denylist=True)))
    yield one
    blockon(Deferred.fromCoroutine(one.stop()))


async def me(http: Served, token: str) -> Reply:
    return await ask(http, "/token/me", None, bearer(token))


# -- the lesson ----------------------------------------------------------------------------------


@ensureDeferred
async def test_the_cart_goes_to_and_fro_and_the_server_holds_nothing(http: Served):
    token = await take_token(http)
    for number in (1, 2):
        reply = await ask(http, "/token/cart", "add=tea", bearer(token))
        assert reply.said["cart"] == {"tea": number}
        token = reply.said["token"]
        assert reply.said["held"] == {"server": 0, "client": len(f"Bearer {token}")}
    assert (await me(http, token)).said["cart"] == {"tea": 2}
    assert jwt.decode(token, options={"verify_signature": False})["cart"] == {"tea": 2}
    assert not http.events("event:session.start")
    assert not http.events("changed")
    assert http.playground.picture()["sessions"] == []


@ensureDeferred
async def test_the_token_before_the_last_is_good_too_with_the_cart_from_then(http: Served):
    old = await take_token(http)
    new = (await ask(http, "/token/cart", "add=tea", bearer(old))).said["token"]
    assert (await me(http, old)).said["cart"] == {}
    assert (await me(http, new)).said["cart"] == {"tea": 1}


@ensureDeferred
async def test_forget_does_not_touch_it(http: Served):
    token = await take_token(http)
    for where in ("connection", "session", "shared"):
        http.playground.forget(where)
    assert (await me(http, token)).status == 200


@ensureDeferred
async def test_it_outlives_the_process_as_long_as_the_key_does(tmp_path: Path):
    first = await open_http(reactor, state_dir=tmp_path)
    token = await take_token(first)
    await first.stop()
    assert (tmp_path / "token.key").stat().st_mode & 0o777 == 0o600
    second = await open_http(reactor, state_dir=tmp_path)
    assert (await me(second, token)).status == 200
    await second.stop()
    (tmp_path / "token.key").unlink()
    third = await open_http(reactor, state_dir=tmp_path, seed=2)
    assert (await me(third, token)).said["rule"] == "token-signature"
    await third.stop()


@ensureDeferred
async def test_a_fresh_token_keeps_the_cart_and_the_time_of_the_login(http: Served):
    token = (await ask(http, "/token/cart", "add=tea", bearer(await take_token(http)))).said["token"]
    fresh = (await ask(http, "/token/refresh", "", bearer(token))).said["token"]
    assert fresh != token
    old, new = (jwt.decode(one, options={"verify_signature": False}) for one in (token, fresh))
    assert (new["cart"], new["auth_time"]) == ({"tea": 1}, old["auth_time"])
    assert new["jti"] != old["jti"]
    assert (await me(http, token)).status == 200


@ensureDeferred
async def test_no_exchange_goes_beyond_the_longest_login():
    http = await open_http(reactor, login_seconds=100.0)
    long_ago = int(time()) - 95
    token = signed(http, claims(auth_time=long_ago))
    fresh = (await ask(http, "/token/refresh", "", bearer(token))).said
    assert fresh["expires_at"] == long_ago + 100
    await http.stop()


# -- what a denylist costs -----------------------------------------------------------------------


@ensureDeferred
async def test_without_a_denylist_logging_out_is_only_a_promise(http: Served):
    token = await take_token(http)
    reply = await ask(http, "/token/logout", "", bearer(token))
    assert reply.status == 200
    assert "let in until it expires" in reply.said["lesson"]
    assert (await me(http, token)).status == 200


@ensureDeferred
async def test_with_one_it_is_refused_and_the_server_has_to_remember(strict: Served):
    token = await take_token(strict)
    assert (await me(strict, token)).said["held"]["server"] == 0
    reply = await ask(strict, "/token/logout", "", bearer(token))
    assert reply.said["held"] == {"server": 36, "client": 0}
    assert (await me(strict, token)).said["rule"] == "token-denied"
    assert (await ask(strict, "/token/cart", "add=tea", bearer(token))).status == 401
    assert (await ask(strict, "/token/refresh", "", bearer(token))).status == 401
    (told,) = strict.events("event:state")
    assert (told.shared, told.remembers) == ("http/denylist", {"tokens": 1, "bytes": 36})
    fresh = (await ask(strict, "/token/refresh", "", bearer(other := await take_token(strict)))).said["token"]
    assert [(await me(strict, one)).status for one in (fresh, other)] == [200, 401]


@ensureDeferred
async def test_no_other_text_of_the_same_token_gets_past_it(strict: Served):
    token = await take_token(strict)
    await ask(strict, "/token/logout", "", bearer(token))
    texts = list(other_texts(token))
    assert len(texts) > 8
    for text in [token, *texts]:
        assert (await me(strict, text)).status == 401, text


@ensureDeferred
async def test_forget_shared_empties_the_denylist():
    http = await open_http(reactor, token_denylist=True)
    token = await take_token(http)
    await ask(http, "/token/logout", "", bearer(token))
    (gone,) = http.playground.forget("shared")
    assert gone.forgot == {"tokens": 1, "bytes": 36}
    assert (await me(http, token)).status == 200
    await http.stop()


@ensureDeferred
async def test_the_denylist_outlives_the_process_where_the_store_does(tmp_path: Path):
    first = await open_http(reactor, state_dir=tmp_path, session_store="sqlite", token_denylist=True)
    token = await take_token(first)
    await ask(first, "/token/logout", "", bearer(token))
    await first.stop()
    second = await open_http(reactor, state_dir=tmp_path, session_store="sqlite", token_denylist=True)
    reply = await me(second, token)
    assert reply.said["rule"] == "token-denied"
    await second.happens("event:state")
    assert second.playground.picture()["shared"][0]["remembers"] == {"tokens": 1, "bytes": 36}
    await second.stop()


# -- the journal ---------------------------------------------------------------------------------


@ensureDeferred
async def test_the_journal_shows_that_it_was_carried_and_not_what_it_was():
    http = await open_http(reactor)
    token = await take_token(http)
    token = (await ask(http, "/token/cart", "add=tea", bearer(token))).said["token"]
    await ask(http, f"/token/me?token={token}", None, bearer(token))
    await ask(http, "/headers", None, bearer(token))
    await ask(http, "/bearer", None, bearer(token))
    await ask(http, "/anything", token, bearer(token))
    carried = [event.carried for event in http.events("event:received") if event.carried]
    assert carried[0]["Authorization"].startswith("Bearer #")
    assert carried[0]["claims"] == "iss, aud, sub, iat, exp, jti, auth_time, cart"
    journal = repr(list(http.journal.ring))
    for part in token.split(".")[1:]:
        assert part not in journal
    await http.stop()


@ensureDeferred
async def test_every_refusal_has_its_rule_in_the_journal():
    http = await open_http(reactor)
    await ask(http, "/token/me")
    await me(http, "x")
    await me(http, signed(http, claims(exp=1)))
    assert refusals(http) == ["not-logged-in", "token-text", "token-expired"]
    await http.stop()


def test_the_documentation_says_where_the_token_goes():
    assert "Bearer" in FIELDS["Authorization"]

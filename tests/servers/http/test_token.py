"""Logging in with a signed token: what it carries, and every way to get past it that is known."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any

import jwt
import pytest
from pytest_twisted import blockon, ensureDeferred
from twisted.internet import reactor as typed_too_narrowly  # noqa: TID251
from twisted.internet.defer import Deferred

from playground.servers.http.endpoints.token import FIELDS
from playground.servers.http.tokens import AUDIENCE, ISSUER, LONGEST
from playground.testing import Served
from tests.servers.http.visitors import Reply, ask, bearer, open_http, refusals, take_token

reactor: Any = typed_too_narrowly


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


def key_of(http: Served) -> bytes:
    return bytes(http.server._site.doorman._tokens._key)  # type: ignore[attr-defined]


def encoded(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**more: Any) -> dict[str, Any]:
    """What a good token says."""
    now = int(time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 60, "auth_time": now}
    return said | {"jti": "0" * 32, "cart": {}} | more


def signed(http: Served, said: Any, header: Any = None, key: bytes | None = None) -> str:
    """A token with any header, signed with HMAC-SHA-256 as the server does it."""
    head = encoded({"alg": "HS256", "typ": "JWT"} if header is None else header)
    text = f"{head}.{encoded(said)}"
    mac = hmac.new(key_of(http) if key is None else key, text.encode(), hashlib.sha256).digest()
    return f"{text}.{encoded(mac)}"


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


def other_texts(token: str) -> Iterator[str]:
    """Texts that some library takes for the same token."""
    head, said, signature = token.split(".")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters.index(signature[-1])
    for spelling in range(last & ~3, (last & ~3) + 4):  # two of its bits mean nothing
        if spelling != last:
            yield f"{head}.{said}.{signature[:-1]}{letters[spelling]}"
    yield f"{token}="
    yield f"{head}=.{said}.{signature}"
    yield f"{head}.{said}==.{signature}"
    yield f"{token}\t{signature}"
    yield f"{head}.{said}.{signature[:8]} {signature[8:]}"
    yield f"{token}."
    yield token.replace("-", "+").replace("_", "/") + "="
    yield f'"{token}"'


@ensureDeferred
async def test_they_are_refused_without_a_denylist_as_well(http: Served):
    token = await take_token(http)
    for text in other_texts(token):
        assert (await me(http, text)).status == 401, text


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


# -- attacks -------------------------------------------------------------------------------------


@ensureDeferred
async def test_what_the_forgeries_below_are_made_from_is_taken(http: Served):
    assert (await me(http, signed(http, claims()))).said["user"] == "ada"


@pytest.mark.parametrize(
    "name", ["none", "None", "NONE", "nOnE", "", None, 0, "HS384", "RS256", "hs256", "HS256 "]
)
@pytest.mark.parametrize("has_signature", [True, False])
@ensureDeferred
async def test_nobody_else_chooses_the_algorithm(http: Served, name: Any, has_signature: bool):
    token = signed(http, claims(), {"alg": name, "typ": "JWT"})
    if not has_signature:
        token = token.rpartition(".")[0] + "."
    reply = await me(http, token)
    assert (reply.status, reply.said["rule"]) == (401, "token-header" if has_signature else "token-text")


@pytest.mark.parametrize(
    "more",
    [
        {"kid": "../../../../dev/null"},
        {"kid": "' UNION SELECT 'key"},
        {"kid": ""},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"x5c": ["MIIB"]},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"typ": "at+jwt"},
    ],
)
@ensureDeferred
async def test_nobody_else_names_the_key_or_anything_else_in_the_header(http: Served, more: dict[str, Any]):
    header = {"alg": "HS256", "typ": "JWT"} | more
    for key in (None, b"", b"\0"):  # the right one, and what a file that is not there has in it
        reply = await me(http, signed(http, claims(), header, key))
        assert (reply.status, reply.said["rule"]) == (401, "token-header")


@pytest.mark.parametrize("key", [b"", b"secret", b"\0" * 32, b"playground", b"-----BEGIN PUBLIC KEY-----"])
@ensureDeferred
async def test_no_other_key_will_do(http: Served, key: bytes):
    """A public key as the secret of an HMAC, an empty key, and those that people choose."""
    assert (await me(http, signed(http, claims(), None, key))).said["rule"] == "token-signature"


NOW = int(time())


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"exp": NOW - 1}, "token-expired"),
        ({"exp": 0}, "token-expired"),
        ({"exp": str(NOW + 60)}, "token-claims"),
        ({"exp": NOW + 60.5}, "token-claims"),
        ({"exp": True}, "token-claims"),
        ({"exp": 1e400}, "token-claims"),
        ({"iat": NOW + 1000}, "token-claims"),
        ({"aud": "somebody"}, "token-audience"),
        ({"aud": [AUDIENCE]}, "token-audience"),
        ({"aud": [AUDIENCE, "somebody"]}, "token-audience"),
        ({"aud": ""}, None),
        ({"iss": "somebody"}, "token-audience"),
        ({"iss": [ISSUER]}, "token-audience"),
        ({"iss": ISSUER + "/"}, "token-audience"),
        ({"sub": "mallory"}, "token-account"),
        ({"sub": ["ada"]}, None),
        ({"sub": 1}, None),
        ({"jti": ""}, "token-claims"),
        ({"jti": 1}, None),
        ({"jti": "0" * 31 + "\n"}, "token-claims"),
        ({"cart": {"tea": -1}}, "token-claims"),
        ({"cart": {"tea": 1e9}}, "token-claims"),
        ({"cart": {"<b>": 1}}, "token-claims"),
        ({"cart": []}, "token-claims"),
        ({"cart": None}, "token-claims"),
        ({"auth_time": None}, "token-claims"),
    ],
)
@ensureDeferred
async def test_claims_are_looked_at_though_the_signature_is_right(
    http: Served, more: dict[str, Any], rule: str | None
):
    reply = await me(http, signed(http, claims(**more)))
    assert reply.status == 401
    assert rule is None or reply.said["rule"] == rule


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "exp", "iat", "jti", "cart", "auth_time"])
@ensureDeferred
async def test_no_claim_may_be_missing(http: Served, name: str):
    said = claims()
    del said[name]
    assert (await me(http, signed(http, said))).status == 401


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"null", b'"ada"', b"{", b"\xff", b'{"sub":"ada","sub":"bob"}', b"[" * 900]
)
@ensureDeferred
async def test_a_signed_text_that_is_no_claims_is_refused(http: Served, said: bytes):
    assert (await me(http, signed(http, said))).status == 401


@ensureDeferred
async def test_a_changed_cart_breaks_the_signature(http: Served):
    head, _, signature = (await take_token(http)).split(".")
    token = f"{head}.{encoded(claims(cart={'tea': 99}))}.{signature}"
    assert (await me(http, token)).said["rule"] == "token-signature"


@pytest.mark.parametrize(
    "field",
    [
        "Authorization: Bearer",
        "Authorization: Bearer ",
        "Authorization: bearer x",
        "Authorization: Bearer a.b",
        "Authorization: Bearer a.b.c.d.e",
        f"Authorization: Bearer {'a' * LONGEST}.b.c",
        "Authorization: Basic YWRhOmFkYQ==",
        "Authorization: {token}",
        "X-Authorization: Bearer {token}",
        "Cookie: token={token}; session={token}; Authorization={token}",
        "Authorization: Bearer {token}\r\nAuthorization: Bearer {token}",
        "Authorization: Bearer {token}, Bearer {token}",
    ],
)
@ensureDeferred
async def test_a_token_comes_in_one_field_and_nowhere_else(http: Served, field: str):
    token = await take_token(http)
    reply = await ask(http, f"/token/me?token={token}&access_token={token}", None, field.format(token=token))
    assert reply.status == 401
    assert (reply.field("WWW-Authenticate") or "").startswith('Bearer realm="playground"')


@ensureDeferred
async def test_pages_from_elsewhere_cannot_send_it_by_accident(http: Served):
    """No CSRF: a browser adds no Authorization field by itself, and no other page may read the answer."""
    token = await take_token(http)
    reply = await ask(http, "/token/cart", "add=tea", bearer(token), "Origin: http://evil.example")
    assert reply.status == 200
    assert reply.field("Access-Control-Allow-Origin") is None
    assert reply.field("Cache-Control") == "private, no-store"
    assert reply.field("Set-Cookie") is None


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

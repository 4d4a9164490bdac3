"""Every known way past a signed token, each over a socket."""

from __future__ import annotations

from collections.abc import Iterator
from time import time
from typing import Any

import pytest
from pytest_twisted import blockon, ensureDeferred
from twisted.internet.defer import Deferred

from playground.servers.http.tokens import AUDIENCE, ISSUER, LONGEST
from playground.testing import Served
from tests.reactor import the_reactor
from tests.servers.http.forging import claims, encoded, other_texts, signed
from tests.servers.http.visitors import Reply, ask, bearer, open_http, take_token

reactor = the_reactor()


@pytest.fixture(scope="module")
def http() -> Iterator[Served]:
    one = blockon(Deferred.fromCoroutine(open_http(reactor)))
    yield one
    blockon(Deferred.fromCoroutine(one.stop()))


async def me(http: Served, token: str) -> Reply:
    return await ask(http, "/token/me", None, bearer(token))


@ensureDeferred
async def test_they_are_refused_without_a_denylist_as_well(http: Served):
    token = await take_token(http)
    for text in other_texts(token):
        assert (await me(http, text)).status == 401, text


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
    assert reply.field("Cache-Control") == "no-store"
    assert reply.field("Set-Cookie") is None

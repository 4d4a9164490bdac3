"""Logging in with a cookie: what the server keeps, what the journal shows, and what nobody can get past."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pytest_twisted import blockon, ensureDeferred
from twisted.internet.defer import Deferred, gatherResults

from playground.testing import Served
from tests.reactor import the_reactor
from tests.servers.http.visitors import Reply, ask, log_in, open_http, refusals

reactor = the_reactor()


@pytest.fixture
def http() -> Iterator[Served]:
    one = blockon(Deferred.fromCoroutine(open_http(reactor)))
    yield one
    blockon(Deferred.fromCoroutine(one.stop()))


async def me(http: Served, *cookies: str) -> Reply:
    return await ask(http, "/session/me", None, *(f"Cookie: {cookie}" for cookie in cookies))


# -- the lesson ----------------------------------------------------------------------------------


@ensureDeferred
async def test_one_logs_in_fills_a_cart_and_logs_out(http: Served):
    reply = await log_in(http)
    assert reply.status == 200
    assert (reply.said["user"], reply.said["cart"]) == ("ada", {})
    cookie = reply.cookie
    for _ in range(2):
        reply = await ask(http, "/session/cart", "add=tea", f"Cookie: {cookie}")
    assert reply.said["cart"] == {"tea": 2}
    assert reply.field("Set-Cookie") is None
    reply = await ask(http, "/session/cart", '{"remove": "tea"}', f"Cookie: {cookie}")
    assert (await me(http, cookie)).said["cart"] == reply.said["cart"] == {"tea": 1}
    reply = await ask(http, "/session/logout", "", f"Cookie: {cookie}")
    assert (reply.status, reply.said["user"]) == (200, None)
    assert "Max-Age=0" in (reply.field("Set-Cookie") or "")
    assert (await me(http, cookie)).status == 401


@ensureDeferred
async def test_every_answer_says_who_holds_how_many_bytes(http: Served):
    before = (await me(http)).said["held"]
    cookie = (reply := await log_in(http)).cookie
    assert before == {"server": 0, "client": 0}
    assert reply.said["held"]["client"] == len(cookie)
    small = reply.said["held"]["server"]
    assert small > 64 + len('{"user":"ada"}')
    reply = await ask(http, "/session/cart", "add=tea", f"Cookie: {cookie}")
    assert reply.said["held"] == {"server": small + len('"tea":1'), "client": len(cookie)}
    assert (await ask(http, "/session/logout", "", f"Cookie: {cookie}")).said["held"]["server"] == 0


@ensureDeferred
async def test_the_journal_tells_the_story(http: Served):
    cookie = (await log_in(http)).cookie
    await ask(http, "/session/cart", "add=tea", f"Cookie: {cookie}")
    await me(http, cookie)
    await ask(http, "/session/logout", "", f"Cookie: {cookie}")
    (start,), (end,) = http.events("event:session.start"), http.events("event:session.end")
    states = http.events("event:state")
    assert start.session == end.session == states[0].session
    assert re.fullmatch("#[0-9a-f]{4}", start.session)
    assert (start.conn, start.expires_in) == ("http-1", 1800)
    assert [(one.conn, one.where, one.changed) for one in states] == [
        ("http-1", "session", {"user": (None, "ada")}),
        ("http-2", "session", {"cart": (None, {"tea": 1})}),
    ]
    assert states[1].remembers == {"user": "ada", "cart": {"tea": 1}}
    assert (end.conn, end.reason, end.forgot) == ("http-4", "logout", {"user": "ada", "cart": {"tea": 1}})
    heads = {event.seq: event.data for event in http.events("event:received")}
    assert heads[end.cause].startswith("POST /session/logout")
    carried = [event.carried for event in http.events("event:received") if event.carried]
    assert carried == [{"cookie session": start.session}] * 3
    kept = [[one.name for one in event.kept] for event in http.events("event:connection.close")]
    assert kept == [[start.session], [start.session], [start.session], []]


@ensureDeferred
async def test_before_login_one_is_told_to_log_in_and_that_is_journaled(http: Served):
    reply = await me(http)
    assert reply.status == 401
    assert (reply.field("WWW-Authenticate") or "").startswith("Cookie ")
    assert reply.said["rule"] == "not-logged-in"
    assert refusals(http) == ["not-logged-in"]
    for target in ("/session/cart", "/session/logout"):
        assert (await ask(http, target, "add=tea")).status == 401


@ensureDeferred
async def test_forget_means_everybody_has_to_log_in_again(http: Served):
    cookie = (await log_in(http)).cookie
    (gone,) = http.playground.forget("session")
    assert gone.forgot == {"user": "ada"}
    assert (await me(http, cookie)).status == 401
    assert [event.reason for event in http.events("event:session.end")] == ["forgotten"]
    cookie = (await log_in(http)).cookie
    assert (await me(http, cookie)).status == 200


@ensureDeferred
async def test_playground_state_shows_who_is_logged_in(http: Served):
    await log_in(http)
    await log_in(http, "bob")
    rows = http.playground.picture()["sessions"]
    assert [row["remembers"] for row in rows] == [{"user": "ada"}, {"user": "bob"}]
    assert all(1790 < row["expires_in"] <= 1800 for row in rows)


@ensureDeferred
async def test_twenty_changes_at_once_are_twenty_things_in_the_cart(http: Served):
    cookie = (await log_in(http)).cookie
    changes = [ask(http, "/session/cart", "add=tea", f"Cookie: {cookie}") for _ in range(20)]
    await gatherResults([Deferred.fromCoroutine(one) for one in changes])
    assert (await me(http, cookie)).said["cart"] == {"tea": 20}


@pytest.mark.parametrize("said", ["add=Tea", "add=", "add=tea&remove=tea", "remove=tea", "", "add=a&add=b"])
@ensureDeferred
async def test_what_no_cart_can_do_is_told(http: Served, said: str):
    cookie = (await log_in(http)).cookie
    reply = await ask(http, "/session/cart", said, f"Cookie: {cookie}")
    assert reply.status == 400
    assert "error" in reply.said


# -- the cookie ----------------------------------------------------------------------------------


@ensureDeferred
async def test_the_cookie_is_for_this_server_and_no_script(http: Served):
    field = (await log_in(http)).field("Set-Cookie") or ""
    value, *attributes = field.split("; ")
    assert re.fullmatch(r"session=[A-Za-z0-9_-]{32}", value)  # 192 bits
    assert attributes == ["Path=/session", "HttpOnly", "SameSite=Lax"]


@ensureDeferred
async def test_what_is_answered_to_one_is_kept_for_nobody(http: Served):
    cookie = (reply := await log_in(http)).cookie
    for one in (reply, await me(http, cookie), await me(http)):
        assert one.field("Cache-Control") == "no-store"
        assert one.field("Access-Control-Allow-Origin") is None


@ensureDeferred
async def test_every_login_has_an_id_of_its_own_and_ends_the_one_before(http: Served):
    first = (await log_in(http)).cookie
    second = (await log_in(http, "ada", f"Cookie: {first}")).cookie
    other = (await log_in(http)).cookie
    assert len({first, second, other}) == 3
    assert (await me(http, first)).status == 401
    assert (await me(http, second)).status == (await me(http, other)).status == 200
    assert [event.reason for event in http.events("event:session.end")] == ["logged in again"]


@ensureDeferred
async def test_an_id_that_was_not_given_here_is_never_taken_up(http: Served):
    """Session fixation: whoever plants a cookie before the login must not share the session after it."""
    planted = "session=" + "A" * 32
    assert (await me(http, planted)).status == 401
    reply = await log_in(http, "ada", f"Cookie: {planted}")
    assert reply.cookie != planted
    assert (await me(http, planted)).status == 401


@pytest.mark.parametrize(
    "cookie",
    [
        "sid=x",
        "SESSION=x",
        "session",
        "session=",
        "session=%00",
        "session=é",
        'session="x"',
        "session=" + "x" * 4000,
    ],
)
@ensureDeferred
async def test_other_cookies_are_nobodys_session(http: Served, cookie: str):
    await log_in(http)
    client = await http.connect()
    client.say(
        b"GET /session/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: "
        + cookie.encode("latin-1")
        + b"\r\n\r\n"
    )
    assert (await client.rest()).startswith(b"HTTP/1.1 401 ")


@ensureDeferred
async def test_two_cookies_of_one_name_are_refused_whatever_they_are(http: Served):
    mine, theirs = (await log_in(http)).cookie, (await log_in(http, "bob")).cookie
    for cookies in ([f"{mine}; {theirs}"], [mine, theirs], [f"{mine}; {mine}"], [f"{mine}; session=x"]):
        assert (await me(http, *cookies)).status == 400
        reply = await ask(http, "/session/cart", "add=tea", *(f"Cookie: {one}" for one in cookies))
        assert (reply.status, reply.said["rule"]) == (400, "cookie-twice")
    assert (await me(http, mine)).said["cart"] == {}
    assert (await me(http, f"other=1; {mine}")).status == 200


# -- pages from elsewhere ------------------------------------------------------------------------

ELSEWHERE = [
    ("Origin: http://evil.example",),
    ("Origin: null",),
    ("Origin: http://a:81",),
    ("Origin: https://a",),
    ("Origin: http://a.evil.example",),
    ("Sec-Fetch-Site: cross-site", "Origin: http://a"),
    ("Sec-Fetch-Site: same-site", "Origin: http://a"),
    ("Sec-Fetch-Site: cross-site",),
]


@pytest.mark.parametrize("fields", ELSEWHERE)
@ensureDeferred
async def test_a_page_from_elsewhere_changes_nothing(http: Served, fields: tuple[str, ...]):
    cookie = (await log_in(http)).cookie
    for target, body in (
        ("/session/cart", "add=tea"),
        ("/session/logout", ""),
        ("/session/login", "user=bob&password=bob"),
    ):
        reply = await ask(http, target, body, f"Cookie: {cookie}", *fields)
        assert (reply.status, reply.said["rule"]) == (403, "cross-site")
        assert reply.field("Set-Cookie") is None
    assert (await me(http, cookie)).said["cart"] == {}
    assert refusals(http) == ["cross-site"] * 3


@pytest.mark.parametrize(
    "fields", [("Sec-Fetch-Site: same-origin", "Origin: http://a"), ("Origin: http://a",), ()]
)
@ensureDeferred
async def test_our_own_pages_and_programs_do(http: Served, fields: tuple[str, ...]):
    cookie = (await log_in(http)).cookie
    assert (await ask(http, "/session/cart", "add=tea", f"Cookie: {cookie}", *fields)).status == 200


@ensureDeferred
async def test_no_other_method_changes_anything(http: Served):
    cookie = (await log_in(http)).cookie
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        reply = await ask(http, "/session/cart?add=tea", None, f"Cookie: {cookie}", method=method)
        assert reply.status == 405
    assert (await me(http, cookie)).said["cart"] == {}


# -- passwords -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", ["user=ada", "password=ada", "", "user=ada&user=bob&password=ada", "[]", "{"]
)
@ensureDeferred
async def test_without_name_and_password_there_is_no_login(http: Served, said: str):
    assert (await ask(http, "/session/login", said)).status == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"user": "ada", "password": "ada"}', "Content-Type: application/json"),
        ("user=ada&password=ada", "Content-Type: text/plain;charset=UTF-8"),
    ],
)
@ensureDeferred
async def test_a_login_may_be_json_or_what_a_script_calls_text(http: Served, body: str, field: str):
    assert (await ask(http, "/session/login", body, field)).status == 200


@ensureDeferred
async def test_a_password_in_the_address_is_not_taken_and_not_written_down(http: Served):
    reply = await ask(http, "/session/login?user=ada&password=hunter2", "")
    assert reply.status == 400
    assert "logs" in reply.said["error"]
    assert "hunter2" not in repr(http.journal.ring)


@ensureDeferred
async def test_wrong_passwords_are_counted_for_that_name_and_address_alone(http: Served):
    for _ in range(5):
        reply = await ask(http, "/session/login", "user=ada&password=wrong")
        assert (reply.status, reply.said["error"]) == (401, "Wrong name or password.")
    reply = await log_in(http)
    assert reply.status == 429
    assert 0 < int(reply.field("Retry-After") or "") <= 13
    assert (await log_in(http, "bob")).status == 200
    assert (await ask(http, "/session/login", "user=nobody&password=wrong")).status == 401
    assert refusals(http) == ["wrong-password"] * 5 + ["too-many-guesses", "wrong-password"]


@ensureDeferred
async def test_guessing_over_cookies_and_tokens_is_one_guessing(http: Served):
    for _ in range(5):
        await ask(http, "/token/login", "user=ada&password=wrong")
    assert (await log_in(http)).status == 429


@ensureDeferred
async def test_neither_password_nor_id_stands_in_the_journal(http: Served):
    reply = await ask(http, "/session/login", "user=ada&password=ada")
    value = reply.cookie.partition("=")[2]
    await me(http, reply.cookie)
    await ask(http, "/session/login", '{"user": "ada", "password": "hunter2"}')
    for echo in ("/post", "/anything", "/dump/request"):
        await ask(http, echo, "user=ada&password=zoe")
    await ask(http, "/post", '{"password": "zoe"}', "Content-Type: application/json")
    await ask(http, "/session/login", "x" * 5000 + "&user=ada&password=hunter2")
    client = await http.connect()
    client.say(
        b"POST /session/login HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for piece in (b"user=ada&pass", b"word=hun", b"ter2"):
        client.say(b"%x\r\n%b\r\n" % (len(piece), piece))
    client.say(b"0\r\n\r\n")
    assert b" 401 " in await client.rest()
    journal = repr(list(http.journal.ring))
    assert value not in journal
    assert "hunter2" not in journal
    assert "ter2" not in journal
    assert "zoe" not in journal
    assert "password=ada" not in repr(http.events("event:received"))

"""The same task with a signed token: the client holds all of the state, the server only a key."""

from __future__ import annotations

from playground.servers.http.answer import Answer
from playground.servers.http.doorman import doorman_of
from playground.servers.http.endpoints.knocking import changed_cart, person, refuse, said, told
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint
from playground.servers.http.tokens import BadToken, Claims

CHALLENGE = (b"WWW-Authenticate", b'Bearer realm="playground"')
INVALID = (b"WWW-Authenticate", b'Bearer realm="playground", error="invalid_token"')
"""RFC 6750 3."""

FIELDS = {"Authorization": "Bearer, and the token that you were given"}
BEARER = '-H "Authorization: Bearer $TOKEN" \'{base}'


def _brought(request: Request) -> str:
    """The token that the client brings."""
    scheme, space, token = request.field(b"authorization").partition(" ")
    if not space or scheme.lower() != "bearer":
        text = "Bring a token: Authorization: Bearer TOKEN. POST /token/login gives you one."
        refuse(401, "not-logged-in", text, "RFC 6750 3", CHALLENGE)
    return token.strip(" ")


async def _bearer(request: Request, asker: Asker) -> Claims:
    """What the token says that the client brings, if it is a good one."""
    try:
        return await doorman_of(asker).admit(_brought(request))
    except BadToken as error:
        refuse(401, error.rule, error.text, error.source, INVALID)


def _held(asker: Asker) -> int:
    """Bytes that the server has to keep for its tokens: nothing, but for a denylist."""
    denylist = doorman_of(asker).denylist
    return denylist.held if denylist is not None else 0


def _says(claims: Claims) -> dict[str, object]:
    return {"user": claims.user, "cart": claims.cart}


async def _given(asker: Asker, user: str, claims: Claims | None, lesson: str) -> Answer:
    """The answer with a fresh token; ``claims`` is what goes on in it."""
    tokens = await doorman_of(asker).tokens()
    token, made = tokens.make(user, claims.cart if claims else {}, claims.logged_in_at if claims else None)
    content = {**_says(made), "token": token, "expires_at": made.expires_at, "lesson": lesson}
    answer = told(content, _held(asker), len("Bearer ") + len(token))
    answer.secrets = (token.encode(),)
    return answer


async def _login(request: Request, asker: Asker) -> Answer:
    account = await person(request, asker, CHALLENGE)
    return await _given(asker, account.name, None, "You hold everything; the server holds a key.")


async def _me(request: Request, asker: Asker) -> Answer:
    claims = await _bearer(request, asker)
    lesson = "All of this stood in what you brought: the server only checked its own signature."
    content = {**_says(claims), "expires_at": claims.expires_at, "lesson": lesson}
    return told(content, _held(asker), len(request.field(b"authorization")))


async def _cart(request: Request, asker: Asker) -> Answer:
    claims = await _bearer(request, asker)
    cart = changed_cart(claims.cart, said(request))
    lesson = "The new token has the new cart. The old one is still good, with the old cart."
    return await _given(asker, claims.user, claims._replace(cart=cart), lesson)


async def _refresh(request: Request, asker: Asker) -> Answer:
    claims = await _bearer(request, asker)
    denylist = doorman_of(asker).denylist
    if denylist is not None:
        await denylist.deny(claims)
        asker.settle("")
        lesson = "A fresh token for the old one, which the server now has to remember to refuse."
    else:
        lesson = "A fresh token; the old one is good until it expires, for the server remembers neither."
    return await _given(asker, claims.user, claims, lesson)


async def _logout(request: Request, asker: Asker) -> Answer:
    claims = await _bearer(request, asker)
    denylist = doorman_of(asker).denylist
    if denylist is None:
        lesson = "You can only throw your token away. Whoever has a copy is let in until it expires."
    else:
        await denylist.deny(claims)
        asker.settle("")
        lesson = "The token is refused from now on. That is remembered until it would have expired."
    return told({"user": None, "lesson": lesson}, _held(asker), 0)


@endpoint(
    "/token/login",
    "POST",
    memory="carried",
    example="curl -d 'user=ada&password=ada' '{base}/token/login'",
    open_to_pages=False,
)
def login(request: Request, asker: Asker, parameter: str) -> Answer:
    """Log in with user and password in the body: the answer has a token, signed by the server.

    Who you are and your cart are in it. The server keeps nothing of it, so it cannot take it back either.
    """
    return Answer(later=_login(request, asker))


@endpoint(
    "/token/me", memory="carried", example=f"curl {BEARER}/token/me'", open_to_pages=False, fields=FIELDS
)
def me(request: Request, asker: Asker, parameter: str) -> Answer:
    """Who you are and what is in your cart, as your token says it."""
    return Answer(later=_me(request, asker))


@endpoint(
    "/token/cart",
    "POST",
    memory="carried",
    example=f"curl -d add=tea {BEARER}/token/cart'",
    open_to_pages=False,
    fields=FIELDS,
)
def cart(request: Request, asker: Asker, parameter: str) -> Answer:
    """Put something into the cart that your token carries: the answer has the next token."""
    return Answer(later=_cart(request, asker))


@endpoint(
    "/token/refresh",
    "POST",
    memory="carried",
    example=f"curl -X POST {BEARER}/token/refresh'",
    open_to_pages=False,
    fields=FIELDS,
)
def refresh(request: Request, asker: Asker, parameter: str) -> Answer:
    """A token that is good for longer, for one that is still good."""
    return Answer(later=_refresh(request, asker))


@endpoint(
    "/token/logout",
    "POST",
    memory="carried",
    example=f"curl -X POST {BEARER}/token/logout'",
    open_to_pages=False,
    fields=FIELDS,
)
def logout(request: Request, asker: Asker, parameter: str) -> Answer:
    """The token is refused from now on, if the server keeps a list of those: http.token_denylist."""
    return Answer(later=_logout(request, asker))

"""What /session and /token have in common: passwords, refusals, and saying who holds how many bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NoReturn

from playground.servers.http.answer import Answer, Refused, json_answer
from playground.servers.http.carts import Cart, CartError, changed
from playground.servers.http.doorman import doorman_of
from playground.servers.http.forms import read_form, read_json
from playground.servers.http.problems import Problem
from playground.servers.http.request import Request, collect, pairs
from playground.servers.http.router import Asker
from playground.servers.http.upgrade import same_origin
from playground.stores.accounts import Account, TooManyGuesses

PRIVATE = (b"Cache-Control", b"no-store")
"""What is answered to one person is kept by nobody, neither between us nor on a disk. RFC 9111 5.2.2.5."""

LONGEST_WORD = 1024
"""Characters of a name or a password."""

Fields = Iterable[tuple[bytes, bytes]]


def told(
    content: Mapping[str, object], server: int, client: int, status: int = 200, headers: Fields = ()
) -> Answer:
    """An answer that ends with who holds how many bytes: what is kept here, and what must be brought back."""
    held = {"held": {"server": server, "client": client}}
    return json_answer({**content, **held}, status, (PRIVATE, *headers))


def refuse(status: int, rule: str, text: str, source: str, *headers: tuple[bytes, bytes]) -> NoReturn:
    """Go no further, and say why. The journal has the rule. Raises :class:`Refused`."""
    answer = told({"error": text, "rule": rule}, 0, 0, status, headers)
    answer.problem = Problem(status, rule, text, source)
    raise Refused(answer)


def said(request: Request) -> dict[str, str]:
    """What a form or a JSON object in the body says, texts only; of a name that comes twice nothing."""
    form = read_form(request)
    json = read_json(request.body)  # whatever its Content-Type says: curl -d calls everything a form
    found: Mapping[str, object] = form.form
    if isinstance(json, dict):
        found = json
    elif form.data:  # a browser's fetch() calls everything text/plain
        found = collect(pairs(form.data))
    return {name: value for name, value in found.items() if isinstance(value, str)}


def refuse_from_elsewhere(request: Request, scheme: str) -> None:
    """Refuse a request that another site's page has made a browser send.

    A browser adds the cookie by itself, whoever asks: that is what is called
    cross-site request forgery. It also says where the page is from, in
    ``Sec-Fetch-Site`` or in ``Origin``. Programs that are no browsers send
    neither, and nobody makes them send anything.
    """
    site = request.fields.get(b"sec-fetch-site")
    if site in (b"same-origin", b"none") or (site is None and same_origin(request, scheme)):
        return
    text = "A page from elsewhere has sent this with your cookie; only pages of this server may."
    refuse(403, "cross-site", text, "RFC 6265 8.2")


async def person(request: Request, asker: Asker, challenge: tuple[bytes, bytes]) -> Account:
    """Whoever says the right name and password in the body; all others are refused."""
    words = said(request)
    name, password = words.get("user"), words.get("password")
    if name is None or password is None:
        where = " They belong into the body: an address is written into logs." if request.raw_query else ""
        text = f"Say who you are: curl -d 'user=ada&password=ada'.{where}"
        refuse(400, "no-password", text, "RFC 9110 15.5.1")
    if max(len(name), len(password)) > LONGEST_WORD:
        refuse(400, "no-password", "No name and no password is that long.", "RFC 9110 15.5.1")
    try:
        account = await doorman_of(asker).accounts.log_in(name, password, asker.address)
    except TooManyGuesses as error:
        retry = (b"Retry-After", b"%d" % (int(error.seconds) + 1))
        refuse(429, "too-many-guesses", str(error), "RFC 6585 4", retry)
    if account is None:
        refuse(401, "wrong-password", "Wrong name or password.", "RFC 9110 15.5.2", challenge)
    return account


def changed_cart(cart: Cart, words: Mapping[str, str]) -> dict[str, int]:
    """The cart with what a client adds or removes; who wants what no cart can do is refused."""
    try:
        return changed(cart, words)
    except CartError as error:
        refuse_cart(error)


def refuse_cart(error: CartError) -> NoReturn:
    """Nobody gets a cart like that."""
    refuse(400, "cart", str(error), "RFC 9110 15.5.1")

"""The same cart in two more places: a plain cookie, and an open connection."""

from __future__ import annotations

import re

import msgspec
from typing_extensions import override

from playground.servers.http.answer import Answer
from playground.servers.http.carried import cookies
from playground.servers.http.carts import Cart, CartError, changed, read, written
from playground.servers.http.endpoints.cookies import set_cookie
from playground.servers.http.endpoints.knocking import changed_cart, refuse_cart, said, told
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint
from playground.servers.http.upgrade import websocket
from playground.wire.memory import held
from playground.wire.websocket import Conversation, WebSocket

COOKIE = "cart"
PATH = "/cookies/cart"
_COMMAND = re.compile(r"(add|remove) ([a-z-]{1,20})")


@endpoint(
    PATH,
    "GET",
    "POST",
    memory="carried",
    example="curl -b jar -c jar -d add=tea '{base}/cookies/cart'",
    open_to_pages=False,
)
def cookie(request: Request, asker: Asker, parameter: str) -> Answer:
    """A cart that is all in your cookie: add=tea or remove=tea in the body.

    Nobody has signed it: you may write into it whatever you like, and be believed.
    """
    texts = [value for name, value in cookies(request) if name == COOKIE]
    try:
        cart: Cart = read(texts[0]) if texts else {}
    except CartError as error:
        refuse_cart(error)
    if request.method == "POST":
        cart = changed_cart(cart, said(request))
    text = written(cart)
    lesson = "The server forgets your cart with this answer; your cookie is the cart."
    secure = ("Secure",) if asker.scheme == "https" else ()
    keep = () if text else ("Max-Age=0",)
    field = set_cookie(COOKIE, text, f"Path={PATH}", "HttpOnly", "SameSite=Lax", *secure, *keep)
    client = len(f"{COOKIE}={text}") if text else 0
    return told({"cart": cart, "lesson": lesson}, 0, client, 200, (field,) if texts or text else ())


class OnConnection(Conversation):
    """A cart on one connection: ``add tea``, ``remove tea``, ``cart``."""

    def __init__(self, asker: Asker) -> None:
        self._visitor = asker.visitor

    @override
    def heard(self, socket: WebSocket, message: str | bytes) -> None:
        """A message."""
        remembered = self._visitor.remembered
        cart: Cart = remembered.get("cart", {})
        text = message.strip() if isinstance(message, str) else ""
        command = _COMMAND.fullmatch(text)
        try:
            if command is not None:
                cart = changed(cart, {command[1]: command[2]})
            elif text != "cart":
                raise CartError("Say: add tea, remove tea, or cart")
        except CartError as error:
            socket.say(msgspec.json.encode({"error": str(error)}).decode())
            return
        if cart != remembered.get("cart", {}):
            others = {name: value for name, value in remembered.items() if name != "cart"}
            self._visitor.remembered = {**others, "cart": cart} if cart else others
        told = {"cart": cart, "held": {"server": held({"cart": cart}) if cart else 0, "client": 0}}
        socket.say(msgspec.json.encode(told).decode())


@endpoint("/ws/cart", memory="connection", open_to_pages=False)
def connection(request: Request, asker: Asker, parameter: str) -> Answer:
    """A WebSocket with a cart that the server keeps while it is open: say add tea, remove tea, or cart."""
    return websocket(request, asker.scheme, lambda: OnConnection(asker))

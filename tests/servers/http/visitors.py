"""Somebody who visits an HTTP server over a socket, and says exactly what a test wants said."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from playground.servers.http import HttpLimits, HttpServer
from playground.testing import Served, serve


class Reply(NamedTuple):
    """An answer."""

    status: int
    head: str
    body: str

    @property
    def said(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body.encode())

    def field(self, name: str) -> str | None:
        """The value of a header field, the first where there are several."""
        found = re.search(rf"^{name}: *(.*?)\r$", self.head, re.MULTILINE | re.IGNORECASE)
        return found[1] if found else None

    @property
    def cookie(self) -> str:
        """What the answer's cookie is to be brought back as."""
        return (self.field("Set-Cookie") or "").partition(";")[0]


async def ask(
    http: Served, target: str, body: str | None = None, *fields: str, method: str = "", name: str = "a"
) -> Reply:
    """One request on a connection of its own."""
    lines = [f"{method or ('GET' if body is None else 'POST')} {target} HTTP/1.1", f"Host: {name}"]
    lines += ["Connection: close", *fields]
    if body is not None:
        if not any(field.lower().startswith("content-type") for field in fields):
            lines.append("Content-Type: application/x-www-form-urlencoded")
        lines.append(f"Content-Length: {len(body.encode())}")
    client = await http.connect()
    client.say("\r\n".join([*lines, "", body or ""]))
    heard = (await client.rest()).decode()
    head, _, rest = heard.partition("\r\n\r\n")
    return Reply(int(head.split(" ")[1]), head + "\r\n", rest)


async def log_in(http: Served, name: str = "ada", *fields: str) -> Reply:
    """With a cookie."""
    return await ask(http, "/session/login", f"user={name}&password={name}", *fields)


async def take_token(http: Served, name: str = "ada") -> str:
    """A token."""
    reply = await ask(http, "/token/login", f"user={name}&password={name}")
    assert reply.status == 200, reply
    return str(reply.said["token"])


def bearer(token: str) -> str:
    """The header field for it."""
    return f"Authorization: Bearer {token}"


async def open_http(reactor: Any, **more: Any) -> Served:
    """A server; ``more`` are limits, and what :func:`serve` takes."""
    own = {
        name: more.pop(name) for name in ("state_dir", "session_store", "endpoint", "seed") if name in more
    }
    return await serve(HttpServer(HttpLimits(**more)), reactor, **own)


def refusals(http: Served) -> list[str]:
    """The rules that were broken, in order."""
    return [event.rule for event in http.events("event:refused")]

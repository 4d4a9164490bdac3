"""What an HTTP client may ask of this server, and why no more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from playground.wire.limits import Limits, limit

SWITCHED_OFF = 2**62
"""What a size or number of 0 comes to."""

_SIZES = (
    "request_line",
    "header_line",
    "head",
    "fields",
    "body",
    "chunk_extensions",
    "requests",
    "notes",
    "idempotency_keys",
    "denied_tokens",
    "sessions",
    "websocket_message",
    "queued",
)


@dataclass(frozen=True)
class HttpLimits(Limits):
    """Limits of the HTTP server. Sizes are bytes, times are seconds."""

    idle: float = limit(
        60.0, "browsers keep a connection for a minute or so; a longer silence is a lost client"
    )
    flood_per_second: float = limit(
        0.0, "messages a second; off, as what waits is bounded and whoever pipelines gives way to others"
    )
    flood_burst: int = limit(0, "messages at once before the rate counts; off with it")
    head_seconds: float = limit(
        10.0, "a head fits into one packet; whoever needs longer holds a socket open on purpose or by mistake"
    )
    body_seconds: float = limit(60.0, "one MiB at 17 KiB/s, which is slower than any network it runs on")
    linger_seconds: float = limit(
        1.0, "closing on a client that still sends would destroy the answer on its way (RFC 9112 9.6)"
    )
    request_line: int = limit(8192, "RFC 9112 3 recommends to support 8000 bytes at least")
    header_line: int = limit(16_384, "Kerberos tickets come to 12 KiB; nobody's field is longer")
    head: int = limit(65_536, "memory for each connection that has said nothing complete yet")
    fields: int = limit(100, "browsers send about 20; each one costs memory and a look")
    body: int = limit(
        1_048_576, "a whole body is kept until it is answered: 1024 connections are one GiB at worst"
    )
    chunk_extensions: int = limit(4096, "nobody uses them but who wants to exhaust a server")
    requests: int = limit(10_000, "a connection that never ends can never be moved to a restarted server")
    session_seconds: float = limit(
        1800.0, "half an hour, as web applications are wont to; counted from a session's last use"
    )
    sessions: int = limit(1000, "anybody can begin one with each request; the longest unused gives way")
    notes: int = limit(500, "anybody can make one with each request, and all of them stay in memory")
    idempotency_seconds: float = limit(
        3600.0, "who has heard nothing for an hour does not ask again, and keys may not be kept for ever"
    )
    idempotency_keys: int = limit(1000, "anybody can bring a new one; the oldest gives way")
    login_seconds: float = limit(
        43_200.0, "half a day: who is logged in has to say the password again, however busy they are"
    )
    token_seconds: float = limit(
        900.0, "a token cannot be called back, so it is good for a quarter of an hour and is then exchanged"
    )
    token_denylist: bool = limit(
        False, "on: a logged out token is refused, and the server remembers it until it would have expired"
    )
    denied_tokens: int = limit(10_000, "0.4 MB in the store; who logs in may log out as often as they like")
    websocket_message: int = limit(
        1_048_576, "a whole message is kept until it is answered, as a body is; Autobahn's tests want 16 MiB"
    )
    websocket_ping: float = limit(20.0, "proxies and routers forget a connection that is silent for longer")
    websocket_pong: float = limit(20.0, "whoever does not answer by then is not there any more")
    queued: int = limit(32, "pipelined requests that wait for their turn; then reading pauses")

    def effective(self) -> HttpLimits:
        """The same with every size and number that is switched off as one that nobody reaches."""
        off: dict[str, Any] = {name: SWITCHED_OFF for name in _SIZES if not getattr(self, name)}
        return replace(self, **off) if off else self

"""The WebSocket handshake, RFC 6455 4.2: which requests are taken, and what they are answered."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha1
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playground.servers.http.answer import Answer, text_answer
from playground.servers.http.limits import HttpLimits
from playground.servers.http.problems import Problem
from playground.servers.http.request import Request
from playground.wire.deflate import agree
from playground.wire.flood import Flood

if TYPE_CHECKING:
    from playground.wire.websocket import Conversation

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

UPGRADE = ((b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"), (b"Sec-WebSocket-Version", b"13"))


class Upgrade(Answer):
    """The connection becomes a WebSocket; ``most`` and ``most_frame`` lower its limits, in bytes."""

    __slots__ = ("conversation", "extensions", "key", "most", "most_frame")

    def __init__(self, request: Request, conversation: Callable[[], Conversation]) -> None:
        super().__init__(status=101)
        self.key = request.fields[b"sec-websocket-key"]
        self.extensions = request.field(b"sec-websocket-extensions")
        self.conversation = conversation
        self.most = 0
        self.most_frame = 0

    def head(self, memory: str, agreed: str) -> bytes:
        """The whole answer; ``agreed`` are the extensions."""
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            f"Playground-Memory: {memory}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept(self.key)}",
        ]
        if agreed:
            lines.append(f"Sec-WebSocket-Extensions: {agreed}")
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def accept(key: bytes) -> str:
    """What proves that the handshake was understood."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest()).decode()


def websocket(request: Request, scheme: str, conversation: Callable[[], Conversation]) -> Answer:
    """The upgrade, or why there is none."""
    if "websocket" not in _words(request.field(b"upgrade")) or "upgrade" not in _words(
        request.field(b"connection")
    ):
        kind = {"http": "ws", "https": "wss"}[scheme]
        address = f"{kind}://{request.authority or 'HOST:PORT'}{request.origin_form}"
        return text_answer(f"Speak WebSocket: python -m websockets {address}", 426, UPGRADE)
    if request.method != "GET" or request.minor != 1:
        return _refused(400, "handshake", "A WebSocket begins with GET and HTTP/1.1.", "RFC 6455 4.1")
    if request.field(b"sec-websocket-version") != "13":
        text = "This server speaks version 13 of WebSocket."
        return _refused(426, "websocket-version", text, "RFC 6455 4.4", UPGRADE)
    try:
        key = b64decode(request.fields.get(b"sec-websocket-key", b""), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 16:
        return _refused(400, "websocket-key", "Sec-WebSocket-Key must be 16 bytes in base64.", "RFC 6455 4.1")
    if not same_origin(request, scheme):
        text = "A page from elsewhere may not open a WebSocket here."
        return _refused(403, "foreign-origin", text, "RFC 6455 10.2")
    return Upgrade(request, conversation)


def _refused(
    status: int, rule: str, text: str, source: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Answer:
    answer = text_answer(f"{text} ({source})", status, headers)
    answer.problem = Problem(status, rule, text, source)
    return answer


def same_origin(request: Request, scheme: str) -> bool:
    """Whether the page that asks is one of this server's. Programs that are no browsers send no Origin."""
    origin = request.fields.get(b"origin")
    if origin is None:
        return True
    try:
        theirs = urlsplit(origin.decode("latin-1"))
        ours = urlsplit(f"{scheme}://{request.authority}")
        usual = {"http": 80, "https": 443}[scheme]
        return (theirs.scheme, theirs.hostname, theirs.port or usual) == (
            scheme,
            ours.hostname,
            ours.port or usual,
        )
    except ValueError:
        return False


def agreement(upgrade: Upgrade, limits: HttpLimits) -> tuple[str, dict[str, object]]:
    """The extensions to name in the answer, and the terms that hold, for :class:`Terms`."""
    agreed = agree(upgrade.extensions)
    most = min(upgrade.most or limits.websocket_message, limits.websocket_message)
    terms: dict[str, object] = {
        "message": most,
        "frame": min(upgrade.most_frame or most, most),
        "ping": limits.websocket_ping,
        "pong": limits.websocket_pong,
        "deflate": agreed,
        "flood": Flood(limits.flood_per_second, limits.flood_burst) if limits.flood_per_second else None,
    }
    return agreed.answer if agreed else "", terms


def _words(value: str) -> list[str]:
    return [word.strip().lower() for word in value.split(",")]

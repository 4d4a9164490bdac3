"""Endpoints that turn the connection into a WebSocket: a long connection is one more place for state."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec
from typing_extensions import override

from playground.servers.http.answer import Answer, text_answer
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, Endpoint, endpoint
from playground.servers.http.upgrade import Upgrade, websocket
from playground.wire.websocket import Conversation, Forgetful

if TYPE_CHECKING:
    from playground.wire.doors import Door
    from playground.wire.websocket import WebSocket


class Echo(Forgetful):
    """Says what it hears."""

    @override
    def answer(self, message: str | bytes) -> str | bytes:
        """The message."""
        return message


class Counting(Conversation):
    """Counts what it hears on this connection, and says it with the number."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    @override
    def heard(self, socket: WebSocket, message: str | bytes) -> None:
        """A message: ``{"ask":"state"}`` is a question, everything else is counted."""
        asker = self._asker
        if isinstance(message, str) and asks_for_state(message):
            socket.say(msgspec.json.encode(asker.four_words({})).decode())
            return
        number = asker.remembering.count_connection(asker.visitor)
        echo = message if isinstance(message, str) else {"bytes": len(message)}
        socket.say(msgspec.json.encode({"n": number, "echo": echo}).decode())


def asks_for_state(message: str) -> bool:
    """Whether a message is ``{"ask":"state"}``."""
    if len(message) > 100 or not message.lstrip().startswith("{"):
        return False
    try:
        return bool(json.loads(message) == {"ask": "state"})
    except ValueError:
        return False


@endpoint("/ws", memory="connection", open_to_pages=False)
def ws(request: Request, asker: Asker, parameter: str) -> Answer:
    """A WebSocket that counts your messages while it is open; {"ask":"state"} tells what it knows."""
    return websocket(request, asker.scheme, lambda: Counting(asker))


@endpoint(
    "/websocket/echo",
    open_to_pages=False,
    about={
        "max_message_size": "bytes that a message may have",
        "max_fragment_size": "bytes that a frame may have",
    },
)
def echo(request: Request, asker: Asker, parameter: str) -> Answer:
    """A WebSocket that says what it hears."""
    answer = websocket(request, asker.scheme, Echo)
    if isinstance(answer, Upgrade):
        sizes = [request.parameter(name) or "0" for name in ("max_message_size", "max_fragment_size")]
        if not all(re.fullmatch(r"[0-9]{1,9}", size) for size in sizes):
            return text_answer("Say sizes in bytes: /websocket/echo?max_message_size=1000", 400)
        answer.most, answer.most_frame = map(int, sizes)
    return answer


def door(one: Door) -> Endpoint:
    """The endpoint that opens a door to another server."""

    def enter(request: Request, asker: Asker, parameter: str) -> Answer:
        return websocket(request, asker.scheme, one.open)

    enter.__doc__ = one.shows
    return endpoint(one.path, memory=one.memory, open_to_pages=False)(enter)

"""A WebSocket on an observed connection that was opened as something else: RFC 6455 after the handshake.

Whoever answers the handshake hands the connection over to a :class:`WebSocket`
with a :class:`Conversation`, which hears whole messages. Each frame is one
message of the journal, shown as what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from playground.wire.deflate import SMALLEST, Agreement, Deflate, Inflate
from playground.wire.flood import Flood
from playground.wire.frame_reader import FrameReader
from playground.wire.frame_rules import Broken
from playground.wire.frames import Frame, close_content, frame
from playground.wire.observed import Observed
from playground.wire.opcodes import NAMES, Code, Opcode

CLOSING_SECONDS = 1.0
"""How long the client may take to answer our close frame."""

SLOWEST_SENDER = 1024
"""Bytes a second. Who sends so many is alive in the middle of a frame too, where it cannot answer a ping."""

LINGER_BYTES = 262_144
"""Bytes that are read and thrown away after a refusal, so that the client gets to read it."""

FRAMES_IN_A_TURN = 64
"""Frames that one client may have answered before the others have their turn."""

_TEXT: Final = int(Opcode.TEXT)
"""These as numbers, for an enum's member is looked up each time."""
_BINARY: Final = int(Opcode.BINARY)
_CLOSE: Final = int(Opcode.CLOSE)
"""From here on frames are about the WebSocket itself."""
_PING: Final = int(Opcode.PING)
_PONG: Final = int(Opcode.PONG)

CODES: Final[dict[str, Code]] = {
    "shutdown": Code.GOING_AWAY,
    "idle": Code.GOING_AWAY,
    "too-many": Code.TRY_AGAIN,
    "trouble": Code.TROUBLE,
    "flood": Code.POLICY,
    "limit": Code.POLICY,
    "refused": Code.POLICY,
}
"""How a WebSocket closes, by the journal's word for why; else it is all as it should be."""


class Conversation:
    """What is done with the messages of one WebSocket."""

    shows_messages = True
    """Whether its messages stand in the journal as frames. If not, whoever hears them writes them down."""

    def opened(self, socket: WebSocket) -> None:
        """It begins."""

    def heard(self, socket: WebSocket, message: str | bytes) -> None:
        """The client said a whole message: text or bytes."""

    def ended(self, socket: WebSocket) -> None:
        """The client has closed its half without a goodbye, and all it said was heard. May come again."""
        socket.wire.loseConnection("client")

    def goodbye(self, socket: WebSocket, reason: str) -> None:
        """The server stops."""
        socket.close(Code.GOING_AWAY, "the server stops", reason)

    def closed(self, socket: WebSocket, reason: Failure) -> None:
        """The connection is gone."""


class Forgetful(Conversation):
    """A conversation that is a function: an answer depends on its message alone, and nothing is remembered.

    So nobody has to be asked what has changed, and a message is written down together with its answer.
    """

    def answer(self, message: str | bytes) -> str | bytes:
        """What is said to that."""
        raise NotImplementedError

    @override
    def heard(self, socket: WebSocket, message: str | bytes) -> None:
        """A message that came in pieces."""
        socket.say(self.answer(message))


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one WebSocket. 0 seconds: never."""

    message: int
    """Bytes that a message may have."""
    frame: int = 0
    """Bytes that a frame may have; 0: as many as a message."""
    ping: float = 20.0
    """Seconds of silence after which the client is asked whether it is still there."""
    pong: float = 20.0
    """Seconds that it may take to say so."""
    deflate: Agreement | None = None
    flood: Flood | None = None
    """How many frames a second are too many."""
    setting: str = "websocket_message"
    """The limit's name in the journal."""


class WebSocket(Protocol):
    """One WebSocket."""

    wire: Observed
    """The observed transport."""

    claims_messages = True
    idle_by_message = True

    def __init__(self, conversation: Conversation, terms: Terms) -> None:
        self._conversation = conversation
        self._shows_messages = conversation.shows_messages
        is_counted = terms.flood is not None
        self._forgetful = conversation if isinstance(conversation, Forgetful) and not is_counted else None
        self._terms = terms
        self._deflate = Deflate(terms.deflate) if terms.deflate else None
        inflate = Inflate(terms.deflate) if terms.deflate else None
        self._reader = FrameReader(terms.message, terms.frame, inflate)
        self._alive = True
        self._asked = 0.0
        self._received = 0
        self._closing = False
        self._why = "client"
        self._broken = False
        self._input_over = False
        self._thrown_away = 0
        self._held = False
        self._turn: IDelayedCall | None = None

    # -- for conversations -------------------------------------------------------------------

    def say(self, message: str | bytes) -> None:
        """Send a whole message: text or bytes."""
        if isinstance(message, str):
            self._send(_TEXT, message.encode(), message)
        else:
            self._send(_BINARY, message)

    def close(self, code: int, reason: str, why: str) -> None:
        """Say goodbye, wait a little for the client's, and close. ``why`` goes to the journal."""
        if self._closing or self.wire.disconnecting:
            return
        self._send(_CLOSE, close_content(code, reason))
        self._closing, self._why = True, why
        if self._input_over:  # it cannot answer
            self.wire.loseConnection(why)
        else:
            self.wire.call_later(CLOSING_SECONDS, self.wire.loseConnection, why)

    def hold(self) -> None:
        """Hear no more messages for now."""
        self._held = True
        self.wire.pauseProducing()

    def go_on(self) -> None:
        """Hear messages again: first those that have arrived."""
        self._held = False
        self._read()
        if not (self._held or self._turn):
            self.wire.resumeProducing()

    # -- Twisted and Observed call these -----------------------------------------------------

    @override
    def connectionMade(self) -> None:
        self.wire = cast("Observed", self.transport)
        self.wire.connection.forgetful = self._forgetful is not None
        if self._terms.ping:
            self.wire.call_later(self._terms.ping, self._look)
        self._conversation.opened(self)

    @override
    def dataReceived(self, data: bytes) -> None:
        self.wire.unclaimed = b""  # the reader has it; what becomes no frame is given back
        if self._broken:
            self._throw_away(data)
            return
        forgetful = self._forgetful
        if forgetful is not None and not (self._closing or self._held or self._turn or self.wire.clogged):
            # Nearly always it is one short message, for which nothing of what follows is needed.
            one = self._reader.only(data)
            if type(one) is Frame:
                self._answer(forgetful, one)
                return
        self._reader.feed(data)
        self._read()

    def drained(self) -> None:
        """A reader that was behind has caught up: go on with what it sent."""
        self._read()

    def input_ended(self) -> None:
        """The client has closed its half: answer what is still to be answered, then close."""
        self._input_over = True
        if self._closing:  # the goodbye that was waited for will not come
            self.wire.loseConnection(self._why)
        self._read()

    def goodbye(self, reason: str) -> None:
        """The server stops."""
        self._conversation.goodbye(self, reason)

    def farewell(self, reason: str) -> bytes:
        """The last words before the connection is closed; as a frame, so there are no bytes to add."""
        self._send(_CLOSE, close_content(CODES.get(reason, Code.NORMAL), reason))
        self._closing = True
        return b""

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._broken:
            self.wire.unclaimed = bytes(self._reader.unfinished)  # partial, and masked throughout
        self._conversation.closed(self, reason)

    # -- inside ------------------------------------------------------------------------------

    def _read(self) -> None:
        wire, reader, forgetful = self.wire, self._reader, self._forgetful
        left, said_at = FRAMES_IN_A_TURN, wire.said_at
        while not (wire.clogged or wire.disconnecting or self._broken or self._held or self._turn):
            one = reader.next()
            if one is None:
                break
            if isinstance(one, Broken):
                self._refuse(one)
            else:
                if forgetful is not None and 0 < one.opcode < _CLOSE and not self._closing:
                    self._answer(forgetful, one)
                else:
                    self._take(one)
                if wire.said_at == said_at:  # else an answer has set it
                    wire.was_heard()
            if reader.is_empty:
                break
            left -= 1
            if not left:
                self._turn = wire.call_later(0, self._next_turn)
                wire.pauseProducing()
        if self._input_over and not (wire.clogged or wire.disconnecting or self._held or self._turn):
            self._conversation.ended(self)

    def _next_turn(self) -> None:
        self._turn = None
        if not self._held:
            self.go_on()

    def _take(self, one: Frame) -> None:
        wire, opcode, content, message = self.wire, one.opcode, one.content, one.message
        self._write_down(one)
        self._alive = True
        flood = self._terms.flood
        if opcode == _CLOSE:
            self._client_closes(content)
        elif self._closing:
            return  # whatever it says now, it has not read our goodbye yet
        elif flood is not None and flood.exceeded(wire.connection.age):
            wire.limit("flood_per_second", flood.rate, "more frames than one connection may send")
            self.close(Code.POLICY, "slow down", "flood")
        elif opcode == _PING:
            self._send(_PONG, content)
        elif opcode != _PONG and message is not None:
            self._conversation.heard(self, message)

    def _write_down(self, one: Frame) -> None:
        opcode, message = one.opcode, one.message
        if self._shows_messages or opcode >= _CLOSE:
            text = message if opcode == _TEXT and isinstance(message, str) else None
            self.wire.connection.received(one.content, size=one.size, frame=NAMES[opcode], text=text)

    def _answer(self, forgetful: Forgetful, one: Frame) -> None:
        """Answer a message, if the frame is one that is whole."""
        self._alive = True
        if one.message is None:
            self._write_down(one)
            return
        try:
            answer = forgetful.answer(one.message)
            if answer is one.message:  # an echo needs no encoding
                opcode, content = one.opcode, one.content
            else:
                opcode, content = (_TEXT, answer.encode()) if isinstance(answer, str) else (_BINARY, answer)
            data = frame(opcode, content) if self._deflate is None else self._framed(opcode, content)
        except Exception:
            self._write_down(one)
            raise
        self.wire.connection.exchanged_frames(one, Frame(opcode, len(data), content, answer))
        self.wire.write_silently(data)

    def _client_closes(self, content: bytes) -> None:
        if not self._closing:
            self._send(_CLOSE, content[:2])
            self._closing = True
        self.wire.loseConnection(self._why)

    def _refuse(self, problem: Broken) -> None:
        wire = self.wire
        if problem.limit:
            wire.limit(self._terms.setting, problem.limit, problem.text)
        else:
            wire.refused(problem.rule, problem.text, problem.source)
        why = "limit" if problem.limit else "refused"
        self.close(problem.code, problem.text, why)
        self._broken = True
        if problem.goodbye:
            wire.loseConnection(why)  # both have said goodbye: the server closes first. RFC 6455 7.1.1

    def _throw_away(self, data: bytes) -> None:
        """After a refusal nothing can be read; a little that comes alone is the client's goodbye."""
        self._thrown_away += len(data)
        if len(data) <= 131 or self._thrown_away > LINGER_BYTES:
            self.wire.loseConnection(self._why)

    def _send(self, opcode: int, content: bytes, text: str | None = None) -> None:
        """One whole frame; ``text`` is its content as text, where that is known."""
        wire = self.wire
        if self._closing or wire.disconnecting:
            return
        data = self._framed(opcode, content)
        if self._shows_messages or opcode >= _CLOSE:
            wire.connection.sent(content, size=len(data), frame=NAMES[opcode], text=text)
        wire.write_silently(data)

    def _framed(self, opcode: int, content: bytes) -> bytes:
        if self._deflate is not None and len(content) >= SMALLEST and opcode < _CLOSE:
            return frame(opcode, self._deflate.deflate(content), deflated=True)
        return frame(opcode, content)

    def _look(self) -> None:
        """Whether the client is still there: asked, where no whole frame has come for a while."""
        terms, wire = self._terms, self.wire
        pause = terms.ping
        received = wire.connection.bytes_received
        before, self._received = self._received, received
        if self._alive or received - before > SLOWEST_SENDER * pause:
            self._alive, self._asked = False, 0.0
        elif wire.clogged:
            pass  # a ping would wait behind what it does not read; that has an end of its own
        elif not self._asked or not terms.pong:
            self._send(_PING, b"")
            self._asked = pause = min(terms.ping, terms.pong or terms.ping)
        elif self._asked < terms.pong:
            pause = min(terms.ping, terms.pong - self._asked)
            self._asked += pause
        else:
            wire.limit("websocket_pong", terms.pong, "the client does not answer a ping")
            self.close(Code.TROUBLE, "no answer to a ping", "idle")
            return
        wire.call_later(pause, self._look)

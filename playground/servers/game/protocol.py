"""Lantern on a socket: what a client sends becomes inputs of the core."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from playground.journal.redaction import Secret
from playground.servers.game import secrets_said
from playground.servers.game.dialogue import Talk
from playground.servers.game.effects import (
    Effect,
)
from playground.servers.game.shell import Shell
from playground.servers.game.telnet import Line, LineReader, Negotiation, Piece, TooLong
from playground.wire.observed import Observed

HTTP_LINE = re.compile(rb"[A-Z]{3,10} \S+ HTTP/[0-9.]+$")
HTTP_BEGINNING = re.compile(rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) \S")
METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"TRACE ")

TLS_HANDSHAKE = b"\x16\x03"
"""How every TLS client begins (RFC 8446, section 5.1), and nobody who types."""

MOST_AHEAD = 4096
"""Bytes that a client may send before what it said first is saved."""

LINES_A_TURN = 2
"""Lines of one client that are handled before it is others' turn."""


class Player(Protocol):
    """One connection."""

    claims_messages = True
    talk: Talk
    wire: Observed
    """The observed transport."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._lantern = shell.lantern
        self._reader = LineReader(shell.limits.line)
        self._greeting: IDelayedCall | None = None
        self._greeted = False
        self._spoken = False
        self._input_over = False
        self._paused = False
        self.waits_for_turn = False
        """Whether it has said so much that others come first."""
        self.is_handling = False
        """True while its input is being handled."""
        self.in_character_mode = False
        """Whether this is a terminal in telnet's character mode: we echo what is typed there."""

    @property
    def line_end(self) -> bytes:
        r"""``\n``, but what a terminal in telnet's character mode needs is ``\r\n`` (RFC 854)."""
        return b"\r\n" if self.in_character_mode else b"\n"

    def tell(self, line: bytes, secrets: Sequence[Secret] = ()) -> None:
        """Send a line. In character mode, what is half typed makes room for it and stands beneath again."""
        half_typed = self._reader.half_typed
        if half_typed:
            self.wire.write_silently(b"\r" + b" " * len(half_typed.decode(errors="replace")) + b"\r")
        self.wire.send(line + self.line_end, secrets=secrets)
        if half_typed:
            self.wire.write_silently(half_typed)

    # -- Twisted and Observed call these -----------------------------------------------------

    @override
    def connectionMade(self) -> None:
        self.wire = cast("Observed", self.transport)
        self.talk = self._shell.arrived(self)
        if self._shell.limits.hello > 0:
            self._greeting = self.wire.call_later(self._shell.limits.hello, self._shell.greet_in_turn, self)
        else:
            self.greet()

    @override
    def dataReceived(self, data: bytes) -> None:
        self._reader.feed(data)
        self._handle_input()

    def drained(self) -> None:
        """A reader that was behind has caught up: go on with what it sent."""
        self._handle_input()

    def greet(self) -> None:
        """Greet, once. Browsers and curl speak first and are given no line that is not HTTP."""
        if self._greeted:
            return
        self._greeted = True
        greeting, self._greeting = self._greeting, None  # a timer that is kept keeps the whole connection
        if greeting is not None and greeting.active():
            greeting.cancel()
        self._carry_out(self._lantern.greet(self._name))

    @property
    def has_more(self) -> bool:
        """Whether there is anything to go on with once what was said is saved."""
        return bool(self.wire.unclaimed) or self._input_over or self._paused

    def go_on(self) -> None:
        """What was said before is saved, or others had their turn: go on with what came after it."""
        self._handle_input()
        if self._paused and not self._is_behind:
            self._paused = False
            self.wire.resumeProducing()

    def input_ended(self) -> None:
        """The client has closed its half: answer what is still to be answered, then close."""
        self._input_over = True
        self.greet()
        self._handle_input()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._shell.left(self, self.wire.close_reason)

    # -- inside ------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self.wire.connection.id

    def _carry_out(self, effects: list[Effect]) -> None:
        self._shell.carry_out(effects, self.wire.connection)

    @property
    def _is_behind(self) -> bool:
        """Whether what was said waits for a save or for its turn."""
        return self.waits_for_turn or self._shell.waits(self._name)

    def _handle_input(self) -> None:
        outermost, self.is_handling = not self.is_handling, True
        try:
            self._handle_pieces()
        finally:
            self.is_handling = not outermost

    def _handle_pieces(self) -> None:
        left = LINES_A_TURN
        while not (self.wire.clogged or self.wire.disconnecting or self._is_behind):
            if not left:
                self._wait_for_next_turn()
                break
            left -= 1
            if not self._spoken and self._reader.beginning().startswith(TLS_HANDSHAKE):
                self._spoken = True
                self.wire.claim(len(TLS_HANDSHAKE))
                self._carry_out(self._lantern.tls_hello(self._name))
                break
            piece = self._reader.next()
            self._spoken = self._spoken or piece is not None
            if not self._greeted and not may_be_another_protocol(piece, self._reader):
                self.greet()
            if piece is None:
                break
            self._handle(piece)
        if echo := self._reader.take_echo():
            self.wire.write_silently(echo)
        behind = self._is_behind
        if behind and not self._paused and len(self.wire.unclaimed) > MOST_AHEAD:
            self._paused = True
            self.wire.pauseProducing()
        if self._input_over and not (behind or self.wire.clogged or self.wire.disconnecting):
            self._carry_out(self._lantern.ended(self._name))

    def _wait_for_next_turn(self) -> None:
        if not self.waits_for_turn:
            self.waits_for_turn = True
            self._shell.go_on_in_turn(self)

    def _handle(self, piece: Piece) -> None:
        match piece:
            case Negotiation(size, answer):
                self.in_character_mode = self._reader.echoing
                if size:
                    self.wire.claim(size)
                self.wire.send(answer)
            case Line(size, raw, text):
                if echo := self._reader.take_echo():
                    self.wire.write_silently(echo)
                if size:
                    self.wire.claim(size, secrets=secrets_said.in_line(raw, text))
                if not self.wire.disconnecting:
                    self._handle_line(text)
            case TooLong(size, raw):
                if size:
                    self.wire.claim(size)
                if HTTP_BEGINNING.match(raw) and self.talk.state == "greeting":
                    self._carry_out(self._lantern.http_request(self._name, raw.decode("ascii", "replace")))
                else:
                    self._carry_out(self._lantern.line_too_long(self._name))

    def _handle_line(self, text: bytes) -> None:
        if HTTP_LINE.match(text) and self.talk.state == "greeting":
            self._carry_out(self._lantern.http_request(self._name, text.decode("ascii", "replace")))
            return
        try:
            line = text.decode()
        except UnicodeDecodeError:
            self._carry_out(self._lantern.not_text(self._name))
            return
        self._carry_out(self._lantern.line(self._name, line))


def may_be_another_protocol(piece: Piece | None, reader: LineReader) -> bool:
    """Whether the first thing that a client says is, or may become, a request of HTTP or TLS."""
    if isinstance(piece, Line):
        return HTTP_LINE.match(piece.text) is not None
    if isinstance(piece, TooLong):
        return HTTP_BEGINNING.match(piece.raw) is not None
    if isinstance(piece, Negotiation):
        return False
    said = reader.beginning()
    return any(opening.startswith(said[: len(opening)]) for opening in (*METHODS, TLS_HANDSHAKE))

"""Line framing for protocols that speak in lines: bounded, and each line one message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from twisted.internet.protocol import Protocol
from typing_extensions import override

from playground.journal.redaction import Secret
from playground.wire.observed import Observed


class LineProtocol(Protocol):
    r"""A line of UTF-8 is a message. ``\n``, ``\r\n`` and ``\r\0`` end one.

    Subclasses say what to do with a line in :meth:`line_received`; all else
    has a sensible default.
    """

    claims_messages = True
    idle_by_message = True
    max_line = 1024
    """Bytes of one line without its end."""

    def __init__(self) -> None:
        self._lines = bytearray()
        self._input_over = False

    @property
    def wire(self) -> Observed:
        """The observed transport."""
        return cast("Observed", self.transport)

    # -- for subclasses ----------------------------------------------------------------------

    def line_received(self, line: str) -> None:
        """The client said ``line``, without its end."""
        raise NotImplementedError

    def secrets_in(self, line: bytes) -> Sequence[Secret]:
        """The spans of ``line`` that must not be journaled in clear."""
        return ()

    def line_refused(self, rule: str, text: str) -> None:
        """Tell the client that its line was not taken."""
        self.send_line(f"! {text}")

    def send_line(self, text: str, secrets: Sequence[Secret] = ()) -> None:
        """Say one line."""
        self.wire.send(f"{text}\n".encode(), secrets=secrets)

    # -- Twisted and Observed call these -----------------------------------------------------

    @override
    def dataReceived(self, data: bytes) -> None:
        self._lines += data
        self._handle_lines()

    def drained(self) -> None:
        """A reader that was behind has caught up: go on with what it sent."""
        self._handle_lines()

    def input_ended(self) -> None:
        """The client has closed its half: answer what is still to be answered, then close."""
        self._input_over = True
        self._handle_lines()

    def has_more_to_say(self) -> bool:
        """True while something is still to be sent unasked: here, while a timer of this connection runs."""
        return self.wire.has_timers

    def finish_if_done(self) -> None:
        """Close a half-closed connection once all is said."""
        if self._input_over and not self.wire.clogged and not self.has_more_to_say():
            self.wire.loseConnection("client")

    # -- inside ------------------------------------------------------------------------------

    def _handle_lines(self) -> None:
        while not (self.wire.clogged or self.wire.disconnecting):
            cut = _line_end(self._lines)
            seen = cut[0] if cut else len(self._lines) - 1  # the last byte may be half of an end
            if seen > self.max_line:
                self._too_long()
            if cut is None or self.wire.disconnecting:
                break
            text_end, next_line = cut
            line = bytes(self._lines[:text_end])
            del self._lines[:next_line]
            self.wire.claim(next_line, secrets=self.secrets_in(line))
            if not self.wire.disconnecting:
                self._handle(line)
        if self.wire.disconnecting:
            self.wire.drop_unclaimed()  # how much came with the line that ends it is an accident of packets
        self.finish_if_done()

    def _handle(self, line: bytes) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self.wire.refused("not-utf-8", "the line is not valid UTF-8")
            self.line_refused("not-utf-8", "that line is not valid UTF-8")
            return
        self.line_received(text)

    def _too_long(self) -> None:
        # As many bytes as make it too long, however they came: the journal must not depend on packets.
        line = bytes(self._lines[: self.max_line + 2])
        self.wire.claim(len(line), secrets=self.secrets_in(line))
        self.wire.limit("line", self.max_line, "a line without end")
        self.line_refused("line-too-long", f"a line may have {self.max_line} bytes; goodbye")
        self.wire.loseConnection("limit")


def _line_end(data: bytearray) -> tuple[int, int] | None:
    r"""Where the first line's text ends and the next line begins, or None while there is no end.

    A lone ``\r`` at the very end waits for its ``\n`` or ``\0``.
    """
    newline = data.find(b"\n")
    telnet = data.find(b"\r\0", 0, newline if newline >= 0 else len(data))
    if telnet >= 0:
        return telnet, telnet + 2
    if newline < 0:
        return None
    return newline - 1 if newline and data[newline - 1] == 0x0D else newline, newline + 1

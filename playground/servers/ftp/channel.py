"""The socket of a control connection: bytes in and out, plain or in TLS."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from typing_extensions import override

from playground.servers.ftp.secure import GOODBYE_MISSING, Secured
from playground.servers.ftp.stock import GONE, LATER, AsyncChat, FTPHandler, TryLater
from playground.wire.connection import Connection
from playground.wire.socket_tls import why


class Channel(Secured, FTPHandler):
    """What is below the conversation. ``talk.py`` makes lines of it."""

    # One client's flood of commands must not hold up the others for long.
    ac_in_buffer_size = 1024
    socket: Any
    ioloop: Any
    conn: Connection | None = None
    reason = ""
    """Why the connection ends, once that is known."""
    _reading = True
    _read_when_writable = False
    _going_on = False
    _next_context: ssl.SSLContext | None = None

    def heard(self, data: bytes) -> None:
        """The client has sent these bytes."""
        raise NotImplementedError

    def input_ended(self) -> None:
        """The client will send nothing more."""
        raise NotImplementedError

    # -- bytes in ----------------------------------------------------------------------------

    @override
    def recv(self, buffer_size: int) -> bytes:
        try:
            data: bytes = self.socket.recv(buffer_size)
        except ssl.SSLWantReadError as error:
            raise TryLater from error
        except ssl.SSLWantWriteError as error:  # new keys are told before anything else is read
            self._read_when_writable = True
            self._watch()
            raise TryLater from error
        except GOODBYE_MISSING:
            data = b""
        except ssl.SSLError as error:
            self.tls_ends(error)
            return b""
        except OSError as error:
            if error.errno in LATER:
                raise TryLater from error
            if error.errno not in GONE:
                raise
            self.reason = self.reason or "lost"
            self.close()
            return b""
        if not data:
            self.input_ended()
        return data

    @override
    def tls_ends(self, error: OSError) -> None:
        """What has come is no TLS, or not the client's."""
        if self.conn is not None:
            self.conn.refused("tls", f"What came is no TLS: {why(error)}.", "RFC 8446 6.2")
        self.reason = self.reason or "refused"
        self.close()

    @override
    def handle_read(self) -> None:
        try:
            data = self.recv(self.ac_in_buffer_size)
        except TryLater:
            return
        if data and self.conn is not None:
            self.conn.bytes_received += len(data)
            self.heard(data)
            if self.secured:
                self._read_what_is_there()

    def _read_what_is_there(self) -> None:
        """Read on in the next turn: what TLS has decrypted already makes no descriptor ready."""
        if self.secured and self._reading and not (self._closed or self._going_on) and self.socket.pending():
            self._going_on = True
            self.ioloop.call_later(0, self._go_on_reading, _errback=self.handle_error)

    def _go_on_reading(self) -> None:
        self._going_on = False
        if self._reading and not self._closed:
            self.handle_read()

    def stop_reading(self) -> None:
        """Take no more input from the socket."""
        self._reading = False
        self._watch()

    def read_again(self) -> None:
        """Take input again."""
        self._reading = True
        self._watch()
        self._read_what_is_there()

    # -- bytes out ---------------------------------------------------------------------------

    @override
    def send(self, data: bytes) -> int:
        count: int = super().send(data)
        if self.conn is not None:
            self.conn.bytes_sent += count
        return count

    def write(self, data: bytes) -> None:
        """Send these bytes, behind those that wait."""
        if not self.producer_fifo and not self.between:
            try:
                data = data[self.send(data) :]
            except OSError:
                self.handle_error()
                return
            if not data:
                return  # as nearly always: the loop need not watch for anything else
        AsyncChat.push(self, data)

    @property
    def unsent(self) -> int:
        """How many bytes wait for the client to read."""
        waiting = self.producer_fifo
        return sum(len(piece) for piece in waiting if piece is not None) if waiting else 0

    @override
    def initiate_send(self) -> None:
        if not self.shaking:
            super(AsyncChat, self).initiate_send()
        if self._next_context is not None and not self._closed and not self.producer_fifo:
            context, self._next_context = self._next_context, None
            self.begin_tls(context)
            self.hurry(self.server.limits.handshake)
        self._watch()

    def tls_when_sent(self, context: ssl.SSLContext) -> None:
        """Begin TLS behind what is still to be sent."""
        self._next_context = context

    @property
    def between(self) -> bool:
        """True while nothing can be said: no longer plainly, not yet in TLS."""
        return self.shaking or self._next_context is not None

    # -- what the loop watches and does --------------------------------------------------------

    @override
    def wait_for(self, events: int) -> None:
        self._needs = events
        self._watch()

    def _watch(self) -> None:
        """Tell the loop what this connection waits for."""
        if self._closed:
            return
        loop = self.ioloop
        if self.shaking:
            wanted = self._needs
        else:
            reads = self._reading and not self._read_when_writable
            writes = bool(self.producer_fifo) or self._read_when_writable
            wanted = (loop.READ if reads else 0) | (loop.WRITE if writes else 0)
        if loop.socket_map.get(self._fileno) is not self:
            if wanted:
                self.add_channel(events=wanted)
        elif not wanted:
            self.del_channel()
        elif wanted != self._wanted_io_events:
            loop.modify(self._fileno, wanted)
        self._wanted_io_events = self._current_io_events = wanted

    @override
    def readable(self) -> bool:
        return bool(self.connected)

    @override
    def writable(self) -> bool:
        return self.shaking or self._read_when_writable or bool(super().writable())

    @override
    def handle_read_event(self) -> None:
        if self.shaking:
            self.shake()
        else:
            self.handle_read()

    @override
    def handle_write_event(self) -> None:
        if self.shaking:
            self.shake()
            return
        if self._read_when_writable:
            self._read_when_writable = False
            self.handle_read()
        if not self._closed:
            super().handle_write_event()

    def leave(self) -> None:
        """Say TLS's goodbye, and read what has come but was not asked for: closing over it would
        reset the connection, and the client might never see the last reply."""
        self.say_goodbye()
        try:
            for _ in range(16):
                if not socket.socket.recv(self.socket, 65536):  # as it came, whatever it means
                    break
        except (OSError, AttributeError, TypeError):
            pass

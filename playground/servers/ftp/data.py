"""FTP's data connections: connections of their own in the journal, children of a control connection."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Any

from typing_extensions import override

from playground.servers.ftp.capture import Capture
from playground.servers.ftp.quota import Tally
from playground.servers.ftp.secure import Secured, has_gone
from playground.servers.ftp.stock import DTPHandler, FileTrouble
from playground.wire.connection import Connection
from playground.wire.socket_tls import why

READS_AT_ONCE = 4
"""Full buffers that are read of an upload before everybody else has their turn."""

UNCAPTURED_BYTES = 4096
"""How much is looked at when the journal keeps no data at all: its size is told."""

NOT_RESUMED = "it has to resume the session of the control connection, so that nobody else can come first"

RECORD_BYTES = 16 * 1024
"""TLS reads and writes so many bytes at once, at most (RFC 8446 5.1)."""
MORE_RECORDS = 3
"""With these, a turn moves as much as it does without TLS."""
CUT = "The end came without TLS's goodbye, so this may not be all"

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DataConnection(Secured, DTPHandler):
    """One data connection.

    The journal gets the bytes up to its capture limit in ``received`` and
    ``sent`` events, and the totals at the end: one event per piece of a large
    file would push everything else out of sight.
    """

    ac_out_buffer_size = 128 * 1024

    def __init__(self, sock: Any, cmd_channel: Any) -> None:
        self.conn: Connection | None = None
        self.reason = "server"
        self._tally: Tally | None = None
        """What may still be stored, where the account has a quota."""
        super().__init__(sock, cmd_channel)
        if self.connected:
            conn = self.conn = cmd_channel.open_data(self.addr, self.socket.getsockname())
            budget = cmd_channel.server.playground.journal.capture_bytes or UNCAPTURED_BYTES
            piece = cmd_channel.server.limits.captured_piece
            self._heard = Capture(conn.received, budget, piece)
            self._said = Capture(self._tell_sent, budget, piece)
            if cmd_channel.prot == "P":
                self.begin_tls(cmd_channel.context)

    @property
    def cause(self) -> int | None:
        """The ``seq`` of the command that this connection serves: the transfer, or what asked for it."""
        control = self.cmd_channel
        seq: int | None = control.transfer_cause if self._initialized else control.data_cause
        return seq

    # -- bytes -------------------------------------------------------------------------------

    @override
    def recv(self, buffer_size: int) -> bytes:
        data: bytes = super().recv(buffer_size)
        if data and self.conn is not None:
            self.conn.bytes_received += len(data)
            self._heard.add(data)
            if self._tally is not None and not self._tally.take(len(data)):
                self.conn.limit("quota", self._tally.quota, "the account may store no more bytes than that")
                raise FileTrouble(errno.EDQUOT)
        return data

    @override
    def send(self, data: Any) -> int:
        count: int = super().send(data)
        if count and self.conn is not None:
            self.conn.bytes_sent += count
            self._said.add(bytes(data[: self._said.wanted(count)]))
        return count

    @override
    def initiate_sendfile(self) -> None:
        """Send from the file without reading it, except for what the journal keeps."""
        offset, before = self._offset, self.tot_bytes_sent
        wanted = self._said.wanted(self.ac_out_buffer_size) if self.conn is not None else 0
        head = os.pread(self._filefd, wanted, offset) if wanted else b""
        super().initiate_sendfile()  # as much as the socket takes, up to ``ac_out_buffer_size``
        count = self.tot_bytes_sent - before
        if count and self.conn is not None:
            self.conn.bytes_sent += count
            self._said.add(head[:count])

    def _tell_sent(self, data: bytes) -> None:
        if self.conn is not None:
            self.conn.sent(data, cause=self.cause)

    # -- TLS ---------------------------------------------------------------------------------

    @override
    def wait_for(self, events: int) -> None:
        self._needs = events
        self.modify_ioloop_events(events)

    @override
    def modify_ioloop_events(self, events: int, logdebug: bool = False) -> None:
        super().modify_ioloop_events(self._needs if self.shaking else events, logdebug)

    @override
    def tls_begins(self) -> None:
        self.ac_in_buffer_size = RECORD_BYTES
        policy = self.cmd_channel.server.policy
        if policy.resumed and not self.socket.session_reused:
            self._refuse_tls(NOT_RESUMED)
        else:
            self.modify_ioloop_events(self._wanted_io_events)

    @override
    def tls_fails(self, error: Exception) -> None:
        if isinstance(error, TimeoutError) and self.conn is not None:
            seconds = self.cmd_channel.server.limits.handshake
            self.conn.limit("handshake", seconds, "nobody shook hands for TLS on the data connection")
        self._refuse_tls("the client has hung up" if has_gone(error) else why(error))

    @override
    def tls_ends(self, error: OSError) -> None:
        self.handle_close()

    def _cut_short(self) -> None:
        """An upload has ended, and not as TLS wants it."""
        self.reason = "lost"
        if self.cmd_channel.server.policy.required:
            self._resp = (f"426 {CUT}; {self.get_transmitted_bytes()} bytes are stored.", _no_log)
            self.close()

    def _refuse_tls(self, text: str) -> None:
        """No file over this connection. Whoever asked for one is told so (RFC 4217 10.2)."""
        reply = f"522 No TLS on the data connection: {text}."
        self.reason = "refused"
        if self.conn is not None:
            self.conn.refused("data-tls", reply[4:], "RFC 4217 10")
        if self._initialized:
            self._resp = (reply, _no_log)
        else:
            self.cmd_channel.data_refused = reply
        self.close()

    def _transfer_begins(self) -> None:
        self._initialized = True
        self.hurry(self.cmd_channel.server.limits.handshake)

    @override
    def push(self, data: bytes) -> None:
        self._transfer_begins()
        super().push(data)

    @override
    def push_with_producer(self, producer: Any) -> None:
        self._transfer_begins()
        super().push_with_producer(producer)

    @override
    def enable_receiving(self, type: str, cmd: str) -> None:
        self._transfer_begins()
        self._tally = self.cmd_channel.tally()
        if self._tally is not None:
            self._tally.begin()
        super().enable_receiving(type, cmd)

    @override
    def use_sendfile(self) -> bool:
        return not (self.shaking or self.secured) and bool(super().use_sendfile())

    @override
    def initiate_send(self) -> None:
        if self.shaking:
            return
        super().initiate_send()
        for _ in range(MORE_RECORDS if self.secured else 0):
            if self._closed or not self.producer_fifo:
                break
            super().initiate_send()

    @override
    def handle_read_event(self) -> None:
        if self.shaking:
            self.shake()
            return
        # A turn of the loop costs as much as a read, so one is used for several.
        for _ in range(1 + MORE_RECORDS if self.secured else READS_AT_ONCE):
            before = self.tot_bytes_received
            self.handle_read()
            full = self.secured or self.tot_bytes_received - before == self.ac_in_buffer_size
            if self._closed or not full:
                break
        if self.receive and not self._closed:
            self._hand_to_system()

    @override
    def handle_write_event(self) -> None:
        if self.shaking:
            self.shake()
        else:
            super().handle_write_event()

    @override
    def writable(self) -> bool:
        return self.shaking or bool(super().writable())

    # -- ends --------------------------------------------------------------------------------

    @override
    def readable(self) -> bool:
        if self.shaking:
            return True
        if not self.receive and not self._initialized:
            self._readable_too_early()
            return False
        return bool(super().readable())

    def _readable_too_early(self) -> None:
        """The client has hung up, or has sent something, before any command asked for it.

        pyftpdlib closes in both cases. But whoever types FTP by hand may well send the file first and
        STOR afterwards: what has come waits in the system's buffers until then.
        """
        try:
            waiting = socket.socket.recv(self.socket, 1, socket.MSG_PEEK)  # in TLS or not
        except OSError:
            waiting = b""
        if waiting:
            self.del_channel()  # the command puts it back
        else:
            self.reason = "client"
            self.close()

    @override
    def handle_close(self) -> None:
        if self._closed:
            return
        if self.receive and self.secured and not self.goodbye_heard:
            self._cut_short()
        elif self.receive or self.producer_fifo:
            self.reason = "client"
        elif self._nothing_was_sent():
            # pyftpdlib would take it for the end of the file.
            self.reason = "client"
            self._resp = (f"426 Transfer aborted; {self.tot_bytes_sent} bytes transmitted.", _no_log)
            self.close()
        super().handle_close()

    def _nothing_was_sent(self) -> bool:
        """Whether not even the first of all bytes of a file could be sent (by ``sendfile``, or without)."""
        sends = self._filefd is not None and not self.tot_bytes_sent
        return sends and bool(self._offset < os.fstat(self._filefd).st_size)

    @override
    def handle_timeout(self) -> None:
        if self.get_transmitted_bytes() <= self._lastdata:
            self.reason = self.cmd_channel.reason = "idle"
            self.cmd_channel.conn.limit("data_stall", self.timeout, "the transfer does not move any more")
        with self.cmd_channel.answering(self.cause, "data-timeout"):
            super().handle_timeout()

    @override
    def handle_error(self) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, FileTrouble):
            self.reason = "trouble"
            super().handle_error()
            return
        number = getattr(error.__cause__, "errno", None) or (error.args[0] if error.args else None)
        self._file_failed(number)
        self.close()

    def _file_failed(self, number: object) -> None:
        """The file cannot be read or written any more. What was written stays: REST can go on from there."""
        text = os.strerror(number) if isinstance(number, int) else "The file cannot be used"
        full, told = number in FULL, number == errno.EDQUOT and self._tally is not None
        self.reason = "limit" if full else "trouble"
        if self.conn is not None and not told:
            self.conn.trouble(f"{text}: {self.cmd} ends")
        incomplete = "the file is incomplete, and stays" if self.receive else "the transfer is incomplete"
        self._resp = (f"{552 if full else 451} {text}; {incomplete}.", _no_log)

    def _hand_to_system(self) -> None:
        """What has arrived stands in the file, for whoever looks and after a ``kill -9`` of the server."""
        try:
            self.file_obj.flush()
        except OSError as error:
            raise FileTrouble(error) from error

    def _finish_file(self) -> None:
        """Give the disk what is still in our buffer; it may be full."""
        try:
            self.file_obj.close()
        except OSError as error:
            self._file_failed(error.errno)

    @override
    def close(self) -> None:
        if self._closed:
            return
        with self.cmd_channel.answering(self.cause, "data-close"):
            if self.conn is not None:
                self._heard.finish()
                self._said.finish()
                if self.receive:
                    self._finish_file()
                if self._tally is not None:
                    self._tally.end()
                self.conn.closed(self.reason)
            self.say_goodbye()
            super().close()


def _no_log(_text: str) -> None:
    """The journal tells it."""

"""How a data connection comes to be: the client calls (PASV, EPSV), or is called (PORT, EPRT)."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from playground.servers.ftp.mirror import queued
from playground.servers.ftp.stock import Acceptor, ActiveDTP, PassiveDTP, Unnamed

BACKLOG = 5
"""One connection is expected; strangers may come before it."""
TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES, errno.EPERM})
"""Why a port cannot be had, while the next one may."""


class PassiveDoor(Unnamed, PassiveDTP):
    """Listens for the one data connection that PASV or EPSV has promised."""

    def __init__(self, cmd_channel: Any, extmode: bool = False) -> None:
        self.cause: int | None = cmd_channel.cause
        self.cmd_channel = cmd_channel
        self.log, self.log_exception = cmd_channel.log, cmd_channel.log_exception
        Acceptor.__init__(self, ioloop=cmd_channel.ioloop)
        self._open()
        address, port = self.socket.getsockname()[:2]
        if extmode:
            cmd_channel.respond(f"229 Entering extended passive mode (|||{port}|).")
        else:
            told = (
                cmd_channel.masquerade_address_map.get(address) or cmd_channel.masquerade_address or address
            )
            numbers = ",".join((*told.removeprefix("::ffff:").split("."), *map(str, divmod(port, 256))))
            cmd_channel.respond(f"227 Entering passive mode ({numbers}).")
        if self.timeout:
            self.call_later(self.timeout, self.handle_timeout)

    def _open(self) -> None:
        """Listen on a free port, where the client has found us. Raises ``OSError``.

        pyftpdlib takes any port when those that it may use are taken; a firewall would be in the way.
        """
        control = self.cmd_channel.socket
        address = control.getsockname()[0]
        allowed: Sequence[int] | None = self.cmd_channel.passive_ports
        random = self.cmd_channel.server.playground.random
        chosen = random.sample(allowed, len(allowed)) if allowed else [0]
        for port in chosen:
            self.create_socket(control.family, socket.SOCK_STREAM)
            if port:
                self.set_reuse_addr()
            try:
                self.bind((address, port))
                self.listen(BACKLOG)
                return
            except OSError as error:
                self.del_channel()
                self.socket.close()
                if error.errno not in TAKEN or port == chosen[-1]:
                    raise

    @override
    def handle_accepted(self, sock: Any, addr: Any) -> None:
        with self.cmd_channel.answering(self.cause, "data-open"):
            super().handle_accepted(sock, addr)
            control = self.cmd_channel
            if self._closed and control.data_channel is None and queued(control):
                control.drop_queue()
                control.respond("426 The data connection has broken at once.")

    @override
    def handle_timeout(self) -> None:
        """Nobody has come. Only a transfer that waits is told: an answer that nobody asked for would be taken
        for that to the next command, and 421, which is pyftpdlib's, says that the control connection ends.
        """
        control = self.cmd_channel
        with control.answering(self.cause, "data-timeout"):
            late(control, self.timeout)
            if queued(control) and control.connected:
                control.drop_queue()
                control.respond("425 The data connection did not come in time.")
            self.close()

    @override
    def handle_error(self) -> None:
        # Accepting failed, most likely for want of descriptors.
        with self.cmd_channel.answering(self.cause, "data-error"):
            super().handle_error()
            self.cmd_channel.drop_queue()
            self.cmd_channel.respond("425 Can't open the data connection.")


class ActiveCall(Unnamed, ActiveDTP):
    """Calls the client back at the place that PORT or EPRT has named."""

    socket: Any
    _fileno: int | None

    def __init__(self, ip: str, port: int, cmd_channel: Any) -> None:
        self.cause: int | None = cmd_channel.cause
        super().__init__(ip, port, cmd_channel)

    @override
    def handle_connect(self) -> None:
        """The client has answered: its socket becomes the data connection's.

        This object lets go of the socket altogether. pyftpdlib's own keeps the
        number of the descriptor, and would take somebody else's connection out
        of the loop when that number has been given out again.
        """
        sock, control = self.socket, self.cmd_channel
        problem = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if problem:
            raise OSError(problem, os.strerror(problem))
        self.del_channel()
        self._fileno = None
        self.socket = None
        self.close()
        control._dtp_connector = None
        with control.answering(self.cause, "data-open"):
            if not control.connected:
                sock.close()
                return
            control.respond("200 Active data connection established.")
            channel = control.dtp_handler(sock, control)
            if channel.connected:
                control.data_channel = channel
                control._on_dtp_connection()

    @override
    def handle_close(self) -> None:
        with self.cmd_channel.answering(self.cause, "data-error"):
            super().handle_close()
            self.cmd_channel.drop_queue()

    @override
    def handle_timeout(self) -> None:
        control = self.cmd_channel
        with control.answering(self.cause, "data-timeout"):
            late(control, self.timeout)
            control.drop_queue()
            if control.connected:
                control.respond("425 The data connection could not be opened in time.")
            self.close()


def late(control: Any, seconds: float) -> None:
    """The journal's line for a data connection that was not there in time."""
    if control.conn is not None:
        control.conn.limit("data_wait", seconds, "the data connection has not come to be")

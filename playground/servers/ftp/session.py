"""The commands: pyftpdlib's, with what its defaults leave open closed."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from typing_extensions import override

from playground.servers.ftp.data import DataConnection
from playground.servers.ftp.doors import ActiveCall, PassiveDoor, late
from playground.servers.ftp.filesystem import Files
from playground.servers.ftp.listings import LISTINGS, Listings
from playground.servers.ftp.login import Login
from playground.servers.ftp.mirror import data_state, queued
from playground.servers.ftp.permissions import Visitor
from playground.servers.ftp.protection import COMMANDS as TLS_COMMANDS
from playground.servers.ftp.quota import Tally
from playground.servers.ftp.rules import FORMATS, argument_fault, plain_eprt, plain_listing
from playground.servers.ftp.states import TRANSFERS
from playground.servers.ftp.stock import FilesystemError, FTPHandler
from playground.wire.connection import Connection

MAKERS = frozenset({"STOR", "STOU", "APPE", "MKD", "XMKD"})
"""The commands that make a file or a folder."""

_LOOKED_AT = MAKERS.union(TRANSFERS, LISTINGS, FORMATS, ("SITE CHMOD", "MFMT"))
"""The commands for which pyftpdlib's own checks are not enough."""

COMMANDS = {
    **FTPHandler.proto_cmds,
    **TLS_COMMANDS,
    "SITE STATE": {
        "perm": None,
        "auth": False,
        "arg": False,
        "help": "Syntax: SITE STATE (what is remembered of you, as JSON).",
    },
}


class Session(Listings, Login):
    """What a client can do on a control connection.

    Its class attributes are settings shared by all connections, so every
    server makes a subclass of its own (:func:`session_class`).
    """

    proto_cmds = COMMANDS
    abstracted_fs = Files
    dtp_handler = DataConnection
    passive_dtp = PassiveDoor
    active_dtp = ActiveCall
    banner = "Playground FTP. Try: USER ada"
    passive_ports: Sequence[int] | None
    _doorless_since = 0.0
    """When the newest transfer was asked for that had no data connection yet."""
    _looks_for_a_door = False
    """Whether a timer is set for that."""

    @override
    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        name = f"SITE {arg.split(' ')[0].upper()}" if cmd == "SITE" and arg else cmd
        if name not in self.proto_cmds:
            # pyftpdlib would take XQUIT for QUIT: it looks at the last four letters.
            self.respond(f'500 Command "{name[:40]}" not understood.')
            return
        super().pre_process_command(line, cmd, plain_listing(cmd, arg))

    @override
    def process_command(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        if cmd not in _LOOKED_AT:
            super().process_command(cmd, *args, **kwargs)
            return
        argument = str(args[0]) if args else ""
        fault = argument_fault(cmd, argument)
        for kind, value in kwargs.items():
            fault = fault or argument_fault(kind, value)
        if fault is not None:
            self.respond(fault)
            return
        if cmd in TRANSFERS:
            channel = self.data_channel
            if channel is not None and channel._initialized:
                self.respond("450 Another transfer is under way: wait for it, or send ABOR.")
                return
            if self.data_refused:
                reply, self.data_refused = self.data_refused, ""
                self.respond(reply)
                return
            self.drop_queue()
            self.transfer_cause = self.cause
        if cmd in MAKERS and not self._may_store():
            return
        if cmd in TRANSFERS and data_state(self) is None:
            self._expect_a_door()
        go_on = partial(super().process_command, cmd, *args, **kwargs)
        if cmd in LISTINGS and os.path.isdir(argument):
            self.gather(argument, go_on)
        else:
            go_on()

    def _may_store(self) -> bool:
        tally = self.tally()
        if tally is None or tally.ready() or self.conn is None:
            return True
        most = self.server.limits.quota_files
        self.conn.limit("quota_files", most, "too many files to count; nothing more is stored")
        self.respond(f"552 You have more than {most} files and folders; delete some first.")
        return False

    # -- forgetting --------------------------------------------------------------------------

    def forget(self) -> None:
        """As REIN, and a running transfer is aborted. The connection stays open."""
        with self.answering(None, "forget"):
            channel = self.data_channel
            if channel is not None:
                self._abort(channel, "this server was told to forget")
            if self._closed or self._ending:
                return  # a QUIT had waited for that transfer
            self.flush_account()
            self.attempted_logins = 0
            self._epsvall = False
            self._current_facts = list(self.default_facts)

    # -- data connections --------------------------------------------------------------------

    def open_data(self, client: tuple[Any, ...], here: tuple[Any, ...]) -> Connection:
        """A data connection has come to be: a journal connection, child of this one."""
        conn: Connection = self.server.playground.connection(
            client[:2], here[:2], parent=self.conn, tls=self.prot == "P"
        )
        return conn

    def drop_queue(self) -> None:
        """The transfer that waited for a data connection will not happen."""
        going_out = self._out_dtp_queue
        coming_in = self._in_dtp_queue
        for file in (going_out[2] if going_out else None, coming_in[0] if coming_in else None):
            if file is not None:
                file.close()
        if not self._closed:
            self._out_dtp_queue = self._in_dtp_queue = None

    def _expect_a_door(self) -> None:
        """A transfer is asked for before there is a data connection: as with pyftpdlib that may come later.

        But it is not waited for without end, as pyftpdlib does.
        """
        self._doorless_since = self.server.playground.reactor.seconds()
        if not self._looks_for_a_door:
            self._looks_for_a_door = True
            self.call_later(self.server.limits.data_wait, self._look_for_a_door)

    def _look_for_a_door(self) -> None:
        self._looks_for_a_door = False
        if queued(self) is None or data_state(self) is not None:
            return
        patience = self.server.limits.data_wait
        waited = self.server.playground.reactor.seconds() - self._doorless_since
        if waited < patience:  # that is another transfer than the one for which the timer was set
            self._looks_for_a_door = True
            self.call_later(patience - waited, self._look_for_a_door)
            return
        with self.answering(self.transfer_cause, "data-timeout"):
            late(self, patience)
            self.drop_queue()
            self.respond("425 No data connection: say PASV, EPSV, PORT or EPRT first.")

    @override
    def _make_epasv(self, extmode: bool = False) -> None:
        self._replace_data_connection()
        if not self._may_open():
            return
        try:
            super()._make_epasv(extmode)
        except OSError as error:
            if self.passive_ports and error.errno == errno.EADDRINUSE and self.conn is not None:
                self.conn.limit("passive_ports", len(self.passive_ports), "all of those ports are taken")
                self.respond("425 All ports for data connections are taken; try again, or use PORT.")
            else:
                self.respond("425 Can't listen for a data connection.")

    @override
    def _make_eport(self, ip: str, port: int) -> None:
        self._replace_data_connection()
        if self._may_open():
            super()._make_eport(ip, port)

    def _may_open(self) -> bool:
        if self.server._accept_new_cons() or self.conn is None:
            return True
        most = self.server.limits.connections
        self.conn.limit("connections", most, "too many connections; no data connection is opened")
        self.respond("425 Too many connections. Try again later.")
        return False

    def _replace_data_connection(self) -> None:
        """A new data connection replaces the present one. A transfer on that is told so."""
        self.data_refused = ""
        self.data_cause = self.cause
        channel = self.data_channel
        if channel is not None and channel._initialized:
            self._abort(channel, "a new data connection was asked for")

    def _abort(self, channel: Any, why: str) -> None:
        running = channel._initialized
        if running:
            channel._resp = (f"426 Transfer aborted: {why}.", self.log)
        channel.close()

    def tally(self) -> Tally | None:
        """What this account has stored and may store, where it has a quota."""
        who: Visitor = self.authorizer
        if self.fs is None or who.quota is None:
            return None
        tally = Tally(who.root, who.quota, self.server.limits.quota_files)
        found: Tally = self.server.tallies.setdefault(who.name, tally)
        return found

    @override
    def ftp_ABOR(self, line: str) -> None:
        """Also ends what waits for a data connection: pyftpdlib would send it to the next one that comes."""
        if queued(self) is None:
            super().ftp_ABOR(line)
            return
        self.drop_queue()
        self._shutdown_connecting_dtp()
        self.respond("426 Transfer aborted via ABOR.")
        self.respond("226 ABOR command successful.")

    @override
    def ftp_PASV(self, line: str) -> None:
        """PASV can name IPv4 addresses only."""
        if not self._epsvall and ":" in self.socket.getsockname()[0].removeprefix("::ffff:"):
            self.respond("502 PASV is for IPv4; over IPv6 use EPSV (RFC 2428).")
            return
        super().ftp_PASV(line)

    @override
    def ftp_EPRT(self, line: str) -> None:
        """As pyftpdlib's, with the address in its one canonical spelling."""
        if line[1] == "2" and self.socket.family == socket.AF_INET:
            self.respond("522 Network protocol not supported (use 1).")
            return
        plain = plain_eprt(line)
        if plain is None:
            self.respond("501 Invalid EPRT format.")
            return
        super().ftp_EPRT(plain)

    @override
    def ftp_QUIT(self, line: str) -> None:
        """Say goodbye; a running transfer is finished first (RFC 959 4.1.1)."""
        channel = self.data_channel
        if channel is not None and not channel._initialized:
            channel.close()  # nothing would ever end it
        super().ftp_QUIT(line)
        if self._quit_pending:
            self.stop_reading()

    # -- files -------------------------------------------------------------------------------

    @override
    def ftp_CWD(self, path: str) -> str | None:
        """Change this connection's directory, not the process's."""
        try:
            self.fs.chdir(path)
        except (OSError, FilesystemError) as error:
            why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            self.respond(f"550 {why}.")
            return None
        shown = self.fs.cwd.replace('"', '""')
        self.respond(f'250 "{shown}" is the current directory.')
        return path

    @override
    def ftp_TYPE(self, line: str) -> None:
        """``A N``, the default of RFC 959 3.1.1.5, means ``A``."""
        super().ftp_TYPE("A" if line.upper() == "A N" else line)

    # -- the rest ----------------------------------------------------------------------------

    @override
    def ftp_NOOP(self, line: str) -> None:
        """An answer, and nothing else."""
        self.respond("200 Nothing done, nothing changed.")

    def ftp_SITE_STATE(self, line: str) -> None:  # noqa: N802  # pyftpdlib looks for this name
        """What is remembered of whoever asks, as JSON on the one inner line of the reply."""
        if self.conn is not None:
            words = self.server.playground.four_words(self.conn)
            self.respond(f"211-What this server remembers of you:\r\n {json.dumps(words)}\r\n211 End.")


def session_class(server_limits: Any, settings: Mapping[str, Any]) -> type[Session]:
    """A class with one server's settings. pyftpdlib keeps them in class attributes."""

    class Data(DataConnection):
        timeout = server_limits.data_stall

    class Door(PassiveDoor):
        timeout = server_limits.data_wait

    class Call(ActiveCall):
        timeout = server_limits.data_wait

    class Configured(Session):
        timeout = server_limits.idle
        dtp_handler = Data
        passive_dtp = Door
        active_dtp = Call
        passive_ports = settings.get("ftp_passive_ports")
        masquerade_address = settings.get("ftp_masquerade")

    return Configured

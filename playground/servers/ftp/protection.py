"""Explicit TLS: AUTH, PBSZ, PROT (RFC 2228, RFC 4217), and what is refused without them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from playground.servers.ftp import mirror
from playground.servers.ftp.secure import has_gone
from playground.servers.ftp.talk import Talk
from playground.wire.certificates import NoCertificate
from playground.wire.connection import Connection
from playground.wire.socket_tls import why

FEATURES = ("AUTH TLS", "AUTH SSL", "PBSZ", "PROT")
"""What FEAT tells; ``AUTH SSL`` is an old name for the same."""
DATA_COMMANDS = frozenset({"PASV", "EPSV", "PORT", "EPRT"})
"""The commands that ask for a data connection."""


def _command(argument: bool, help: str) -> dict[str, Any]:
    return {"perm": None, "auth": False, "arg": argument, "help": f"Syntax: {help}"}


COMMANDS = {
    "AUTH": _command(True, "AUTH <SP> TLS (everything behind the answer is encrypted)."),
    "PBSZ": _command(True, "PBSZ <SP> 0 (has to come before PROT)."),
    "PROT": _command(True, "PROT <SP> P|C (data connections are encrypted, or not)."),
    "CCC": _command(False, "CCC (refused: commands stay encrypted)."),
}


class Policy:
    """Whether and how one server speaks TLS."""

    def __init__(self, context: Callable[[], ssl.SSLContext], required: bool, resumed: bool) -> None:
        self.required = required
        """True when nobody may log in or transfer anything without TLS."""
        self.resumed = resumed
        """True when data connections have to resume the session of their control connection."""
        self._make = context
        self._shared = context()

    def context(self) -> ssl.SSLContext:
        """For one control connection and its data connections.

        A session can be resumed in the context only in which it began. So where
        that is asked for, each control connection has one of its own.
        """
        return self._make() if self.resumed else self._shared


class Protection(Talk):
    """A conversation that can be encrypted."""

    pbsz = False
    prot: str | None = None
    """``P`` or ``C`` when the client has chosen; data connections are plain until then."""
    context: ssl.SSLContext | None = None
    """For the data connections, too."""
    _auth_cause: int | None = None

    def __init__(self, sock: Any, server: Any, ioloop: Any = None) -> None:
        super().__init__(sock, server, ioloop=ioloop)
        if server.policy is not None:
            self._extra_feats = list(FEATURES)

    @override
    def process_command(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        policy = self.server.policy
        if policy is not None and policy.required:
            if cmd in ("USER", "PASS") and not self.secured:
                self.respond("530 First AUTH TLS: nobody logs in here without TLS.")
                return
            if cmd in DATA_COMMANDS and self.prot != "P":
                self.respond("521 First PBSZ 0 and PROT P: data connections are encrypted here.")
                return
        super().process_command(cmd, *args, **kwargs)

    def ftp_AUTH(self, line: str) -> None:  # noqa: N802  # pyftpdlib looks for these names
        """Begin TLS. Whoever was logged in no longer is (RFC 2228 3)."""
        policy, conn = self.server.policy, self.conn
        if conn is None:
            return
        if self.secured:
            self.respond("503 Already using TLS.")
        elif policy is None:
            self.respond("502 No TLS here. Whoever runs this server can say --tls auto.")
        elif line.upper() not in ("TLS", "TLS-C", "SSL", "TLS-P"):
            self.respond("504 AUTH TLS is the only kind.")
        elif mirror.busy(self):
            self.respond("503 Not during a transfer: wait for it, or send ABOR.")
        else:
            self._begin(policy, conn)

    def _begin(self, policy: Policy, conn: Connection) -> None:
        try:
            context = policy.context()
        except NoCertificate as error:  # somebody has removed or replaced it
            conn.trouble(str(error))
            self.respond("431 The certificate cannot be used now; it is in the journal.")
            return
        self.flush_account()
        # Somebody in the middle may have sent it (CVE-2011-1575).
        if dropped := self.drop_lines():
            conn.partial(dropped)
            text = "What came behind AUTH, and not in TLS, is thrown away."
            conn.refused("pipelined-auth", text, "RFC 4217 15.3")
        self.respond("234 Now shake hands for TLS.")
        self.context, self._auth_cause = context, self.cause
        self.wait()
        self.tls_when_sent(context)

    @override
    def tls_begins(self) -> None:
        with self.answering(self._auth_cause, "AUTH"):
            pass  # what has changed is written down when this ends
        self.go_on()

    @override
    def tls_fails(self, error: Exception) -> None:
        conn = self.conn
        if conn is not None:
            if isinstance(error, TimeoutError):
                conn.limit("handshake", self.server.limits.handshake, "after AUTH nobody shook hands for TLS")
                self.reason = self.reason or "limit"
            elif not has_gone(error):
                conn.refused("tls-handshake", f"No TLS came about: {why(error)}.", "RFC 4217 4")
                self.reason = self.reason or "refused"
        self.reason = self.reason or "client"
        self.close()

    def ftp_PBSZ(self, line: str) -> None:  # noqa: N802  # the same
        """Of the buffer sizes of RFC 2228, TLS knows 0 only."""
        if not self.secured:
            self.respond("503 PBSZ not allowed on insecure control connection.")
        elif not (line.isascii() and line.isdecimal() and len(line) <= 10):
            self.respond("501 PBSZ takes a number: 0.")
        else:
            self.pbsz = True
            self.respond("200 PBSZ=0 successful.")

    def ftp_PROT(self, line: str) -> None:  # noqa: N802  # the same
        """Choose whether data connections are encrypted."""
        level, policy = line.upper(), self.server.policy
        if not self.secured:
            self.respond("503 PROT not allowed on insecure control connection.")
        elif not self.pbsz:
            self.respond("503 You must issue the PBSZ command prior to PROT.")
        elif level == "C" and policy is not None and policy.required:
            self.respond("534 Data connections are always encrypted here.")
        elif level in ("P", "C"):
            self.prot = level
            self.respond(f"200 Data connections are {'encrypted' if level == 'P' else 'plain'} from now on.")
        elif level in ("S", "E"):
            self.respond(f"536 TLS knows no PROT {level}; use P or C.")
        else:
            self.respond("504 PROT takes P or C.")

    def ftp_CCC(self, line: str) -> None:  # noqa: N802  # the same
        """Refused: whoever sits in between could then give commands in somebody else's name."""
        if self.secured:
            self.respond("534 Commands stay encrypted until the end.")
        else:
            self.respond("533 Nothing is encrypted yet.")

    @override
    def ftp_REIN(self, line: str) -> None:
        """As after AUTH: TLS stays, what was chosen for data connections does not.

        RFC 4217 11 lets REIN end TLS as well. Then whoever sits in between could go on in plain.
        """
        self.pbsz, self.prot = False, None
        super().ftp_REIN(line)

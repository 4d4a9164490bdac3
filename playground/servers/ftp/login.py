"""Logging in and out. Passwords are checked beside the reactor, and only the one who waits, waits."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from typing_extensions import override

from playground.servers.ftp.permissions import Visitor, guest, visitor
from playground.servers.ftp.protection import Protection
from playground.stores.accounts import Account, TooManyGuesses
from playground.stores.hashing import Overloaded


class Login(Protection):
    """A conversation with somebody who may log in."""

    authorizer: Any

    @override
    def ftp_PASS(self, line: str) -> None:
        """Check the password. Nothing else of this connection is handled before that is answered."""
        if self.authenticated:
            self.respond("503 User already authenticated.")
            return
        if not self.username:
            self.respond("503 Login with USER first.")
            return
        stranger = guest(self.server.tree, self.username)
        if stranger is not None:
            self._let_in(stranger)
            return
        self.wait()
        _ = Deferred.fromCoroutine(self._check(self.username, line, self.cause))

    async def _check(self, name: str, password: str, cause: int | None) -> None:
        accounts = self.server.playground.accounts
        account: Account | None = None
        limit: tuple[str, float] | None = None
        why = ""
        try:
            account = await accounts.log_in(name, password, self.remote_ip.removeprefix("::ffff:"))
        except TooManyGuesses as error:
            limit, why = ("login.guesses", accounts.limits.guesses), str(error)
        except Overloaded as error:
            limit, why = ("login.waiting", accounts.limits.waiting), str(error)
        except Exception as error:  # whatever it was, somebody waits for an answer
            self.tell_trouble(error)
            why = "Something went wrong here; it is in the journal."
        if self._closed or self._closing or self.conn is None:
            return  # hung up meanwhile, or sent away
        with self.answering(cause, "PASS"):
            if self.username != name:
                why, account = "This server was told to forget you meanwhile.", None
            if account is not None:
                self._let_in(visitor(account, self.server.tree))
            else:
                self.username = ""
                self.attempted_logins += 1
                if limit is not None:
                    self.conn.limit(*limit, why)
        if account is not None:
            self.go_on()
        else:
            # A timer of this connection: everybody else is served meanwhile.
            self.call_later(self.server.limits.login_penalty, self._turn_away, cause, why)

    def _let_in(self, who: Visitor) -> None:
        self.authorizer = who
        self.authenticated = True
        self.attempted_logins = 0
        self.fs = self.abstracted_fs(str(who.root), self)
        self.respond("230 Login successful.")

    def _turn_away(self, cause: int | None, why: str) -> None:
        most = self.server.limits.login_attempts
        text = why or "Authentication failed."
        with self.answering(cause, "PASS"):
            if 0 < most <= self.attempted_logins and self.conn is not None:
                self.conn.limit("login_attempts", most, "too many wrong passwords on one connection")
                self.respond(f"530 {text} Disconnecting.")
                self.reason = "limit"
                self.close_when_done()
            else:
                self.respond(f"530 {text}")
        self.go_on()

    @override
    def flush_account(self) -> None:
        """Forget who this is (REIN, AUTH, or USER by somebody who is logged in).

        RFC 959 4.1.1 wants all parameters reset; pyftpdlib keeps the directory.
        How often somebody has guessed wrong is not theirs to reset.
        """
        wrong = self.attempted_logins
        self.drop_queue()
        self.data_refused = ""
        super().flush_account()
        self.attempted_logins = wrong
        self.fs = None

"""A pytest plugin for pyftpdlib's own tests: the server that they start is the playground's.

They start a server for each test and set options of pyftpdlib's on its handler class, which is why it runs
in their process: ours, in a Twisted reactor in a thread of its own.
"""

from __future__ import annotations

import importlib
import random
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor  # noqa: TID251  # here it is ours: nothing else runs in it
from twisted.internet.threads import blockingCallFromThread

from playground.journal.journal import Journal
from playground.servers import Playground
from playground.servers.ftp import FtpServer
from playground.servers.ftp.limits import FtpLimits
from playground.stores.accounts import Account, Accounts
from playground.wire.certificates import Identity

PENALTY = 0.001
"""Seconds that a wrong password is made to wait: theirs."""


class PlaygroundInThread:
    """What pyftpdlib's tests call ``FtpdThreadWrapper``."""

    tests: Any = None
    """Their package."""
    newest: Any = None
    """The server that was started last."""

    def __init__(self, addr: tuple[str, int] | None = None) -> None:
        tests = type(self).tests
        theirs = getattr(type(self), "handler", None)  # a class of theirs has one that speaks TLS
        certificate = Path(theirs.certfile) if theirs else None
        account = Account(tests.USER, tests.PASSWD, Path(tests.HOME), "elradfmwMT")
        playground = Playground(
            FtpServer(FtpLimits(login_penalty=PENALTY)),
            reactor=reactor,
            journal=Journal(time.time),
            accounts=Accounts([account]),
            random=random.Random(1),
            settings={"ftp_root": tests.HOME},
            identity=Identity(certificate, certificate) if certificate else None,
        )
        interface = (addr or (tests.HOST, 0))[0].replace(":", "\\:")
        self._service = playground.server.service(playground, f"tcp:0:interface={interface}")
        self.host, self.port = self._in_reactor(self._open)
        self.server: Any = cast("Any", self._service)._listener
        """Theirs to set ``max_cons`` on."""
        type(self).newest = self.server
        self.handler: Any = self.server.handler
        """Theirs to set options on."""

    def _open(self) -> Any:
        self._service.startService()
        return self._service.opened

    def start(self) -> None:
        """Serve. What they set of that which is a limit here becomes one."""
        server, handler = self.server, self.handler
        server.limits = server.playground.server.options = replace(
            server.limits,
            connections=server.max_cons,
            connections_per_address=server.max_cons_per_ip,
            login_attempts=handler.max_login_attempts,
        )

    def stop(self) -> None:
        """End, and wait for it."""
        self._in_reactor(self._service.stopService)
        type(self).tests.reset_server_opts()

    @staticmethod
    def _in_reactor(call: Any) -> Any:
        return blockingCallFromThread(cast("Any", reactor), call)


def the_handler() -> Any:
    """What they call ``get_server_handler``: the first control connection that is open."""
    return next(iter(PlaygroundInThread.newest.sessions.values()))


def pytest_configure() -> None:
    """Put the stand-in where their test files will look for their server."""
    tests = importlib.import_module("tests")
    PlaygroundInThread.tests = tests
    cast("Any", tests).FtpdThreadWrapper = PlaygroundInThread
    cast("Any", tests).get_server_handler = the_handler
    run = cast("Any", reactor).run
    threading.Thread(target=run, kwargs={"installSignalHandlers": False}, daemon=True).start()

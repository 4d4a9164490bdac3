"""``playground up``: start, say so, stop politely."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import (
    FilteringLogObserver,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from playground import __version__
from playground.cli import complain
from playground.journal.events import AnyEvent, ConnectionClose
from playground.journal.journal import Sink
from playground.journal.wording import facts
from playground.layers import default_state_dir
from playground.service import PlaygroundService, StartError
from playground.settings import Settings
from playground.stores.opening import without_password
from playground.terminal.start import SEE_TLS, Row, remembers_in_words, start_text
from playground.trimming import Trimming, trimmer
from playground.views.escape import escape

if TYPE_CHECKING:
    from playground.terminal.live import Live

log = Logger()

EXIT_FAILED = 1


def up(settings: Settings, *, until_eof: bool = False) -> int:
    """Run until a signal comes; returns the exit status."""
    with suppress(ImportError):  # no epoll here: Twisted chooses
        from playground.wire.turns import install_reactor

        install_reactor()
    from twisted.internet import reactor as typed_too_narrowly

    reactor: Any = typed_too_narrowly
    _begin_logging()
    program = _Up(settings, reactor, until_eof=until_eof)
    program.heed_signals()  # before the reactor runs, so that none comes at a bad moment
    reactor.callWhenRunning(program.start)
    reactor.run(installSignalHandlers=False)
    return program.status


def _begin_logging() -> None:
    """Operations at warning and above go to stderr; what connections do goes to the journal."""
    serious = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)
    observer = FilteringLogObserver(textFileLogObserver(sys.stderr), [serious])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)


def _collect_rarely() -> None:
    """Make the garbage collector's pauses short and rare: nobody is answered while it works.

    What a start has made stays until the end, so it need not be looked through each time (measured with
    2,000 connections: pauses of 65 to 95 ms).
    """
    gc.freeze()
    # It counts what has come more than gone. Where 10,000 connections come and go, the young ones are many
    # and the count is near nothing: at 10,000 it looked at all of them every 12 s, for 150 ms.
    gc.set_threshold(100_000, 3, 3)


class _Up:
    def __init__(self, settings: Settings, reactor: Any, *, until_eof: bool) -> None:
        self._settings = settings
        self._reactor = reactor
        self._until_eof = until_eof
        self._service = PlaygroundService(settings, reactor)
        self._stopping = False
        self._opened = False
        self._live: Live | None = None
        self.status = 0

    def heed_signals(self) -> None:
        """From now on a signal stops the playground politely, and a second one at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # started by nohup
            signal.signal(number, self._on_signal)
        # Python calls a handler between two of its own steps. A signal that comes in the instant before the
        # reactor begins to wait, or to another thread, would not end that wait; a byte to be read does.
        alarm = _Alarm()
        signal.set_wakeup_fd(alarm.rings.fileno(), warn_on_full_buffer=False)
        self._reactor.addReader(alarm)

    def start(self) -> None:
        """The reactor runs: open everything."""
        _ = ensureDeferred(self._start()).addErrback(self._failed)

    async def _start(self) -> None:
        try:
            await self._service.open()
        except StartError as error:
            self.status = complain(str(error))
            self._reactor.stop()
            return
        self._opened = True
        if self._stopping:
            await self._stop()
            return
        if self._until_eof:
            self._reactor.addReader(_StandardInput(self.stop))
        _collect_rarely()
        if trim := trimmer():
            self._service.journal.add_sink(Trimming(self._reactor, trim))
        self._say_ready()

    def _say_ready(self) -> None:
        settings, service = self._settings, self._service
        if settings.json:
            say(json.dumps(service.ready(), separators=(",", ":")))
            return
        live = sys.stdout.isatty() and not settings.quiet
        rows = [
            Row(
                one.name,
                one.server.remembers_you or remembers_in_words(one.server.memory),
                SEE_TLS if one.tls and one.server.try_tls else next(iter(one.server.try_it), ""),
                one.host,
                one.port,
                sorted(one.server.paths) if one.name == one.server.name else (),
            )
            for one in service.ports()
        ]
        secured = [one for one in service.ports() if (one.tls or one.upgrades) and one.server.try_tls]
        text = start_text(
            version=__version__,
            rows=rows,
            loopback=settings.loopback,
            accounts=service.ready()["accounts"],
            state_dir=settings.state_dir,
            tls=[(one.server.try_tls, one.host, one.port) for one in secured],
            authority=service.authority,
            metrics=service.scraped.address if service.scraped else None,
            session_store=without_password(settings.session_store),
            found=settings.state_dir == default_state_dir(),
            log=None if settings.log.parent == settings.state_dir else settings.log,
            live=live,
        )
        say(text)
        if live:
            from playground.terminal.live import Live  # needs Rich, which a start without a terminal saves

            self._live = Live(service.journal, self._reactor)

    def _on_signal(self, number: int, frame: object) -> None:
        if self._stopping:
            os._exit(128 + number)  # a second signal: at once, whatever is still open
        self._reactor.callFromThread(self.stop)

    def stop(self) -> None:
        """Stop politely; what is still being opened is opened first."""
        if not self._stopping:
            self._stopping = True
            if self._opened:
                _ = ensureDeferred(self._stop()).addErrback(self._failed)

    async def _stop(self) -> None:
        farewells = _Farewells()
        self._service.journal.add_sink(farewells)
        if self._live is not None:
            self._live.stop()
        await self._service.close()
        if not self._settings.json:
            say(farewells.text())
        if lost := self._service.unwritten:
            complain(f"{lost:,} events are missing in {self._settings.log}, which could not be written.")
            self.status = EXIT_FAILED
        self._reactor.stop()

    def _failed(self, failure: Failure) -> None:
        """Nobody has foreseen this. One line and a status tell it."""
        self._stopping = True
        self.status = EXIT_FAILED
        log.debug("{traceback}", traceback=failure.getTraceback())
        kind = failure.type.__name__ if failure.type else "Failure"
        complain(" ".join(f"{kind}: {failure.getErrorMessage()}".split()))
        _ = ensureDeferred(self._service.close()).addBoth(lambda _: self._reactor.stop())


def say(text: str) -> None:
    """Print ``text``. That nobody reads it any more stops no server."""
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the exit would complain, too


@implementer(IReadDescriptor)
class _Alarm:
    """Ends the reactor's wait when a signal has come. What is to be done then, its handler knows."""

    def __init__(self) -> None:
        self._heard, self.rings = socket.socketpair()
        self._heard.setblocking(False)
        self.rings.setblocking(False)

    def fileno(self) -> int:
        return self._heard.fileno()

    def logPrefix(self) -> str:
        return "signals"

    def doRead(self) -> None:
        with suppress(BlockingIOError):
            self._heard.recv(4096)

    def connectionLost(self, reason: object) -> None:
        """The reactor has ended."""


@implementer(IReadDescriptor)
class _StandardInput:
    """Stops when whoever started this program closes its standard input."""

    def __init__(self, ended: Any) -> None:
        self._ended = ended

    def fileno(self) -> int:
        return 0

    def logPrefix(self) -> str:
        return "stdin"

    def doRead(self) -> Failure | None:
        return None if os.read(0, 4096) else Failure(ConnectionDone())

    def connectionLost(self, reason: object) -> None:
        """It is closed. Of a pipe that holds nothing, epoll tells only this: ``doRead`` is never called."""
        self._ended()


class _Farewells(Sink):
    """Counts who was said goodbye to, and what is forgotten by it."""

    wants_messages = False

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._forgot: list[str] = []

    @override
    def put(self, event: AnyEvent) -> None:
        if isinstance(event, ConnectionClose) and event.reason == "shutdown":
            self._counts[event.protocol or ""] += 1
            if event.forgot:
                self._forgot.append(escape(facts(event.forgot)))

    def text(self) -> str:
        if not self._counts:
            return "Stopping. Nobody was connected."
        who = ", ".join(f"{n} {name} connection{'s' * (n > 1)}" for name, n in self._counts.items())
        what = "; ".join(self._forgot[:3]) + (" ..." if len(self._forgot) > 3 else "")
        return f"\nStopping. Said goodbye to {who}" + (f"; forgotten: {what}." if what else ".")

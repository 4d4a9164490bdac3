"""The conversation on a control connection: lines in, replies out, and each of them in the journal.

What the commands mean is in ``session.py``.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

from twisted.logger import Logger
from typing_extensions import override

from playground.journal.events import Snapshot, Trouble
from playground.servers.ftp import mirror
from playground.servers.ftp.answering import Answering
from playground.servers.ftp.channel import Channel
from playground.servers.ftp.lines import CommandLines, Line, secrets
from playground.servers.ftp.memory import FRESH, Remembered, phase, snapshot
from playground.servers.ftp.rules import broken_rule, whole_reply
from playground.wire.flood import Flood
from playground.wire.machines import Transition
from playground.wire.memory import NOTHING

log = Logger()

LINES_AT_ONCE = 8
"""Commands of one connection that are handled before everybody else has their turn."""


class Talk(Channel):
    """A control connection.

    pyftpdlib changes its state now before, now after it answers. So replies are
    held back until a command is done, and a reader of the journal finds
    the command, what it changed, and the reply, in this order.
    """

    default_facts: list[str]
    username: str
    authenticated: bool
    attempted_logins: int
    fs: Any

    # pyftpdlib deletes its own when it closes; then these are found.
    data_channel: Any = None
    _out_dtp_queue: Any = None
    _in_dtp_queue: Any = None

    cause: int | None = None
    """The ``seq`` of the command that is being handled."""
    command = "connect"
    """The word of that command."""
    transfer_cause: int | None = None
    """The ``seq`` of the command that asked for the present transfer."""
    data_cause: int | None = None
    """The ``seq`` of the command that asked for the present data connection."""
    data_refused = ""
    """The reply to the next transfer command, when its data connection was refused already."""
    depth = 0
    """Blocks in which replies are made just now."""
    settled = False
    """True from the end of such a block to the next block or reply: what has changed is written down."""
    _unfinished_reply = ""
    _phase = phase(FRESH)
    _looked_at: tuple[object, ...] = ()
    _remembered = FRESH
    _snapshot: Snapshot = NOTHING
    _waiting = False
    _working = False
    _ended = False
    _ending = False

    def __init__(self, sock: Any, server: Any, ioloop: Any = None) -> None:
        self._lines = CommandLines()
        self._replies: deque[tuple[str, int | None, str]] = deque()
        limits = server.limits
        self._flood = Flood(limits.flood_per_second, limits.flood_burst)
        super().__init__(sock, server, ioloop=ioloop)
        self.default_facts = list(self._current_facts)

    def welcome(self) -> None:
        """Begin: the connection is counted, and greeted or sent away."""
        playground = self.server.playground
        conn = self.conn = playground.connection(
            (self.remote_ip, self.remote_port), self.socket.getsockname()[:2]
        )
        conn.inner = self
        self.server.entered(self)
        full = playground.ledger.full(conn.client)
        if full is not None:
            conn.limit(*full, "too many connections; this one is sent away")
            self.farewell("too-many")
            return
        with self.answering(None, "connect"):
            self.handle()

    def remembered(self) -> Remembered:
        """What is remembered for this connection now."""
        if self.settled:
            return self._remembered
        looked_at = mirror.looked_at(self)
        if looked_at != self._looked_at:
            self._looked_at = looked_at
            now = mirror.remembered(self)
            if now != self._remembered:
                self._note_change(now)
        return self._remembered

    def snapshot(self) -> Snapshot:
        """The same for the journal: the identical object while nothing has changed."""
        self.remembered()
        return self._snapshot

    def _note_change(self, now: Remembered) -> None:
        """Something else is remembered. If the machine ``ftp`` has moved, the ``state`` event says so."""
        self._remembered, self._snapshot = now, snapshot(now)
        reached = phase(now)
        if reached is not self._phase and self.conn is not None:
            self.conn.machine_step(Transition("ftp", self.command, self._phase, reached))
            self._phase = reached

    # -- lines in ----------------------------------------------------------------------------

    @override
    def heard(self, data: bytes) -> None:
        """Bytes have come; whole lines are handled."""
        self._lines.feed(data)
        self.work()

    def work(self) -> None:
        """Handle the lines that have come, as far as that is possible now."""
        if self._working:
            return  # what was waited for came at once: whoever handles lines goes on with them
        self._working = True
        try:
            for _ in range(LINES_AT_ONCE):
                if self._closed or self._closing or self._waiting or self._quit_pending:
                    break
                line = self._lines.take()
                if line is None:
                    break
                self._handle(line)
            else:
                self._let_others_work()
        finally:
            self._working = False
        if self._ended:
            self._close_when_answered()

    def _let_others_work(self) -> None:
        """Go on after everybody else has had their turn. Until then nothing more is read."""
        if not (self._closed or self._closing or self._waiting or self._quit_pending):
            self.wait()
            # pyftpdlib's own call_later would keep each of these until the connection ends.
            self.ioloop.call_later(0, self.go_on, _errback=self.handle_error)

    def drop_lines(self) -> bytes:
        """Throw away what has come and was not handled yet; returns it."""
        dropped, self._lines = self._lines.rest(), CommandLines()
        return dropped

    def _handle(self, line: Line) -> None:
        conn = self.conn
        if conn is None:
            return
        if self._idler is not None and not self._idler.cancelled:
            self._idler.reset()
        cause = conn.received(line.raw, secrets=secrets(line.raw))
        if self._flood.rate and self._flood.exceeded(self.server.playground.reactor.seconds()):
            conn.limit("flood_per_second", self._flood.rate, "more commands than one connection may send")
            self.farewell("flood")
            return
        if line.fault is not None:
            with self.answering(cause, "line"):
                conn.refused(line.fault.rule, line.fault.reply[4:], line.fault.source)
                self.respond(line.fault.reply)
                if line.fault.hangs_up:
                    self.reason = "refused"
                    self.close_when_done()
            return
        word, _, argument = line.text.partition(" ")
        word = word.upper()
        with self.answering(cause, word):
            try:
                self.pre_process_command(line.text, word, argument)
            except Exception as error:  # a file system may raise anything; the connection lives
                self.tell_trouble(error)
                self._unfinished_reply = ""
                self.respond("451 Something went wrong here; it is in the journal.")

    def tell_trouble(self, error: BaseException | None) -> None:
        """Our own failure goes to the journal and to the log."""
        log.failure("FTP failed in {command}", command=self.command)
        text = f"{type(error).__name__} in the ftp server: {error}"
        conn = self.conn.id if self.conn is not None else None
        self.server.playground.journal.record(Trouble(protocol=self.server.name, conn=conn, text=text))

    def wait(self) -> None:
        """Handle no further line until :meth:`go_on`. Only this connection waits."""
        self._waiting = True
        self.stop_reading()

    def go_on(self) -> None:
        """Handle lines again."""
        self._waiting = False
        if not (self._closed or self._closing or self._ended):
            self.read_again()
        self.work()

    @override
    def input_ended(self) -> None:
        """The client has closed its half, or all of it. What it asked for is still answered."""
        self._ended = True
        self.reason = self.reason or "client"
        self.stop_reading()
        if self.server.limits.half_closed:
            self.call_later(self.server.limits.half_closed, self.close)
        self._close_when_answered()

    def _close_when_answered(self) -> None:
        if not (self._closed or self._closing or self._waiting or mirror.busy(self)):
            self.reason = self.reason or "client"
            self.close_when_done()

    @override
    def process_command(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        """Do it. As pyftpdlib's, without the log."""
        if not self._closed:
            getattr(self, "ftp_" + cmd.replace(" ", "_"))(*args, **kwargs)

    # -- replies out -------------------------------------------------------------------------

    def answering(self, cause: int | None, command: str) -> Answering:
        """Replies made in here answer the event ``cause``; they go out when the block is left."""
        return Answering(self, cause, command)

    @override
    def push(self, data: str) -> None:
        """Part of a reply. pyftpdlib gives long replies in pieces; each reply is one message."""
        self._unfinished_reply += data
        if whole_reply(self._unfinished_reply):
            self._reply("")

    @override
    def respond(self, resp: str, logfun: object = None) -> None:
        """All of a reply, or the end of a long one, without its line end."""
        self._reply(f"{resp}\r\n")

    def _reply(self, end: str) -> None:
        """A reply is whole. It is held back until its command is done."""
        reply = self._unfinished_reply + end
        self._unfinished_reply = ""
        if self._closed or self._ending:
            return
        if self._replies:
            self._say_all()
        self.settled = False
        self._replies.append((reply, self.cause, self.command))
        if not self.depth:
            self.settle()

    @override
    def push_with_producer(self, producer: Any) -> None:
        """A listing inside of a reply (STAT): as much of it as a reply may hold."""
        room: int = self.server.limits.unsent // 2
        while (piece := producer.more()) and room > 0:
            room -= len(piece)
            self._unfinished_reply += piece.decode(self.encoding, "replace")
        if piece:
            self._unfinished_reply += " ... and more. LIST gives all of it.\r\n"

    def settle(self) -> None:
        """Send the replies that were held back, and write down what has changed."""
        if self._ending:
            return
        said = self._say_all()
        if self.conn is not None and not self._closed:
            if not said:  # else the last reply has brought it along
                self.conn.pull(self.cause)
            self.settled = True
            if self._ended:
                self._close_when_answered()

    def _say_all(self) -> bool:
        """Send the replies that were held back. False when there are none."""
        if not self._replies:
            return False
        while self._replies:
            self._say(*self._replies.popleft())
        return True

    def _say(self, reply: str, cause: int | None, command: str) -> None:
        if self.conn is None:
            return
        rule = broken_rule(reply, command)
        if rule is not None and command != "line":
            self.conn.refused(rule.name, reply[4:].rstrip(), rule.source)
        text: str | None = reply
        try:
            data = reply.encode()
        except UnicodeEncodeError:  # a file's name that is not UTF-8
            data, text = reply.encode(errors="replace"), None
        self.conn.sent(data, text=text, cause=cause)
        self.write(data)
        if self.unsent > self.server.limits.unsent and not self._ending:
            self.conn.limit("unsent", self.server.limits.unsent, "the client does not read its replies")
            self.reason = "clogged"
            self.close()

    # -- ends --------------------------------------------------------------------------------

    def farewell(self, reason: str) -> None:
        """Say goodbye with a 421, and close."""
        if self._closed or self._closing:
            return
        self.reason = self.reason or reason
        if self.between:  # it would not be understood
            self.close()
            return
        with self.answering(None, reason):
            self._unfinished_reply = ""
            self.push(self.server.playground.server.farewell(reason).decode())
        self.close_when_done()

    @override
    def handle_timeout(self) -> None:
        if self.conn is not None:
            self.conn.limit("idle", self.timeout, "nothing was said for too long")
        self.farewell("idle")

    @override
    def close_when_done(self) -> None:
        """Close when the replies are out. Who does not read them in time loses them."""
        self._say_all()
        if self._closed or self._closing:
            return
        self.reason = self.reason or "server"
        if not self.producer_fifo:
            self.close()
            return
        self.stop_reading()
        super().close_when_done()
        if not self._closed:
            self.call_later(self.server.limits.last_words, self.close)

    @override
    def handle_close(self) -> None:
        self.reason = self.reason or "lost"
        self.close()

    @override
    def handle_error(self) -> None:
        self.tell_trouble(sys.exc_info()[1])
        self.reason = "trouble"
        self.close()

    @override
    def close(self) -> None:
        if self._closed or self._ending:
            return
        self._say_all()
        self._ending = True
        channel = self.data_channel
        if channel is not None:
            channel.reason = self.reason or channel.reason
        self.leave()
        self.remote_ip = ""  # else pyftpdlib calls ``on_disconnect`` by a timer, for nobody
        super().close()
        self.server.left(self)
        if self.conn is not None:
            if rest := self._lines.rest():
                self.conn.partial(rest)
            self.conn.closed(self.reason or "server")
            self.conn.inner = None

    # -- pyftpdlib's own log: the journal has all of it ----------------------------------------

    @override
    def log(self, msg: str, logfun: object = None) -> None:
        """Nothing: it is in the journal."""

    @override
    def logline(self, msg: str, logfun: object = None) -> None:
        """Nothing: it is in the journal."""

    @override
    def log_exception(self, instance: object) -> None:
        self.tell_trouble(sys.exc_info()[1])

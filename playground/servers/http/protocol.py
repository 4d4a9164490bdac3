"""The one file of the HTTP server that touches Twisted: it moves bytes, time and states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from playground.servers.http.answer import Answer
from playground.servers.http.carried import carries, secrets_in_answer
from playground.servers.http.known import Known
from playground.servers.http.problems import Problem
from playground.servers.http.reader import Reader, Step, incomplete, too_slow
from playground.servers.http.remembering import Visitor
from playground.servers.http.request import CHUNKED, Request
from playground.servers.http.router import Asker
from playground.servers.http.site import Outcome, Site, note
from playground.servers.http.states import TABLE, Input, State
from playground.servers.http.upgrade import Upgrade, agreement
from playground.servers.http.writer import CONTINUE, chunks, persistence, problem_answer
from playground.wire.websocket import Terms, WebSocket

if TYPE_CHECKING:
    from playground.wire.observed import Observed

QUEUE_BYTES = 65_536
"""Bytes that may wait behind a request that is being answered; then reading pauses."""

LINGER_BYTES = 262_144
"""Bytes that are read and thrown away after a refusal, so that the client gets to read its answer."""


class HttpProtocol(Protocol):
    """One HTTP connection."""

    claims_messages = True

    def __init__(self, site: Site) -> None:
        self._asker: Asker | None = None
        self.visitor: Visitor | None = None
        """What is remembered for this connection; None while nobody has asked for anything that could be."""
        self._site = site
        self._limits = site.limits
        self._reader = Reader(site.limits, site.tokenizer)
        self._requests = 0
        self._under_way: Request | None = None
        self._stream: Iterator[bytes | float] | None = None
        self._pause: IDelayedCall | None = None
        self._last = False
        self._turn: IDelayedCall | None = None
        self._deadline: IDelayedCall | None = None
        self._deadline_of = ""
        self._reading_paused = False
        self._closing = ""
        self._thrown_away = 0
        self.state = State.IDLE

    @property
    def asker(self) -> Asker:
        """Who asks. Made when somebody asks: an idle connection is as small as can be."""
        if self._asker is None:
            self._asker = self._site.asker(self._wire)
            self.visitor = self._asker.visitor
        return self._asker

    @property
    def owes_answer(self) -> bool:
        """Whether the client waits for us; then its silence is no reason to hang up."""
        return self._under_way is not None and not self._wire.clogged

    # -- Twisted and Observed call these -----------------------------------------------------

    @override
    def connectionMade(self) -> None:
        self._wire = cast("Observed", self.transport)

    @override
    def dataReceived(self, data: bytes) -> None:
        if self.state is State.IDLE and not self._reader.cutter.waiting and not self._wire.clogged:
            # Nothing of an earlier message is left, and nothing must be answered first.
            known = self._site.known.find(data)
            if known is not None:
                self._answer_known(known)
                return
        elif self.state is State.HEAD:
            if not self._busy and self._reader.cutter.goes_on(data):
                self._wire.nothing_asked = True  # a head that comes byte by byte costs as little as can be
                return
        elif self.state is State.MUST_CLOSE:
            self._throw_away(data)
            return
        self._reader.append(data)
        if self._busy:
            self._bound_queue()
        else:
            self._work()

    def input_ended(self) -> None:
        """The client has closed its half: answer what it asked, then close. May come more than once."""
        if self.state is State.MUST_CLOSE:
            self._wire.loseConnection("client")
        elif self.state is not State.HALF_CLOSED:
            self._move(Input.INPUT_ENDED)
            self._settle()

    def drained(self) -> None:
        """A client that was behind has read what was written: go on."""
        if self._stream is not None and self._pause is None:
            self._pump()
        if not self._busy:
            self._work()

    def goodbye(self, reason: str) -> None:
        """The server stops: finish the exchange under way, if there is one."""
        self._closing = reason
        if self.state in (State.IDLE, State.HEAD):
            self._move(Input.GOODBYE)
            self._wire.loseConnection(reason)
        elif self.state is State.MUST_CLOSE:
            self._wire.loseConnection(reason)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._move(Input.LOST)
        self._stream = self._under_way = None

    # -- requests in -------------------------------------------------------------------------

    @property
    def _busy(self) -> bool:
        """Whether what has arrived must wait for its turn."""
        return self._under_way is not None or self._turn is not None or self._wire.clogged

    def _move(self, what: Input) -> None:
        self.state = TABLE[self.state][what]

    def _work(self) -> None:
        """Read and answer requests, as many as are there, but never so many that others must wait."""
        wire, reader, turns = self._wire, self._reader, self._limits.queued
        while not (self._busy or wire.disconnecting or self.state is State.MUST_CLOSE):
            before = self._requests
            step = reader.next()
            if step is None:
                break
            if self.state is State.IDLE:
                self._move(Input.BYTES)
            if isinstance(step, Problem):
                self._refuse(step)
            else:
                self._take(step)
            turns -= self._requests - before
            if turns <= 0 and reader.cutter.waiting:
                self._turn = wire.call_later(0, self._next_turn)
        self._settle()

    def _answer_known(self, known: Known) -> None:
        """A packet that is one whole request, the very bytes of one that was answered before.

        Where the answer is known too, the states between IDLE and IDLE are left out: nobody could see them.
        Measured in here: 18 µs a request without the memo, 11 with the head known, 4 with its answer.
        """
        wire = self._wire
        if known.answer is not None and self._requests + 1 < self._limits.requests:
            self._requests += 1
            data = known.answered(wire.said_at, self._site.writer.date)
            wire.exchange(data, carried=known.carried, carried_size=known.carried_size)
            return
        wire.claim(len(known.request.head), carried=known.carried, carried_size=known.carried_size)
        if wire.disconnecting:  # that was one message too many
            return
        self.asker.carried = known.carried
        self._move(Input.BYTES)
        self._move(Input.REQUEST)
        self._respond(known.request, known)
        self._settle()

    def _next_turn(self) -> None:
        self._turn = None
        if not self._busy:
            self._work()

    def _take(self, step: Step) -> None:
        """One message of a request: journal it, and answer when the request is whole."""
        wire, request, known = self._wire, step.request, None
        if step.is_head:
            carried, size = carries(request)
            self.asker.carried = carried
            wire.claim(step.size, secrets=step.secrets, carried=carried, carried_size=size)
            if step.complete and not step.secrets:
                known = self._site.known.keep(request, carried, size)
        else:
            secrets = self._site.secrets_in_body(request, bytes(wire.unclaimed[: step.size]))
            sent = wire.claim(step.size, secrets=secrets)
            if request.length == CHUNKED:
                request.chunks.append(sent)
        if wire.disconnecting:  # that was one message too many
            return
        if step.complete:
            self._forget_deadline()
            self._move(Input.REQUEST)
            self._respond(request, known)
        elif step.is_head:
            self._forget_deadline()
            self._move(Input.HEAD)
            if request.expects_continue:
                if problem := self._site.refused_early(request):
                    self._refuse(problem._replace(unread=True, head_only=request.method == "HEAD"))
                else:
                    wire.send(CONTINUE)

    def _refuse(self, problem: Problem) -> None:
        """Say what is wrong, journal it, and close: where the next request would begin is not known."""
        wire = self._wire
        if problem.size:
            wire.claim(problem.size, secrets=problem.secrets)
        note(problem, wire)
        self._forget_deadline()
        ended = self.state is State.HALF_CLOSED
        writer, with_body = self._site.writer, not problem.head_only
        answer = problem_answer(problem)
        wire.send(writer.whole(answer, "none", b"Connection: close\r\n", with_body=with_body))
        self._move(Input.REFUSED)
        why = "limit" if problem.limit else "refused"
        if problem.unread and not ended and self._limits.linger_seconds:
            wire.call_later(self._limits.linger_seconds, wire.loseConnection, why)
        else:
            wire.loseConnection(why)

    def _throw_away(self, data: bytes) -> None:
        self._thrown_away += len(data)
        if self._thrown_away > LINGER_BYTES:
            self._wire.loseConnection("limit")

    # -- answers out -------------------------------------------------------------------------

    def _respond(self, request: Request, known: Known | None = None) -> None:
        """Answer a whole request. It is not changed thereby: one that is ``known`` is answered again."""
        wire, site, limits = self._wire, self._site, self._limits
        self._requests += 1
        self.asker.number = self._requests
        self._under_way = request
        outcome = site.respond(request, self.asker)
        if known is not None:
            site.remember_answer(known, outcome)
        if self._requests >= limits.requests:
            wire.limit("requests", limits.requests, "This connection has asked enough; a new one may go on.")
        if outcome.later is not None:
            # Through a timer of the connection's: it is not called when the client has left, and memory is
            # pulled after it.
            _ = outcome.later.addBoth(lambda result: wire.call_later(0, self._arrived, request, result))
        elif outcome.answer.delay:
            note(outcome.problem, wire)
            wire.call_later(outcome.answer.delay, self._send_late, request, outcome.answer, outcome.memory)
        else:
            note(outcome.problem, wire)
            self._send(request, outcome.answer, outcome.memory)

    def _arrived(self, request: Request, result: Outcome | Failure) -> None:
        """What took its time is there."""
        if isinstance(result, Failure):
            result.raiseException()
        note(result.problem, self._wire)
        self._send_late(request, result.answer, result.memory)

    def _send_late(self, request: Request, answer: Answer, memory: str) -> None:
        self._send(request, answer, memory)
        if not self._busy:
            self._work()

    def _send(self, request: Request, answer: Answer, memory: str) -> None:
        if isinstance(answer, Upgrade):
            self._hand_over(answer, memory)
            return
        keep = request.keep_alive and not self._closing and self._requests < self._limits.requests
        if self.state is State.HALF_CLOSED and not self._reader.cutter.waiting:
            keep = False
        writer = self._site.writer
        with_body = request.method != "HEAD"
        if answer.pieces is None:
            self._last = not keep
            self._write(writer.whole(answer, memory, persistence(request, keep), with_body=with_body), answer)
            self._answered()
            return
        chunked = request.minor == 1 and answer.length is None
        self._last = not (keep and (chunked or answer.length is not None))
        connection = persistence(request, not self._last)
        self._write(writer.streamed_head(answer, memory, connection, chunked=chunked), answer)
        pieces = answer.pieces if with_body else iter(())
        self._stream = chunks(pieces, answer.trailers) if chunked and with_body else pieces
        self._pump()

    def _hand_over(self, answer: Upgrade, memory: str) -> None:
        """The connection becomes a WebSocket's; what came behind the request is its first frame."""
        wire = self._wire
        extensions, terms = agreement(answer, self._limits)
        ended = self.state is State.HALF_CLOSED
        self._move(Input.UPGRADE)
        wire.send(answer.head(memory, extensions))
        if self._reading_paused:
            wire.resumeProducing()
        socket = WebSocket(answer.conversation(), Terms(**cast("Any", terms)))
        wire.hand_over(socket)
        if ended:
            socket.input_ended()

    def _pump(self) -> None:
        """Write what a stream has until the client is behind, a pause is due, or all is written."""
        stream, wire = self._stream, self._wire
        assert stream is not None
        for piece in stream:
            if isinstance(piece, float):
                self._pause = wire.call_later(piece, self._go_on)
                return
            self._write(piece)
            if wire.clogged or wire.disconnecting:
                return
        self._stream = None
        self._answered()

    def _go_on(self) -> None:
        """A stream's pause is over. A client that is behind makes it longer."""
        self._pause = None
        if not self._wire.clogged:
            self._pump()
            if not self._busy:
                self._work()

    def _write(self, data: bytes, answer: Answer | None = None) -> None:
        self._wire.send(data, secrets=secrets_in_answer(data, self._under_way, answer))

    def _answered(self) -> None:
        """The answer is out."""
        self._under_way = None
        if not self._last:
            self._move(Input.ANSWERED)
        else:
            ended = self.state is State.HALF_CLOSED
            self._move(Input.ANSWERED_LAST)
            self._wire.loseConnection(self._closing or ("client" if ended else "server"))

    # -- afterwards --------------------------------------------------------------------------

    def _settle(self) -> None:
        """After work: a deadline for what is incomplete, and the end where nothing more can come."""
        if self._wire.disconnecting or self.state in (State.MUST_CLOSE, State.UPGRADED):
            return
        if self._busy:
            self._bound_queue()
            return
        begun = self._reader.begun
        if self.state is State.HALF_CLOSED:
            if begun:
                self._refuse(incomplete())
            else:
                self._move(Input.FINISHED)
                self._wire.loseConnection("client")
            return
        if begun and self.state is State.IDLE:
            self._move(Input.BYTES)
        self._keep_deadline("body" if self._reader.in_body else "head" if begun else "")
        if self._reading_paused:
            self._reading_paused = False
            self._wire.resumeProducing()

    def _bound_queue(self) -> None:
        cutter = self._reader.cutter
        if not self._reading_paused and (
            cutter.waiting > QUEUE_BYTES or cutter.heads_waiting > self._limits.queued
        ):
            self._reading_paused = True
            self._wire.pauseProducing()

    def _keep_deadline(self, part: str) -> None:
        """An absolute deadline for a head or body under way: no byte that arrives moves it."""
        if part == self._deadline_of:
            return
        self._forget_deadline()
        seconds = {"head": self._limits.head_seconds, "body": self._limits.body_seconds}.get(part, 0.0)
        if seconds:
            self._deadline_of = part
            self._deadline = self._wire.call_later(seconds, self._too_slow, part, seconds)

    def _forget_deadline(self) -> None:
        deadline, self._deadline, self._deadline_of = self._deadline, None, ""
        if deadline is not None and deadline.active():
            deadline.cancel()

    def _too_slow(self, part: str, seconds: float) -> None:
        if self.state in (State.HEAD, State.BODY):
            self._refuse(too_slow(part, f"{part}_seconds", seconds))

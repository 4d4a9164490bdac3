"""What all connections of one HTTP server share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from playground.journal.redaction import Secret
from playground.servers.http.answer import Answer, Refused, problem_details
from playground.servers.http.bodies import accept_fields, wants_json
from playground.servers.http.carried import secrets_in_body
from playground.servers.http.cutter import PIECE
from playground.servers.http.doorman import Doorman, nobody_comes_in
from playground.servers.http.endpoints import ALL, everything
from playground.servers.http.known import LONGEST_ANSWER, Known, KnownHeads
from playground.servers.http.limits import HttpLimits
from playground.servers.http.notebook import CallLater, Notebook, at_once
from playground.servers.http.problems import Problem
from playground.servers.http.reader import Tokenizer
from playground.servers.http.remembering import Joined, Remembering
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, Endpoint, Router
from playground.servers.http.writer import Writer, persistence, problem_answer
from playground.servers.http.written import Unwritable, field_value
from playground.stores.hashing import Overloaded
from playground.stores.store import StoreDown, StoreFull
from playground.wire.doors import Door
from playground.wire.invoking import Functions
from playground.wire.observed import Observed


class Outcome(NamedTuple):
    """What a request comes to."""

    answer: Answer
    memory: str
    """The memory class of the endpoint that answered."""
    problem: Problem | None = None
    """The rule that the request broke, where that is worth a line in the journal."""
    later: Deferred[Outcome] | None = None
    """Fires with what it comes to in the end, where that takes its time."""
    lasting: bool = False
    """Whether the same head will get the same answer again."""


class Site:
    """The endpoints, the limits and the writer of one server.

    ``now`` is seconds since 1970, ``random`` a :class:`random.Random`;
    ``four_words(conn, carried)`` says where the state of whoever is on a
    connection lives; ``call_later`` makes a timer that is nobody's
    connection's; ``settle(conn, why)`` writes into the journal what a request
    on that connection has changed.
    """

    def __init__(
        self,
        limits: HttpLimits,
        *,
        now: Callable[[], float],
        random: Any,
        four_words: Callable[[Any, dict[str, object]], Any],
        call_later: CallLater = at_once,
        doorman: Doorman | None = None,
        settle: Callable[[Any, str], None] = lambda conn, why: None,
    ) -> None:
        self.limits = limits.effective()
        self.router = Router(ALL)
        self.remembering = Remembering(
            now, random, expires=self.limits.session_seconds, most=max(self.limits.sessions, 1)
        )
        self.notebook = Notebook(now, self.limits, call_later)
        self.functions: Functions | None = None
        """Who runs functions, where somebody does."""
        self.doorman = doorman or nobody_comes_in(now, random, self.limits)
        self.settle = settle
        self.writer = Writer(now)
        self.known = KnownHeads()
        self.tokenizer = Tokenizer()
        self.random = random
        self.four_words = four_words
        doorman = self.doorman
        self.subjects = Joined(
            self.remembering.subjects, self.notebook.subjects, doorman.sessions.subjects, doorman.denied
        )
        """All that is remembered but for connections. The identical object while nothing has changed."""

    def asker(self, wire: Observed) -> Asker:
        """Who asks on that connection."""
        conn = wire.connection
        scheme = "https" if hasattr(wire.transport, "getPeerCertificate") else "http"
        return Asker(
            conn.client.address,
            scheme,
            partial(self.four_words, conn),
            self.random,
            {},
            self.remembering,
            self.notebook,
            self.doorman,
            partial(self.settle, conn),
            self.functions,
        )

    def remember_answer(self, known: Known, outcome: Outcome) -> None:
        """Keep the answer to a known head, if the same head will get the same one again.

        It is whole, short and says nothing of the connection, which stays open.
        """
        answer, request = outcome.answer, known.request
        if (
            outcome.lasting
            and request.keep_alive
            and outcome.problem is None
            and outcome.later is None
            and answer.pieces is None
            and not answer.delay
            and not answer.secrets
            and not answer.has_field(b"set-cookie")
            and len(answer.body) <= LONGEST_ANSWER
        ):
            with_body = request.method != "HEAD"
            known.answer = self.writer.halves(
                answer, outcome.memory, persistence(request, True), with_body=with_body
            )

    def open_doors(self, doors: Iterable[Door]) -> None:
        """Let people in to other servers, which listen elsewhere too."""
        if doors := tuple(doors):
            self.router = Router(everything(doors))
            self.known = KnownHeads()  # what was not found may be there now

    def secrets_in_body(self, request: Request, piece: bytes) -> list[Secret]:
        """What in a piece of that request's body the journal must not show."""
        if request.path.endswith("/login") and not 0 <= request.length <= PIECE:
            return [Secret(0, len(piece))]  # a password may be cut in two
        return secrets_in_body(piece)

    def open_to_pages(self, path: str) -> bool:
        """Whether pages from elsewhere may read what is at ``path``, with one method at least."""
        found = (self.router.find(method, path) for method in ("GET", "POST", "PUT", "PATCH", "DELETE"))
        return any(not isinstance(one, Problem) and one.endpoint.open_to_pages for one in found)

    def _accepted(self, path: str) -> list[tuple[bytes, bytes]]:
        """Accept-Post and Accept-Patch where not every body is taken. RFC 5789 3.1."""
        return [
            field
            for method in ("POST", "PATCH")
            if not isinstance(found := self.router.find(method, path), Problem)
            for field in accept_fields(method, found.endpoint.contract.accepts)
        ]

    def refused_early(self, request: Request) -> Problem | None:
        """Whether the head alone shows that the body need not be sent."""
        found = self.router.find(request.method, request.path)
        return found if isinstance(found, Problem) and request.method != "OPTIONS" else None

    def respond(self, request: Request, asker: Asker) -> Outcome:
        """The answer to a whole request."""
        found = self.router.find(request.method, request.path)
        if not isinstance(found, Problem):
            endpoint = found.endpoint
            try:
                answer = endpoint.answer(request, asker, found.parameter)
            except Unwritable as error:
                return unwritable(error, endpoint)
            except Refused as refused:
                answer = refused.answer
            if answer.later is None:
                return completed(answer, request, endpoint)
            later = Deferred.fromCoroutine(in_the_end(answer.later, request, endpoint))
            return Outcome(answer, endpoint.memory, later=later)
        if request.method == "OPTIONS" and (allowed := self.router.allowed(request.path)):
            allow = ", ".join(allowed).encode()
            headers = ((b"Allow", allow), *self._accepted(request.path))
            if self.open_to_pages(request.path):
                headers += readable_by(request) + preflight(request)
            return Outcome(Answer(status=204, headers=headers), "none")
        # What is not there is no broken rule, only an unlucky question.
        answer = problem_details(found) if wants_json(request) else problem_answer(found)
        return Outcome(answer, "none", None if found.status == 404 else found)


def completed(answer: Answer, request: Request, endpoint: Endpoint) -> Outcome:
    """An endpoint's answer with what all answers have."""
    if endpoint.open_to_pages:
        answer.headers += readable_by(request)
    if not answer.has_field(b"cache-control"):
        answer.headers += NOT_KEPT  # else a cache may guess how long it is good. RFC 9111 4.2.2
    return Outcome(answer, endpoint.memory, answer.problem, lasting=endpoint.lasting)


def unwritable(error: Unwritable, endpoint: Endpoint) -> Outcome:
    """The client chose a value that no head may have."""
    problem = Problem(400, "unwritable", str(error), "RFC 9110 5.5")
    return Outcome(problem_answer(problem), endpoint.memory, problem)


RULES = {StoreDown: "store-down", StoreFull: "store-full", Overloaded: "overloaded"}
"""What a client is told that asks for more than can be done just now. All of them pass."""


async def in_the_end(later: Awaitable[Answer], request: Request, endpoint: Endpoint) -> Outcome:
    """What an answer that takes its time comes to."""
    try:
        return completed(await later, request, endpoint)
    except Unwritable as error:
        return unwritable(error, endpoint)
    except Refused as refused:
        return completed(refused.answer, request, endpoint)
    except (StoreDown, StoreFull, Overloaded) as error:
        rule = RULES[type(error)]
        problem = Problem(503, rule, str(error), "RFC 9110 15.6.4", headers=((b"Retry-After", b"1"),))
        return Outcome(problem_answer(problem), endpoint.memory, problem)


NOT_KEPT = ((b"Cache-Control", b"no-store"),)
_READABLE = ((b"Access-Control-Allow-Origin", b"*"), (b"Access-Control-Allow-Credentials", b"true"))


def readable_by(request: Request) -> tuple[tuple[bytes, bytes], ...]:
    """Fields that let a page from elsewhere read the answer, as httpbin has them."""
    origin = request.fields.get(b"origin")
    if origin is None:
        return _READABLE
    return ((b"Access-Control-Allow-Origin", origin), _READABLE[1], (b"Vary", b"Origin"))


def preflight(request: Request) -> tuple[tuple[bytes, bytes], ...]:
    """What a browser wants to know before it lets such a page send more than a simple request."""
    fields = (
        (b"Access-Control-Allow-Methods", b"GET, POST, PUT, DELETE, PATCH, OPTIONS"),
        (b"Access-Control-Max-Age", b"3600"),
    )
    wanted = request.field(b"access-control-request-headers")
    return (*fields, (b"Access-Control-Allow-Headers", field_value(wanted))) if wanted else fields


def note(problem: Problem | None, wire: Observed) -> None:
    """The journal hears what is wrong with a request, if anything is."""
    if problem is None:
        return
    if problem.limit:
        wire.limit(problem.limit, problem.value, problem.text)
    elif problem.status == 503:  # our own difficulty
        wire.connection.trouble(problem.text)
    else:
        wire.refused(problem.rule, problem.text, problem.source)

"""What all connections of one HTTP server share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from playground.servers.http.answer import Answer
from playground.servers.http.endpoints import ALL
from playground.servers.http.limits import HttpLimits
from playground.servers.http.problems import Problem
from playground.servers.http.remembering import Remembering
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, Router
from playground.servers.http.writer import Writer, problem_answer


class Outcome(NamedTuple):
    """What a request comes to."""

    answer: Answer
    memory: str
    """The memory class of the endpoint that answered."""
    problem: Problem | None = None
    """The rule that the request broke, where that is worth a line in the journal."""


class Site:
    """The endpoints, the limits and the writer of one server.

    ``now`` is seconds since 1970, ``random`` a :class:`random.Random`;
    ``four_words(conn, carried)`` says where the state of whoever is on a
    connection lives.
    """

    def __init__(
        self,
        limits: HttpLimits,
        *,
        now: Callable[[], float],
        random: Any,
        four_words: Callable[[Any, dict[str, object]], Any],
    ) -> None:
        self.limits = limits.effective()
        self.router = Router(ALL)
        self.remembering = Remembering(
            now, random, expires=self.limits.session_seconds, most=max(self.limits.sessions, 1)
        )
        self.writer = Writer(now)
        self.random = random
        self.four_words = four_words

    def refused_early(self, request: Request) -> Problem | None:
        """Whether the head alone shows that the body need not be sent."""
        found = self.router.find(request.method, request.path)
        return found if isinstance(found, Problem) and request.method != "OPTIONS" else None

    def respond(self, request: Request, asker: Asker) -> Outcome:
        """The answer to a whole request."""
        found = self.router.find(request.method, request.path)
        if not isinstance(found, Problem):
            endpoint = found.endpoint
            return Outcome(endpoint.answer(request, asker, found.parameter), endpoint.memory)
        if request.method == "OPTIONS" and (allowed := self.router.allowed(request.path)):
            allow = ", ".join(allowed).encode()
            return Outcome(Answer(status=204, headers=((b"Allow", allow),)), "none")
        # What is not there is no broken rule, only an unlucky question.
        return Outcome(problem_answer(found), "none", None if found.status == 404 else found)

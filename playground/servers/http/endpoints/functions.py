"""A function in the cloud: stateless by contract, not by physics."""

from __future__ import annotations

from collections.abc import Awaitable
from uuid import UUID

from playground.servers.http.answer import Answer, problem_details
from playground.servers.http.functions import answer_of, event_of, secrets_of
from playground.servers.http.problems import Problem
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint
from playground.wire.invoking import Invoked

NONE_HERE = Problem(501, "functions-missing", "Nobody runs functions here.", "RFC 9110 15.6.2")


@endpoint(
    "/function/{name}",
    "GET",
    "POST",
    memory="shared",
    example="/function/hits",
    about={"name": "greet, hits, or one of your own from --functions DIR"},
    open_to_pages=False,
)
def function(request: Request, asker: Asker, parameter: str) -> Answer:
    """A function as in AWS Lambda: one that was started before may remember, and nobody promises it.

    Playground-Environment names the process that has run it, Playground-Start says whether it was started
    for this request.
    """
    if asker.functions is None:
        return problem_details(NONE_HERE)
    request_id = str(UUID(int=asker.random.getrandbits(128), version=4))
    event = event_of(request, asker.address, request_id)
    return Answer(later=_told(asker.functions.invoke(parameter, event, request_id, secrets_of(request))))


async def _told(run: Awaitable[Invoked]) -> Answer:
    return answer_of(await run)

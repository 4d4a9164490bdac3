"""Which endpoint answers which request."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from playground.servers.http.answer import Answer
from playground.servers.http.notebook import Notebook
from playground.servers.http.problems import Problem
from playground.servers.http.remembering import Remembering, Visitor
from playground.servers.http.request import Request
from playground.wire.invoking import Functions

MemoryClass = Literal["none", "carried", "connection", "session", "shared"]
"""What answers, beyond this request: nothing, or one of the four words."""


@dataclass(slots=True)
class Asker:
    """Who asks, and what the server can say about that. There is one for each connection."""

    address: str
    scheme: str
    four_words: Callable[[dict[str, object]], Any]
    """Where the asker's state lives, given what is carried."""
    random: Any
    """A :class:`random.Random`."""
    carried: dict[str, object]
    """What the present request carried, secrets masked."""
    remembering: Remembering
    """What this server remembers of anybody, for the few endpoints that ask it to."""
    notebook: Notebook
    """The notes that everybody shares."""
    doorman: Any = None
    """The :class:`~playground.servers.http.doorman.Doorman`: who may come in. Ask :func:`doorman_of`."""
    settle: Callable[[str], None] = lambda why: None
    """Writes down what this request has changed, before its answer is there; says why sessions ended."""
    functions: Functions | None = None
    """Who runs functions, where somebody does."""
    number: int = 0
    """How many requests this connection has made, the present one included."""
    visitor: Visitor = field(default_factory=Visitor)
    """What is remembered for this connection."""


AnswerFunction = Callable[[Request, Asker, str], Answer]
"""An endpoint's function: the request, who asks, and what stood in the path's place for a parameter."""


Schema = Mapping[str, Any]
"""A JSON Schema."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What programs may rely on, for the OpenAPI description."""

    accepts: tuple[str, ...] = ()
    """Media types of the body that it takes; empty: whatever comes."""
    body: Schema | None = None
    """What the body must be."""
    parameters: Mapping[str, Schema] = field(default_factory=dict)
    """What a parameter or header field must be, by name; else it is text."""
    required: tuple[str, ...] = ()
    """Header fields that must be there."""
    answers: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """Response Objects by status; empty: any status with anything."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that the server can be asked."""

    path: str
    """``/state``, ``/status/{codes}`` (one segment each) or ``/anything/{path...}`` (everything behind)."""
    methods: tuple[str, ...]
    memory: MemoryClass
    answer: AnswerFunction
    example: str
    """A target that shows it."""
    about: Mapping[str, str]
    """The parameters and what they mean: those in the path, all others in the query."""
    open_to_pages: bool
    """Whether pages from elsewhere may read the answer in a browser (CORS)."""
    fields: Mapping[str, str]
    """The header fields that it looks for and what they mean."""
    contract: Contract
    """What programs may rely on."""
    lasting: bool = False
    """Whether the same head always gets the same answer: nothing but the request is looked at, no clock, no
    chance, no memory, no address. Such an answer is kept and given again."""

    @property
    def doc(self) -> str:
        """What it shows."""
        return inspect.cleandoc(self.answer.__doc__ or "")

    @property
    def title(self) -> str:
        """The first line of :attr:`doc`."""
        return self.doc.partition("\n")[0]

    @property
    def in_path(self) -> list[str]:
        """The names of the parameters in the path."""
        return [name.removesuffix("...") for name in re.findall(r"\{([^}]+)\}", self.path)]


def endpoint(
    path: str,
    *methods: str,
    memory: MemoryClass = "none",
    example: str = "",
    about: Mapping[str, str] | None = None,
    open_to_pages: bool = True,
    fields: Mapping[str, str] | None = None,
    contract: Contract | None = None,
    lasting: bool = False,
) -> Callable[[AnswerFunction], Endpoint]:
    """Makes an :class:`Endpoint` of a function. Its docstring is the endpoint's documentation."""

    def make(answer: AnswerFunction) -> Endpoint:
        return Endpoint(
            path,
            methods or ("GET",),
            memory,
            answer,
            example or path,
            dict(about or {}),
            open_to_pages,
            dict(fields or {}),
            contract or Contract(),
            lasting,
        )

    return make


class Route(NamedTuple):
    """Where a request goes."""

    endpoint: Endpoint
    parameter: str
    """What stood in the place of the path's parameters, slashes between them."""


NOT_FOUND = Problem(404, "not-found", "Nothing is here. GET / lists what is.", "RFC 9110 15.5.5")

EVERYTHING_BEHIND = 0

_ORDER = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


class Router:
    """Finds the endpoint for a method and a path. HEAD goes where GET goes; OPTIONS is answered for all."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.endpoints = tuple(endpoints)
        self._exact: dict[tuple[str, str], Route] = {}
        self._below: dict[tuple[str, str], dict[int, Endpoint]] = {}
        for one in self.endpoints:
            prefix, brace, parameters = one.path.partition("{")
            segments = EVERYTHING_BEHIND if "..." in parameters else parameters.count("{") + 1
            for method in one.methods:
                if brace:
                    self._below.setdefault((method, prefix), {})[segments] = one
                else:
                    self._exact[method, one.path] = Route(one, "")

    def find(self, method: str, path: str) -> Route | Problem:
        """The route, or the 404 or 405 that is the answer."""
        if method == "HEAD":
            method = "GET"
        found = self._exact.get((method, path)) or self._find_below(method, path)
        if found is not None:
            return found
        allowed = self.allowed(path)
        if not allowed:
            return NOT_FOUND
        names = ", ".join(allowed)
        text = f"{path} does not allow {method}. It allows {names}."
        allow = ((b"Allow", names.encode()),)
        return Problem(405, "method-not-allowed", text, "RFC 9110 15.5.6", headers=allow)

    def allowed(self, path: str) -> list[str]:
        """The methods that a path allows; none where nothing is there. ``*`` stands for the whole server."""
        if path == "*":
            found = {method for one in self.endpoints for method in one.methods}
        else:
            known = {method for one in self.endpoints for method in one.methods}
            found = {m for m in known if (m, path) in self._exact or self._find_below(m, path)}
        if "GET" in found:
            found.add("HEAD")
        if found:
            found.add("OPTIONS")
        return [m for m in _ORDER if m in found]

    def _find_below(self, method: str, path: str) -> Route | None:
        slash = path.find("/", 1) + 1
        if not slash:
            return None
        for end in (path.find("/", slash) + 1, slash):
            found = self._below.get((method, path[:end])) if end else None
            if found is None:
                continue
            segments = path[end:].split("/")
            one = found.get(len(segments)) if all(segments) else None
            if one := one or found.get(EVERYTHING_BEHIND):
                return Route(one, path[end:])
        return None

"""A REST collection: state in a resource that everybody shares, and what keeps it from being lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import NoReturn

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred

from playground.servers.http.answer import JSON, Answer, Refused, json_answer, problem_details
from playground.servers.http.bodies import json_body, not_acceptable, unsupported
from playground.servers.http.conditions import conditional, http_date, strong_tag, tags
from playground.servers.http.endpoints import notes_contract as contracts
from playground.servers.http.endpoints.echoing import NOSNIFF
from playground.servers.http.endpoints.notes_contract import LONGEST_PAGE, MERGE_PATCH, SLOWEST
from playground.servers.http.idempotency import Attempt
from playground.servers.http.notebook import MOST_TOUCHED
from playground.servers.http.notes import Content, Note, merged
from playground.servers.http.problems import Problem
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint

PAGE = 20
"""Notes on a page where no number is given."""

ABOUT_ID = {"id": "the note's number"}
IF_MATCH = {"If-Match": "the ETag of the version that you have seen, or * for any"}

NO_CACHE = (b"Cache-Control", b"no-cache")

Work = Callable[[], Answer]


# -- the collection --------------------------------------------------------------------------


@endpoint(
    "/notes",
    memory="shared",
    example="/notes?limit=2",
    about={"limit": "notes on a page, 100 at most", "cursor": "where the page begins; the links have it"},
    open_to_pages=False,
    contract=contracts.LIST,
)
def listed(request: Request, asker: Asker, parameter: str) -> Answer:
    """Notes that everybody shares, page by page: follow the links in the field Link."""
    _check(not_acceptable(request, JSON))
    limit = _number(request.parameter("limit"), PAGE)
    cursor = _number(request.parameter("cursor"), 0)
    if limit is None or cursor is None or not 1 <= limit <= LONGEST_PAGE:
        text = f"limit is 1 to {LONGEST_PAGE}, cursor is what a link has: /notes?limit=2"
        _refuse(Problem(400, "page", text, "RFC 9110 15.5.1"))
    notes = asker.notebook.notes
    page = notes.page(cursor, limit)
    shown = [{"href": note.place, **note.content} for note in page.notes]
    answer = json_answer({"notes": shown, "count": len(notes)})
    places = {"first": 0, "prev": page.previous, "next": page.following, "last": page.last}
    links = ", ".join(_link(rel, limit, after) for rel, after in places.items() if after is not None)
    answer.headers = ((b"Link", links.encode()), NO_CACHE, NOSNIFF)
    tag = strong_tag(answer.body + links.encode())
    return _told(conditional(request, answer, etag=tag, ranges=False))


def _link(rel: str, limit: int, after: int) -> str:
    cursor = f"&cursor={after}" if after else ""
    return f'</notes?limit={limit}{cursor}>; rel="{rel}"'


@endpoint(
    "/notes",
    "POST",
    memory="shared",
    example="""curl -i --json '{"title":"milk"}' '{base}/notes'""",
    about={"delay": "seconds that it takes, 10 at most"},
    fields={"Idempotency-Key": "any text: whoever sends the same again gets the same answer again"},
    open_to_pages=False,
    contract=contracts.MAKE,
)
def made(request: Request, asker: Asker, parameter: str) -> Answer:
    """A new note, at the place that Location tells; with an Idempotency-Key never made twice.

    With a delay the note is made at the end of it, whether or not you wait: lose your patience, ask again
    with the same key, and you get the note that you did not hear of.
    """
    content = _converted(_body(request, JSON))
    delay = _seconds(request.parameter("delay"))
    if delay is None:
        _refuse(Problem(400, "delay", "delay is 0 to 10 seconds.", "RFC 9110 15.5.1"))
    attempt = None
    if b"idempotency-key" in request.fields:
        begun = _begin(request, asker)
        if isinstance(begun, Answer):
            return begun
        attempt = begun
    return _in_time(asker, delay, lambda: _make(asker, content, attempt))


def _make(asker: Asker, content: Content, attempt: Attempt | None) -> Answer:
    notebook = asker.notebook
    if notebook.notes.full:
        if attempt is not None:
            notebook.attempts.drop(attempt)
        most = notebook.notes.most
        text = f"There are {most} notes already. DELETE one that nobody needs, then ask again."
        _refuse(Problem(409, "notes", text, "RFC 9110 15.5.10", limit="notes", value=most))
    note = notebook.notes.add(content)
    _touch(asker, note)
    if attempt is not None:
        notebook.attempts.keep(attempt, _created(note), f"201 {note.place}")
    return _created(note)


def _created(note: Note) -> Answer:
    answer = _whole(note, 201)
    answer.headers += ((b"Location", note.place.encode()),)
    return answer


def _in_time(asker: Asker, delay: float, work: Work) -> Answer:
    """What ``work`` answers, ``delay`` seconds later: it is done then, whether or not anybody waits."""
    if not delay:
        return work()
    done: Deferred[Answer] = Deferred()
    asker.notebook.later(delay, lambda: maybeDeferred(work).chainDeferred(done))
    return Answer(later=done)


# -- keys ------------------------------------------------------------------------------------

DRAFT = "draft-ietf-httpapi-idempotency-key-header"


def _begin(request: Request, asker: Asker) -> Attempt | Answer:
    """A first attempt with that key, or the answer that the first one got."""
    key = request.field(b"idempotency-key").strip('"')
    if not re.fullmatch(r"[!-~]{1,200}", key):
        text = "An Idempotency-Key is 1 to 200 visible ASCII characters, such as a UUID."
        _refuse(Problem(400, "idempotency-key", text, f"{DRAFT} 2.1"))
    asked = f"{request.method} {request.origin_form} {request.field(b'content-type')}\n".encode()
    fingerprint = blake2b(asked + request.body, digest_size=16).digest()
    notebook = asker.notebook
    asker.visitor.key = key
    known = notebook.attempts.find(key)
    if known is None:
        attempt = notebook.attempts.begin(key, fingerprint)
        notebook.expect_expiry()
        return attempt
    if known.fingerprint != fingerprint:
        text = "That Idempotency-Key came with another request before. A new request needs a new key."
        _refuse(Problem(422, "idempotency-key-reused", text, f"{DRAFT} 2.6"))
    if known.answer is None:
        text = "The first request with that Idempotency-Key is still being worked on. Ask again in a second."
        again = ((b"Retry-After", b"1"),)
        _refuse(Problem(409, "idempotency-key-busy", text, f"{DRAFT} 2.6", headers=again))
    first = known.answer
    headers = (*first.headers, (b"Idempotency-Replayed", b"true"))
    return Answer(first.body, first.content_type, first.status, headers)


# -- one note --------------------------------------------------------------------------------


@endpoint(
    "/notes/{id}",
    memory="shared",
    example="/notes/1",
    about=ABOUT_ID,
    open_to_pages=False,
    contract=contracts.SHOW,
)
def shown(request: Request, asker: Asker, parameter: str) -> Answer:
    """One note. Its ETag is its version: 304 to whoever has it already."""
    note = _find(asker, parameter)
    _check(not_acceptable(request, JSON))
    answer = Answer(note.body, JSON, headers=(NO_CACHE, NOSNIFF))
    return _told(conditional(request, answer, etag=note.tag, modified=note.changed, ranges=False))


@endpoint(
    "/notes/{id}",
    "PUT",
    memory="shared",
    example="""curl -i -X PUT --json '{"title":"oats"}' -H 'If-Match: *' '{base}/notes/1'""",
    about=ABOUT_ID,
    fields=IF_MATCH,
    open_to_pages=False,
    contract=contracts.REPLACE,
)
def replaced(request: Request, asker: Asker, parameter: str) -> Answer:
    """A note is replaced, if it is still the version that If-Match names: else 412, and nothing is lost."""
    note = _find(asker, parameter)
    body = _body(request, JSON)
    _check(_stale(request, note))
    return _replace(asker, note, _converted(body))


@endpoint(
    "/notes/{id}",
    "PATCH",
    memory="shared",
    example=(
        f"""curl -i -X PATCH -H 'Content-Type: {MERGE_PATCH}' -H 'If-Match: *' """
        """-d '{"text":"two litres"}' '{base}/notes/1'"""
    ),
    about=ABOUT_ID,
    fields=IF_MATCH,
    open_to_pages=False,
    contract=contracts.PATCH,
)
def patched(request: Request, asker: Asker, parameter: str) -> Answer:
    """Parts of a note are replaced, by a JSON Merge Patch: what is null goes, what is not named stays."""
    note = _find(asker, parameter)
    patch = _body(request, MERGE_PATCH)
    _check(_stale(request, note))
    return _replace(asker, note, _converted(merged(note.content, patch)))


def _replace(asker: Asker, note: Note, content: Content) -> Answer:
    note = asker.notebook.notes.replace(note, content)
    _touch(asker, note)
    return _whole(note, 200)


@endpoint(
    "/notes/{id}",
    "DELETE",
    memory="shared",
    example="curl -i -X DELETE -H 'If-Match: *' '{base}/notes/1'",
    about=ABOUT_ID,
    fields=IF_MATCH,
    open_to_pages=False,
    contract=contracts.DELETE,
)
def deleted(request: Request, asker: Asker, parameter: str) -> Answer:
    """A note is deleted, if it is still the version that If-Match names."""
    note = _find(asker, parameter)
    _check(_stale(request, note))
    asker.notebook.notes.remove(note)
    return Answer(status=204)


# -- what they have in common ----------------------------------------------------------------


def _refuse(problem: Problem) -> NoReturn:
    """Go no further, and say why."""
    raise Refused(problem_details(problem))


def _check(problem: Problem | None) -> None:
    """Go no further if there is something wrong."""
    if problem is not None:
        _refuse(problem)


def _find(asker: Asker, parameter: str) -> Note:
    number = _number(parameter, 0)
    note = asker.notebook.notes.get(number) if number else None
    if note is None:
        text = "There is no such note. GET /notes lists those that are."
        _refuse(Problem(404, "no-such-note", text, "RFC 9110 15.5.5"))
    return note


def _touch(asker: Asker, note: Note) -> None:
    """Whoever is on this connection has to do with that note now; the last few are known."""
    others = tuple(number for number in asker.visitor.notes if number != note.number)
    asker.visitor.notes = (*others, note.number)[-MOST_TOUCHED:]


def _body(request: Request, kind: str) -> object:
    """The body's JSON, if it is of that media type and the client takes what it will be answered."""
    _check(not_acceptable(request, JSON))
    _check(unsupported(request, (kind,)))
    body = json_body(request)
    if isinstance(body, Problem):
        _refuse(body)
    return body


def _converted(value: object) -> Content:
    """What a client sent as a note."""
    try:
        return msgspec.convert(value, Content)
    except msgspec.ValidationError as error:
        _refuse(Problem(422, "no-note", f"That is no note: {error}.", "RFC 9110 15.5.21"))


def _stale(request: Request, note: Note) -> Problem | None:
    """Why the note may not be changed: nobody says which version was seen, or it was another one."""
    field = request.field(b"if-match")
    if not field:
        text = "Say which version you have seen: -H 'If-Match: ETAG', or * for any. GET tells the ETag."
        return Problem(428, "if-match-missing", text, "RFC 6585 3")
    if not re.fullmatch(contracts.TAGS, field):
        text = "If-Match is * or an ETag with its double quotes: -H 'If-Match: \"...\"'"
        return Problem(400, "if-match-malformed", text, "RFC 9110 13.1.1")
    asked = tags(field)
    if not ("*" in asked or note.tag in asked):
        text = "Somebody has changed the note since you saw it. GET it, look what is different, try again."
        return Problem(412, "if-match", text, "RFC 9110 13.1.1")
    unwanted = [tag.removeprefix("W/") for tag in tags(request.field(b"if-none-match"))]
    if "*" in unwanted or note.tag in unwanted:
        return Problem(412, "if-none-match", "The note is the one that you exclude.", "RFC 9110 13.1.2")
    return None


def _told(answer: Answer) -> Answer:
    """A failed precondition as all other problems here."""
    if answer.status != 412:
        return answer
    return problem_details(Problem(412, "precondition", answer.body.decode().strip(), "RFC 9110 13.2"))


def _whole(note: Note, status: int) -> Answer:
    headers = (
        (b"ETag", note.tag.encode()),
        (b"Last-Modified", http_date(note.changed)),
        (b"Content-Location", note.place.encode()),
        NOSNIFF,
    )
    return Answer(note.body, JSON, status, headers)


def _number(text: str | None, otherwise: int) -> int | None:
    if text is None:
        return otherwise
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _seconds(text: str | None) -> float | None:
    if text is None:
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= SLOWEST else None

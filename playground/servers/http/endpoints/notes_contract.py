"""What programs may rely on at /notes: the schemas of its OpenAPI description."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from playground.servers.http.answer import JSON, PROBLEM
from playground.servers.http.notes import Content
from playground.servers.http.router import Contract, Schema

MERGE_PATCH = "application/merge-patch+json"

LONGEST_PAGE = 100
"""Notes on a page."""

SLOWEST = 10.0
"""Seconds that making a note may be made to take."""


def _schema(kind: type) -> dict[str, Any]:
    """The JSON Schema of a type, in one piece."""
    found: dict[str, Any] = msgspec.json.schema(kind)
    (inside,) = found["$defs"].values()
    return dict(inside)


NOTE = _schema(Content)
LABELS = NOTE["properties"]["labels"]
PATCHES: Schema = {
    "title": "Patch",
    "description": "What is null goes, what is not named stays. RFC 7396.",
    "type": "object",
    "properties": {
        "title": NOTE["properties"]["title"],
        "text": {"anyOf": [NOTE["properties"]["text"], {"type": "null"}]},
        "labels": {
            "anyOf": [
                LABELS
                | {"additionalProperties": {"anyOf": [LABELS["additionalProperties"], {"type": "null"}]}},
                {"type": "null"},
            ]
        },
    },
    "additionalProperties": False,
}
HEADER_TEXT: Schema = {"schema": {"type": "string"}}
VALIDATORS = {"ETag": HEADER_TEXT, "Last-Modified": HEADER_TEXT}
NUMBER: Schema = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_TAG = r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"'
TAGS = rf"\*|{_TAG}([ \t]*,[ \t]*{_TAG})*"
"""What If-Match may be. RFC 9110 8.8.3 and 13.1.1."""
TAG: Schema = {"type": "string", "pattern": f"^({TAGS})$"}


def _note(description: str, **headers: Schema) -> dict[str, Any]:
    return {
        "description": description,
        "headers": {**VALIDATORS, **headers},
        "content": {JSON: {"schema": NOTE}},
    }


def _problems(**described: str) -> dict[int, dict[str, Any]]:
    details: Schema = {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "rule": {"type": "string"},
            "source": {"type": "string"},
        },
        "required": ["type", "title", "status", "detail"],
    }
    return {
        int(status[1:]): {"description": text, "content": {PROBLEM: {"schema": details}}}
        for status, text in described.items()
    }


UNCHANGED = {304: {"description": "You have it already.", "headers": {"ETag": HEADER_TEXT}}}
NO_NOTE = "There is no such note."
WRITING = _problems(
    _400="What you sent cannot be read.",
    _404=NO_NOTE,
    _406="You do not accept JSON.",
    _412="Somebody has changed the note since you saw it.",
    _415="The body is of a kind that is not taken.",
    _422="What you sent is no note.",
    _428="You do not say which version you have seen.",
)

LIST: Final = Contract(
    parameters={
        "limit": {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE},
        "cursor": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    },
    answers={
        200: {
            "description": "A page of notes.",
            "headers": {"Link": HEADER_TEXT, "ETag": HEADER_TEXT},
            "content": {
                JSON: {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "notes": {"type": "array", "items": {"type": "object"}},
                            "count": {"type": "integer"},
                        },
                        "required": ["notes", "count"],
                    }
                }
            },
        },
        **UNCHANGED,
        **_problems(_400="That is no such page.", _406="You do not accept JSON.", _412="If-Match fails."),
    },
)

MAKE: Final = Contract(
    accepts=(JSON,),
    body=NOTE,
    parameters={
        "delay": {"type": "number", "minimum": 0, "maximum": SLOWEST},
        "Idempotency-Key": {"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": 200},
    },
    answers={
        201: _note("The note is made.", Location=HEADER_TEXT),
        **_problems(
            _400="What you sent cannot be read.",
            _406="You do not accept JSON.",
            _409="There are too many notes, or that key is being worked on.",
            _415="The body is of a kind that is not taken.",
            _422="What you sent is no note, or that key came with something else before.",
        ),
    },
)

SHOW: Final = Contract(
    parameters={"id": NUMBER},
    answers={
        200: _note("The note."),
        **UNCHANGED,
        **_problems(_404=NO_NOTE, _406="You do not accept JSON.", _412="If-Match fails."),
    },
)

REPLACE: Final = Contract(
    accepts=(JSON,),
    body=NOTE,
    parameters={"id": NUMBER, "If-Match": TAG},
    required=("If-Match",),
    answers={200: _note("The note as it is now."), **WRITING},
)

PATCH: Final = Contract(
    accepts=(MERGE_PATCH,),
    body=PATCHES,
    parameters={"id": NUMBER, "If-Match": TAG},
    required=("If-Match",),
    answers={200: _note("The note as it is now."), **WRITING},
)

DELETE: Final = Contract(
    parameters={"id": NUMBER, "If-Match": TAG},
    required=("If-Match",),
    answers={
        204: {"description": "The note is gone."},
        **_problems(
            _400="If-Match cannot be read.",
            _404=NO_NOTE,
            _412="Somebody has changed it.",
            _428="You do not say which version.",
        ),
    },
)

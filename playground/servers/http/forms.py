"""The bodies that HTML forms send, taken apart. Everything in them is a stranger's."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

import msgspec

from playground.servers.http.request import Request, collect, pairs

PARTS = 200
"""Parts of a multipart body that are looked at."""

JSON_DEPTH = 500
"""Brackets within brackets. Deeper is an attack on whoever has to walk through it."""

_BRACKETS = re.compile(rb"[\[\]{}]")
_BOUNDARY = re.compile(r""";[ \t]*boundary=(?:"([^"\r\n]{1,70})"|([^;", \t]{1,70}))""", re.IGNORECASE)
_NAME = re.compile(r""";[ \t]*name=(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))""", re.IGNORECASE)
_FILE_NAME = re.compile(r";[ \t]*filename=", re.IGNORECASE)


class Form(NamedTuple):
    """What a body holds, in httpbin's words."""

    data: str
    """The body as text, unless it was a form."""
    form: dict[str, str | list[str]]
    files: dict[str, str | list[str]]
    json: object
    """The body as JSON, or None where it is none."""


def read_form(request: Request) -> Form:
    """A request's body by its Content-Type."""
    content_type = request.field(b"content-type")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return Form("", collect(pairs(request.body.decode("utf-8", "replace"))), {}, None)
    if kind == "multipart/form-data" and (found := _BOUNDARY.search(content_type)):
        form, files = multipart(request.body, (found[1] or found[2]).encode("latin-1"))
        return Form("", collect(form), collect(files), None)
    return Form(readable(request.body, kind), {}, {}, read_json(request.body))


def read_json(body: bytes) -> object:
    """A body as JSON, or None where it is none or is nested too deeply to be answered."""
    if not body or _nesting(body) > JSON_DEPTH:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _nesting(body: bytes) -> int:
    """How deeply arrays and objects are nested, at most: brackets within texts count too."""
    deepest = depth = 0
    for bracket in _BRACKETS.findall(body):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def readable(content: bytes, kind: str = "") -> str:
    """Content as text, or as a ``data:`` URL where it is no UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        encoded = base64.b64encode(content).decode("ascii")
        return f"data:{kind or 'application/octet-stream'};base64,{encoded}"


def multipart(body: bytes, boundary: bytes) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The form fields and the files in a ``multipart/form-data`` body. RFC 7578."""
    form: list[tuple[str, str]] = []
    files: list[tuple[str, str]] = []
    delimiter = b"\r\n--" + boundary
    for part in (b"\r\n" + body).split(delimiter, PARTS + 1)[1 : PARTS + 1]:
        if part.startswith(b"--"):
            break
        head, empty_line, content = part.partition(b"\r\n\r\n")
        if not empty_line:
            continue
        lines = head.decode("utf-8", "replace").split("\r\n")
        disposition = next((line for line in lines if line.lower().startswith("content-disposition:")), "")
        name = _NAME.search(disposition)
        if name is None:
            continue
        kind = next(
            (line.partition(":")[2].strip() for line in lines if line.lower().startswith("content-type:")), ""
        )
        kept = files if _FILE_NAME.search(disposition) else form
        kept.append((name[1] if name[1] is not None else name[2], readable(content, kind)))
    return form, files

"""Conditional requests and ranges: what a client has already need not be sent again. RFC 9110 13 and 14."""

from __future__ import annotations

import re
from email.utils import formatdate, mktime_tz, parsedate_tz
from hashlib import blake2b
from itertools import pairwise

from playground.servers.http.answer import Answer, text_answer
from playground.servers.http.request import Request

MOST_RANGES = 10
"""Whoever wants more pieces of one body gets all of it: some ask for thousands. RFC 9110 14.2."""

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"|[^",\s]+')
_RANGE = re.compile(r"[ \t]*(\d{0,18})-(\d{0,18})[ \t]*")
_BOUNDARY = b"playground-range"


def strong_tag(body: bytes) -> str:
    """A strong entity tag: the same for the same bytes, and only for them. RFC 9110 8.8.3."""
    return f'"{blake2b(body, digest_size=10).hexdigest()}"'


def http_date(moment: float) -> bytes:
    """Seconds since 1970 as HTTP writes them. RFC 9110 5.6.7."""
    return formatdate(moment, usegmt=True).encode()


def conditional(
    request: Request,
    answer: Answer,
    *,
    etag: str = "",
    modified: float | None = None,
    ranges: bool = True,
) -> Answer:
    """``answer``, or what is enough for a client that already has (some of) it.

    ``etag`` is written with its quotes, ``modified`` is seconds since 1970.
    The order of the questions is that of RFC 9110 13.2.2.
    """
    validators = []
    if etag:
        validators.append((b"ETag", etag.encode("latin-1")))
    if modified is not None:
        validators.append((b"Last-Modified", http_date(modified)))
    if _has_changed(request, etag, modified):
        text = "What is here now is not what you have. Get it again before you change it."
        return text_answer(text, 412)
    if _is_known(request, etag, modified):
        # What is about the content not sent stays out. RFC 9110 15.4.5.
        kept = tuple(field for field in answer.headers if not field[0].lower().startswith(b"content-"))
        if request.method in ("GET", "HEAD"):
            return Answer(status=304, headers=(*kept, *validators))
        return text_answer("You have that already.", 412)
    answer.headers = (*answer.headers, *validators)
    if not ranges or answer.status != 200:
        return answer
    answer.headers = (*answer.headers, (b"Accept-Ranges", b"bytes"))
    asked = request.field(b"range")
    if not asked or request.method != "GET" or not _may_be_a_part(request, etag, modified):
        return answer
    return _part(answer, asked)


def tags(field: str) -> list[str]:
    """The entity tags in a list of them, with quotes. One without quotes is taken as if it had them."""
    return [tag if tag.endswith('"') or tag == "*" else f'"{tag}"' for tag in _TAG.findall(field)]


def _has_changed(request: Request, etag: str, modified: float | None) -> bool:
    """If-Match and If-Unmodified-Since: the client insists on what it knows."""
    if wanted := request.field(b"if-match"):
        # Strong comparison: a weak tag never matches. RFC 9110 13.1.1.
        return "*" not in (asked := tags(wanted)) and (etag not in asked or etag.startswith("W/"))
    since = _moment(request.field(b"if-unmodified-since"))
    return since is not None and modified is not None and int(modified) > since


def _is_known(request: Request, etag: str, modified: float | None) -> bool:
    """If-None-Match and If-Modified-Since: the client has something already."""
    if known := request.field(b"if-none-match"):
        asked = [tag.removeprefix("W/") for tag in tags(known)]
        return "*" in asked or (bool(etag) and etag.removeprefix("W/") in asked)
    if request.method not in ("GET", "HEAD"):
        return False
    since = _moment(request.field(b"if-modified-since"))
    return since is not None and modified is not None and int(modified) <= since


def _may_be_a_part(request: Request, etag: str, modified: float | None) -> bool:
    """If-Range: a part only fits to what the client has if nothing has changed. RFC 9110 13.1.5."""
    validator = request.field(b"if-range")
    if not validator:
        return True
    if '"' in validator:
        return validator == etag and not etag.startswith("W/")
    return modified is not None and _moment(validator) == int(modified)


def _moment(text: str) -> int | None:
    """A date as seconds since 1970; None where it is none, which is ignored then."""
    if not text or len(text) > 40:
        return None
    try:
        parsed = parsedate_tz(text)
        return mktime_tz(parsed) if parsed else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _part(answer: Answer, asked: str) -> Answer:
    size = len(answer.body)
    spans = _spans(asked, size)
    if spans is None:  # not understood, or too much: all of it. RFC 9110 14.2
        return answer
    if not spans:
        headers = (*answer.headers, (b"Content-Range", b"bytes */%d" % size))
        return text_answer(f"There are {size} bytes; none of them was asked for.", 416, headers)
    if len(spans) == 1:
        start, end = spans[0]
        place = (b"Content-Range", b"bytes %d-%d/%d" % (start, end, size))
        return Answer(answer.body[start : end + 1], answer.content_type, 206, (*answer.headers, place))
    parts = [
        b"\r\n--%b\r\nContent-Type: %b\r\nContent-Range: bytes %d-%d/%d\r\n\r\n%b"
        % (_BOUNDARY, answer.content_type.encode(), start, end, size, answer.body[start : end + 1])
        for start, end in spans
    ]
    body = b"".join(parts).removeprefix(b"\r\n") + b"\r\n--%b--\r\n" % _BOUNDARY
    return Answer(body, f"multipart/byteranges; boundary={_BOUNDARY.decode()}", 206, answer.headers)


def _spans(asked: str, size: int) -> list[tuple[int, int]] | None:
    """First and last byte of each range that can be met; None where the field is to be ignored."""
    unit, _, text = asked.partition("=")
    words = text.split(",")
    if unit.strip().lower() != "bytes" or len(words) > MOST_RANGES:
        return None
    spans = []
    for word in words:
        found = _RANGE.fullmatch(word)
        if found is None or not (found[1] or found[2]):
            return None
        if found[1]:
            start, end = int(found[1]), min(int(found[2] or size), size - 1)
            if found[2] and int(found[2]) < start:
                return None
        else:
            start, end = max(size - int(found[2]), 0), size - 1
        if start <= end:
            spans.append((start, end))
    ordered = sorted(spans)
    if any(one[1] >= two[0] for one, two in pairwise(ordered)):
        return None  # who asks for the same bytes twice means no good
    return spans

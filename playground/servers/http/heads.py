"""What a request head must look like, line by line.

A head that is whole and well-formed never comes here: llhttp takes it in one
piece. This is for heads that come in pieces, so that a wrong line is refused
as soon as it ends, and for heads that llhttp refuses, to say what is wrong.
"""

from __future__ import annotations

import re

from playground.servers.http.limits import HttpLimits
from playground.servers.http.problems import Problem, over_limit

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "QUERY")
"""Methods that this server knows; whether a resource allows one is another question."""

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
"""RFC 9110 5.6.2."""

_KNOWN = "|".join(method for method in METHODS if method != "CONNECT").encode()
REQUEST_LINE = re.compile(rb'(%b) ([!"$-~]++) HTTP/1\.([01])\r\n' % _KNOWN)
"""A request line that needs no second look: method, target, minor version."""

FIELD_LINE = re.compile(rb"(%b):[ \t]*+([\t -~\x80-\xff]*+)\r\n" % TOKEN)
"""A field line: name, and value with white space behind it."""

_TOKEN_ONLY = re.compile(TOKEN)
_VALUE_ONLY = re.compile(rb"[\t -~\x80-\xff]*+")
_TARGET_ONLY = re.compile(rb"[!-~]++")
_VERSION = re.compile(rb"HTTP/\d+\.\d+")
_ABSOLUTE = re.compile(rb"https?://", re.IGNORECASE)

EMPTY_LINES = 8
"""So many may precede a request; without a limit they could hold a connection for ever."""

CRLF_HINT = "HTTP ends each line with CR LF. netcat sends it with -C (macOS: -c), printf with \\r\\n."
KNOWN_METHODS = ", ".join(METHODS)

TLS_HANDSHAKE = b"\x16"
TLS_TEXT = (
    "That was TLS, and this port speaks HTTP without it: say http:// instead of https://, "
    "or ask the port that `playground --tls auto` opens."
)


class HeadLines:
    """Examines the lines of one head, or of one chunked body's trailers, as they become complete.

    ``at`` is how many bytes of it are examined; ``complete`` is true once the
    empty line at its end was seen.
    """

    def __init__(self, limits: HttpLimits, *, trailers_from: int | None = None) -> None:
        self._limits = limits
        self._trailers = trailers_from is not None
        self._request_line_seen = self._trailers
        self._searched = 0
        self._limit = limits.head + (trailers_from or 0)
        self.at = trailers_from or 0
        self.fields = 0
        self._empty_lines = 0
        self.complete = False

    @property
    def begun(self) -> bool:
        """Whether there was more than empty lines."""
        return self._request_line_seen

    def look(self, buffer: bytes | bytearray, start: int) -> Problem | None:
        """Examine what is new in ``buffer``, where the head begins at ``start``."""
        if buffer[start : start + 1] == TLS_HANDSHAKE and not self._request_line_seen:
            return Problem(400, "tls", TLS_TEXT, "RFC 9110 4.2.2", unread=True).at(1)
        while not self.complete:
            begin = start + self.at
            newline = buffer.find(b"\n", begin + self._searched)
            length = (newline + 1 if newline >= 0 else len(buffer)) - begin
            if problem := self._too_long(length):
                return problem
            if newline < 0:
                self._searched = length
                return None
            self._searched = 0
            line = bytes(buffer[begin : newline + 1])
            self.at += length
            if problem := self._line(line):
                return problem.at(self.at)
        return None

    def _too_long(self, length: int) -> Problem | None:
        """A line, or the whole, that exceeds its limit is refused at the first byte too many."""
        limits = self._limits
        setting, most = (
            ("header_line", limits.header_line)
            if self._request_line_seen
            else ("request_line", limits.request_line)
        )
        room = self._limit - self.at
        if length <= min(most, room):
            return None
        if room < most:
            text = f"The head is longer than {limits.head} bytes; send fewer or shorter fields."
            return over_limit(431, "head", limits.head, text, "RFC 6585 5", self.at + room + 1)
        size = self.at + most + 1
        if setting == "request_line":
            text = f"The request line is longer than {most} bytes. Send the data in the body of a POST."
            return over_limit(414, setting, most, text, "RFC 9110 15.5.15", size)
        text = f"A header line is longer than {most} bytes. Send less in it."
        return over_limit(431, setting, most, text, "RFC 6585 5", size)

    def _line(self, line: bytes) -> Problem | None:
        if line[-2:-1] != b"\r":
            return Problem(400, "bare-lf", f"A line ends with LF alone. {CRLF_HINT}", "RFC 9112 2.2")
        content = line[:-2]
        if b"\r" in content:
            text = f"A CR stands inside a line, without LF behind it. {CRLF_HINT}"
            return Problem(400, "bare-cr", text, "RFC 9112 2.2")
        if not self._request_line_seen:
            if not content:
                return self._empty_line()
            self._request_line_seen = True
            return request_line_problem(content)
        if not content:
            self.complete = True
            return None
        self.fields += 1
        if self.fields > self._limits.fields:
            text = f"There are more than {self._limits.fields} header fields. Send fewer."
            return over_limit(431, "fields", self._limits.fields, text, "RFC 6585 5")
        return field_problem(content, first=self.fields == 1)

    def _empty_line(self) -> Problem | None:
        """Some clients send an empty line behind a body, so one or more are no mistake. RFC 9112 2.2."""
        self._empty_lines += 1
        if self._empty_lines <= EMPTY_LINES:
            return None
        text = f"More than {EMPTY_LINES} empty lines stand before the request line."
        return Problem(400, "empty-lines", text, "RFC 9112 2.2")


def request_line_problem(line: bytes) -> Problem | None:
    """What is wrong with a request line (given without its CR LF), or None."""
    words = line.split(b" ")
    if line.startswith(b"PRI * HTTP/2"):
        text = "This is HTTP/2's preface, and this server speaks HTTP/1.1: use no prior knowledge."
        return Problem(505, "http-2-preface", text, "RFC 9113 3.4")
    if len(words) == 2 and all(words) and not words[1].startswith(b"HTTP/"):
        text = "The request line has no version, as in HTTP/0.9. Say: GET / HTTP/1.1"
        return Problem(505, "version-missing", text, "RFC 9112 2.3")
    if len(words) != 3 or not all(words) or b"\t" in line:
        text = "A request line is METHOD, one space, target, one space, version: GET / HTTP/1.1"
        return Problem(400, "request-line", text, "RFC 9112 3")
    method, target, version = words
    if not _TOKEN_ONLY.fullmatch(method):
        return Problem(
            400, "method-token", "The method has characters that no method may have.", "RFC 9110 9.1"
        )
    if not _TARGET_ONLY.fullmatch(target):
        text = "The target has control or non-ASCII characters: percent-encode them (%C3%A9 for é)."
        return Problem(400, "target-characters", text, "RFC 9112 3.2")
    if not _VERSION.fullmatch(version):
        return Problem(400, "version-syntax", "The version is not HTTP/1.1 or HTTP/1.0.", "RFC 9112 2.3")
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        text = "This server speaks HTTP/1.1 and HTTP/1.0 only."
        return Problem(505, "version-unknown", text, "RFC 9110 15.6.6")
    return method_problem(method.decode()) or target_problem(method, target)


def method_problem(method: str) -> Problem | None:
    """Whether this server knows the method, and may be asked it."""
    if method not in METHODS:
        hint = f"Methods are case-sensitive: say {method.upper()}." if method.upper() in METHODS else ""
        text = f"This server does not know the method. It knows {KNOWN_METHODS}. {hint}".strip()
        return Problem(501, "method-unknown", text, "RFC 9110 15.6.2")
    if method == "CONNECT":
        text = "CONNECT asks a proxy for a tunnel, and this is no proxy."
        allow = ((b"Allow", b"GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"),)
        return Problem(405, "connect", text, "RFC 9110 9.3.6", headers=allow)
    return None


def target_problem(method: bytes, target: bytes) -> Problem | None:
    """What is wrong with a request target made of visible ASCII, or None."""
    if b"#" in target:
        text = "A fragment (#...) is for the client alone and is never sent; %23 is a # that is meant."
        return Problem(400, "target-fragment", text, "RFC 9112 3.2")
    if target == b"*":
        if method == b"OPTIONS":
            return None
        return Problem(400, "target-asterisk", "Only OPTIONS may ask for *.", "RFC 9112 3.2.4")
    if target.startswith(b"/"):
        return None
    if found := _ABSOLUTE.match(target):
        authority = re.split(rb"[/?]", target[found.end() :], maxsplit=1)[0]
        if b"@" in authority:
            text = "The target has a user name in it (user@host), which HTTP does not allow."
            return Problem(400, "target-userinfo", text, "RFC 9110 4.2.4")
        if authority:
            return None
    text = "The target must begin with / (or be a whole http:// address): GET /state HTTP/1.1"
    return Problem(400, "target-form", text, "RFC 9112 3.2")


def field_problem(line: bytes, *, first: bool = False) -> Problem | None:
    """What is wrong with a field line (given without its CR LF), or None. ``first``: no other precedes it."""
    if line[:1] in (b" ", b"\t"):
        if first:
            text = "White space stands before the first header field."
            return Problem(400, "space-before-field", text, "RFC 9112 2.2")
        text = "A header field goes on in a second line (obsolete folding). Put it all into one line."
        return Problem(400, "obs-fold", text, "RFC 9112 5.2")
    name, colon, value = line.partition(b":")
    if not colon:
        return Problem(400, "field-colon", "A header line has no colon. Say: Name: value", "RFC 9112 5")
    if name[-1:] in (b" ", b"\t") and _TOKEN_ONLY.fullmatch(name.rstrip(b" \t")):
        text = "No space may stand between a field's name and its colon."
        return Problem(400, "space-before-colon", text, "RFC 9112 5.1")
    if not _TOKEN_ONLY.fullmatch(name):
        text = "A header field's name has characters that no name may have, or is empty."
        return Problem(400, "field-name", text, "RFC 9110 5.1")
    if not _VALUE_ONLY.fullmatch(value):
        return Problem(400, "field-value", "A header field's value has control characters.", "RFC 9110 5.5")
    return None

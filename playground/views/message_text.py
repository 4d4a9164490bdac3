"""One message in one line: its first line, and a note about the rest."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

from playground.journal import wording
from playground.journal.events import Message, Partial
from playground.views.escape import collapse_masks, escape

_REQUEST = re.compile(rb"[!-~]{1,64} \S+ HTTP/\d\.\d\r?\n")
_RESPONSE = re.compile(rb"HTTP/\d\.\d (\d{3}[^\r\n]*)\r?\n")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_ANNOUNCES = re.compile(rb"\n(?:transfer-encoding:|content-length: *0*[1-9])", re.IGNORECASE)
"""Stands in a head that a body follows, unless it answers HEAD."""
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[^\r\n]*)?\r\n")
_LONGEST = 2000
"""Bytes of a line that are worth escaping; no terminal is wider."""


class Told(NamedTuple):
    """A message for a person. Both parts are escaped."""

    text: str
    note: str
    is_head: bool = False
    """Whether it begins an HTTP request or response."""


def message_bytes(message: Message) -> bytes:
    """What was kept of a message's bytes."""
    if message.data is not None:
        return message.data.encode("utf-8", "surrogatepass")
    if message.data_b64 is not None:
        try:
            return base64.b64decode(message.data_b64, validate=True)
        except ValueError:
            return message.data_b64.encode("utf-8", "replace")
    return b""


def tell(message: Message) -> Told:
    """The line and the note for a message, secrets shortened."""
    raw = message_bytes(message)
    if isinstance(message, Partial):
        return Told(_one_line(raw), f"({_bytes(message.size)}, unfinished)")
    if message.frame is not None:
        if message.frame == "close" and len(raw) > 1:  # a number in two bytes, and perhaps a reason
            raw = (b"%d %b" % (int.from_bytes(raw[:2], "big"), raw[2:])).rstrip()
        return Told(_one_line(raw), f"({escape(message.frame)} frame, {_bytes(message.size)})")
    if not raw:
        return Told("", f"({_bytes(message.size)})")
    if begins_http(message):
        return _head(message, raw)
    if message.protocol == "http" and (chunk := _chunk(message, raw)) is not None:
        return chunk
    content = raw.removesuffix(b"\r\0").removesuffix(b"\n").removesuffix(b"\r")  # telnet's Enter is \r\0
    first, *more = content.split(b"\n", 1)
    if more:
        count = more[0].count(b"\n") + 1
        note = f"(+{wording.count(count, 'line')})" if not message.truncated else f"({_bytes(message.size)})"
    elif message.truncated or content is raw:  # no line: a body, a frame
        note = f"({_bytes(message.size)})"
    else:
        note = ""
    return Told(_one_line(first), note)


def begins_http(message: Message) -> bool:
    """Whether a message begins an HTTP request or response; cheaper than :func:`tell`."""
    raw = message_bytes(message)
    return bool(_REQUEST.match(raw) or _RESPONSE.match(raw))


def _head(message: Message, raw: bytes) -> Told:
    end = _HEAD_END.search(raw)
    head = raw[: end.start()] if end else raw
    first, _, headers = head.partition(b"\n")
    response = _RESPONSE.match(raw)
    body = message.size - end.end() if end else 0
    notes: list[str] = []
    if response is None and headers:
        count = headers.count(b"\n") + 1
        notes.append(f"+{wording.count(count, 'header line')}")
    if end is None:
        notes.append(_bytes(message.size) + (", cut" if message.truncated else ""))
    elif body > 0:
        notes.append(_bytes(body))
    elif response is not None:
        notes.append("head alone" if _ANNOUNCES.search(head) else "no body")
    line = response.group(1) if response else first
    return Told(_one_line(line), f"({', '.join(notes)})" if notes else "", True)


def _chunk(message: Message, raw: bytes) -> Told | None:
    """A piece of a body that says itself how long it is (RFC 9112 7.1), without what frames it."""
    begin = _CHUNK.match(raw)
    if begin is None:
        return None
    size = int(begin[1], 16)
    content = raw[begin.end() :]
    if size == 0 and (content == b"\r\n" or content.endswith(b"\r\n\r\n")):
        return Told(_one_line(content.split(b"\n", 1)[0]), "(last chunk)")
    if size == 0 or begin.end() + size + 2 != message.size:
        return None
    return Told(_one_line(content[:size].split(b"\n", 1)[0]), f"(chunk, {_bytes(size)})")


def _one_line(raw: bytes) -> str:
    cut = raw[:_LONGEST].removesuffix(b"\r")
    return collapse_masks(escape(cut)) + ("…" if len(raw) > _LONGEST else "")


def _bytes(size: int) -> str:
    return wording.count(size, "byte") if size < 10_000 else wording.size(size)


def answer_code(text: str) -> str | None:
    """The three digits that begin a reply of FTP, HTTP and their relatives, else None."""
    match = re.match(r"(\d{3})(?:[ -]|$)", text)
    return match.group(1) if match else None

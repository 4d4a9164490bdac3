"""Values that a client chose and this server writes into a head: what may not stand there. RFC 9110 5.5."""

from __future__ import annotations

import re
from urllib.parse import quote

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_COOKIE = re.compile(r"[^\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]")


class Unwritable(ValueError):
    """A name or value that no head may have. Its text tells the client why."""


def field_value(text: str) -> bytes:
    """A field's value as bytes. CR, LF and NUL would end the head early; other controls have no use."""
    if _CONTROL.search(text):
        raise Unwritable("A header field's value may have no CR, LF, NUL or other control character.")
    return text.strip(" \t").encode()


def field_name(text: str) -> bytes:
    """A field's name as bytes."""
    if not _TOKEN.fullmatch(text):
        raise Unwritable("A header field's name is made of letters, digits and - alone.")
    return text.encode()


def location(text: str) -> bytes:
    """An address for a Location field: what is not ASCII is percent-encoded."""
    field_value(text)
    return quote(text, safe="!#$%&'()*+,/:;=?@[]~").encode()


def cookie_value(text: str) -> str:
    """A cookie's value, in double quotes and with octal escapes where it has unusual characters."""
    if _CONTROL.search(text):
        raise Unwritable("A cookie's value may have no CR, LF, NUL or other control character.")
    quoted = len(text) > 1 and text.startswith('"') and text.endswith('"')
    if not _NOT_IN_COOKIE.search(text[1:-1] if quoted else text):
        return text  # quotes around the whole are allowed. RFC 6265 4.1.1
    escaped = "".join(
        chr(byte) if not _NOT_IN_COOKIE.search(chr(byte)) or byte == 0x20 else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{escaped}"'


def cookie_read(value: str) -> str:
    """What :func:`cookie_value` made, as it was."""
    if len(value) < 2 or not value.startswith('"') or not value.endswith('"'):
        return value
    raw = re.sub(
        r"\\([0-3][0-7]{2}|.)",
        lambda found: chr(int(found[1], 8)) if len(found[1]) == 3 else found[1],
        value[1:-1],
    )
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")

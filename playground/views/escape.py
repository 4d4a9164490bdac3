r"""Make a peer's bytes safe and short for a terminal.

A peer can send anything: escape sequences that retitle a window, C1 controls
that some terminals obey even in UTF-8, characters that turn the writing
direction round. Whatever is not plainly printable is shown as ``\x1b`` or
``\u202e``, in every view, whoever wrote it.
"""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len

_PLAIN = re.compile(r"[ -~]*")
"""Most of what is shown is ASCII: one match says that there is nothing to do."""
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters by Unicode's book, yet they look like nothing at all."""
_MASKS = re.compile(r"(#[0-9a-f]{4})\*+|\*{3,}")
_MARKS_IN_A_ROW = 3
"""More combining marks on one letter than any language stacks: they would paint over other lines."""


def _seen(character: str) -> str:
    """How one character that must not reach a terminal is written."""
    code = ord(character)
    short = {9: r"\t", 10: r"\n", 13: r"\r"}.get(code)
    if short is not None:
        return short
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escape(text: str | bytes) -> str:
    r"""``text`` with everything unprintable written out; the result never holds a control character.

    Bytes that are not UTF-8 become ``\xff``. A backslash stays as it is: this
    is for reading, not for parsing back.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if _PLAIN.fullmatch(text):
        return text
    shown: list[str] = []
    marks = 0
    for character in text:
        if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
            marks += 1
            shown.append(character if marks <= _MARKS_IN_A_ROW else _seen(character))
            continue
        marks = 0
        printable = character.isprintable() and character not in _BLANK
        shown.append(character if printable else _seen(character))
    return "".join(shown)


def collapse_masks(text: str) -> str:
    """Shorten what redaction kept at full length: ``#3f9c****`` to ``#3f9c``, ``*****`` to ``***``."""
    return _MASKS.sub(lambda match: match.group(1) or "***", text)


def cut(text: str, cells: int) -> str:
    """``text`` in at most that many terminal cells, its end replaced by ``…`` where it is longer."""
    if cells <= 0:
        return ""
    if cell_len(text) <= cells:
        return text
    kept: list[str] = []
    room = cells - 1
    for character in text:
        room -= cell_len(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…"


def pad(text: str, cells: int) -> str:
    """``text`` filled up with spaces to that many cells (never cut)."""
    return text + " " * (cells - cell_len(text))

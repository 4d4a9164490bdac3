"""How remembered values, times and sizes are put into words.

One wording for the log, the live lines, ``playground state`` and the filter
(which searches what a person can see). The words are not escaped here: they
may hold a peer's bytes, so every view escapes the finished line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from playground.journal.events import Json, Where

GONE_WITH: Final[Mapping[Where, str]] = {
    "carried": "in the request, gone with it",
    "connection": "gone with the socket",
    "session": "survives the hang-up",
    "shared": "kept for everybody",
}
"""What becomes of state, for each place where it can live."""

LONGEST = 400
"""Characters of one value in words; more is cut with ``…``."""


def value(of: Json, depth: int = 0) -> str:
    """One remembered value: ``none``, ``yes``, ``no``, text as it is, the rest in short."""
    if of is None:
        return "none"
    if isinstance(of, bool):
        return "yes" if of else "no"
    if isinstance(of, str):
        words = of or '""'
    elif isinstance(of, Mapping):
        words = facts(of, depth=depth + 1) if depth < 3 else "{…}"
    elif isinstance(of, list | tuple | set | frozenset):
        words = _several(of, depth)
    elif isinstance(of, float):
        words = f"{of:.3f}".rstrip("0").rstrip(".") if abs(of) < 1e15 else f"{of:g}"
    else:
        words = str(of)
    return _bounded(words)


def _several(items: Collection[Json], depth: int) -> str:
    if not items:
        return "none"
    if depth >= 3:
        return "[…]"
    few = [_quoted(value(item, depth + 1)) for item, _ in zip(items, range(8), strict=False)]
    return " ".join(few) + (f" … {len(items)} in all" if len(items) > 8 else "")


def _quoted(words: str) -> str:
    """One of several, which stand apart by spaces."""
    return f'"{words}"' if " " in words else words


def is_empty(of: Json) -> bool:
    """Whether a value is nothing to tell: null, no, zero, an empty text or collection."""
    return of is None or of is False or of == 0 or of == "" or of == {} or of == []


def facts(memory: Mapping[str, Json], only: Collection[str] | None = None, *, depth: int = 0) -> str:
    """What is remembered, such as ``user ada, authenticated, cwd /docs``; ``nothing`` when it is empty.

    Empty values are left out. ``only`` names the paths that matter (those that
    have changed); the rest stands at its default and is left out too.
    """
    told = ((name, of) for name, of in memory.items() if not is_empty(of) and (only is None or name in only))
    return _listed(told, depth)


def all_of(memory: Mapping[str, Json]) -> str:
    """The same with the empty values."""
    return _listed(memory.items())


def _listed(items: Iterable[tuple[str, Json]], depth: int = 0) -> str:
    told: list[str] = []
    for name, of in items:
        if of is True:
            told.append(name)
        elif isinstance(of, Mapping):
            told.append(f"{name} ({value(of, depth)})")
        else:
            told.append(f"{name} {value(of, depth)}")
    return _bounded(", ".join(told) or "nothing")


def _bounded(words: str) -> str:
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def change(before: Json, after: Json) -> str:
    """``/ → /docs``. What is only remembered when it holds goes ``no → yes`` too."""
    if after is True and before is None:
        before = False
    elif before is True and after is None:
        after = False
    return f"{value(before)} → {value(after)}"


def telling(changed: Mapping[str, tuple[Json, Json]]) -> dict[str, tuple[Json, Json]]:
    """The changes worth a line: not those from nothing to nothing (``none → 0``) of a new subject."""
    return {path: of for path, of in changed.items() if not (is_empty(of[0]) and is_empty(of[1]))}


def duration(seconds: float) -> str:
    """A length of time with one or two units: ``3 ms``, ``25 s``, ``4 min 10 s``, ``2 h 5 min``."""
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    if whole <= 90:
        return f"{whole} s"
    for unit, part, size in (("min", "s", 60), ("h", "min", 3600), ("d", "h", 86400)):
        if whole < size * (24 if unit == "h" else 60) or unit == "d":
            rest = whole % size // (size // (24 if unit == "d" else 60))
            return f"{whole // size} {unit}" + (f" {rest} {part}" if rest else "")
    raise AssertionError("days have no upper end")


def size(count: int) -> str:
    """Bytes: ``61 B``, ``4.0 kB``, ``1.2 MB`` (powers of 1000)."""
    if count < 1000:
        return f"{count} B"
    amount = count / 1000
    for unit in ("kB", "MB", "GB"):
        if amount < 999.95 or unit == "GB":
            return f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("gigabytes have no upper end")


def count(number: int, singular: str, plural: str | None = None) -> str:
    """``1 connection``, ``1,204 connections``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"

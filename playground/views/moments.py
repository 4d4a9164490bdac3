"""Moments for people: ``oil_until 14:05:31`` where the journal has seconds since 1970.

What a server remembers until a certain moment has a name that ends in
``_until``; the journal and the wire keep the number, so that they agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final

from playground.journal.events import Json

_NAMED: Final = "_until"
_LATEST: Final = 250_000_000_000
"""The year 9892: not much later, ``datetime`` ends."""


def clocked(memory: Mapping[str, Json], zone: tzinfo | None = None) -> Mapping[str, Json]:
    """``memory`` with each moment as a time of day in ``zone``, by default the machine's own."""
    if not any(name.endswith(_NAMED) for name in memory):
        return memory
    return {name: _clock(name, of, zone) for name, of in memory.items()}


def clocked_changes(
    changed: Mapping[str, tuple[Json, Json]], zone: tzinfo | None = None
) -> Mapping[str, tuple[Json, Json]]:
    """The same for changes: each has a value before and one after."""
    if not any(name.endswith(_NAMED) for name in changed):
        return changed
    return {name: (_clock(name, of[0], zone), _clock(name, of[1], zone)) for name, of in changed.items()}


def _clock(name: str, of: Json, zone: tzinfo | None) -> Json:
    is_moment = name.endswith(_NAMED) and isinstance(of, int | float) and 0 < of < _LATEST
    if not is_moment or isinstance(of, bool):
        return of
    return f"{datetime.fromtimestamp(of, UTC).astimezone(zone):%H:%M:%S}"

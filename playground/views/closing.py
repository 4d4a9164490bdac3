"""The table at the end of ``playground log``: per protocol, how much changed and where it was remembered."""

from __future__ import annotations

from typing import Final, get_args

from rich.text import Text

from playground.journal import wording
from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    Received,
    SessionEnd,
    SessionStart,
    State,
    Where,
)
from playground.views import hues
from playground.views.escape import cut, escape, pad

_ORDER: Final[tuple[Where, ...]] = ("carried", "connection", "session", "shared")
_HEAD: Final = ("connections", "changes", "held now", "remembered in")


class _Row:
    def __init__(self) -> None:
        self.connections = 0
        self.changes = 0
        self.held: dict[tuple[Where, str], int] = {}
        self.places: set[Where] = set()


class Closing:
    """Adds up events. Feed it all of a run, then ask for the lines."""

    def __init__(self) -> None:
        self._rows: dict[str, _Row] = {}

    def note(self, event: AnyEvent) -> None:
        """Count one event."""
        if event.protocol is None:
            return
        row = self._rows.get(event.protocol)
        if row is None:
            row = self._rows[event.protocol] = _Row()
        match event:
            case ConnectionOpen():
                # A data connection is part of its control connection, an upgraded one is not.
                if event.parent is None or event.parent.split("-")[0] != event.protocol:
                    row.connections += 1
            case Received() if event.carried:
                row.places.add("carried")
            case State():
                name = event.session or event.shared or event.conn or ""
                told = wording.telling(event.changed)
                row.changes += len(told)
                row.held[event.where, name] = event.held
                if event.held and (told or event.again):
                    row.places.add(event.where)
            case SessionStart():
                row.places.add("session")
            case SessionEnd():
                row.held.pop(("session", event.session), None)
            case ConnectionClose():
                row.held.pop(("connection", event.conn or ""), None)

    def lines(self, width: int = 80) -> list[Text]:
        """The table, without an empty line before it; no lines where no protocol did anything."""
        rows = {name: row for name, row in self._rows.items() if row.connections or row.places}
        if not rows:
            return []
        names = max(7, *(len(escape(name)) for name in rows))
        head = Text(" " * (names + 1) + "{}  {}  {}  {}".format(*_HEAD), hues.HEADING)
        lines = [head]
        for name, row in rows.items():
            held = wording.size(sum(row.held.values()))
            begin = f"{pad(escape(name), names)} {row.connections:>11,}  {row.changes:>7,}  {held:>8}  "
            for index, place in enumerate(self._places(row)):
                room = max(20, width - len(begin))
                lines.append(Text((begin if index == 0 else " " * len(begin)) + cut(place, room)))
        return lines

    @staticmethod
    def _places(row: _Row) -> list[str]:
        """Each place with its meaning, the shortest-lived first."""
        assert set(_ORDER) == set(get_args(Where))
        places = [f"{where}: {wording.GONE_WITH[where]}" for where in _ORDER if where in row.places]
        return places or ["nothing to remember"]

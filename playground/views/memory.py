"""``playground state`` and ``playground forget`` for people: the answers of the control socket as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.cells import cell_len
from rich.text import Text

from playground.journal import wording
from playground.views import hues
from playground.views.escape import cut, escape, pad
from playground.views.moments import clocked

Row = Mapping[str, Any]

_TITLES: Final = {
    "connections": "Connections (gone with the socket)",
    "sessions": "Sessions (kept under an id that the client brings back)",
    "shared": "Shared (kept for everybody)",
}


def state_lines(answer: Mapping[str, Any], width: int = 80) -> list[Text]:
    """What is remembered right now.

    ``answer`` has ``connections``, ``sessions`` and ``shared`` (lists of rows)
    and ``totals`` (server name to numbers); what is missing is taken as empty.
    ``width`` is in terminal cells, 60 at least.
    """
    width = max(width, 60)
    lines: list[Text] = []
    for part, title in _TITLES.items():
        rows = answer.get(part) or []
        if part == "connections" or rows:
            lines += [*([Text()] if lines else []), Text(title, hues.HEADING)]
        if rows:
            lines += _table([_cells(row) for row in rows], width)
        elif part == "connections":
            lines.append(Text("  none is open", hues.NOTE))
    totals = answer.get("totals") or {}
    if totals:
        lines += [Text(), Text("In all", hues.HEADING)]
        lines += _table([_total(name, row) for name, row in totals.items()], width)
    return lines


def _cells(row: Row) -> tuple[str, str, str, str]:
    """Name, where from or how long, what is remembered, bytes."""
    name = str(row.get("conn") or row.get("session") or row.get("shared") or row.get("protocol") or "?")
    about: list[str] = []
    if row.get("client"):
        about.append(str(row["client"]))
    if isinstance(age := row.get("age"), int | float):
        about.append(wording.duration(age))
    if isinstance(left := row.get("expires_in"), int | float):
        about.append(f"{wording.duration(left)} left")
    facts = _facts(row.get("remembers"))
    held = row.get("held")
    size = wording.size(held) if isinstance(held, int) else ""
    return name, "  ".join(about), "remembers nothing" if facts == "nothing" else facts, size


def _facts(memory: object) -> str:
    if not isinstance(memory, Mapping):
        return "nothing"
    memory = clocked(memory)
    # A memory whose values are all zero or empty is still something that is held.
    return (
        wording.facts(memory) if wording.facts(memory) != "nothing" or not memory else wording.all_of(memory)
    )


def _total(name: str, row: Row) -> tuple[str, str, str, str]:
    remembered = row.get("remembers")
    said = (
        f"{remembered:,} remembered" if isinstance(remembered, int) and remembered else "nothing remembered"
    )
    connections = row.get("connections")
    return (
        name,
        wording.count(connections, "connection") if isinstance(connections, int) else "",
        said,
        wording.size(held) if isinstance(held := row.get("held"), int) else "",
    )


def _table(rows: Sequence[tuple[str, str, str, str]], width: int) -> list[Text]:
    """Rows in columns; the third one takes what room there is, the last one stands at the right."""
    shown = [[escape(cell) for cell in row] for row in rows]
    names, abouts, facts, sizes = (max(cell_len(row[column]) for row in shown) for column in range(4))
    names, sizes = min(names, 20), min(sizes, 9)
    abouts = min(abouts, 34, width - names - sizes - 20)
    facts = min(facts, width - names - abouts - sizes - 8)
    lines: list[Text] = []
    for name, about, memory, size in shown:
        line = Text("  " + pad(cut(name, names), names + 2), no_wrap=True)
        if abouts:
            line.append(pad(cut(about, abouts), abouts + 2), hues.NOTE)
        style = hues.NOTE if memory.startswith(("remembers nothing", "nothing remembered")) else hues.CHANGE
        line.append(pad(cut(memory, facts), facts + 2), style)
        line.append(" " * (sizes - cell_len(size)) + cut(size, sizes))
        lines.append(line)
    return lines


def forget_lines(answer: Mapping[str, Any], width: int = 80) -> list[Text]:
    """What ``playground forget`` has dropped. ``answer`` has ``forgot``, a list of rows."""
    rows: list[tuple[str, str, str]] = []
    for row in answer.get("forgot") or []:
        facts = _facts(row.get("forgot"))
        if facts != "nothing":
            name = str(
                row.get("conn") or row.get("session") or row.get("shared") or row.get("protocol") or "?"
            )
            rows.append((escape(str(row.get("where") or "")), escape(name), escape(facts)))
    names = min(20, max([10, *(cell_len(name) for _, name, _ in rows)]))
    lines: list[Text] = []
    for where, name, facts in rows:
        begin = f"{pad(cut(where, 10), 10)}  {pad(cut(name, names), names)}  "
        line = Text(begin, no_wrap=True)
        line.append(cut(facts, width - cell_len(begin)), hues.CHANGE)
        lines.append(line)
    if not lines:
        return [Text("There was nothing to forget.")]
    return [Text("Forgotten (the connections stay open):", hues.HEADING), *lines]

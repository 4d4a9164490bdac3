"""Draw the states of an HTTP connection and the ways between them, from the table that the server goes by.

Other machines are drawn in a row (``state_picture.py``). Here two states can be reached from nearly all
others: they are bars above and below the row, and what leads to them is drawn upwards and downwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

from playground.servers.http.states import TABLE, Input, State

WIDTH, HEIGHT = 1230, 470
LINE = 17
"""From one line of a label to the next."""


class Box(NamedTuple):
    """Where a state is drawn: its middle, and its size."""

    x: float
    y: float
    width: float = 112
    height: float = 46

    @property
    def left(self) -> float:
        """Its left edge."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height / 2


BOXES: Mapping[State, Box] = {
    State.IDLE: Box(210, 240),
    State.HEAD: Box(460, 240),
    State.BODY: Box(710, 240),
    State.RESPONDING: Box(960, 240),
    State.UPGRADED: Box(1160, 240),
    # What everything can come to is as wide as everything.
    State.MUST_CLOSE: Box(585, 40, 880),
    State.CLOSED: Box(1160, 40),
    State.HALF_CLOSED: Box(585, 430, 880),
}
BARS = (State.MUST_CLOSE, State.HALF_CLOSED)


class Way(NamedTuple):
    """What leads from one state to another."""

    before: State
    after: State
    inputs: tuple[Input, ...]


def ways() -> Iterator[Way]:
    """All of them, but for the loss of the socket, which leads from everywhere to the end."""
    for before, row in TABLE.items():
        for after in dict.fromkeys(row.values()):
            inputs = tuple(what for what, to in row.items() if to is after and what is not Input.LOST)
            if inputs:
                yield Way(before, after, inputs)


def picture() -> str:
    """The picture as SVG that stands in a page of HTML."""
    parts = [
        f'<svg class="http-states" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="States of an HTTP connection" '
        'style="width:100%;height:auto;font:13px sans-serif" fill="none" stroke="currentColor">',
        "<style>.http-states text { fill: currentColor; stroke: none }</style>",
        '<defs><marker id="http-end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0 8 4 0 8z" fill="currentColor" stroke="none"/></marker></defs>',
    ]
    parts += [drawn(way) for way in ways() if way.before is not way.after]
    parts += [box(state) for state in State]
    last, end = BOXES[State.MUST_CLOSE], BOXES[State.CLOSED]
    parts.append(arrow(f"M{last.right} {last.y}H{end.left}", (last.right + end.left) / 2, 28, ["lost"]))
    parts.append("</svg>")
    return "\n".join(parts)


def box(state: State) -> str:
    """A state, with the inputs after which it stays what it is."""
    place = BOXES[state]
    stays = [what for way in ways() if way.before is way.after is state for what in way.inputs]
    said = [f"stays at: {', '.join(stays)}"] if stays else []
    return (
        f'<rect x="{place.left}" y="{place.top}" width="{place.width}" height="{place.height}" rx="8" '
        'stroke-width="1.5"/>'
        + text(place.x, place.y - LINE / 2 * len(said), [state], bold=True)
        + text(place.x, place.y + LINE / 2, said)
    )


def drawn(way: Way) -> str:
    """An arrow with what leads along it."""
    before, after = BOXES[way.before], BOXES[way.after]
    words = list(way.inputs)
    if way.before in BARS and way.after in BARS:
        return arrow(
            f"M{before.left} {before.y}H40V{after.y}H{after.left}",
            48,
            before.y - 75,
            words,
            "start",
        )
    if way.before in BARS:
        return arrow(
            f"M{before.right} {before.y}H{after.x}V{after.bottom}", after.x - 70, before.y - 10, words
        )
    if way.after in BARS:
        up = after.y < before.y
        edge, start = (after.bottom, before.top) if up else (after.top, before.bottom)
        shift = 10 if up else 30
        x, along = before.x + shift, 0.5 if up else 0.7
        return arrow(f"M{x} {start}V{edge}", x + 8, start + along * (edge - start), words, "start")
    if 0 < after.left - before.right < 150:
        middle = (before.right + after.left) / 2
        return arrow(f"M{before.right} {before.y}H{after.left}", middle, before.y - 12, words)
    # Over what is between them, or back beneath it.
    forward = after.x > before.x
    start, far = (before.top, before.top - 60) if forward else (before.bottom, before.bottom + 60)
    x, end = before.x - 25, after.x - 25
    path = f"M{x} {start}C{x} {far} {end} {far} {end} {start}"
    return arrow(path, (x + end) / 2, far + (6 if forward else -6), words)


def arrow(path: str, x: float, y: float, words: Sequence[str], anchor: str = "middle") -> str:
    """A line with a point at its end, and words beside it."""
    return f'<path d="{path}" marker-end="url(#http-end)" opacity=".75"/>' + text(x, y, words, anchor)


def text(x: float, y: float, lines: Sequence[str], anchor: str = "middle", *, bold: bool = False) -> str:
    """Lines of text around a point."""
    top = y - LINE * (len(lines) - 1) / 2 + 4
    weight = ' font-weight="bold" font-size="15"' if bold else ""
    return "".join(
        f'<text x="{x}" y="{top + LINE * number}" text-anchor="{anchor}"{weight}>{escape(line)}</text>'
        for number, line in enumerate(lines)
    )

"""Draw a state machine from its table, in SVG, with nothing but Python.

States stand in a row, in the given order. What leads to the right is an arc
above them, what leads to the left an arc below; inputs that lead to the same
state from three states or more are told in words beneath.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

CHARACTER, LINE = 6.7, 14
"""Width of a character and height of a line of a label, in pixels."""
BOX, GAP, EDGE = 40, 76, 24
"""Height of a state, distance between two, room around them."""
MANY = 3
"""From so many states an input is told in words, where nobody asks for another number."""


class Arrow(NamedTuple):
    """``input`` leads from one state to another, or to the same."""

    before: str
    input: str
    after: str


@dataclass
class Arc:
    """All arrows between two states."""

    first: int
    last: int
    """Positions of the leftmost and the rightmost of the two."""
    inputs: list[str]
    forward: bool
    level: int = 0
    left: float = 0.0
    right: float = 0.0
    lines: Sequence[str] = ()

    @property
    def span(self) -> int:
        """States from one end to the other."""
        return self.last - self.first


def picture(name: str, states: Sequence[str], arrows: Iterable[Arrow], many: int = MANY) -> str:
    """An ``<svg>`` element, and the sentences beneath it; no empty line in it, so that Markdown takes it."""
    few, sentences = told_in_words(list(arrows), many)
    row = Row(states, few)
    drawn = "\n".join(row.drawn())
    beneath = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return (
        f'<div class="state-picture">\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {row.width:.0f} {row.height:.0f}" '
        f'style="max-width: {row.width:.0f}px; width: 100%; font: 12px monospace" '
        f'fill="currentColor" stroke="none">\n'
        f"<title>{escape(name)}: {escape(', '.join(states))}</title>\n{drawn}\n</svg>\n"
        + (f"<ul>{beneath}</ul>\n" if beneath else "")
        + "</div>"
    )


def told_in_words(arrows: Sequence[Arrow], many: int = MANY) -> tuple[list[Arrow], list[str]]:
    """The arrows that are drawn, and sentences for those that would hide them."""
    sources: dict[tuple[str, str], list[str]] = {}
    for arrow in arrows:
        if arrow.before != arrow.after:
            sources.setdefault((arrow.input, arrow.after), []).append(arrow.before)
    together: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for (name, after), befores in sources.items():
        if len(befores) >= many:
            together.setdefault((tuple(befores), after), []).append(name)
    told = {(name, after) for (_, after), names in together.items() for name in names}
    few = [arrow for arrow in arrows if (arrow.input, arrow.after) not in told or arrow.before == arrow.after]
    sentences = [
        f"from {', '.join(befores)} to {after}: {', '.join(names)}"
        for (befores, after), names in together.items()
    ]
    return few, sentences


class Row:
    """Where everything stands."""

    def __init__(self, states: Sequence[str], arrows: Sequence[Arrow]) -> None:
        at = {state: number for number, state in enumerate(states)}
        self._states = states
        self._loops: dict[str, list[str]] = {}
        arcs: dict[tuple[int, int], Arc] = {}
        for before, name, after in arrows:
            if before == after:
                self._loops.setdefault(before, []).append(name)
                continue
            ends = (at[before], at[after])
            arc = arcs.setdefault(ends, Arc(min(ends), max(ends), [], forward=ends[0] < ends[1]))
            arc.inputs.append(name)
        self._arcs = sorted(arcs.values(), key=lambda arc: (arc.span, arc.first))
        self._place_states()
        self._place_ends()
        for forward in (True, False):
            self._choose_levels([arc for arc in self._arcs if arc.forward == forward])
        self._above, self._below = self._heights(True), self._heights(False)
        self._top = EDGE + (self._above[-1] if self._above else 0)
        self.height = self._top + BOX + (self._below[-1] if self._below else 0) + EDGE

    def _place_states(self) -> None:
        x = float(EDGE + GAP / 2)
        self._boxes: list[tuple[float, float]] = []
        for state in self._states:
            words = [state, *(f"↻ {name}" for name in self._loops.get(state, ()))]
            width = max(70.0, max(map(len, words)) * CHARACTER + 20)
            self._boxes.append((x, width))
            x += width + GAP
        self.width = x - GAP + EDGE

    def _place_ends(self) -> None:
        """Along a state's edge: first what comes from the left, the outermost last, then what goes right."""
        for number, (x, width) in enumerate(self._boxes):
            for forward in (True, False):
                arcs = [arc for arc in self._arcs if arc.forward == forward]
                to_left = sorted((arc for arc in arcs if arc.last == number), key=lambda arc: arc.span)
                to_right = sorted((arc for arc in arcs if arc.first == number), key=lambda arc: -arc.span)
                step = width / (len(to_left) + len(to_right) + 1)
                for place, arc in enumerate([*to_left, *to_right], 1):
                    if arc.last == number:
                        arc.right = x + step * place
                    else:
                        arc.left = x + step * place

    def _choose_levels(self, arcs: Sequence[Arc]) -> None:
        for number, arc in enumerate(arcs):
            beneath = [
                other.level for other in arcs[:number] if other.left < arc.right and arc.left < other.right
            ]
            arc.level = max(beneath, default=0) + 1
            room = max(12, int((arc.right - arc.left - 8) / CHARACTER))
            arc.lines = textwrap.wrap(
                ", ".join(arc.inputs), room, break_on_hyphens=False, break_long_words=False
            )

    def _heights(self, forward: bool) -> list[float]:
        """How far each level is from the states' edge."""
        heights: list[float] = []
        arcs = [arc for arc in self._arcs if arc.forward == forward]
        for level in range(1, max((arc.level for arc in arcs), default=0) + 1):
            lines = max(len(arc.lines) for arc in arcs if arc.level == level)
            heights.append((heights[-1] if heights else 0) + lines * LINE + 14)
        return heights

    def drawn(self) -> Iterator[str]:
        """The SVG's elements."""
        start = self._boxes[0][0]
        middle = self._top + BOX / 2
        yield f'<circle cx="{start - 24:.1f}" cy="{middle:.1f}" r="4"/>'
        yield _line(f"M{start - 24:.1f} {middle:.1f}H{start - 7:.1f}")
        yield _head(start, middle, 7, 0)
        for state, (x, width) in zip(self._states, self._boxes, strict=True):
            yield (
                f'<rect x="{x:.1f}" y="{self._top:.1f}" width="{width:.1f}" height="{BOX}" rx="6" '
                f'fill="none" stroke="currentColor" stroke-width="1.5"/>'
            )
            loops = self._loops.get(state, [])
            words = [f'<tspan font-weight="bold">{escape(state)}</tspan>', *(f"↻ {escape(n)}" for n in loops)]
            first = middle + 4 - (len(words) - 1) * LINE / 2
            for number, word in enumerate(words):
                yield _text(x + width / 2, first + number * LINE, word)
        drawn = [self._arc_drawn(arc) for arc in self._arcs]
        for lines, _ in drawn:
            yield from lines
        for _, words in drawn:
            yield from words  # upon all lines

    def _arc_drawn(self, arc: Arc) -> tuple[list[str], list[str]]:
        """Its lines and its words."""
        edge = self._top if arc.forward else self._top + BOX
        up = -1 if arc.forward else 1
        height = (self._above if arc.forward else self._below)[arc.level - 1] - len(arc.lines) * LINE
        y = edge + up * height
        start, end = (arc.left, arc.right) if arc.forward else (arc.right, arc.left)
        turn = 6 if arc.forward else -6
        path = (
            f"M{start:.1f} {edge:.1f}V{y - up * 6:.1f}Q{start:.1f} {y:.1f} {start + turn:.1f} {y:.1f}"
            f"H{end - turn:.1f}Q{end:.1f} {y:.1f} {end:.1f} {y - up * 6:.1f}V{edge + up * 7:.1f}"
        )
        above = y - 4 - (len(arc.lines) - 1) * LINE if arc.forward else y + LINE - 2
        words = [
            _text((arc.left + arc.right) / 2, above + number * LINE, escape(line))
            for number, line in enumerate(arc.lines)
        ]
        return [_line(path), _head(end, edge, 0, up * 7)], words


def _line(path: str) -> str:
    return f'<path d="{path}" fill="none" stroke="currentColor"/>'


def _head(x: float, y: float, back_x: float, back_y: float) -> str:
    """An arrow's head with its point there; ``back`` is how far it reaches to where the arrow comes from."""
    if back_x:
        return f'<path d="M{x:.1f} {y:.1f}l{-back_x} -3.5v7z"/>'
    return f'<path d="M{x:.1f} {y:.1f}l-3.5 {back_y}h7z"/>'


def _text(x: float, y: float, text: str) -> str:
    behind = 'stroke="var(--color-background-primary, #fff)" stroke-width="4" paint-order="stroke"'
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" {behind}>{text}</text>'

"""Regular expressions that somebody else typed, kept from running for hours.

Python's ``re`` backtracks and cannot be told to stop, and the same filter may
arrive from a page. So the pattern is looked at before it is used: what can
multiply its work (a repeated group that is itself variable, many variable
pieces) is refused with a reason, and only the beginning of a text is searched.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LONGEST_PATTERN = 200
"""Characters."""
LONGEST_TEXT = 4000
"""Characters that are searched, from the start."""
MOST_UNBOUNDED = 2
"""Pieces such as ``.*``: each multiplies the worst case by the length of the text."""
LONGEST_TEXT_FOR_MOST = 1000
"""Characters that are searched with that many: the worst case is about a second."""
MOST_OPTIONAL = 10
"""Pieces such as ``a?`` or ``|``: each doubles the worst case."""

_PIECE = re.compile(
    r"""
      \\.                                             # an escaped character
    | \[\^?\]?(?:\\.|[^\]\\])*\]                      # a class: [^]a-z]
    | (?P<open>\((?:\?(?:P?<[\w]+>|[:=!]|<[=!]|[a-zA-Z-]+:))?)
    | (?P<close>\))
    | (?P<branch>\|)
    | (?P<repeat>(?:[*+?]|\{\d*(?:,\d*)?\})[?+]?)
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


class FilterError(ValueError):
    """A filter that cannot be used. Its text is for the person who typed it."""


def bounded_search(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether the pattern is found in a text, in any case, in bounded time.

    Raises :class:`FilterError` for a pattern that is wrong, too long or too costly.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise FilterError(f"the regular expression is longer than {LONGEST_PATTERN} characters")
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise FilterError(f"/{pattern}/ is not a regular expression: {error}") from None
    longest = LONGEST_TEXT_FOR_MOST if _unbounded_pieces(pattern) == MOST_UNBOUNDED else LONGEST_TEXT
    return lambda text: compiled.search(text[:longest]) is not None


def _unbounded_pieces(pattern: str) -> int:
    """How many there are; refuses what could take more than polynomial time of a low degree."""
    unbounded = optional = 0
    variable = [False]  # for each open group: does it hold a repeat or a branch?
    closed: bool | None = None  # the group that ended right before this piece: was it variable?
    for piece in _PIECE.finditer(pattern):
        was_closed, closed = closed, None
        repeat = piece["repeat"]
        if piece["open"]:
            variable.append(False)
        elif piece["close"]:
            closed = variable.pop() if len(variable) > 1 else None
            variable[-1] = variable[-1] or bool(closed)
        elif piece["branch"]:
            optional += 1
            variable[-1] = True
        elif repeat:
            if was_closed and repeat[0] != "?":
                raise FilterError(
                    f"/{pattern}/ repeats a group that varies in itself; that could take for ever"
                )
            if repeat[0] == "?":
                optional += 1
            elif not re.fullmatch(r"\{\d+\}[?+]?", repeat):
                unbounded += 1
            variable[-1] = True
    if unbounded > MOST_UNBOUNDED or optional > MOST_OPTIONAL:
        raise FilterError(
            f"/{pattern}/ has too many variable pieces"
            f" (at most {MOST_UNBOUNDED} like .* and {MOST_OPTIONAL} like a? or a|b)"
        )
    return unbounded

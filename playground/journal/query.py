"""The filter grammar that log, page, watch and export share.

It is made of words that need no quoting in a shell::

    playground log protocol:ftp changed
    playground log conn:ftp-3 not from:server
    playground log /CWD|PWD/ or refused

=================  =======================================================
``word``           that text is visible somewhere in the event, in any case
``"two words"``    the same for a text with spaces, or for a word of the grammar
``/regex/``        a regular expression finds something in the visible text
``protocol:ftp``   of that server
``conn:ftp-3``     of that connection, its data connections, and what it changed elsewhere
``event:state``    of that kind; ``event:connection`` means open and close
``where:session``  state that lives there
``session:NAME``   about that session (``ada`` finds ``game/ada``)
``shared:NAME``    about that shared thing (``table`` finds ``game/table``)
``from:client``    bytes that the client sent; also ``from:server``
``changed``        something remembered has changed
``refused``        an input that the state or a rule did not allow
=================  =======================================================

Terms side by side must all hold (``and`` may stand between them), ``or`` has
the lowest rank, ``not`` turns the one term after it. There are no parentheses:
they do not survive a shell.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple, get_args

from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    Forgotten,
    Partial,
    Received,
    Refused,
    Sent,
    State,
    Where,
)
from playground.journal.regex import FilterError, bounded_search
from playground.journal.visible import visible_text

__all__ = ["FilterError", "Predicate", "parse_filter"]

Predicate = Callable[[AnyEvent], bool]

LONGEST_FILTER = 1000
"""Characters. A filter also arrives from a page; nobody types more."""
MOST_TERMS = 64
_REMEMBERED_CAUSES = 1024

_KINDS: Final = tuple(str(kind.__struct_config__.tag) for kind in get_args(AnyEvent))
_WHERES: Final = get_args(Where)

_TOKEN = re.compile(
    r"""\s*(?:
        "(?P<quoted>[^"]*)"(?=\s|$)
      | /(?P<regex>(?:\\.|[^/\\])+)/(?=\s|$)
      | (?P<word>\S+)
    )""",
    re.VERBOSE,
)


class _Token(NamedTuple):
    text: str
    kind: str
    """``word``, ``quoted`` or ``regex``."""


def parse_filter(words: Sequence[str]) -> Predicate:
    """Build the test for a filter, given as the arguments that a shell hands over (or one string in a list).

    The test is to be called with every event in order, for it remembers which
    connections belong together. Without words it lets everything pass.
    Raises :class:`FilterError` with a text for a person.
    """
    tokens = _tokens(" ".join(words))
    if not tokens:
        return lambda event: True
    watchers: list[_Related] = []
    any_of = [_all_of(part, watchers) for part in _split_at_or(tokens)]

    def matches(event: AnyEvent) -> bool:
        for watcher in watchers:
            watcher.watch(event)
        return any(test(event) for test in any_of)

    return matches


def _tokens(source: str) -> list[_Token]:
    if len(source) > LONGEST_FILTER:
        raise FilterError(f"the filter is longer than {LONGEST_FILTER} characters")
    tokens: list[_Token] = []
    position = 0
    source = source.strip()
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:  # pragma: no cover - \S+ matches whatever is left
            raise FilterError(f"not understood: {source[position:]}")
        kind = match.lastgroup or "word"
        tokens.append(_Token(match.group(kind), kind))
        position = match.end()
    if len(tokens) > MOST_TERMS:
        raise FilterError(f"the filter has more than {MOST_TERMS} terms")
    return tokens


def _split_at_or(tokens: Sequence[_Token]) -> list[list[_Token]]:
    parts: list[list[_Token]] = [[]]
    for token in tokens:
        if token == ("or", "word"):
            parts.append([])
        else:
            parts[-1].append(token)
    if not all(parts):
        raise FilterError('"or" needs a term on both sides, such as: changed or refused')
    return parts


def _all_of(tokens: Sequence[_Token], watchers: list[_Related]) -> Predicate:
    tests: list[Predicate] = []
    negate = False
    dangling: str | None = "and"
    for token in tokens:
        if token == ("not", "word"):
            negate, dangling = not negate, "not"
            continue
        if token == ("and", "word"):
            if dangling is not None:
                break
            dangling = "and"
            continue
        test = _term(token, watchers)
        tests.append(_negated(test) if negate else test)
        negate, dangling = False, None
    if dangling is not None:
        raise FilterError(f'"{dangling}" needs a term after it, such as: {dangling} changed')
    return lambda event: all(test(event) for test in tests)


def _negated(test: Predicate) -> Predicate:
    return lambda event: not test(event)


def _term(token: _Token, watchers: list[_Related]) -> Predicate:
    if token.kind == "regex":
        search = bounded_search(token.text.replace(r"\/", "/"))
        return lambda event: search(visible_text(event))
    if token.kind == "quoted":
        return _contains(token.text)
    if token.text == "changed":
        return lambda event: isinstance(event, State) and bool(event.changed) and not event.again
    if token.text == "refused":
        return lambda event: isinstance(event, Refused)
    key, colon, name = token.text.partition(":")
    if not colon:
        return _contains(token.text)
    if key == "conn":
        related = _Related(_needed(key, name))
        watchers.append(related)
        return related.matches
    keyed = _KEYS.get(key)
    if keyed is not None:
        return keyed(_needed(key, name))
    near = get_close_matches(key, [*_KEYS, "conn"], n=1, cutoff=0.75)
    if near and name:
        raise FilterError(f'"{key}:" is not known; did you mean {near[0]}:{name}? (In quotes it is a text.)')
    return _contains(token.text)


def _needed(key: str, name: str) -> str:
    if not name:
        raise FilterError(f'"{key}:" needs a value right after it, such as {_EXAMPLES[key]}')
    return name


_EXAMPLES = {
    "protocol": "protocol:ftp",
    "conn": "conn:ftp-3",
    "event": "event:state",
    "where": "where:session",
    "session": "session:game/ada",
    "shared": "shared:game/table",
    "from": "from:client",
}


def _contains(text: str) -> Predicate:
    wanted = text.casefold()
    return lambda event: wanted in visible_text(event).casefold()


def _protocol(name: str) -> Predicate:
    wanted = name.casefold()
    return lambda event: event.protocol is not None and event.protocol.casefold() == wanted


def _event(name: str) -> Predicate:
    kinds = {kind for kind in _KINDS if kind == name or kind.startswith(name + ".")}
    if not kinds:
        raise FilterError(f'there is no event "{name}"; there are: {", ".join(_KINDS)}')
    return lambda event: event.__struct_config__.tag in kinds


def _where(name: str) -> Predicate:
    if name not in _WHERES:
        raise FilterError(f'state does not live in "{name}", but in: {", ".join(_WHERES)}')
    if name == "carried":
        return lambda event: isinstance(event, Received) and bool(event.carried)
    return lambda event: isinstance(event, State | Forgotten) and event.where == name


def _sender(name: str) -> Predicate:
    if name == "client":
        return lambda event: isinstance(event, Received | Partial)
    if name == "server":
        return lambda event: isinstance(event, Sent)
    raise FilterError(f'bytes come from:client or from:server, not from "{name}"')


def _subject(attribute: str) -> Callable[[str], Predicate]:
    def named(name: str) -> Predicate:
        wanted = name.casefold()

        def test(event: AnyEvent) -> bool:
            full = getattr(event, attribute, None)
            if full is None:
                return False
            full = full.casefold()
            return bool(full == wanted or full.endswith("/" + wanted))

        return test

    return named


_KEYS: Final[Mapping[str, Callable[[str], Predicate]]] = {
    "protocol": _protocol,
    "event": _event,
    "where": _where,
    "from": _sender,
    "session": _subject("session"),
    "shared": _subject("shared"),
}


class _Related:
    """A connection and what belongs to it: its data connections, the state elsewhere that it caused."""

    def __init__(self, conn: str) -> None:
        self._wanted = conn.casefold()
        self._children: set[str] = set()
        self._causes: deque[int] = deque(maxlen=_REMEMBERED_CAUSES)
        self._closing: str | None = None

    def watch(self, event: AnyEvent) -> None:
        """See every event, also those that another term has already decided."""
        if self._closing is not None:
            self._children.discard(self._closing)
            self._closing = None
        if event.conn is None:
            return
        if isinstance(event, ConnectionOpen) and event.parent and event.parent.casefold() == self._wanted:
            self._children.add(event.conn)
        elif isinstance(event, ConnectionClose) and event.conn in self._children:
            self._closing = event.conn  # this last event still belongs to it
        elif isinstance(event, Received) and self._is_member(event.conn):
            self._causes.append(event.seq)

    def _is_member(self, conn: str) -> bool:
        name = conn.casefold()
        return name == self._wanted or name.startswith(self._wanted + ".") or conn in self._children

    def matches(self, event: AnyEvent) -> bool:
        if event.conn is not None:
            return self._is_member(event.conn)
        return event.cause is not None and event.cause in self._causes

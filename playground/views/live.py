"""What ``playground up`` shows on a terminal: one line an exchange, and never more than a person can read.

::

    14:03:20  ftp-1   CWD docs → 250               cwd / → /docs
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from playground.journal import wording
from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    Dropped,
    Forgotten,
    Json,
    LimitHit,
    Partial,
    Received,
    Refused,
    Sent,
    SessionEnd,
    State,
    Trouble,
)
from playground.views import hues
from playground.views.escape import cut, escape, pad
from playground.views.lines import PAUSE
from playground.views.message_text import answer_code, begins_http, tell
from playground.views.moments import clocked, clocked_changes

LINES_PER_SECOND: Final = 20
"""More exchanges than that in a second are counted, not shown."""
CONN_CELLS: Final = 8
EXCHANGE_CELLS: Final = 29
_PENDING: Final = 1000
_INTERIM: Final = "HTTP/1.1 100 "
"""Begins what a client is told before its body: not yet the answer."""
_CONTROL_FRAMES: Final = ("ping", "pong", "close")


_Line = tuple[str, Callable[[], Text]]
"""What a line counts as when it is not shown, and how to make it: most lines of a flood are never made."""


class _Exchange:
    def __init__(self, event: Received, is_head: bool) -> None:
        self.event = event
        self.is_head = is_head
        self.conn = event.conn or ""
        self.seqs = [event.seq]
        self.news: list[str] = []
        self.refused: str | None = None
        self.taken: Sent | None = None
        """The answer, where it says only that the message was taken, and more may follow."""

    @property
    def text(self) -> str:
        told = tell(self.event)
        if self.event.frame in _CONTROL_FRAMES:
            return _frame(self.event)
        return told.text.rsplit(" HTTP/", 1)[0] if told.is_head else told.text or told.note

    def is_taken_by(self, answer: Sent) -> bool:
        """Whether ``answer`` repeats what was said, as ``= go`` does, and tells nothing that came of it."""
        said = (answer.data or "").rstrip()
        return said.startswith("= ") and self.text.lower().endswith(said[2:].lower())


@dataclass
class _Alike:
    """Sessions whose memory has changed alike at once, as when all share a find."""

    event: State
    name: str
    """Of the first; there are so many ``more``."""
    news: str
    more: int = 0


class LiveView:
    """Made of events in batches; whoever owns the clock hands them over about ten times a second.

    ``zone`` is the time zone (default: the machine's own), ``most`` the number
    of lines in a second.
    """

    def __init__(self, *, zone: tzinfo | None = None, most: int = LINES_PER_SECOND) -> None:
        self._width = 80
        self._zone = zone
        self._most = most
        self._conn_cells = CONN_CELLS
        """For the longest name so far: what stands behind it stays in its column."""
        self._second = 0
        self._shown = 0
        self._hidden: Counter[str] = Counter()
        self._pending: OrderedDict[int, _Exchange] = OrderedDict()
        self._newest: OrderedDict[str, int] = OrderedDict()
        """Connection to the ``seq`` of its newest unanswered message."""
        self._remembers: OrderedDict[str, bool] = OrderedDict()
        """Whether anything is remembered for a connection."""
        self._sessions: OrderedDict[str, str] = OrderedDict()
        """Connection to the session that is its own: the first that it has changed."""
        self._files: OrderedDict[str, None] = OrderedDict()
        """Connections that carry files for another one of their protocol; nothing is asked there."""
        self._taken: _Exchange | None = None
        """An exchange whose message was taken; what came of it may be the next event."""
        self._alike: _Alike | None = None

    @property
    def owes(self) -> bool:
        """Whether something was only counted so far: call :meth:`finish` when the second is over."""
        return bool(self._hidden)

    def lines(self, events: Iterable[AnyEvent], width: int = 80) -> list[Text]:
        """The lines for a batch of events, each at most ``width`` cells (50 at least)."""
        self._width = max(width, 50)
        lines: list[Text] = []
        for event in events:
            lines += self._made(self._due_before(event))
            second = int(event.time.timestamp())
            if second != self._second:
                lines += self.finish()
                self._second, self._shown = second, 0
            lines += self._made(self._told(event))
        return lines + self._made([*self._give_out(), *self._give_out_alike()])

    def _due_before(self, event: AnyEvent) -> list[_Line]:
        """What was held back, and what ``event`` does not belong to."""
        due: list[_Line] = []
        taken, alike = self._taken, self._alike
        if taken is not None and not isinstance(event, Sent) and event.cause not in taken.seqs:
            due += self._give_out()
        if alike is not None and not (isinstance(event, State) and event.time - alike.event.time < PAUSE):
            due += self._give_out_alike()
        return due

    def _made(self, told: list[_Line]) -> list[Text]:
        """As many of these lines as there is room for in this second; the rest is counted."""
        lines: list[Text] = []
        for kind, make in told:
            if self._shown < self._most:
                self._shown += 1
                lines.append(make())
            else:
                self._hidden[kind] += 1
        return lines

    def finish(self) -> list[Text]:
        """How many were only counted, one line for each kind."""
        hidden, self._hidden = self._hidden, Counter()
        if not hidden:
            return []
        time = self._clock(datetime.fromtimestamp(self._second, UTC))
        return [
            Text(f"{time}  … {count:,} more {escape(kind)} in this second", hues.NOTE)
            for kind, count in hidden.most_common()
        ]

    # Events to exchanges.

    def _told(self, event: AnyEvent) -> list[_Line]:
        match event:
            case Partial():
                return []
            case ConnectionOpen(conn=str(conn), parent=str(parent)) if parent.split("-")[0] == event.protocol:
                self._files[conn] = None
                return []
            case Received() | Sent() if event.conn in self._files:
                return []
            case Received():
                return self._received(event)
            case Sent():
                return self._sent(event)
            case State():
                return self._state(event)
            case Refused():
                exchange = self._pending.get(event.cause or 0)
                if exchange is None:
                    return [self._event_line(event, "refused", escape(event.text), hues.WRONG)]
                exchange.refused = event.text
                return []
            case ConnectionClose():
                return self._closed(event)
            case SessionEnd():
                for conn in [conn for conn, own in self._sessions.items() if own == event.session]:
                    del self._sessions[conn]
                text = f"session {event.session} {event.reason}"
                return [self._event_line(event, escape(text), f"forgot {escape(self._facts(event.forgot))}")]
            case Forgotten():
                name = event.session or event.shared or event.where
                forgot = escape(self._facts(event.forgot))
                return [self._event_line(event, f"forget {escape(name)}", f"forgot {forgot}", hues.CHANGE)]
            case LimitHit():
                return [
                    self._event_line(event, f"limit {escape(event.limit)}", escape(event.text), hues.WRONG)
                ]
            case Trouble():
                return [self._event_line(event, "trouble", escape(event.text), hues.WRONG)]
            case Dropped():
                text = f"{wording.count(event.count, 'event')} not shown"
                return [self._event_line(event, text, escape(event.reason), hues.WRONG)]
            case _:
                return []

    def _received(self, event: Received) -> list[_Line]:
        conn = event.conn or ""
        is_head = begins_http(event)
        before = self._pending.get(self._newest.get(conn, 0))
        if before is not None and before.is_head and not is_head:
            before.seqs.append(event.seq)  # a body belongs to the head before it
            self._pending[event.seq] = before
        else:
            self._pending[event.seq] = _Exchange(event, is_head)
        self._newest[conn] = event.seq
        self._bound()
        return []

    def _bound(self) -> None:
        for kept in (self._pending, self._newest, self._remembers, self._sessions, self._files):
            while len(kept) > _PENDING:
                kept.popitem(last=False)

    def _sent(self, event: Sent) -> list[_Line]:
        exchange = self._pending.get(event.cause or 0)
        if exchange is None or event.conn not in (exchange.conn, None):
            return []  # what others are told of it is no answer
        if exchange.is_head and (event.data or "").startswith(_INTERIM):
            return []
        if exchange.taken is None and exchange.is_taken_by(event):
            before = self._give_out()
            exchange.taken = event
            self._taken = exchange
            return before
        if exchange.taken is not None and (event.data or "").startswith("? "):
            event = exchange.taken  # what is asked next is not what came of it
        self._done(exchange)
        return [self._answered(exchange, event)]

    def _give_out(self) -> list[_Line]:
        """The exchange whose message was taken, if nothing has come of it so far."""
        exchange = self._taken
        if exchange is None or exchange.taken is None:
            return []
        self._done(exchange)
        return [self._answered(exchange, exchange.taken)]

    def _answered(self, exchange: _Exchange, answer: Sent | None) -> _Line:
        news, style = self._outcome(exchange)

        def make() -> Text:
            if answer is None:
                return self._exchange_line(exchange, " (no answer)", news, style)
            told = _frame(answer) if answer.frame in _CONTROL_FRAMES else tell(answer).text
            text = answer_code(told) or told.removeprefix("* ").removeprefix("> ")
            if exchange.refused is not None and exchange.refused in text:
                text = "!"  # why not is told once, in the column beside it
            return self._exchange_line(exchange, f" → {text}" if text else "", news, style)

        return f"{exchange.event.protocol or 'other'} exchanges", make

    def _done(self, exchange: _Exchange) -> None:
        """Its other messages (pieces of a body) are answered with it."""
        if self._taken is exchange:
            self._taken = None
        for seq in exchange.seqs:
            self._pending.pop(seq, None)
        self._newest.pop(exchange.conn, None)

    def _outcome(self, exchange: _Exchange) -> tuple[str, str]:
        """What an exchange did to the server's memory, and its colour."""
        if exchange.refused is not None:
            return f"refused: {exchange.refused}", hues.WRONG
        if exchange.news:
            return ", ".join(exchange.news), hues.CHANGE
        return ("changed nothing" if self._remembers.get(exchange.conn) else "remembers nothing"), hues.NOTE

    def _state(self, event: State) -> list[_Line]:
        if event.where == "connection" and event.conn is not None:
            self._remembers[event.conn] = bool(event.remembers)
        if event.again:
            return []
        changed = clocked_changes(wording.telling(event.changed), self._zone)
        news = [_news(path, *of) for path, of in changed.items()]
        if not news:
            return []
        exchange = self._pending.get(event.cause or 0)
        if exchange is not None:
            if event.session is not None and event.session != self._own_session(exchange.conn, event.session):
                whose = event.session.rpartition("/")[2]
                news = [f"{whose}: {one}" for one in news]
            exchange.news += news
            return []
        name, told = event.session or event.shared or "", ", ".join(news)
        if event.session is None:
            return [*self._give_out_alike(), self._event_line(event, escape(name), escape(told), hues.CHANGE)]
        if self._alike is not None and (self._alike.event.conn, self._alike.news) == (event.conn, told):
            self._alike.more += 1
            return []
        before = self._give_out_alike()
        self._alike = _Alike(event, name, told)
        return before

    def _give_out_alike(self) -> list[_Line]:
        """Sessions that have changed alike, in one line."""
        alike, self._alike = self._alike, None
        if alike is None:
            return []
        name = f"{alike.name} and {alike.more} more" if alike.more else alike.name
        return [self._event_line(alike.event, escape(name), escape(alike.news), hues.CHANGE)]

    def _own_session(self, conn: str, session: str) -> str:
        """Which session is that of ``conn``: ``session``, if it is the first that ``conn`` has changed."""
        return self._sessions.setdefault(conn, session)

    def _facts(self, memory: Mapping[str, Json]) -> str:
        return wording.facts(clocked(memory, self._zone))

    def _closed(self, event: ConnectionClose) -> list[_Line]:
        conn = event.conn or ""
        lines: list[_Line] = []
        unanswered = self._pending.get(self._newest.get(conn, 0))
        if unanswered is not None:
            self._done(unanswered)
            lines.append(self._answered(unanswered, unanswered.taken))
        self._remembers.pop(conn, None)
        self._sessions.pop(conn, None)
        self._files.pop(conn, None)
        forgot, kept = wording.facts(event.forgot), ", ".join(part.name for part in event.kept)
        if forgot != "nothing" or kept:
            text = f"forgot {forgot}" + (f"; kept {kept}" if kept else "")
            lines.append(self._event_line(event, "closed", escape(text)))
        return lines

    # Lines.

    def _exchange_line(self, exchange: _Exchange, answer: str, news: str, style: str) -> Text:
        said = exchange.text
        room = self._exchange_cells - 2
        short = answer if cell_len(answer) <= 12 else cut(answer, max(12, room - cell_len(said)))
        text = cut(said, room - cell_len(short)) + short
        return self._line(exchange.event.time, exchange.conn, text, escape(news), style)

    def _event_line(self, event: AnyEvent, text: str, news: str, style: str = hues.NOTE) -> _Line:
        who = event.conn or event.protocol or ""
        make = partial(self._line, event.time, who, text, news, style)
        return f"{event.protocol or 'other'} events", make

    @property
    def _exchange_cells(self) -> int:
        return EXCHANGE_CELLS + max(0, (self._width - 80) // 2)

    def _clock(self, time: datetime) -> str:
        return f"{time.astimezone(self._zone):%H:%M:%S}"

    def _line(self, time: datetime, who: str, text: str, news: str, style: str) -> Text:
        name = cut(escape(who), 14)
        self._conn_cells = max(self._conn_cells, cell_len(name) + 1)
        begin = f"{self._clock(time)}  {pad(name, self._conn_cells - 1)} "
        begin += pad(cut(text, self._exchange_cells - 1), self._exchange_cells)
        begin = cut(begin, self._width)
        line = Text(begin, no_wrap=True)
        line.append(cut(news, self._width - cell_len(begin)), style)
        line.rstrip()
        return line


def _frame(message: Received | Sent) -> str:
    """A control frame by its kind: what a ping holds is chosen at random, and tells nobody anything."""
    return f"close {tell(message).text}".rstrip() if message.frame == "close" else str(message.frame)


def _news(path: str, before: object, after: object) -> str:
    """A change in a few words: what is new is only named, what was there before is told with it."""
    if wording.is_empty(before):
        return path if after is True else f"{path} {wording.value(after)}"
    if wording.is_empty(after):
        return f"{path} {wording.value(before)} gone" if before is not True else f"not {path}"
    return f"{path} {wording.change(before, after)}"

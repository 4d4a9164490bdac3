"""The journal as a person reads it: ``playground log``.

``C:`` and ``S:`` are what client and server said, as in the RFCs' transcripts,
``=`` is a change of what the server remembers, ``--`` the life of a
connection, ``!!`` what went wrong.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import date, tzinfo
from typing import Final

from rich.text import Text

from playground.journal import wording
from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    Dropped,
    Forgotten,
    JournalOpen,
    Json,
    LimitHit,
    Message,
    Received,
    Refused,
    Sent,
    SessionEnd,
    SessionStart,
    State,
    Trouble,
)
from playground.views import hues
from playground.views.broadcast import ToldToMany
from playground.views.endings import Life, told_at_the_end
from playground.views.escape import escape
from playground.views.lines import Layout, packed
from playground.views.message_text import Told, answer_code, tell
from playground.views.moments import clocked, clocked_changes

_ROUTINE: Final = frozenset({"SYST", "FEAT", "NOOP", "OPTS", "CLNT", "TYPE"})
"""FTP commands that clients send on their own account. Where they change nothing, one line tells several."""
_MOST_ROWS: Final = 6
"""Lines that one event may take."""
_REMEMBERED: Final = 2000
"""Causes and connections that the view keeps in mind."""


class TextView:
    """Turns events, in their order, into lines of at most ``width`` cells.

    It holds back a line or two that belong together; :meth:`flush` gives them
    out. ``today`` is the reader's date: other days are named. ``zone`` and
    ``note_at`` are :class:`Layout`'s.
    """

    def __init__(
        self,
        width: int = 80,
        *,
        zone: tzinfo | None = None,
        today: date | None = None,
        note_at: int | None = None,
    ) -> None:
        self._layout = Layout(width, zone, note_at)
        self._zone = zone
        self._day = today
        self._last_protocol: str | None = None
        self._any = False
        self._causes: OrderedDict[int, str] = OrderedDict()
        self._lives: OrderedDict[str, Life] = OrderedDict()
        # Held back:
        self._routine: list[tuple[Received, Told, str | None]] = []
        self._refused: Refused | None = None
        self._states: list[State] = []
        self._starts: dict[str, SessionStart] = {}
        self._broadcast: ToldToMany | None = None

    def feed(self, event: AnyEvent, *, show: bool = True) -> list[Text]:
        """The lines that are due now. With ``show`` false the event is only kept in mind."""
        self._learn(event)
        if not show:
            return self._forget_closed(event, [])
        if self._broadcast is not None and isinstance(event, Sent) and self._broadcast.takes(event):
            return []
        lines = self._release_broadcast() + self._held_before(event)
        lines += self._new_day(event)
        lines += self._told(event)
        if lines or self._broadcast is not None:
            self._any = True
        return self._forget_closed(event, lines)

    @property
    def width(self) -> int:
        """Cells of a line."""
        return self._layout.width

    def flush(self) -> list[Text]:
        """What was held back in case more would belong to it."""
        return self._release()

    def _new_day(self, event: AnyEvent) -> list[Text]:
        if isinstance(event, JournalOpen) or event.again:
            return []
        day = self._layout.local(event.time).date()
        before, self._day = self._day, day
        if before in (None, day) or not self._any:
            return []
        self._layout.pause()
        return [*self._release(), Text(), Text(f"{day:%Y-%m-%d}", hues.HEADING)]

    # What the view keeps in mind.

    def _learn(self, event: AnyEvent) -> None:
        if event.conn is None:
            return
        life = self._lives.get(event.conn)
        if life is None:
            life = self._lives[event.conn] = Life()
            if len(self._lives) > _REMEMBERED:
                self._lives.popitem(last=False)
        if isinstance(event, Received | Sent):
            life.recorded += event.size
        if isinstance(event, Received):
            self._causes[event.seq] = event.conn
            if len(self._causes) > _REMEMBERED:
                self._causes.popitem(last=False)
            for name, value in (event.carried or {}).items():
                if len(life.carried) < 50:
                    life.carried[name] = value
        elif isinstance(event, ConnectionOpen):
            life.is_child = event.parent is not None
            life.carries_files = (event.parent or "").split("-")[0] == event.protocol
        elif isinstance(event, State) and event.where == "connection":
            life.changed.update(path.split(".")[0] for path in event.changed)

    def _forget_closed(self, event: AnyEvent, lines: list[Text]) -> list[Text]:
        if isinstance(event, ConnectionClose) and event.conn is not None:
            self._lives.pop(event.conn, None)
        return lines

    # Lines that wait for the next event.

    def _held_before(self, event: AnyEvent) -> list[Text]:
        """Give out what the next event does not complete."""
        match event:
            case State():
                held = self._release_routine()
                if self._states and self._column(self._states[0]) != self._column(event):
                    held += self._release()
                return held
            case SessionStart():
                return self._release_routine()
            case Sent() if self._refused is not None and self._refused.conn == event.conn:
                return self._release_routine() + self._release_states()
            case Sent() if self._routine and self._is_routine_answer(event):
                return []
            case Received() if self._routine and self._is_routine(event):
                return self._release_routine() if self._routine[-1][0].conn != event.conn else []
            case _:
                return self._release()

    def _release_broadcast(self) -> list[Text]:
        held, self._broadcast = self._broadcast, None
        return [] if held is None else [self._line(held.event, "S:", held.told.text, held.notes)]

    def _release(self) -> list[Text]:
        lines = self._release_broadcast() + self._release_routine()
        refused, self._refused = self._refused, None
        if refused is not None:
            lines += self._refusal(refused)
        return lines + self._release_states()

    def _release_routine(self) -> list[Text]:
        held, self._routine = self._routine, []
        answered = [(told.text, code) for _, told, code in held if code is not None]
        lines: list[Text] = []
        if answered:
            # Several commands share a line as long as they fit beside the note.
            rows: list[list[str]] = [[]]
            for text, code in answered:
                piece = f"{text} → {code}"
                if rows[-1] and len(", C: ".join([*rows[-1], piece])) > self._layout.room - 18:
                    rows.append([])
                rows[-1].append(piece)
            first = held[0][0]
            for row in rows:
                lines.append(self._line(first, "C:", ", C: ".join(row), "changed nothing"))
        lines += [self._line(event, "C:", told.text, told.note) for event, told, code in held if code is None]
        return lines

    def _release_states(self) -> list[Text]:
        states, self._states = self._states, []
        starts, self._starts = self._starts, {}
        rows: list[tuple[State, str, list[str]]] = []
        for state in states:
            start = starts.pop(state.session, None) if state.session is not None else None
            notes = self._where(state, start.expires_in if start is not None else None)
            if state.again:
                rows.append((state, f"still {self._facts(state.remembers)}", notes))
            changed = clocked_changes(wording.telling(state.changed), self._zone)
            for path, (before, after) in changed.items():
                rows.append((state, f"{path:<14} {wording.change(before, after)}", notes))
        lines = [self._session_begins(start) for start in starts.values()]
        texts = [escape(text) for _, text, _ in rows]
        room = self._layout.room
        widths = [len(text) + 2 for text in texts if len(text) + 2 <= room - 12]
        note_at = max([self._layout.note_at, *widths])
        for (state, _, notes), text in zip(rows, texts, strict=True):
            lines.append(self._line(state, "=", text, notes, note_at=note_at))
        return lines

    def _facts(self, memory: Mapping[str, Json]) -> str:
        return wording.facts(clocked(memory, self._zone))

    def _where(self, state: State, expires_in: float | None) -> list[str]:
        """Notes about where a state lives, the fullest first."""
        name = escape(state.session or state.shared or "")
        left = f", {wording.duration(expires_in)} left" if expires_in is not None else ""
        if not name:
            return [state.where]
        return [f"{state.where} {name}{left}", f"{state.where}{left}", state.where]

    # Events one by one.

    def _told(self, event: AnyEvent) -> list[Text]:
        match event:
            case Message():
                return self._message(event)
            case State():
                self._states.append(event)
            case SessionStart():
                self._starts[event.session] = event
            case Refused():
                self._refused = event
            case ConnectionOpen():
                return self._opened(event)
            case ConnectionClose():
                return self._closed(event)
            case JournalOpen():
                return self._run(event)
            case _:
                return self._remark(event)
        return []

    def _remark(self, event: SessionEnd | Forgotten | LimitHit | Trouble | Dropped) -> list[Text]:
        match event:
            case SessionEnd():
                ends = f"session {event.session} {event.reason}."
                return self._rows(event, "--", [ends, f"Forgot: {self._facts(event.forgot)}"])
            case Forgotten():
                name = escape(event.session or event.shared or "")
                text = escape(f"forgotten on request: {self._facts(event.forgot)}")
                return [self._line(event, "--", text, [f"{event.where} {name}".rstrip(), event.where])]
            case LimitHit():
                limit = f"limit {event.limit} ({event.value:g}):"
                return self._rows(event, "!!", [limit, *event.text.split()])
            case Dropped():
                missing = wording.count(event.count, "event is", "events are")
                return self._rows(event, "!!", [f"{missing} missing here:", *event.reason.split()])
            case Trouble():
                return self._rows(event, "!!", event.text.split())

    def _rows(self, event: AnyEvent, sign: str, pieces: list[str]) -> list[Text]:
        """Pieces of text in as many lines as they need, but not very many."""
        rows = packed([escape(piece) for piece in pieces], self._layout.room)[:_MOST_ROWS]
        return [self._line(event, "" if index else sign, row) for index, row in enumerate(rows)]

    def _message(self, event: Message) -> list[Text]:
        told = tell(event)
        if event.conn is not None and told.is_head:
            self._lives[event.conn].speaks_http = True
        if isinstance(event, Received) and self._is_routine(event):
            self._routine.append((event, told, None))
            return []
        if isinstance(event, Sent) and self._routine:
            received, command, _ = self._routine.pop()
            self._routine.append((received, command, answer_code(told.text)))
            return []
        if isinstance(event, Sent) and self._refused is not None:
            return self._refusing(event, told, self._refused)
        if isinstance(event, Sent):
            self._broadcast = ToldToMany(event, told)  # the next events may say the same to others
            return []
        return [self._line(event, "C:", told.text, told.note)]

    def _refusing(self, event: Sent, told: Told, refused: Refused) -> list[Text]:
        """The answer that says no. The rule has its own line where the answer does not give the reason."""
        self._refused = None
        lines: list[Text] = []
        source = f", {refused.source}" if refused.source else ""
        if refused.text.casefold() not in told.text.casefold():
            lines += self._refusal(refused)
        notes = [f"refused ({escape(refused.rule + source)})", "refused"]
        lines.append(self._line(event, "S:", told.text, notes))
        return lines

    def _refusal(self, event: Refused) -> list[Text]:
        source = [f"({event.source})"] if event.source else []
        return self._rows(event, "!!", ["refused:", *event.text.split(), *source])

    def _is_routine(self, event: Received) -> bool:
        if event.protocol != "ftp" or not event.data or event.size > 60:
            return False
        return event.data.split()[:1] != [] and event.data.split()[0].upper() in _ROUTINE

    def _is_routine_answer(self, event: Sent) -> bool:
        received, _, code = self._routine[-1]
        text = event.data or ""
        return code is None and received.conn == event.conn and (answer_code(text) or "5") < "4"

    def _session_begins(self, event: SessionStart) -> Text:
        left = f", for {wording.duration(event.expires_in)}" if event.expires_in is not None else ""
        return self._line(event, "--", f"session {escape(event.session)} begins{left}")

    def _run(self, event: JournalOpen) -> list[Text]:
        local = self._layout.local(event.time)
        day = "" if self._day is None or local.date() == self._day else f"{local:%Y-%m-%d} "
        self._day = local.date()
        head = Text()
        continued = " (continued)" if event.again else ""
        head.append(f"run {day}{local:%H:%M:%S}, pid {event.pid}{continued}", hues.HEADING)
        head.append(" | C: client  S: server  = what the server remembers", hues.NOTE)
        before = [Text()] if self._any else []
        self._last_protocol = None
        self._layout.pause()
        head.truncate(self._layout.width)
        return [*before, head, Text()]

    def _opened(self, event: ConnectionOpen) -> list[Text]:
        before: list[Text] = []
        if self._last_protocol not in (None, event.protocol):
            before = [Text()]
        address = escape(event.client_address)
        peer = f"[{address}]" if ":" in address else address
        peer = f"{peer}:{event.client_port}" if event.client_port else peer
        how = "is open, from" if event.again else "opened by"
        parent = f", for {escape(event.parent)}" if event.parent else ""
        extra = " (TLS)" if event.tls else "" if event.transport == "tcp" else f" ({escape(event.transport)})"
        return [*before, self._line(event, "--", f"{how} {peer}{extra}{parent}")]

    def _closed(self, event: ConnectionClose) -> list[Text]:
        return self._rows(event, "--", told_at_the_end(event, self._lives.get(event.conn or "") or Life()))

    def _column(self, event: AnyEvent) -> str:
        """Whose line it is: the connection's, where one is known to be the cause."""
        return event.conn or self._causes.get(event.cause or 0) or event.protocol or ""

    def _line(
        self, event: AnyEvent | Message, sign: str, text: str, note: str | list[str] = "", *, note_at: int = 0
    ) -> Text:
        if event.protocol is not None:
            self._last_protocol = event.protocol
        conn = event.conn or self._causes.get(event.cause or 0) or event.protocol or ""
        return self._layout.line(event.time, conn, sign, text, note, note_at=note_at)

"""Compare what a server remembers with what was last written down of it.

Servers are never trusted to report a change: after each message and each timer
their memory is *pulled* and compared, so that a protocol cannot forget to tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

import msgspec

from playground.journal.events import Json, SessionEnd, SessionStart, Snapshot, State, Where
from playground.wire.machines import Transition

if TYPE_CHECKING:
    from playground.journal.journal import Journal
    from playground.wire.ledger import Connection
    from playground.wire.limits import Limits

NOTHING: Snapshot = {}

SubjectWhere = Literal["session", "shared"]


class Subject(NamedTuple):
    """Something remembered that does not belong to one socket."""

    where: SubjectWhere
    name: str
    """Such as ``game/ada`` for a seat, ``game/table`` for a table, ``#3f9c`` for a secret id."""
    remembers: Snapshot
    """Frozen. Hand out the identical object while nothing changed: that is the fast path."""
    expires_in: float | None = None
    """Seconds, where it is limited."""


class Step(NamedTuple):
    """What a machine did since its subject was last written down: first state, last input, last state."""

    machine: str
    input: str
    before: str
    after: str

    def then(self, next_step: Transition) -> Step:
        """This step and the next one as one."""
        return Step(self.machine, next_step.input, self.before, next_step.after)


def held(snapshot: Snapshot) -> int:
    """Bytes of a snapshot as JSON; 0 when it holds nothing."""
    if not snapshot:
        return 0
    try:
        return len(msgspec.json.encode(snapshot))
    except Exception:  # a lone surrogate in a file's name, an object that JSON has no word for
        return len(json.dumps(snapshot, default=str, skipkeys=True, separators=(",", ":")))


_ABSENT: Final = object()


def changes(before: Snapshot, after: Snapshot) -> dict[str, tuple[Json, Json]]:
    """Path to (before, after) for everything that differs. ``None`` stands for "was not there"."""
    return dict(_changes("", before, after))


def _changes(path: str, before: Snapshot, after: Snapshot) -> Iterator[tuple[str, tuple[Json, Json]]]:
    for key, was in before.items():
        now = after.get(key, _ABSENT)
        if now is was or now == was:
            continue
        if now is _ABSENT:
            yield f"{path}{key}", (was, None)
        elif isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from _changes(f"{path}{key}.", was, now)
        else:
            yield f"{path}{key}", (was, now)
    for key, now in after.items():
        if key not in before:
            yield f"{path}{key}", (None, now)


def state_event(
    protocol: str,
    where: Where,
    before: Snapshot,
    after: Snapshot,
    step: Step | None,
    **subject: Any,
) -> State:
    """The event that tells a change. ``subject`` is ``conn``, ``session`` or ``shared``, and ``cause``."""
    event = State(
        protocol=protocol,
        where=where,
        changed=changes(before, after),
        remembers=dict(after),
        held=held(after),
        **subject,
    )
    if step is not None:
        event.machine, event.input, event.before, event.after = step
    return event


class Remembers(Protocol):
    """What the wire asks of a server: its name, and what it remembers."""

    @property
    def name(self) -> str:
        """The protocol's name in the journal."""

    @property
    def options(self) -> Limits:
        """The limits that hold for its connections."""

    def remembered(self, conn: Connection, /) -> Snapshot:
        """What it holds for that socket now."""

    def subjects(self) -> Iterable[Subject]:
        """What it holds under ids and for everybody."""

    def subjects_of(self, conn: Connection, /) -> Iterable[Subject]:
        """Those of :meth:`subjects` that belong to whoever is on that connection."""

    def farewell(self, reason: str, /) -> bytes:
        """The protocol's own goodbye."""


class Memory:
    """What was last recorded of one server's sessions and shared things."""

    def __init__(self, journal: Journal, server: Remembers) -> None:
        self._journal = journal
        self._server = server
        self._last: dict[tuple[SubjectWhere, str], Snapshot] = {}
        self.steps: dict[tuple[SubjectWhere, str], Step] = {}
        """What machines did since their subjects were last written down."""
        self.same: tuple[Subject, ...] | None = None
        """What was compared last, where it was a tuple: handed out again it needs no second look."""
        self.stale = True
        """True while something may have changed that nobody pulled yet."""
        self.settled = False
        """True from the pull that ends a turn until the server's code runs again: nothing has changed."""
        self.why = "ended"
        """The reason given for sessions that are gone, where a pull names none."""

    def step(self, where: SubjectWhere, name: str, step: Transition) -> None:
        """A machine of that subject moved; its next ``state`` event will say so."""
        known = self.steps.get((where, name))
        self.steps[where, name] = known.then(step) if known else Step(*step)
        self.stale = True
        self.settled = False

    def compare(
        self, subjects: Iterable[Subject], conn: str | None, cause: int | None, why: str | None = None
    ) -> None:
        """Write down what is different in ``subjects``, which is all that the server has.

        ``conn`` and ``cause`` say whose message did it, where one did; ``why``
        is the reason given for sessions that are gone.
        """
        news, self.same = self._news(subjects), None  # until all of it is written down
        seen = 0
        last = self._last
        for subject in news if news is not None else subjects:
            seen += 1
            key = (subject.where, subject.name)
            before = last.get(key)
            if before is not subject.remembers:
                self._compare(subject, before, conn, cause)
                last[key] = subject.remembers
        if news is None and seen < len(last):
            self._bury(why or self.why, conn, cause)
        if self.steps:
            self.steps.clear()
        self.same = subjects if isinstance(subjects, tuple) else None

    def _news(self, subjects: Iterable[Subject]) -> list[Subject] | None:
        """Those that are not the identical ones of last time; None where that is not so easily told.

        Somebody's choice changes the table and none of a hundred seats, which need not be looked up then.
        """
        same = self.same
        if same is None or not isinstance(subjects, tuple) or len(subjects) != len(same):
            return None
        # Quicker to find out than which they are: mostly it is a table, and none of those who sit at it. Who
        # is equal but not the same object is passed over, as _compare would find no change in it either.
        if subjects[:-1] == same[:-1]:
            subjects, same = subjects[-1:], same[-1:]
        pairs = [(now, then) for now, then in zip(subjects, same, strict=True) if now is not then]
        if any(now[:2] != then[:2] for now, then in pairs):
            return None  # somebody has come, and somebody has gone
        return [now for now, _ in pairs]

    def _compare(
        self, subject: Subject, before: Snapshot | None, conn: str | None, cause: int | None
    ) -> None:
        where, name, after, expires_in = subject
        protocol = self._server.name
        if before is None and where == "session":
            self._journal.record(
                SessionStart(protocol=protocol, session=name, conn=conn, cause=cause, expires_in=expires_in)
            )
        if (before or NOTHING) != after:
            step = self.steps.get((where, name))
            ident = {where: name}
            self._journal.record(
                state_event(protocol, where, before or NOTHING, after, step, conn=conn, cause=cause, **ident)
            )

    def _bury(self, why: str, conn: str | None, cause: int | None) -> None:
        alive = {(subject.where, subject.name) for subject in self._server.subjects()}
        for key in [key for key in self._last if key not in alive]:
            where, name = key
            forgot = self._last.pop(key)
            protocol = self._server.name
            if where == "session":
                self._journal.record(
                    SessionEnd(
                        protocol=protocol,
                        session=name,
                        conn=conn,
                        cause=cause,
                        reason=why,
                        forgot=dict(forgot),
                    )
                )
            elif forgot:
                self._journal.record(
                    state_event(
                        protocol,
                        where,
                        forgot,
                        NOTHING,
                        self.steps.get(key),
                        conn=conn,
                        cause=cause,
                        shared=name,
                    )
                )

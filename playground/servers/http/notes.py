"""Notes that everybody shares: a REST collection's memory. No I/O.

A note's content is what the client says, its name is its place (``/notes/1``),
its version is in its entity tag. In the journal each is a shared subject of
its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from playground.journal.events import Snapshot
from playground.servers.http.answer import pretty_json
from playground.servers.http.conditions import strong_tag
from playground.wire.memory import Subject

Text = Annotated[str, Meta(max_length=50)]


class Content(msgspec.Struct, forbid_unknown_fields=True):
    """What a note says."""

    title: Annotated[str, Meta(min_length=1, max_length=200, description="what it is about")]
    text: Annotated[str, Meta(max_length=2000, description="what it says")] = ""
    labels: Annotated[
        dict[Annotated[str, Meta(min_length=1, max_length=50)], Text],
        Meta(max_length=20, description="whatever else belongs to it, by name"),
    ] = {}


class Note(NamedTuple):
    """One note in one version."""

    number: int
    content: Snapshot
    """Its members, as JSON has them."""
    body: bytes
    """The same as it is sent."""
    tag: str
    """Its entity tag: no two versions have the same, and none that a former note of that number had."""
    changed: float
    """When it was made or changed; seconds since 1970."""

    @property
    def place(self) -> str:
        """Its path."""
        return f"/notes/{self.number}"


class Notes:
    """All notes of one server. ``now`` is seconds since 1970; there are never more than ``most``."""

    def __init__(self, now: Callable[[], float], *, most: int) -> None:
        self._now = now
        self._notes: dict[int, Note] = {}
        self._newest = 0
        self._changes = 0
        self._subjects: tuple[Subject, ...] | None = ()
        self.most = most

    def __len__(self) -> int:
        return len(self._notes)

    @property
    def full(self) -> bool:
        """Whether one more would be too many."""
        return len(self._notes) >= self.most

    def get(self, number: int) -> Note | None:
        """One note."""
        return self._notes.get(number)

    def add(self, content: Content) -> Note:
        """A new note. A number is never given twice."""
        self._newest += 1
        return self._keep(self._newest, content)

    def replace(self, note: Note, content: Content) -> Note:
        """That note with other content; the same version where nothing is different."""
        if msgspec.to_builtins(content) == note.content:
            return note
        return self._keep(note.number, content)

    def remove(self, note: Note) -> None:
        """That note is no more."""
        del self._notes[note.number]
        self._subjects = None

    def forget(self) -> None:
        """There are none."""
        self._notes.clear()
        self._subjects = None

    def _keep(self, number: int, content: Content) -> Note:
        self._changes += 1
        members: Snapshot = msgspec.to_builtins(content)
        body = pretty_json(members)
        note = Note(number, members, body, strong_tag(b"%d %b" % (self._changes, body)), self._now())
        self._notes[number] = note  # a dict keeps a number's place, so they stay in order
        self._subjects = None
        return note

    def page(self, after: int, limit: int) -> Page:
        """Those whose number is greater than ``after``, ``limit`` at most."""
        numbers = list(self._notes)
        first = bisect_right(numbers, after)
        shown = [self._notes[number] for number in numbers[first : first + limit]]
        previous = None
        if first:
            begin = max(first - limit, 0)
            previous = numbers[begin - 1] if begin else 0
        following = shown[-1].number if first + limit < len(numbers) else None
        last_begin = (len(numbers) - 1) // limit * limit if numbers else 0
        last = numbers[last_begin - 1] if last_begin else 0
        return Page(shown, previous, following, last)

    def subjects(self) -> tuple[Subject, ...]:
        """All of them for the journal. The identical object while nothing has changed."""
        if self._subjects is None:
            self._subjects = tuple(map(subject, self._notes.values()))
        return self._subjects


class Page(NamedTuple):
    """Some of the notes, and after which number those before, those behind and the last ones begin."""

    notes: list[Note]
    previous: int | None
    following: int | None
    last: int


def subject(note: Note) -> Subject:
    """One note for the journal."""
    return Subject("shared", f"notes/{note.number}", note.content)


def merged(target: object, patch: object) -> object:
    """``target`` after a JSON Merge Patch: what is null in it goes, what is named is replaced. RFC 7396 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result

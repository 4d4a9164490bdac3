"""What /notes keeps, without a socket: pages, versions, patches, keys."""

from __future__ import annotations

from typing import Any

import pytest

from playground.servers.http.answer import Answer
from playground.servers.http.idempotency import Attempts
from playground.servers.http.notes import Content, Notes, merged


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def notes() -> Notes:
    return Notes(Clock(), most=10)


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_its_rfc_says(target: Any, patch: Any, expected: Any):
    assert merged(target, patch) == expected


def test_no_two_versions_have_one_tag(notes: Notes):
    tea, again = Content("tea"), Content("tea")
    first = notes.add(tea)
    assert notes.replace(first, again) is first
    coffee = notes.replace(first, Content("coffee"))
    back = notes.replace(coffee, tea)
    assert (back.body, back.place) == (first.body, first.place)
    assert len({first.tag, coffee.tag, back.tag, notes.add(tea).tag}) == 4


def test_a_number_is_never_given_twice(notes: Notes):
    first = notes.add(Content("a"))
    notes.remove(first)
    assert notes.add(Content("b")).number == 2
    notes.forget()
    assert notes.add(Content("c")).number == 3


def walk(notes: Notes, limit: int, way: str, after: int) -> list[list[int]]:
    """The pages from one on, by their links."""
    pages = []
    at: int | None = after
    while at is not None:
        page = notes.page(at, limit)
        pages.append([note.number for note in page.notes])
        at = page.following if way == "next" else page.previous
    return pages


def test_pages_show_each_note_once_in_both_directions(notes: Notes):
    for number in range(7):
        notes.add(Content(str(number)))
    assert walk(notes, 3, "next", 0) == [[1, 2, 3], [4, 5, 6], [7]]
    assert walk(notes, 3, "previous", notes.page(0, 3).last) == [[7], [4, 5, 6], [1, 2, 3]]
    assert walk(notes, 7, "next", 0) == [[1, 2, 3, 4, 5, 6, 7]]
    assert notes.page(0, 7).last == 0


def test_a_page_does_not_shift_when_one_before_it_goes(notes: Notes):
    made = [notes.add(Content(str(number))) for number in range(6)]
    following = notes.page(0, 3).following
    notes.remove(made[0])
    assert following is not None
    assert [note.number for note in notes.page(following, 3).notes] == [4, 5, 6]


def test_beyond_the_end_is_an_empty_page(notes: Notes):
    assert notes.page(99, 5) == ([], None, None, 0)
    notes.add(Content("one"))
    assert notes.page(99, 5) == ([], 0, None, 0)


def test_subjects_are_identical_while_nothing_changes(notes: Notes):
    note = notes.add(Content("tea", labels={"for": "ada"}))
    subjects = notes.subjects()
    assert notes.subjects() is subjects
    assert [(one.where, one.name, one.remembers) for one in subjects] == [
        ("shared", "notes/1", {"title": "tea", "text": "", "labels": {"for": "ada"}})
    ]
    notes.replace(note, Content("coffee"))
    assert notes.subjects() is not subjects


def test_a_key_is_known_until_it_is_too_old():
    clock = Clock()
    attempts = Attempts(clock, seconds=60, most=10)
    attempt = attempts.begin("k", b"1")
    assert attempts.find("k") is attempt
    assert attempt.answer is None
    attempts.keep(attempt, Answer(b"made"), "201 /notes/1")
    clock.now += 59
    assert attempts.find("k") is attempt
    assert attempts.expire() == 1
    clock.now += 1
    assert attempts.find("k") is None
    assert attempts.subjects() == ()


def test_the_oldest_key_gives_way():
    attempts = Attempts(Clock(), seconds=60, most=2)
    first, second, third = (attempts.begin(key, b"") for key in "abc")
    assert attempts.find("a") is None
    assert [attempts.find(key) for key in "bc"] == [second, third]
    attempts.drop(first)  # it is gone already
    attempts.drop(second)
    assert [subject.name for subject in attempts.subjects()] == [third.name]


def test_a_key_stands_in_the_journal_by_its_digest():
    attempts = Attempts(Clock(), seconds=60, most=2)
    attempts.begin("a-very-private-key", b"")
    [subject] = attempts.subjects()
    assert subject.where == "session"
    assert subject.expires_in == 60
    assert "private" not in str(subject)


def test_a_key_may_be_kept_for_ever():
    clock = Clock()
    attempts = Attempts(clock, seconds=0, most=2)
    attempt = attempts.begin("k", b"")
    clock.now += 1e9
    assert attempts.find("k") is attempt
    assert attempts.expire() is None
    assert attempts.subjects()[0].expires_in is None

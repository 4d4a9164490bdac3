"""The filter grammar: what each term lets through, and what it says to a bad one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    Received,
    Refused,
    Sent,
    SessionStart,
    State,
)
from playground.journal.query import FilterError, parse_filter
from playground.journal.visible import visible_text


def opened(seq: int, conn: str, parent: str | None = None) -> ConnectionOpen:
    return ConnectionOpen(
        seq=seq,
        protocol=conn.split("-")[0],
        conn=conn,
        client_address="127.0.0.1",
        client_port=51580,
        server_address="127.0.0.1",
        server_port=2121,
        parent=parent,
    )


def closed(seq: int, conn: str) -> ConnectionClose:
    return ConnectionClose(
        seq=seq,
        protocol=conn.split("-")[0],
        conn=conn,
        reason="client",
        received_bytes=1,
        sent_bytes=1,
        received_messages=1,
        sent_messages=1,
        lifetime=2.0,
        forgot={"cwd": "/docs"},
    )


CWD = Received(seq=10, protocol="ftp", conn="ftp-3", size=10, data="CWD docs\r\n")
CHANGE = State(
    seq=11,
    protocol="ftp",
    conn="ftp-3",
    cause=10,
    where="connection",
    machine="ftp",
    input="CWD",
    changed={"cwd": ("/", "/docs")},
    remembers={"cwd": "/docs"},
    held=15,
)
REPLY = Sent(seq=12, protocol="ftp", conn="ftp-3", cause=10, size=5, data="250 Moved.\r\n")
STATED_AGAIN = State(
    seq=11,
    protocol="ftp",
    conn="ftp-3",
    where="connection",
    changed={},
    remembers={"cwd": "/docs"},
    held=15,
    again=True,
)
NOT_NOW = Refused(
    seq=13, protocol="ftp", conn="ftp-4", rule="not-logged-in", text="Log in first.", source="RFC 959"
)
NAME = Received(seq=20, protocol="game", conn="game-1", size=9, data="name ada\n")
SEAT = State(
    seq=21,
    protocol="game",
    cause=20,
    where="session",
    session="game/ada",
    changed={"seat": (None, "present")},
    remembers={"seat": "present"},
    held=18,
)
TABLE = State(
    seq=22,
    protocol="game",
    cause=20,
    where="shared",
    shared="game/table",
    changed={"players": (0, 1)},
    remembers={"players": 1},
    held=13,
)
GET = Received(
    seq=30,
    protocol="http",
    conn="http-1",
    size=30,
    data="GET /state?name=ada HTTP/1.1\r\n\r\n",
    carried={"name": "ada"},
)
ALL: list[AnyEvent] = [CWD, CHANGE, REPLY, STATED_AGAIN, NOT_NOW, NAME, SEAT, TABLE, GET]


def found(*words: str, among: list[AnyEvent] | None = None) -> list[AnyEvent]:
    test = parse_filter(words)
    return [event for event in among or ALL if test(event)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("protocol:ftp", [CWD, CHANGE, REPLY, STATED_AGAIN, NOT_NOW]),
        ("protocol:FTP changed", [CHANGE]),
        ("event:state", [CHANGE, STATED_AGAIN, SEAT, TABLE]),
        ("changed", [CHANGE, SEAT, TABLE]),
        ("refused", [NOT_NOW]),
        ("where:session", [SEAT]),
        ("where:carried", [GET]),
        ("session:game/ada", [SEAT]),
        ("session:ada", [SEAT]),
        ("shared:TABLE", [TABLE]),
        ("shared:able", []),
        ("from:client", [CWD, NAME, GET]),
        ("from:server", [REPLY]),
        ("conn:game-1", [NAME, SEAT, TABLE]),
        ("cwd", [CWD, CHANGE, STATED_AGAIN]),
        ("ADA", [NAME, SEAT, GET]),
        ('"log in"', [NOT_NOW]),
        ('"changed"', []),
        ("/cwd|pwd/ from:client", [CWD]),
        (r"/\/docs$/", []),
        ("/state", [GET]),
        ("not protocol:ftp not changed", [NAME, GET]),
        ("changed and not protocol:game", [CHANGE]),
        ("changed protocol:ftp or refused", [CHANGE, NOT_NOW]),
        ("not not refused", [NOT_NOW]),
        ("127.0.0.1:51544", []),
        ("", ALL),
    ],
)
def test_a_filter_lets_through(words: str, expected: list[AnyEvent]) -> None:
    assert found(*words.split()) == expected
    assert found(words) == expected, "one quoted argument is the same filter"


def test_a_connection_includes_its_data_connections_until_they_close() -> None:
    control, data, other = opened(1, "ftp-3"), opened(2, "ftp-4", parent="ftp-3"), opened(3, "ftp-5")
    listing = Sent(seq=4, protocol="ftp", conn="ftp-4", size=3, data="a\r\n")
    end, reused = closed(5, "ftp-4"), Sent(seq=6, protocol="ftp", conn="ftp-4", size=1, data="x")
    events: list[AnyEvent] = [control, data, other, listing, end, reused]
    assert found("conn:ftp-3", among=events) == [control, data, listing, end]
    assert found("from:client", "or", "conn:ftp-3", among=events) == [control, data, listing, end]


def test_an_event_family_is_named_by_its_first_part() -> None:
    events: list[AnyEvent] = [opened(1, "ftp-3"), closed(2, "ftp-3"), SessionStart(seq=3, session="game/ada")]
    assert found("event:connection", among=events) == events[:2]
    assert found("event:session", among=events) == events[2:]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("or changed", '"or" needs a term on both sides'),
        ("changed or", '"or" needs a term on both sides'),
        ("not", '"not" needs a term after it'),
        ("and changed", '"and" needs a term'),
        ("changed and", '"and" needs a term'),
        ("not or changed", '"not" needs a term'),
        ("event:stat", "there are: journal.open, connection.open"),
        ("where:browser", "connection, session, shared, carried"),
        ("from:ada", "from:client or from:server"),
        ("protocol:", "such as protocol:ftp"),
        ("protcol:ftp", "did you mean protocol:ftp"),
        ("/(/", "is not a regular expression"),
        ("/(a+)+$/", "could take for ever"),
        ("/(a|a)*b/", "could take for ever"),
        ("/(?:x(a?))*b/", "could take for ever"),
        ("/a*a*a*b/", "too many variable pieces"),
        ("/" + "a?" * 20 + "a" * 20 + "/", "too many variable pieces"),
        ("/" + "a" * 201 + "/", "longer than 200"),
        ("x" * 1001, "longer than 1000"),
        ("x " * 65, "more than 64 terms"),
    ],
)
def test_a_bad_filter_says_what_is_wrong(words: str, says: str) -> None:
    with pytest.raises(FilterError, match="(?s)" + says.replace("(", r"\(").replace(".", r"\.")):
        parse_filter(words.split() if "/" not in words else [words])


@pytest.mark.parametrize(
    "pattern", ["/a*[a]*b/", "/(a?)(a?)(a?)(a?)(a?)(a?)(a?)(a?)(a?)(a?)b/", "/a{1,900}b/"]
)
def test_the_costliest_accepted_patterns_end(pattern: str) -> None:
    test = parse_filter([pattern])
    hostile = Received(seq=1, conn="http-1", size=100_000, data="a" * 100_000)
    started = time.process_time()
    assert not test(hostile)
    assert time.process_time() - started < 20, "seconds are bad, minutes are a hole"


def test_bytes_that_are_not_text_can_be_searched() -> None:
    frame = Received(seq=1, conn="game-5", size=3, data_b64="/wBh")
    assert r"\xff" in visible_text(frame)
    assert found(r'"\xff"', among=[frame]) == [frame]


WORDS = st.sampled_from(
    [
        "not",
        "or",
        "and",
        "changed",
        "refused",
        "ada",
        "protocol:ftp",
        "from:client",
        "/a/",
        "conn:ftp-3",
        '"x y"',
    ]
)


@given(st.lists(WORDS, max_size=12))
def test_any_row_of_terms_is_a_filter_or_a_filter_error(words: list[str]) -> None:
    try:
        test = parse_filter(words)
    except FilterError:
        return
    for event in ALL:
        assert test(event) in (True, False)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        test = parse_filter([text])
    except FilterError:
        return
    assert test(CWD) in (True, False)


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_not_turns_a_single_term_round(words: list[str]) -> None:
    term = words[0]
    if term in ("not", "or", "and"):
        return
    assert [e for e in ALL if e not in found(term)] == found("not", term)

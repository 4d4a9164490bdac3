"""Events whose every text comes from somebody who means ill."""

from __future__ import annotations

from hypothesis import strategies as st

from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    Dropped,
    Forgotten,
    Kept,
    LimitHit,
    Partial,
    Received,
    Refused,
    Sent,
    SessionEnd,
    SessionStart,
    State,
    Trouble,
)

HOSTILE = st.one_of(
    st.text(max_size=80), st.sampled_from(["\x1b[2J", "\u202e", "[red]", "\x9b", "\r\n", "a" * 300, "\ud800"])
)
MEMORY = st.dictionaries(
    HOSTILE, st.one_of(HOSTILE, st.integers(), st.none(), st.booleans(), st.lists(HOSTILE))
)


@st.composite
def hostile_events(draw: st.DrawFn) -> AnyEvent:
    text, memory = draw(HOSTILE), draw(MEMORY)
    conn, protocol = draw(st.one_of(st.none(), HOSTILE)), draw(st.one_of(st.none(), HOSTILE))
    kinds: list[AnyEvent] = [
        Received(size=9, data=text, carried=memory),
        Sent(size=9, data=text),
        Sent(size=9, data=f"HTTP/1.1 200 {text}\r\n\r\n"),
        Partial(size=9, data=text),
        State(
            where="session",
            session=text,
            changed={key: (of, text) for key, of in memory.items()},
            remembers=memory,
            held=1,
        ),
        SessionStart(session=text, expires_in=1.0),
        SessionEnd(session=text, reason=text, forgot=memory),
        Forgotten(where="shared", shared=text, forgot=memory),
        Refused(rule=text, text=text, source=text),
        LimitHit(limit=text, value=1.0, text=text),
        Trouble(text=text),
        Dropped(count=3, reason=text),
        ConnectionClose(
            reason=text,
            received_bytes=1,
            sent_bytes=1,
            received_messages=1,
            sent_messages=1,
            lifetime=1.0,
            forgot=memory,
            kept=[Kept(where="session", name=text, remembers=memory)],
        ),
    ]
    made = draw(st.sampled_from(kinds))
    made.conn, made.protocol, made.again = conn, protocol, draw(st.booleans())
    return made

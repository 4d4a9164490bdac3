"""The same hostile checks for every server, whatever it speaks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import time
from typing import Any

import msgspec
from twisted.internet.task import deferLater

from playground.journal.events import Where
from playground.servers import Server
from playground.testing.served import PATIENCE, Served, serve
from playground.wire.ledger import Connection
from playground.wire.limits import Limits

VARIES = frozenset({"seq", "held", "time", "cause", "lifetime", "expires_in", "client_port", "server_port"})
"""Fields that differ from one run to the next."""

VARYING_TEXT = (r"#[0-9a-f]{4}\**", r"(?i:\bdate: [^\r\n]*)")
"""Texts that do: the digest of a random token, the time of day."""

STOP_SECONDS = 3.0
TURN, TURNS = 0.02, 100
ONE_DAY = 86_400.0


async def check_server(
    server_class: type[Server],
    reactor: Any,
    *,
    sample: Sequence[bytes],
    options: Limits | None = None,
    ignore: Iterable[str] = (),
    state_dir: Path | None = None,
    **settings: Any,
) -> None:
    """Run a server through what every server has to bear; raises :class:`AssertionError`.

    ``sample`` is what a client says, a whole message each; together they must
    make the server remember all that it says it does. ``ignore`` are regular
    expressions of what differs in its answers from one run to the next.
    ``options``, ``state_dir`` and ``settings`` are the server's.

    Checked is that

    * each connection that opens closes, once;
    * one byte at a time makes the same events as all at once;
    * a client that closes its half at once is sent the whole answer, as is one that waits for it first;
    * ``stopService`` leaves no socket and no timer, within three seconds;
    * ``forget`` forgets, and connections stay open;
    * memory is what the server says it is.
    """

    running: list[Served] = []

    async def started() -> Served:
        served = await serve(server_class(options), reactor, state_dir=state_dir, **settings)
        running.append(served)
        return served

    check = _Check(server_class, reactor, sample, [*VARYING_TEXT, *ignore])
    try:
        at_once = await check.talk(await started(), [b"".join(sample)])
        one_by_one = await check.talk(await started(), [bytes([byte]) for byte in b"".join(sample)])
        check.same(at_once, one_by_one, "one byte at a time makes other events than all at once")
        patient = await check.talk(await started(), sample, patient=True)
        check.same_answers(at_once, patient)
        check.remembers_what_it_says(at_once)
        await check.stops(await started())
        for where in sorted(memory_of(server_class) - {"carried"}):
            await check.forgets(await started(), where)
    finally:
        for served in running:
            await served.stop()


def memory_of(server_class: type[Server]) -> set[Where]:
    """Where a server remembers something: the protocol itself, and its paths."""
    return set(server_class.memory).union(*server_class.paths.values())


class _Check:
    def __init__(
        self, server_class: type[Server], reactor: Any, sample: Sequence[bytes], ignore: Sequence[str]
    ) -> None:
        self._server_class = server_class
        self._name = server_class.name
        self._reactor = reactor
        self._sample = sample
        self._ignore = re.compile("|".join(f"(?:{pattern})" for pattern in ignore))

    async def talk(self, served: Served, pieces: Sequence[bytes], *, patient: bool = False) -> list[Any]:
        """Say the pieces as packets of their own, close our half, and hear the rest; returns all events."""
        client = await served.connect()
        for piece in pieces:
            client.say(piece)
            if patient:
                await self._answered(served)
            else:
                await deferLater(self._reactor, 0)
        heard = await client.end().rest()
        (closed,) = await served.happens(f"conn:{self._name}-1", "event:connection.close")
        assert len(heard) == closed.sent_bytes, (
            f"{self._name}: who closed its half was sent {closed.sent_bytes} bytes and got {len(heard)}"
        )
        await served.stop()
        events = served.events()
        opens = Counter(event.conn for event in events if type(event).__name__ == "ConnectionOpen")
        closes = Counter(event.conn for event in events if type(event).__name__ == "ConnectionClose")
        assert opens == closes, f"{self._name}: opened {opens}, closed {closes}"
        assert set(opens.values()) == {1}, f"{self._name}: opened more than once: {opens}"
        return events

    async def _answered(self, served: Served) -> None:
        """Wait until what was said is heard, and no timer of the connection has anything more to say."""
        heard = len(served.events("event:received"))
        await served.happens("event:received", count=heard + 1)
        await deferLater(self._reactor, 0)
        turns = PATIENCE / TURN
        while turns and any(_has_timers(conn) for conn in served.playground.connections):
            turns -= 1
            await deferLater(self._reactor, TURN)

    def same(self, one: Sequence[Any], other: Sequence[Any], otherwise: str) -> None:
        """Two runs made the same events."""
        first, second = [self._constant(event) for event in one], [self._constant(event) for event in other]
        for number, (this, that) in enumerate(zip(first, second, strict=False)):
            assert this == that, f"{self._name}: {otherwise}; event {number}: {this} / {that}"
        assert len(first) == len(second), f"{self._name}: {otherwise}: {first[-1]} / {second[-1]}"

    def same_answers(self, one: Sequence[Any], other: Sequence[Any]) -> None:
        """Two runs said the same, in whatever order."""
        answers = [
            Counter(
                str(self._without(event.data or event.data_b64))
                for event in events
                if type(event).__name__ == "Sent"
            )
            for events in (one, other)
        ]
        assert answers[0] == answers[1], (
            f"{self._name}: who closes its half at once is not told {dict(answers[1] - answers[0])},"
            f" but {dict(answers[0] - answers[1])}"
        )

    def _constant(self, event: Any) -> Any:
        """What of an event does not change from run to run."""
        fields = msgspec.to_builtins(event)
        return self._without({key: value for key, value in fields.items() if key not in VARIES})

    def _without(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._ignore.sub("~", value)
        if isinstance(value, float) and abs(value - time()) < ONE_DAY:
            return "~"
        if isinstance(value, dict):
            return {
                self._without(key): self._without(item) for key, item in value.items() if key not in VARIES
            }
        if isinstance(value, (list, tuple)):
            return [self._without(item) for item in value]
        return value

    def remembers_what_it_says(self, events: Sequence[Any]) -> None:
        """``Server.memory`` is what the journal shows."""
        shown = {event.where for event in events if type(event).__name__ == "State"}
        shown |= {"session" for event in events if type(event).__name__ == "SessionStart"}
        says = memory_of(self._server_class) - {"carried"}
        assert shown <= says, (
            f"{self._name} says it remembers {says or 'nothing'}, but it does: {shown - says}"
        )
        assert says <= shown, (
            f"{self._name} says it remembers {says - shown}, but nothing of the sample does that"
        )

    async def stops(self, served: Served) -> None:
        """Stopping with a client in the middle of something leaves nothing."""
        before = self._things()
        client = await served.connect()
        client.say(self._sample[0])
        await served.happens("event:received")
        began = self._reactor.seconds()
        await served.stop()
        took = self._reactor.seconds() - began
        assert took < STOP_SECONDS, f"{self._name}: stopping took {took:.1f} s"
        await client.rest()
        closed = [event.conn for event in served.events("event:connection.close")]
        assert f"{self._name}-1" in closed, f"{self._name}: stopped, but its connection was never closed"

        def left() -> list[str]:
            return [thing for name, thing in self._things().items() if name not in before]

        turns = TURNS
        while left() and turns:  # the client's end needs a turn to notice
            turns -= 1
            await deferLater(self._reactor, TURN)
        assert not left(), f"{self._name}: stopping leaves {left()}"

    def _things(self) -> dict[int, str]:
        reactor = self._reactor
        things = (*reactor.getDelayedCalls(), *reactor.getReaders(), *reactor.getWriters())
        return {id(thing): str(thing) for thing in things}

    async def forgets(self, served: Served, where: Where) -> None:
        """Somewhere in the sample ``forget`` drops that memory; connections stay open."""
        playground = served.playground
        client = await served.connect()
        ever: set[Any] = set()
        went: set[Any] = set()
        for piece in self._sample:
            client.say(piece)
            await served.happens("event:received", count=len(served.events("event:received")) + 1)
            await deferLater(self._reactor, 0)
            held = set(_holders(served, where))
            ever |= held
            went = {(event.conn, event.session, event.shared) for event in playground.forget(where)}
            assert went <= held, (
                f"{self._name}: forget {where} has dropped {went - held}, which were not held"
            )
            if went:
                break
        assert went, f"{self._name}: forget {where} was to drop {ever}, and drops nothing"
        assert f"{self._name}-1" in [conn.id for conn in playground.connections], (
            f"{self._name}: forget {where} has closed the connection"
        )
        client.hang_up()
        await client.rest()
        await served.stop()


def _has_timers(conn: Connection) -> bool:
    return bool(getattr(getattr(conn.inner, "transport", None), "has_timers", False))


def _holders(served: Served, where: Where) -> Iterable[tuple[str | None, str | None, str | None]]:
    picture = served.playground.picture()
    rows = picture[{"connection": "connections", "session": "sessions"}.get(where, "shared")]
    for row in rows:
        if row["held"]:
            yield row.get("conn"), row.get("session"), row.get("shared")

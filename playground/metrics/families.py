"""All numbers of one playground, each with its name, kind and meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from playground.metrics.counts import Counts, Tally
from playground.servers import Playground

PREFIX = "playground_"


class Family(NamedTuple):
    """One metric: what it is called and means, and its value for each combination of labels."""

    name: str
    """Without ``_total``, which the text format adds to a counter."""
    kind: Literal["counter", "gauge"]
    meaning: str
    labels: tuple[str, ...]
    values: list[tuple[tuple[str, ...], float]]


class JournalNumbers(NamedTuple):
    """How the journal's file is doing."""

    events: int
    """Recorded so far."""
    waiting: int
    """Not in the file yet."""
    lag: float
    """Seconds since the oldest of those happened."""
    lost: int
    """That never will be in the file."""


def families(
    counts: Counts,
    servers: Mapping[str, Playground],
    journal: JournalNumbers,
    *,
    version: str,
    started: float,
) -> Iterator[Family]:
    """Everything there is to tell now. ``started`` is the start, in seconds since 1970."""
    yield _gauge("info", "This playground; always 1.", ("version",), [((version,), 1.0)])
    yield _gauge("start_time_seconds", "When it started, in seconds since 1970.", (), [((), started)])
    yield from _connections(counts, servers)
    yield from _memory(counts, servers)
    by_protocol = ("protocol",)
    refusals = "Inputs that a rule or the present state does not allow."
    yield _counter("refusals", refusals, ("protocol", "rule"), counts.refusals)
    yield _counter("limits", "Limits that were reached.", ("protocol", "limit"), counts.limits)
    yield _counter("troubles", "The playground's own difficulties.", by_protocol, counts.troubles)
    yield _counter_of("journal_events", "Events recorded.", journal.events)
    yield _gauge("journal_waiting_events", "Events not in the file yet.", (), [((), journal.waiting)])
    yield _gauge("journal_lag_seconds", "How far the file is behind.", (), [((), journal.lag)])
    yield _counter_of("journal_lost_events", "Events that never will be in the file.", journal.lost)


def _connections(counts: Counts, servers: Mapping[str, Playground]) -> Iterator[Family]:
    by_protocol = ("protocol",)
    live: list[tuple[tuple[str, ...], float]] = [
        ((name,), float(len(one.connections))) for name, one in servers.items()
    ]
    yield _gauge("connections", "Open connections, data connections included.", by_protocol, live)
    yield _counter("connections_opened", "Connections so far.", by_protocol, counts.opened)
    closed = "Connections closed, and why: by the client, idle, limit, refused ..."
    yield _counter("connections_closed", closed, ("protocol", "reason"), counts.closed)
    for name, meaning, tally, of_one in (
        ("received_messages", "Requests, commands, lines and frames.", counts.received, "messages_received"),
        ("sent_messages", "Answers, replies, lines and frames.", counts.sent, "messages_sent"),
        ("received_bytes", "Bytes from clients.", counts.received_bytes, "bytes_received"),
        ("sent_bytes", "Bytes to clients.", counts.sent_bytes, "bytes_sent"),
    ):
        yield _counter(name, meaning, by_protocol, _with_live(tally, servers, of_one))


def _with_live(closed: Tally, servers: Mapping[str, Playground], of_one: str) -> Tally:
    """What closed connections had, and what the live ones have so far."""
    both = Tally()
    for labels, count in closed.counts.items():
        both.add(*labels, count=count)
    for name, one in servers.items():
        both.add(name, count=sum(getattr(conn, of_one) for conn in one.connections))
    return both


def _memory(counts: Counts, servers: Mapping[str, Playground]) -> Iterator[Family]:
    where = ("protocol", "where")
    size, things = Tally(), Tally()
    for name, one in servers.items():
        picture = one.picture()
        for word, rows in zip(
            ("connection", "session", "shared"), ("connections", "sessions", "shared"), strict=True
        ):
            size.add(name, word, count=sum(row["held"] for row in picture[rows]))
            things.add(name, word, count=sum(1 for row in picture[rows] if row["held"]))
    held = "Bytes remembered now, as JSON: for connections, in sessions, shared by everybody."
    yield _gauge("remembered_bytes", held, where, _values(size))
    told = "Connections, sessions and shared things for which something is remembered."
    yield _gauge("remembered_things", told, where, _values(things))
    brought = "Bytes of state that clients had to bring."
    yield _counter("carried_bytes", brought, ("protocol",), counts.carried_bytes)
    yield _counter("changes", "Times that something remembered became another.", where, counts.changes)
    yield _counter("forgotten", "Memories dropped by `playground forget`.", where, counts.forgotten)
    yield _counter("sessions_started", "Sessions begun.", ("protocol",), counts.sessions)
    yield _counter("sessions_ended", "Sessions ended.", ("protocol", "reason"), counts.sessions_ended)


def _values(tally: Tally) -> list[tuple[tuple[str, ...], float]]:
    return [(labels, float(count)) for labels, count in tally.counts.items()]


def _gauge(
    name: str, meaning: str, labels: tuple[str, ...], values: list[tuple[tuple[str, ...], float]]
) -> Family:
    return Family(PREFIX + name, "gauge", meaning, labels, values)


def _counter(name: str, meaning: str, labels: tuple[str, ...], tally: Tally) -> Family:
    return Family(PREFIX + name, "counter", meaning, labels, _values(tally))


def _counter_of(name: str, meaning: str, value: float) -> Family:
    return Family(PREFIX + name, "counter", meaning, (), [((), value)])

"""The typed record of everything that happens on a connection.

One class per kind of event, one JSON object per line in the file. The JSON
Schema that ships with the package is generated from these classes, so this
file is the format's definition.

The four words of :data:`Where` are used everywhere (log, API, docs):

``connection``
    the server holds it for this socket; it dies with the socket.
``session``
    the server holds it under an id that the client brings back.
``shared``
    the server holds it for everybody.
``carried``
    the client holds it and sends it again with every request.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

Json = Any
Snapshot = Mapping[str, Json]
"""A frozen public picture of what is remembered: never the live object, never a secret."""

Where = Literal["connection", "session", "shared", "carried"]

SCHEMA_VERSION = 1

_NOT_YET = datetime.fromtimestamp(0, UTC)


class Event(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="event", gc=False):
    """What all events share.

    ``seq`` and ``time`` are stamped by :meth:`Journal.record`; from then on
    the event never changes.
    """

    seq: int = 0
    """Position in the run's total order, from 1."""
    time: datetime = _NOT_YET
    """When it happened, UTC, by the injected clock."""
    protocol: str | None = None
    """The server's name: ``http``, ``ftp``, ``game`` ..."""
    conn: str | None = None
    """The connection: protocol and counter, such as ``ftp-3``."""
    cause: int | None = None
    """The ``seq`` of the event that this one answers."""
    again: bool = False
    """True where a rotated file states something anew that was said before."""


class JournalOpen(Event, kw_only=True, tag="journal.open"):
    """The first line of every file."""

    schema: int
    """:data:`SCHEMA_VERSION` of the program that wrote it."""
    run: str
    """Names this start of the program, unique per state folder."""
    version: str
    """The program's version."""
    pid: int
    servers: dict[str, str]
    """Server name to endpoint string, with real port numbers."""


class ConnectionOpen(Event, kw_only=True, tag="connection.open"):
    """A peer connected. Addresses stand here alone, so that other lines stay small."""

    client_address: str
    client_port: int
    server_address: str
    server_port: int
    transport: str = "tcp"
    tls: bool = False
    parent: str | None = None
    """On an FTP data connection its control connection."""


class Message(Event, kw_only=True):
    """One protocol message: a line, a request head, a piece of a body, a frame."""

    size: int
    """Bytes on the wire, whatever of them is kept below."""
    data: str | None = None
    """The bytes as text when they are valid UTF-8; secrets are masked to the same length."""
    data_b64: str | None = None
    """The bytes in base64 when they are not UTF-8."""
    truncated: bool = False
    """True when the message was longer than the capture limit."""
    frame: str | None = None
    """Of a WebSocket's frame its kind, such as ``text``; ``data`` is what it says, ``size`` is all of it."""


class Received(Message, kw_only=True, tag="received"):
    """A message from the client."""

    carried: dict[str, Json] | None = None
    """State that the client had to bring along (query, cookies, claims), secrets masked."""
    carried_size: int | None = None
    """How many bytes of the message were that state."""


class Sent(Message, kw_only=True, tag="sent"):
    """A message from the server."""


class Partial(Message, kw_only=True, tag="partial"):
    """Bytes that arrived but never became a message, masked throughout."""


class State(Event, kw_only=True, tag="state"):
    """Something remembered has changed.

    ``where`` says which of ``conn``, ``session`` and ``shared`` is the
    subject; on a session or a shared thing ``conn`` names the connection
    whose message changed it, where one did.
    """

    where: Where
    session: str | None = None
    shared: str | None = None
    machine: str | None = None
    input: str | None = None
    before: str | None = None
    after: str | None = None
    changed: dict[str, tuple[Json, Json]]
    """Path to (before, after). Empty only where ``again`` is true."""
    remembers: dict[str, Json]
    """The subject's whole public memory after the change."""
    held: int
    """Bytes of ``remembers`` as JSON; 0 when it is empty."""


class SessionStart(Event, kw_only=True, tag="session.start"):
    """The server began to hold something under an id."""

    session: str
    expires_in: float | None = None
    """Seconds, where it is limited."""


class SessionEnd(Event, kw_only=True, tag="session.end"):
    """The server holds nothing under that id any more."""

    session: str
    reason: str
    forgot: dict[str, Json]


class Forgotten(Event, kw_only=True, tag="forgotten"):
    """``playground forget`` dropped this memory; sockets stay open."""

    where: Where
    session: str | None = None
    shared: str | None = None
    forgot: dict[str, Json]


class Refused(Event, kw_only=True, tag="refused"):
    """An input that the present state or a rule does not allow."""

    rule: str
    """The rule's short name, such as ``not-logged-in`` or ``host-missing``."""
    text: str
    """What was wrong, for a person."""
    source: str | None = None
    """Where the rule comes from, such as ``RFC 9112 3.2``."""


class LimitHit(Event, kw_only=True, tag="limit"):
    """A limit was reached."""

    limit: str
    """The setting's name, such as ``http.connections_per_address``."""
    value: float
    text: str


class Trouble(Event, kw_only=True, tag="trouble"):
    """The playground's own difficulty: a full disk, an exception in a server."""

    text: str


class Kept(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What outlives a connection."""

    where: Where
    name: str
    remembers: dict[str, Json]
    expires_in: float | None = None
    """Seconds from now, where it is limited."""


class ConnectionClose(Event, kw_only=True, tag="connection.close"):
    """The socket is gone, and with it what ``forgot`` lists."""

    reason: str
    """``client``, ``server``, ``idle``, ``flood``, ``limit``, ``shutdown``, ``lost`` ..."""
    received_bytes: int
    sent_bytes: int
    received_messages: int
    sent_messages: int
    lifetime: float
    """Seconds."""
    forgot: dict[str, Json]
    kept: list[Kept] = []


class Dropped(Event, kw_only=True, tag="dropped"):
    """Events that a full queue or disk lost: never silently."""

    count: int
    reason: str


AnyEvent = (
    JournalOpen
    | ConnectionOpen
    | Received
    | Sent
    | Partial
    | State
    | SessionStart
    | SessionEnd
    | Forgotten
    | Refused
    | LimitHit
    | Trouble
    | ConnectionClose
    | Dropped
)
"""Every kind of event that a journal file can hold."""

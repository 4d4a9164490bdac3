"""What a person can see of an event, as one text: the thing that a filter searches."""

from __future__ import annotations

import base64

from playground.journal import wording
from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    Dropped,
    Forgotten,
    JournalOpen,
    LimitHit,
    Message,
    Partial,
    Received,
    Refused,
    Sent,
    SessionEnd,
    SessionStart,
    State,
    Trouble,
)


def message_text(message: Message) -> str:
    r"""The bytes of a message as text; those that are not UTF-8 as ``\xff``."""
    if message.data is not None:
        return message.data
    if message.data_b64 is not None:
        try:
            return base64.b64decode(message.data_b64, validate=True).decode("utf-8", "backslashreplace")
        except ValueError:
            return message.data_b64  # a hand-edited file; still text to look for
    return ""


def visible_text(event: AnyEvent) -> str:
    """What a person can see of an event in the log, as one text to search in."""
    return " ".join(part for part in (event.conn, _body(event)) if part)


def _body(event: AnyEvent) -> str:
    match event:
        case Received() | Sent() | Partial():
            return message_text(event)
        case State():
            changed = ", ".join(f"{path} {wording.change(*of)}" for path, of in event.changed.items())
            steps = (event.machine, event.input, event.before, event.after)
            return " ".join(
                part
                for part in (changed or wording.facts(event.remembers), *steps, event.where, _name(event))
                if part
            )
        case ConnectionOpen():
            client = f"{event.client_address}:{event.client_port}"
            server = f"{event.server_address}:{event.server_port}"
            return f"{client} {server}" + (f" for {event.parent}" if event.parent else "")
        case ConnectionClose():
            kept = " ".join(
                f"{part.name} {part.where} {wording.facts(part.remembers)}" for part in event.kept
            )
            return f"closed {event.reason} {wording.facts(event.forgot)} {kept}"
        case Refused():
            return f"{event.rule} {event.text} {event.source or ''}"
        case LimitHit():
            return f"{event.limit} {event.value:g} {event.text}"
        case Forgotten():
            return f"{event.where} {_name(event)} {wording.facts(event.forgot)}"
        case SessionStart():
            return event.session
        case SessionEnd():
            return f"{event.session} {event.reason} {wording.facts(event.forgot)}"
        case JournalOpen():
            servers = " ".join(f"{name} {endpoint}" for name, endpoint in event.servers.items())
            return f"{event.run} {event.version} {servers}"
        case Dropped():
            return f"{event.count} {event.reason}"
        case Trouble():
            return event.text


def _name(event: State | Forgotten) -> str:
    return event.session or event.shared or ""

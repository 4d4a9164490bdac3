"""One connection in the journal: every line about it is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from playground.journal.events import (
    ConnectionClose,
    Json,
    Kept,
    LimitHit,
    Partial,
    Received,
    Refused,
    Sent,
    Snapshot,
    Trouble,
)
from playground.journal.redaction import Secret, echoes, mask_values
from playground.wire.addresses import Endpoint
from playground.wire.frames import Frame
from playground.wire.machines import Transition
from playground.wire.memory import NOTHING, Step, state_event
from playground.wire.opcodes import NAMES

if TYPE_CHECKING:
    from playground.wire.ledger import Ledger

TROUBLE_CHARACTERS: Final = 500


class Connection:
    """One connection in the journal."""

    __slots__ = (
        "_echoes",
        "_is_asked",
        "_journal",
        "_ledger",
        "_remembered",
        "_server",
        "_step",
        "_unanswered",
        "bytes_received",
        "bytes_sent",
        "children",
        "client",
        "forgetful",
        "id",
        "inner",
        "last_received",
        "messages_received",
        "messages_sent",
        "open",
        "opened_at",
        "parent",
        "protocol",
        "server_side",
    )

    def __init__(
        self, ledger: Ledger, name: str, client: Endpoint, server_side: Endpoint, parent: Connection | None
    ) -> None:
        self._ledger = ledger
        self._journal = ledger.journal
        self._server = ledger.server
        self._remembered: Snapshot = NOTHING
        self._step: Step | None = None
        self._echoes: Sequence[tuple[bytes, str]] = ()
        self._unanswered = False
        self._is_asked = parent is None  # a data connection is part of its control connection's state
        self.id = name
        self.protocol = ledger.server.name
        self.client = client
        self.server_side = server_side
        self.parent = parent
        self.children = 0
        self.inner: Any = None
        """The server's protocol object on this connection."""
        self.forgetful = False
        """Whether nothing is remembered of what is said on it. Then nobody is asked after each message; what
        did change by some mistake is found before the next one."""
        self.open = True
        self.opened_at = ledger.seconds()
        self.bytes_received = 0
        """Counted by whoever owns the socket, as is ``bytes_sent``."""
        self.bytes_sent = 0
        self.messages_received = 0
        self.messages_sent = 0
        self.last_received: int | None = None
        """The ``seq`` of the newest message from the client: the cause of what follows."""

    @property
    def remembered(self) -> Snapshot:
        """What was last recorded as remembered for this socket."""
        return self._remembered

    @property
    def age(self) -> float:
        """Seconds since it was opened."""
        return self._ledger.seconds() - self.opened_at

    def received(
        self,
        data: bytes,
        *,
        size: int | None = None,
        frame: str | None = None,
        text: str | None = None,
        secrets: Sequence[Secret] = (),
        carried: Mapping[str, Json] | None = None,
        carried_size: int | None = None,
    ) -> int:
        """The client sent one message; returns its ``seq``. Call it before handling the message.

        Of a WebSocket ``frame`` is the kind, ``data`` what it says, and ``size`` its bytes on the wire.
        ``text`` is ``data`` as text, where that is known already.
        """
        self.pull_own()
        memory = self._ledger.memory
        if not memory.settled:
            self._ledger.pull_subjects(self.id, self.last_received)
        if not self.forgetful:
            memory.settled, memory.stale = False, True
        self._step = None  # a step that changed nothing is no part of what this message will change
        self.messages_received += 1
        if secrets or self._echoes:
            self._echoes = echoes(data, secrets, self._echoes if self._unanswered else ())
        self._unanswered = True
        event = Received(
            protocol=self.protocol, conn=self.id, size=len(data) if size is None else size, frame=frame
        )
        if carried:
            event.carried, event.carried_size = dict(carried), carried_size
        journal = self._journal
        if text is not None and len(data) < journal.capture_bytes and not secrets:
            event.data = text
        else:
            journal.show(event, data, secrets)
        self.last_received = seq = journal.record(event)
        return seq

    def sent(
        self,
        data: bytes,
        *,
        size: int | None = None,
        frame: str | None = None,
        text: str | None = None,
        secrets: Sequence[Secret] = (),
        cause: int | None = None,
    ) -> int:
        """The server sends one message; returns its ``seq``. What changed before it is written first.

        ``size``, ``frame`` and ``text`` are as in :meth:`received`.
        """
        ledger = self._ledger
        acting = ledger.acting or self
        if acting is not self or not self.forgetful:
            self.pull_own(cause)
            if ledger.memory.stale:
                if acting == "server":
                    ledger.pull()
                else:
                    ledger.pull_subjects(acting.id, acting.last_received)
        self.messages_sent += 1
        self._unanswered = False
        if cause is None and acting is self:  # else somebody else or the clock made the server say it
            cause = self.last_received
        event = Sent(
            protocol=self.protocol,
            conn=self.id,
            cause=cause,
            size=len(data) if size is None else size,
            frame=frame,
        )
        journal = self._journal
        if text is not None and len(data) < journal.capture_bytes and not (secrets or self._echoes):
            event.data = text
        else:
            journal.show(event, data, secrets, self._echoes)
        return journal.record(event)

    def has_nothing_special(self) -> bool:
        """Whether all that is remembered of it is written down, and no secret of its may be echoed.

        Then a message that somebody else makes the server send is an event like those of all others.
        """
        if self._echoes:
            return False
        try:
            return self._server.remembered(self) is self._remembered
        except Exception:  # which the next pull tells
            return False

    def exchanged(
        self, message: bytes, answer: bytes, carried: Mapping[str, Json] | None, carried_size: int | None
    ) -> None:
        """As :meth:`received` and :meth:`sent`, where nothing was asked between the two that could remember.

        Neither has a secret in it.
        """
        self._begin_exchange()
        asked = Received(protocol=self.protocol, conn=self.id, size=len(message))
        if carried:
            asked.carried, asked.carried_size = dict(carried), carried_size
        answered = Sent(protocol=self.protocol, conn=self.id, size=len(answer))
        journal = self._journal
        journal.show(asked, message)
        journal.show(answered, answer, (), self._echoes)
        self.last_received = journal.record_exchange(asked, answered)

    def exchanged_frames(self, message: Frame, answer: Frame) -> None:
        """As :meth:`exchanged`, of two frames that are whole messages."""
        self._begin_exchange()
        journal, protocol, conn = self._journal, self.protocol, self.id
        room = 0 if self._echoes else journal.capture_bytes
        told = message.message if len(message.content) < room and isinstance(message.message, str) else None
        asked = Received(
            protocol=protocol, conn=conn, size=message.size, frame=NAMES[message.opcode], data=told
        )
        if told is None:
            journal.show(asked, message.content)
        told = answer.message if len(answer.content) < room and isinstance(answer.message, str) else None
        answered = Sent(protocol=protocol, conn=conn, size=answer.size, frame=NAMES[answer.opcode], data=told)
        if told is None:
            journal.show(answered, answer.content, (), self._echoes)
        self.last_received = journal.record_exchange(asked, answered)

    def _begin_exchange(self) -> None:
        self.pull_own()
        if not self._ledger.memory.settled:
            self._ledger.pull_subjects(self.id, self.last_received)
        self._step = None
        self.messages_received += 1
        self.messages_sent += 1
        if not self._unanswered:
            self._echoes = ()
        self._unanswered = False

    def partial(self, data: bytes) -> None:
        """Bytes that arrived but never became a message."""
        whole = (Secret(0, len(data)),)
        event = Partial(protocol=self.protocol, conn=self.id, size=len(data))
        self._journal.show(event, data, whole)
        self._journal.record(event)

    def refused(self, rule: str, text: str, source: str | None = None) -> int:
        """The newest message is not allowed by a rule or by the present state."""
        return self._journal.record(
            Refused(
                protocol=self.protocol,
                conn=self.id,
                cause=self.last_received,
                rule=rule,
                text=text,
                source=source,
            )
        )

    def limit(self, setting: str, value: float, text: str) -> int:
        """A limit was reached: ``idle``, or with a group that is not the server's, ``login.guesses``."""
        return self._journal.record(
            LimitHit(
                protocol=self.protocol,
                conn=self.id,
                cause=self.last_received,
                limit=setting if "." in setting else f"{self.protocol}.{setting}",
                value=value,
                text=text,
            )
        )

    def trouble(self, text: str) -> int:
        """The server's own difficulty with this connection."""
        masked = text.encode("utf-8", "replace")
        if not self._journal.reveal:
            masked = mask_values(masked, self._echoes)
        text = masked.decode("utf-8", "replace")[:TROUBLE_CHARACTERS]
        return self._journal.record(Trouble(protocol=self.protocol, conn=self.id, text=text))

    def machine_step(self, step: Transition) -> None:
        """A machine of this connection moved; its next ``state`` event will say so."""
        self._step = self._step.then(step) if self._step else Step(*step)

    def pull(self, cause: int | None = None) -> None:
        """Write down what is remembered differently now; ``cause``, if it is not the newest message."""
        self.pull_own(cause)
        self._ledger.pull_subjects(self.id, self.last_received)

    def pull_own(self, cause: int | None = None) -> None:
        """The same as :meth:`pull`, for this socket's part alone."""
        if not self._is_asked:
            return
        before = self._remembered
        try:
            now = self._server.remembered(self)
        except Exception as error:  # a server from a stranger's file may raise anything
            self._ledger.failed("remembered", self.id, error)
            return
        if now is not before:  # who hands out the same object again says that nothing has changed
            self._write_change(before, now, cause)

    def _write_change(self, before: Snapshot, now: Snapshot, cause: int | None) -> None:
        self._remembered = now
        step, self._step = self._step, None
        if now != before:
            ids = {"conn": self.id, "cause": self.last_received if cause is None else cause}
            self._journal.record(state_event(self.protocol, "connection", before, now, step, **ids))

    def send_away(self) -> None:
        """One connection too many: it is never asked about, and counts no more."""
        self._is_asked = False
        self._ledger.release(self)

    def closed(self, reason: str) -> None:
        """The socket is gone, and the server's protocol knows. Says what died with it and what lives on."""
        if not self.open:
            return
        self.open = False
        ledger = self._ledger
        ledger.pull_subjects(self.id, None)
        ledger.release(self)
        kept: list[Kept] = []
        if self._is_asked:
            kept = ledger.ask("subjects_of", self, kept, self._kept)
        self._journal.record(
            ConnectionClose(
                protocol=self.protocol,
                conn=self.id,
                reason=reason,
                received_bytes=self.bytes_received,
                sent_bytes=self.bytes_sent,
                received_messages=self.messages_received,
                sent_messages=self.messages_sent,
                lifetime=round(self.age, 6),
                forgot=dict(self._remembered),
                kept=kept,
            )
        )
        self._remembered = NOTHING

    def _kept(self) -> list[Kept]:
        return [
            Kept(where=where, name=name, remembers=dict(remembers), expires_in=expires_in)
            for where, name, remembers, expires_in in self._server.subjects_of(self)
        ]

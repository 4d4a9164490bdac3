"""The Lambda Runtime API: what AWS's client in an environment says to this side, and hears."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import msgspec
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from typing_extensions import override

from playground.journal.redaction import Secret
from playground.servers.function.environment import Environment, Run
from playground.servers.function.messages import Head, Wrong, answer, head_of
from playground.servers.function.states import State

if TYPE_CHECKING:
    from playground.wire.observed import Observed

COOKIES = re.compile(rb'"(?:set-)?cookies?"\s*:\s*(\[[^]]*+\]|"(?:[^"\\]|\\.)*+")', re.IGNORECASE)
"""What a function lets the client keep."""

SOURCE = "AWS Lambda Runtime API 2018-06-01"


class RuntimeProtocol(Protocol):
    """One connection of an environment."""

    claims_messages = True

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.asks = False
        """Whether it waits for work: the answer to its question is open."""

    @property
    def owes_answer(self) -> bool:
        """For the wire: an environment has deadlines of its own; a stranger that is silent is given up."""
        return self.environment.client is self

    @property
    def wire(self) -> Observed:
        """What it is connected with."""
        return cast("Observed", self.transport)

    @override
    def dataReceived(self, data: bytes) -> None:
        wire = self.wire
        while not wire.disconnecting:
            head = head_of(wire.unclaimed)
            if head is None:
                return
            if isinstance(head, Wrong):
                wire.claim(len(wire.unclaimed))
                self._refuse(head)
            elif wrong := self._wrong_with(head):
                wire.claim(head.size)
                self._refuse(wrong)
            elif head.length > self.environment.payload:
                wire.claim(head.size)
                self._too_big(head)
            elif len(wire.unclaimed) < head.size + head.length:
                return
            else:
                size = head.size + head.length
                secrets = self._secrets_in(bytes(wire.unclaimed[:size]))
                body = wire.claim(size, secrets=secrets)[head.size :]
                self._take(head, body)

    def _wrong_with(self, head: Head) -> Wrong | None:
        """Why that may not be said now, or here; known before its body is there."""
        environment = self.environment
        client, run = environment.client, environment.run
        if client is not None and client is not self and client.wire.connection.open:
            return Wrong(403, "stranger", "This environment speaks on another connection.")
        if head.what == "next":
            if environment.is_out or self.asks or head.length:
                return Wrong(403, "out-of-order", "Answer what you were given first.")
        elif head.what == "init-error":
            if environment.state is not State.STARTING:
                return Wrong(403, "out-of-order", "It has started already.")
        elif not (environment.is_out and run is not None and run.request_id == head.request_id):
            return Wrong(400, "request-id", "No such request was given to this environment.")
        return None

    def _take(self, head: Head, body: bytes) -> None:
        environment = self.environment
        if head.what == "next":
            self.asks = True
            environment.asked(self)
            return
        self._say(202, {"status": "OK"})
        if head.what == "init-error":
            environment.init_failed(body)
        elif head.what == "response":
            environment.answered(body)
        else:
            environment.raised(body)

    def hand_out(self, run: Run, deadline: float) -> None:
        """Answer the question for work. ``deadline`` is seconds since 1970."""
        self.asks = False
        function = self.environment.function
        fields = (
            ("Lambda-Runtime-Aws-Request-Id", run.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(int(deadline * 1000))),
            ("Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:local:0:function:{function}"),
        )
        data = answer(200, run.event, fields)
        self.wire.send(data, secrets=self._secrets_in(data))
        self.wire.connection.pull()

    def _secrets_in(self, message: bytes) -> list[Secret]:
        """What of a message the journal must not show: cookies, and what was secret in the request."""
        run = self.environment.run
        found = [
            one.span()
            for value in (run.secrets if run else ())
            for one in re.finditer(re.escape(value), message)
        ]
        found += [one.span(1) for one in COOKIES.finditer(message)]
        return [Secret(start, end) for start, end in found]

    def _too_big(self, head: Head) -> None:
        most = self.environment.payload
        text = f"The answer has {head.length} bytes, and {most} are allowed."
        self.wire.limit("payload", most, text)
        self._say(413, {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": text}, last=True)
        self.environment.too_big(head.length)

    def _refuse(self, wrong: Wrong) -> None:
        self.wire.refused(wrong.rule, wrong.text, SOURCE)
        self._say(wrong.status, {"errorType": wrong.rule, "errorMessage": wrong.text}, last=True)
        self.wire.loseConnection("refused")

    def _say(self, status: int, content: Any, *, last: bool = False) -> None:
        self.wire.send(answer(status, msgspec.json.encode(content), last=last))

    def input_ended(self) -> None:
        """The environment has hung up."""
        self.wire.loseConnection("client")

    def goodbye(self, reason: str) -> None:
        """The playground stops."""
        self.wire.loseConnection(reason)


class RuntimeFactory(Factory):
    """Builds the connections of one environment."""

    noisy = False

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    @override
    def buildProtocol(self, addr: IAddress | None) -> RuntimeProtocol:
        return RuntimeProtocol(self._environment)

"""One environment: a process that runs one function, again and again, one run at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from playground.journal.events import Snapshot, Trouble
from playground.servers import Playground
from playground.servers.function.limits import FunctionLimits
from playground.servers.function.process import FunctionProcess
from playground.servers.function.states import TABLE, Input, State
from playground.views.escape import escape
from playground.wire.invoking import Invoked, Start
from playground.wire.limits import UNCLAIMED_BYTES
from playground.wire.machines import Transition
from playground.wire.memory import NOTHING

if TYPE_CHECKING:
    from playground.servers.function.protocol import RuntimeProtocol
    from playground.wire.listening import Listening


TOLD_CHARACTERS = 300
"""What is kept of a text that is not ours, where nothing else is said."""


@dataclass(eq=False)
class Run:
    """One request for a function."""

    request_id: str
    event: bytes
    secrets: tuple[bytes, ...]
    """Values in it that the journal must not show."""
    asked_at: float
    start: Start
    done: Deferred[Invoked] = field(default_factory=Deferred)


class Environment:
    """One environment, seen from the playground. ``changed`` is called when what it remembers has."""

    def __init__(
        self, playground: Playground, function: str, number: int, changed: Callable[[], None]
    ) -> None:
        self.playground = playground
        self._limits: FunctionLimits = playground.options
        self._changed = changed
        self.function = function
        self.name = f"{function}-{number}"
        self.state = State.STARTING
        self.runs = 0
        """How many it was given, the present one included."""
        self.run: Run | None = None
        """The one that it has, or will have as soon as it asks."""
        self.is_out = False
        """Whether it has it, and owes the answer."""
        self.client: RuntimeProtocol | None = None
        """The connection on which it asks for work, once it has."""
        self.used_at = 0.0
        self.gone: Deferred[None] = Deferred()
        """Fires when its process has ended and its port is closed."""
        self._process: FunctionProcess | None = None
        self._port: Listening | None = None
        self._deadline: IDelayedCall | None = None
        self._is_forgotten = False
        self._lines = 0
        self._unfinished = b""
        self._picture: Snapshot = {}

    @property
    def payload(self) -> int:
        """Bytes that the function may answer."""
        return self._limits.payload or UNCLAIMED_BYTES // 2

    def picture(self) -> Snapshot:
        """What is remembered for its connection. The identical object while nothing has changed."""
        if self.state is State.ENDED:  # until its connection is closed, which says what went with it
            return NOTHING if self._is_forgotten else self._picture
        seen = {
            "function": self.function,
            "environment": self.name,
            "state": str(self.state),
            "runs": self.runs,
        }
        if seen != self._picture:
            self._picture = seen
        return self._picture

    def _move(self, what: Input) -> None:
        before, self.state = self.state, TABLE[self.state][what]
        if self.client is not None:
            step = Transition("environment", str(what), str(before), str(self.state))
            self.client.wire.connection.machine_step(step)

    # -- beginning ---------------------------------------------------------------------------

    def start(self, folder: Path, port: Listening) -> None:
        """Start the process, which will ask for work on ``port``. Raises ``OSError``."""
        self._port = port
        port.startService()
        where: list[tuple[str, int]] = []
        _ = port.opened.addCallbacks(where.append, lambda _: None)
        if not where:  # a TCP port opens at once, or not at all
            raise OSError(0, "no port is free")
        self._process = FunctionProcess(
            self.playground.reactor,
            folder=folder,
            name=self.function,
            api=f"127.0.0.1:{where[0][1]}",
            memory=self._limits.memory,
            on_output=self._printed,
            on_exit=self._exited,
        )
        self._allow(self._limits.init_seconds, "init_seconds", "did not start within")

    def give(self, run: Run) -> None:
        """From now on the run is this environment's. It gets it when it asks for work."""
        self.run = run
        self.runs += 1
        self._lines = 0
        if self.state is State.FREE:
            self._move(Input.GIVEN)
            self._allow(self._limits.timeout, "timeout", "took longer than")
        self._hand_out()
        self._changed()

    def asked(self, client: RuntimeProtocol) -> None:
        """It asks for work: it is up, and done with what it had."""
        self.client = client
        if self.state is State.STARTING:
            self._move(Input.ASKS)
            self._allow(self._limits.timeout, "timeout", "took longer than")
        self._hand_out()

    def _hand_out(self) -> None:
        if self.run is not None and self.client is not None and self.client.asks:
            timeout = self._limits.timeout or 900.0
            self.is_out = True
            self.client.hand_out(self.run, self.playground.reactor.seconds() + timeout)

    # -- ending a run ------------------------------------------------------------------------

    def answered(self, content: bytes) -> None:
        """The function has answered."""
        self._free(Input.ANSWERS, Invoked(200, content))

    def raised(self, content: bytes) -> None:
        """The function has failed, and AWS's client goes on."""
        self._free(
            Input.RAISES, Invoked(502, b"", "function-error", f"The function failed: {_told(content)}")
        )

    def too_big(self, size: int) -> None:
        """The function's answer is longer than it may be. AWS's client ends with that."""
        text = f"The function's answer has {size} bytes, more than {self._limits.payload}."
        self.end(Input.LIMIT, Invoked(502, b"", "payload", text))

    def init_failed(self, content: bytes) -> None:
        """The function cannot be imported; the process ends by itself."""
        text = f"The function did not start: {_told(content)}"
        self.trouble(text)
        self.end(Input.INIT_ERROR, Invoked(502, b"", "init-error", text))

    def _free(self, what: Input, invoked: Invoked) -> None:
        self._move(what)
        self.used_at = self.playground.reactor.seconds()
        self._finish(invoked)
        self._allow(self._limits.warm_seconds, "warm_seconds", "")
        self._changed()

    def _finish(self, invoked: Invoked) -> None:
        run, self.run, self.is_out = self.run, None, False
        if run is not None:
            seconds = self.playground.reactor.seconds() - run.asked_at
            told = invoked._replace(environment=self.name, start=run.start, number=self.runs, seconds=seconds)
            # In the next turn: what has changed here is written down before anything else happens.
            self.playground.reactor.callLater(0, run.done.callback, told)

    # -- ending altogether -------------------------------------------------------------------

    def _allow(self, seconds: float, setting: str, words: str) -> None:
        """So long it may go on in its phase; 0 is for ever."""
        self._forget_deadline()
        if seconds:
            self._deadline = self.playground.call_later(seconds, self._too_long, seconds, setting, words)

    def _forget_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _too_long(self, seconds: float, setting: str, words: str) -> None:
        if self.state is State.FREE:
            self.end(Input.IDLE)
            return
        text = f"{self.name} {words} {seconds:g} seconds, and is killed."
        if self.client is not None:
            self.client.wire.limit(setting, seconds, text)
        else:
            self.trouble(text)
        self.end(Input.LIMIT, Invoked(504, b"", setting, text))

    def end(self, reason: Input, invoked: Invoked | None = None) -> None:
        """Kill the process, and all that it has started. Whoever waits for an answer gets ``invoked``."""
        self._forget_deadline()
        if self.state is State.ENDED:
            return
        self._move(reason)
        self._is_forgotten = reason is Input.FORGOTTEN
        if self.client is not None:
            self.client.wire.loseConnection(str(reason))
        if self._process is not None:
            self._process.kill()
        text = f"{self.name} was ended while it ran the function."
        self._finish(invoked or Invoked(502, b"", "ended", text))
        self._changed()
        if self._process is None:
            self._close()

    def _exited(self, status: int) -> None:
        if self._unfinished:
            self._printed(b"\n")
        if self.state is not State.ENDED:
            how = f"with status {status}" if status >= 0 else f"by signal {-status}"
            text = f"{self.name} has ended {how}"
            text += " while it ran the function." if self.run is not None else "."
            self.trouble(text)
            self.end(Input.EXIT, Invoked(502, b"", "crash", text))
        self._close()

    def _close(self) -> None:
        if self._port is not None:
            _ = self._port.stopService().addBoth(lambda _: self.gone.callback(None))

    # -- what it says ------------------------------------------------------------------------

    def _printed(self, data: bytes) -> None:
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        longest = self._limits.output_line or TOLD_CHARACTERS
        if len(self._unfinished) > longest:
            lines.append(self._unfinished)
            self._unfinished = b""
        most = self._limits.output_lines
        for line in lines:
            self._lines += 1
            if not most or self._lines <= most:
                said = line[:longest].decode(errors="replace")
                self.trouble(f"{self.name} prints: {escape(said)}")
            elif self._lines == most + 1:
                self.trouble(f"{self.name} prints more than {most} lines; the rest is not shown.")

    def trouble(self, text: str) -> None:
        """A line in the journal about it."""
        if self.client is not None and self.client.wire.connection.open:
            self.client.wire.connection.trouble(text)
        else:
            self.playground.journal.record(Trouble(protocol=self.playground.server.name, text=text[:500]))


def _told(content: bytes) -> str:
    """What AWS's client says of an error, in one line."""
    try:
        error = msgspec.json.decode(content)
        said = f"{error['errorType']}: {error['errorMessage']}"
    except (msgspec.DecodeError, KeyError, TypeError):
        said = content[:TOLD_CHARACTERS].decode(errors="replace")
    return escape(said)[:TOLD_CHARACTERS]

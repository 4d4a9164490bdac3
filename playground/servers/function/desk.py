"""The desk: requests come in, and each is given to an environment, a warm one where one is free."""

from __future__ import annotations

from collections import Counter

from twisted.internet.defer import Deferred, gatherResults, succeed

from playground.servers import Playground
from playground.servers.function.environment import Environment, Run
from playground.servers.function.folder import Folder
from playground.servers.function.limits import FunctionLimits
from playground.servers.function.process import available
from playground.servers.function.protocol import RuntimeFactory
from playground.servers.function.states import Input, State
from playground.wire.invoking import Invoked, Start
from playground.wire.memory import Subject

PRIVATE_PORT = "tcp:0:interface=127.0.0.1"
"""Each environment asks on a port of its own, so that none can answer in another's place."""


class Desk:
    """All environments. It is what other servers know as :class:`~playground.wire.invoking.Functions`."""

    def __init__(self, playground: Playground, folder: Folder) -> None:
        self._playground = playground
        self._folder = folder
        self._limits: FunctionLimits = playground.options
        self._environments: list[Environment] = []
        self._started: Counter[str] = Counter()
        self._cold: Counter[str] = Counter()
        self._warm: Counter[str] = Counter()
        self._closed = False
        self.subjects: tuple[Subject, ...] = ()
        """What everybody shares: how many environments each function has, and how its runs began."""

    # -- for other servers -------------------------------------------------------------------

    def names(self) -> list[str]:
        """The functions that there are."""
        return self._folder.names()

    def invoke(
        self, name: str, event: bytes, request_id: str, secrets: tuple[bytes, ...] = ()
    ) -> Deferred[Invoked]:
        """Run a function. Always fires in the end, and never with a failure."""
        folder = self._folder.find(name)
        if folder is None:
            known = ", ".join(self.names())
            return succeed(
                Invoked(404, b"", "no-function", f"There is no such function. There are: {known}.")
            )
        if missing := available():
            return succeed(Invoked(501, b"", "functions-missing", missing))
        environment = self._free(name)
        start: Start = "warm" if environment else "cold"
        run = Run(request_id, event, secrets, self._playground.reactor.seconds(), start)
        if environment is None:
            if self._closed or not self._has_room():
                return succeed(Invoked(429, b"", "environments", self._busy()))
            environment = self._begin(name)
            try:
                port = self._playground.listen(PRIVATE_PORT, RuntimeFactory(environment))
                environment.start(folder, port)
            except OSError as error:
                text = f"No process can be started: {error.strerror}."
                environment.trouble(text)
                environment.end(Input.TROUBLE)
                return succeed(Invoked(503, b"", "no-process", text))
        (self._warm if run.start == "warm" else self._cold)[name] += 1
        environment.give(run)
        self._playground.pull()
        return run.done

    # -- choosing ----------------------------------------------------------------------------

    def _live(self) -> list[Environment]:
        return [one for one in self._environments if one.state is not State.ENDED]

    def _free(self, name: str) -> Environment | None:
        """The one of that function that was used last, so that the others may cool down."""
        free = (one for one in self._environments if one.state is State.FREE and one.function == name)
        return max(free, key=lambda one: one.used_at, default=None)

    def _has_room(self) -> bool:
        """Whether one more may be started; the longest idle one of another function gives way."""
        live, most = self._live(), self._limits.environments
        if not most or len(live) < most:
            return True
        free = (one for one in live if one.state is State.FREE)
        idle = min(free, key=lambda one: one.used_at, default=None)
        if idle is not None:
            idle.end(Input.GAVE_WAY)
        return idle is not None

    def _busy(self) -> str:
        most = self._limits.environments
        return f"All {most} environments are busy. Try again; --set function.environments= allows more."

    # -- environments come and go ------------------------------------------------------------

    def _begin(self, name: str) -> Environment:
        self._started[name] += 1
        environment = Environment(self._playground, name, self._started[name], self._changed)
        self._environments.append(environment)
        _ = environment.gone.addCallback(lambda _: self._environments.remove(environment))
        return environment

    def _changed(self) -> None:
        """Something that everybody shares may have changed."""
        live = Counter(one.function for one in self._live())
        names = sorted({*live, *self._cold, *self._warm})
        self.subjects = tuple(
            Subject(
                "shared",
                f"function/{name}",
                {"environments": live[name], "cold": self._cold[name], "warm": self._warm[name]},
            )
            for name in names
        )

    def end_all(self, reason: Input) -> None:
        """End every environment: what their processes remember is gone."""
        for one in list(self._environments):
            one.end(reason)

    def forget_totals(self) -> None:
        """Forget how the runs began."""
        self._cold.clear()
        self._warm.clear()
        self._changed()

    def close(self) -> Deferred[None]:
        """End every environment, for good; fires when their processes are gone."""
        self._closed = True
        gone = [one.gone for one in self._environments]
        self.end_all(Input.SHUTDOWN)
        return gatherResults([_shared(one) for one in gone]).addCallback(lambda _: None)


def _shared(one: Deferred[None]) -> Deferred[None]:
    """A Deferred of our own that fires when ``one`` does."""
    mine: Deferred[None] = Deferred()
    _ = one.addCallback(lambda _: mine.callback(None))
    return mine

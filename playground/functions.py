"""The functions behind ``/function/...``: nothing is made or imported before somebody asks for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed

from playground.servers import Playground, Server
from playground.servers.function.limits import FunctionLimits
from playground.wire.invoking import Invoked

if TYPE_CHECKING:
    from playground.servers.function.desk import Desk


class FunctionsOnDemand:
    """What servers know as :class:`~playground.wire.invoking.Functions`."""

    def __init__(self, limits: FunctionLimits, make: Callable[[Server], Playground]) -> None:
        self._limits = limits
        self._make = make
        self._playground: Playground | None = None
        self._desk: Desk | None = None
        self._closed = False

    def invoke(
        self, name: str, event: bytes, request_id: str, secrets: tuple[bytes, ...] = ()
    ) -> Deferred[Invoked]:
        """Run a function. Always fires in the end, and never with a failure."""
        if self._closed:
            return succeed(Invoked(503, b"", "stopping", "The playground is being stopped."))
        if self._desk is None:
            from playground.servers.function.server import FunctionServer

            server = FunctionServer(self._limits)
            self._playground = self._make(server)
            self._desk = server.open(self._playground)
        return self._desk.invoke(name, event, request_id, secrets)

    def playgrounds(self) -> dict[str, Playground]:
        """Theirs by name, where there is one."""
        return {self._playground.server.name: self._playground} if self._playground else {}

    def close(self) -> Deferred[None]:
        """Run no more of them; fires when their processes are gone."""
        self._closed = True
        return self._desk.close() if self._desk is not None else succeed(None)

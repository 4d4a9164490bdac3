"""The reactor of ``playground up`` where there is epoll: Twisted's own, with less ado about each event.

Twisted makes a new context around each event, so that every line of its old log can say whose it was. Our
journal and our logger know that themselves. Measured: 2 of the 18 µs that a WebSocket's echo costs. A canary
test fails when the private names change.
"""

from __future__ import annotations

from select import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLRDHUP
from typing import Any

from twisted.internet.epollreactor import EPollReactor  # raises ImportError where there is no epoll
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST, installReactor
from twisted.internet.tcp import Server
from twisted.logger import Logger
from typing_extensions import override

log = Logger()

HUNG_UP = EPOLLHUP | EPOLLERR | EPOLLRDHUP
"""Cut off, or the client has closed its half."""

HUNG_UP_A_TURN = 5
"""Connections that end before others have their turn. Each takes 50 to 100 µs, and 2,000 may end at once:
whoever says something then would wait for a tenth of a second.
"""


class QuickEpoll(EPollReactor):
    """Twisted's reactor for epoll. What a protocol raises is logged, and its connection ends, as ever."""

    @override
    def _add(
        self, xer: Any, primary: Any, other: Any, selectables: Any, event: int, antievent: int
    ) -> None:  # as Twisted's, but who is to be read is also watched for the end of what can be read
        add: Any = super()._add
        add(xer, primary, other, selectables, _watched(event), _watched(antievent))

    @override
    def _remove(
        self, xer: Any, primary: Any, other: Any, selectables: Any, event: int, antievent: int
    ) -> None:
        remove: Any = super()._remove
        remove(xer, primary, other, selectables, _watched(event), _watched(antievent))

    @override
    def doIteration(self, delay: float | None) -> None:
        """Wait that many seconds (None: for ever) for something to happen, and handle it."""
        selectables = self._selectables
        read = self._read
        read_or_write: Any = self._doReadOrWrite
        hung_up = 0
        for descriptor, event in self._poller.poll(delay, len(selectables)):
            selectable = selectables.get(descriptor)
            if selectable is None:  # something that happened before it in this turn has closed it
                continue
            if event & HUNG_UP:
                hung_up += 1
                if hung_up > HUNG_UP_A_TURN:  # epoll will tell of it again in the next turn
                    continue
            try:
                if event == EPOLLIN and type(selectable) is Server:
                    read(selectable)
                else:
                    read_or_write(selectable, descriptor, event)
            except Exception:  # only what connectionLost raises: the rest is caught where it is called
                log.failure("while something was closed")

    def _read(self, connection: Server) -> None:
        """Hand over what has come. Twisted takes four calls for it: 0.4 of the 10 µs of an echo."""
        disconnect: Any = self._disconnectSelectable
        why: Exception = CONNECTION_DONE
        try:
            data = connection.socket.recv(connection.bufferSize)
        except BlockingIOError:
            return
        except OSError:
            why, data = CONNECTION_LOST, b""
        if data:
            try:
                connection.protocol.dataReceived(data)
                return
            except Exception as error:
                log.failure("while something was read")
                why = error
        disconnect(connection, why, True)


def _watched(event: int) -> int:
    return event | EPOLLRDHUP if event == EPOLLIN else event


def install_reactor() -> None:
    """Make it this program's reactor. Call it before anything asks for one."""
    make: Any = QuickEpoll
    installReactor(make())

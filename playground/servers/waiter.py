"""The textbook's waiter: a whole new protocol in one file. ``/vending`` sells and remembers nothing."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory
from typing_extensions import override

from playground.journal.events import Snapshot, Where
from playground.servers import Playground, Server
from playground.wire.ledger import Connection
from playground.wire.lines import LineProtocol
from playground.wire.listening import ListeningService

WISHES = "order <dish> | the usual | bill"


class Table(LineProtocol):
    """One guest. All that the waiter knows is here, and is gone when the guest hangs up."""

    orders: tuple[str, ...] = ()
    cooking: tuple[IDelayedCall, ...] = ()

    @override
    def connectionMade(self) -> None:
        self.send_line(f"* Good evening. Say: {WISHES}")

    @override
    def line_received(self, line: str) -> None:
        verb, _, dish = line.strip().partition(" ")
        if verb == "order" and dish.isprintable() and 0 < len(dish) <= 40:
            self._order(dish)
        elif line.strip() == "the usual":
            self._order(self.orders[-1]) if self.orders else self.send_line("? have we met?")
        elif line.strip() == "bill":
            self.send_line(f"= {5 * len(self.orders)}.00 for {', '.join(self.orders) or 'nothing'}")
        else:
            self.wire.refused("unknown-wish", f"a waiter understands: {WISHES}")
            self.send_line(f"! I beg your pardon? Say: {WISHES}")

    def _order(self, dish: str) -> None:
        self.orders = (*self.orders[-19:], dish)
        self.cooking = (*self.cooking, self.wire.call_later(2.0, self._bring, dish))
        self.send_line(f"= {dish}, very well")

    def _bring(self, dish: str) -> None:  # unasked, which plain HTTP cannot do
        self.cooking = self.cooking[1:]
        self.send_line(f"> your {dish}")


class Waiter(Server):
    """Remembers your orders and brings each two seconds later, unasked."""

    name = "waiter"
    endpoint = "tcp:4001"
    memory = frozenset({"connection"})
    try_it = ("nc {host} {port}",)

    @override
    def service(self, playground: Playground, endpoint: str) -> ListeningService:
        self.playground = playground
        return playground.listen(endpoint, Factory.forProtocol(Table))

    @override
    def remembered(self, conn: Connection, /) -> Snapshot:
        table: Table = conn.inner
        return {"orders": table.orders, "cooking": len(table.cooking)} if table.orders else {}

    @override
    def farewell(self, reason: str, /) -> bytes:
        return b"* the kitchen closes\n" if reason == "shutdown" else b"* please leave\n"

    @override
    def forget(self, where: Where, /) -> None:
        if where == "connection":
            for table in (conn.inner for conn in self.playground.connections):
                for dish in table.cooking:
                    dish.cancel()
                table.orders = table.cooking = ()

"""The table's states: one table, and it outlives everybody.

What the machine wants done it puts on a list; :class:`~playground.servers.game.game.Game` does it.
"""
# No "from __future__ import annotations": Automat reads the signatures of the inputs at run time.

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from automat import TypeMachineBuilder


class TableInputs(Protocol):
    """What can happen to the table."""

    def all_ready(self) -> None:
        """Everybody who is present has said ``ready``."""

    def all_decided(self) -> None:
        """Everybody inside has chosen who is waited for; true as well when nobody is inside."""

    def oil_out(self) -> None:
        """The time to choose is over."""

    def somebody_inside(self) -> None:
        """After a step the cave goes on."""

    def nobody_inside(self) -> None:
        """After a step the cave is over, and there is another one."""

    def last_cave(self) -> None:
        """After a step the last cave is over."""

    def pause_over(self) -> None:
        """The next cave may open."""

    def all_away(self) -> None:
        """No seat has a connection."""

    def one_is_back(self) -> None:
        """A seat has a connection again."""

    def last_seat_gone(self) -> None:
        """There are no seats any more."""

    def forgotten(self) -> None:
        """The server was told to forget the table."""


class Order(Enum):
    """What the machine wants the table to do, once the transition is made."""

    NEW_GAME = auto()
    OPEN_CAVE = auto()
    LIGHT = auto()
    BURN_OUT = auto()
    TAKE_ALONG = auto()
    STEP = auto()
    CLOSE_CAVE = auto()
    PAUSE = auto()
    SCORE = auto()
    HOLD = auto()
    RELIGHT = auto()
    CLEAR = auto()


@dataclass(eq=False)
class Orders:
    """The machine's core: what is still to be done, in that order."""

    pending: list[Order] = field(default_factory=list)


def _order(*orders: Order) -> Callable[[TableInputs, Orders], None]:
    """A behaviour that does nothing but put ``orders`` on the list."""

    def behaviour(inputs: TableInputs, core: Orders) -> None:
        core.pending.extend(orders)

    return behaviour


# -- the machine -------------------------------------------------------------------------------------

_table = TypeMachineBuilder(TableInputs, Orders)
lobby = _table.state("lobby")
choosing = _table.state("choosing")
resolving = _table.state("resolving")
between = _table.state("between")
paused = _table.state("paused")

_opens = _order(Order.OPEN_CAVE, Order.LIGHT)
_clears = _order(Order.CLEAR)

lobby.upon(TableInputs.all_ready).to(choosing)(_order(Order.NEW_GAME, Order.OPEN_CAVE, Order.LIGHT))
choosing.upon(TableInputs.all_decided).to(resolving)(_order(Order.TAKE_ALONG, Order.STEP))
choosing.upon(TableInputs.oil_out).to(resolving)(_order(Order.BURN_OUT, Order.STEP))
resolving.upon(TableInputs.somebody_inside).to(choosing)(_order(Order.LIGHT))
resolving.upon(TableInputs.nobody_inside).to(between)(_order(Order.CLOSE_CAVE, Order.PAUSE))
resolving.upon(TableInputs.last_cave).to(lobby)(_order(Order.CLOSE_CAVE, Order.SCORE))
between.upon(TableInputs.pause_over).to(choosing)(_opens)
choosing.upon(TableInputs.all_away).to(paused)(_order(Order.HOLD))
paused.upon(TableInputs.one_is_back).to(choosing)(_order(Order.RELIGHT))
choosing.upon(TableInputs.last_seat_gone).to(lobby)(_clears)
paused.upon(TableInputs.last_seat_gone).to(lobby)(_clears)
between.upon(TableInputs.last_seat_gone).to(lobby)(_clears)
choosing.upon(TableInputs.forgotten).to(lobby)(_clears)
paused.upon(TableInputs.forgotten).to(lobby)(_clears)
between.upon(TableInputs.forgotten).to(lobby)(_clears)
lobby.upon(TableInputs.forgotten).to(lobby)(_clears)

table_machine = _table.build()

WAITING = {"lobby": lobby, "choosing": choosing, "between": between, "paused": paused}
"""The states in which the table can be found between two inputs."""

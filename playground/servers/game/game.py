"""The game that the table leads: three caves, the oil, the chests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from playground.servers.game import cave_words, words
from playground.servers.game.cards import GEMS, shuffled
from playground.servers.game.cave import CAVES, Cave, Choice
from playground.servers.game.effects import Alarm, Effect, News, Rest, SubjectStep, Tell, Wake
from playground.servers.game.limits import GameLimits
from playground.servers.game.saved import Saved, cave_of
from playground.servers.game.seats import Seat, Seats
from playground.servers.game.table import WAITING, Order, Orders, TableInputs, table_machine
from playground.wire.machines import Transition, state_of, trace

SHORTEST_OIL = 1.0
"""Seconds that oil burns at least when a game is put back: time to see where one is."""

LOW = 10.0
"""Seconds of oil left when those who have not chosen are told so; where a third of the oil is less, that."""

TOO_LATE = 2.0
"""With less left than that nobody is told: it would only be read when it is over."""

WAITED_FOR = 1
"""Steps begun without somebody who is away, for which the others wait while the oil burns."""

TABLE = "game/table"
"""The table's name in the journal."""


@dataclass(eq=False)
class Game:
    """The game in play. What is hidden (deck, choices) stays inside of ``cave``."""

    seats: Seats
    limits: GameLimits
    random: Random = field(repr=False)
    now: Callable[[], float] = field(repr=False)
    effects: list[Effect] = field(repr=False)
    orders: Orders = field(default_factory=Orders)
    cave: Cave | None = None
    cave_number: int = 0
    """The cave in play or just over, from 1; 0 in the lobby."""
    steps: int = 0
    """Steps begun in this cave, from 1."""
    oil_until: float | None = None
    """When the oil is burnt, on the reactor's clock; None while none burns."""
    oil_left: float = 0.0
    """Seconds that were left when the lamps were put out."""
    not_waited_for: frozenset[str] = frozenset()
    """Who was away for so long, when this step began, that it does not wait for them."""
    decks: int = 0
    """Decks shuffled so far, in all games."""
    dealt: int = 0
    """Gems that came into this game."""
    buried: int = 0
    """Gems of this game that nobody will have: left in caves, or in chests of people who left."""
    machine: TableInputs = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._start_machine("lobby")

    def _start_machine(self, state: str) -> None:
        self.machine = table_machine(self.orders, WAITING[state])
        trace(self.machine, "table", self._stepped)

    def put_back(self, saved: Saved, slept: float) -> None:
        """Everything is as it was ``saved``; the oil did not burn for the ``slept`` seconds since then."""
        self._start_machine(saved.table)
        self.cave = None if saved.cave is None else cave_of(saved.cave)
        self.cave_number, self.steps = saved.cave_number, saved.steps
        self.oil_until, self.oil_left = saved.oil_until, saved.oil_left
        self.not_waited_for = frozenset()
        self.dealt, self.buried, self.decks = saved.dealt, saved.buried, saved.decks
        self.effects += [Rest(Alarm(kind, "table")) for kind in ("oil", "low", "pause")]
        if self.oil_until is not None:
            self.oil_until = max(self.now() + SHORTEST_OIL, self.oil_until + slept)
            self._set_clocks(self.oil_until - self.now())
        if saved.table == "between":
            self.effects.append(Wake(Alarm("pause", "table"), self.limits.pause))

    def _stepped(self, step: Transition) -> None:
        self.effects.append(SubjectStep("shared", TABLE, step))

    @property
    def state(self) -> str:
        """``lobby``, ``choosing``, ``resolving``, ``between`` or ``paused``."""
        return state_of(self.machine)

    @property
    def is_last_cave(self) -> bool:
        """Whether there is no other cave in this game after the one in play, or just over."""
        return self.cave_number >= CAVES

    @property
    def gems(self) -> int:
        """Every gem of this game, wherever it is: always equal to :attr:`dealt`."""
        return (self.cave.gems if self.cave else 0) + sum(seat.chest for seat in self.seats) + self.buried

    def carried_by(self, seat: Seat) -> int:
        """Gems in that person's pocket."""
        return self.cave.pockets.get(seat.name, 0) if self.cave else 0

    # -- what people do ----------------------------------------------------------------------

    def choose(self, seat: Seat, choice: Choice) -> None:
        """``seat``, who is inside, wants this."""
        if self.cave is None:
            raise ValueError("there is no cave")
        news = seat.name not in self.cave.choices
        self.cave.choose(seat.name, choice)
        people = len(self.cave.pockets) - len(self._left_out())
        if news and people > 1:
            chosen = len(self.cave.choices)
            self.effects.append(News(words.has_chosen(seat.name, chosen, people), but=seat.conn))

    def vacate(self, seat: Seat) -> None:
        """That seat is gone for good: what they carried drops to the floor, their chest goes with them."""
        self.buried += seat.chest
        seat.chest = 0
        if self.cave is not None and (dropped := self.cave.leave(seat.name)):
            self.effects.append(News(words.dropped_on_floor(seat.name, dropped)))

    def settle(self) -> None:
        """Give the machine every input that is due, and do what it orders, until nothing is due."""
        self._carry_out()
        while (due := self._due()) is not None:
            due()
            self._carry_out()

    def _due(self) -> Callable[[], None] | None:
        state, inputs = self.state, self.machine
        present = any(seat.present for seat in self.seats)
        if state == "lobby":
            all_ready = all(seat.ready for seat in self.seats if seat.present)
            return inputs.all_ready if present and all_ready else None
        if state == "resolving":
            if self.cave is not None and self.cave.pockets:
                return inputs.somebody_inside
            return inputs.last_cave if self.cave_number >= CAVES else inputs.nobody_inside
        if not len(self.seats):
            return inputs.last_seat_gone
        if state == "paused":
            return inputs.one_is_back if present else None
        if state == "choosing" and not present:
            return inputs.all_away
        if state == "choosing" and self.cave is not None and self._is_decided(self.cave):
            return inputs.all_decided
        return None

    def _is_decided(self, cave: Cave) -> bool:
        """Whether nobody is waited for any more; while nobody has chosen, whoever is away is."""
        if cave.all_have_chosen:
            return True
        return bool(self.not_waited_for and cave.choices) and len(self._left_out()) == len(cave.undecided)

    def _left_out(self) -> list[str]:
        """Who is inside, has not chosen, and is not waited for."""
        if not self.not_waited_for or self.cave is None:
            return []
        return [
            name
            for name in self.cave.undecided
            if name in self.not_waited_for and (seat := self.seats.get(name)) is not None and seat.missed
        ]

    # -- what the machine orders -------------------------------------------------------------

    def _carry_out(self) -> None:
        while self.orders.pending:
            DO[self.orders.pending.pop(0)](self)

    def _new_game(self) -> None:
        self.cave_number = self.dealt = self.buried = 0
        for seat in self.seats:
            seat.chest = 0

    def _open_cave(self) -> None:
        # Who was away and never ready in the lobby is not dragged along.
        first = self.cave_number == 0
        people = [seat.name for seat in self.seats if not first or seat.ready]
        for seat in self.seats:
            seat.ready = False
        self.cave_number += 1
        self.steps = 0
        self.cave = Cave.opened(shuffled(self.random), people)
        self.decks += 1
        self.dealt += GEMS
        self.effects.append(News(cave_words.cave_opens(self.cave_number, CAVES, people)))

    def _light(self) -> None:
        self.steps += 1
        self._count_the_missing()
        self._burn(self.limits.solo_oil if len(self.seats) == 1 else self.limits.oil)

    def _count_the_missing(self) -> None:
        """Who is away has one whole step to come back in; then the others go on without waiting."""
        inside = self.cave.pockets if self.cave is not None else {}
        away = [seat for seat in self.seats if not seat.present and seat.name in inside]
        for seat in away:
            seat.missed += 1
        self.not_waited_for = frozenset(seat.name for seat in away if seat.missed > WAITED_FOR)
        waited_for = [seat.name for seat in away if seat.missed <= WAITED_FOR]
        if waited_for and len(waited_for) < len(inside):
            self.effects.append(News(cave_words.away_inside(waited_for)))

    def _burn(self, seconds: float) -> None:
        self.oil_until = self.now() + seconds
        self._set_clocks(seconds)
        self.ask(list(self.seats))

    def _set_clocks(self, seconds: float) -> None:
        self.effects.append(Wake(Alarm("oil", "table"), seconds))
        low = min(LOW, seconds / 3)
        if low >= TOO_LATE:
            self.effects.append(Wake(Alarm("low", "table"), seconds - low))

    def _put_out(self) -> None:
        self.oil_until = None
        self.effects += [Rest(Alarm("oil", "table")), Rest(Alarm("low", "table"))]

    def _burn_out(self) -> None:
        if self.cave is not None and self.cave.undecided:
            self.effects.append(News(cave_words.oil_burnt(self.cave.undecided)))

    def _take_along(self) -> None:
        if left_out := self._left_out():
            self.effects.append(News(cave_words.taken_along(left_out)))

    def _step(self) -> None:
        self._put_out()
        if self.cave is None:
            return
        step = self.cave.step()
        for seat in self.seats:
            seat.chest += step.banked.get(seat.name, 0)
        chests = {seat.name: seat.chest for seat in self.seats}
        self.effects += [News(line) for line in cave_words.step_told(step, chests)]

    def _close_cave(self) -> None:
        if self.cave is not None:
            self.buried += self.cave.close()
            self.cave = None
        chests = {seat.name: seat.chest for seat in self.seats}
        self.effects.append(News(cave_words.cave_over(self.cave_number, CAVES, chests)))

    def _pause(self) -> None:
        self.effects.append(Wake(Alarm("pause", "table"), self.limits.pause))

    def _score(self) -> None:
        self.effects += [News(line) for line in cave_words.game_over({s.name: s.chest for s in self.seats})]
        self._back_to_lobby()

    def _hold(self) -> None:
        self.oil_left = max(0.0, (self.oil_until or self.now()) - self.now())
        self._put_out()
        self.effects.append(News(words.LAMPS_OUT))

    def _relight(self) -> None:
        self._burn(self.oil_left)

    def _clear(self) -> None:
        self._put_out()
        self.effects.append(Rest(Alarm("pause", "table")))
        self.buried = 0
        self.dealt = sum(seat.chest for seat in self.seats)
        self._back_to_lobby()

    def _back_to_lobby(self) -> None:
        self.cave, self.cave_number, self.steps, self.oil_left = None, 0, 0, 0.0
        for seat in self.seats:
            seat.ready = False

    # -- what is asked -----------------------------------------------------------------------

    def ask(self, seats: list[Seat]) -> None:
        """Tell ``seats`` whose turn it is, as far as it is one."""
        cave = self.cave
        if cave is None or self.oil_until is None:
            return
        if asked := self._who_is_to_choose(seats, cave):
            left = self.oil_until - self.now()
            carried = next(iter(cave.pockets.values()))
            self.effects.append(Tell(asked, cave_words.your_turn(left, carried, cave.floor, cave.dangers)))

    def warn(self) -> None:
        """The oil is nearly burnt: those who have not chosen are told, if they are there."""
        if self.cave is None or self.oil_until is None:
            return
        if asked := self._who_is_to_choose(self.seats, self.cave):
            self.effects.append(Tell(asked, cave_words.oil_is_low(self.oil_until - self.now())))

    def is_asked(self, seat: Seat | None) -> bool:
        """Whether it is that person's turn to choose."""
        return seat is not None and self.cave is not None and self._who_is_to_choose([seat], self.cave) != ()

    def _who_is_to_choose(self, seats: Iterable[Seat], cave: Cave) -> tuple[str, ...]:
        """The connections of those of ``seats`` whose turn it is."""
        if self.state != "choosing":
            return ()
        return tuple(
            s.conn for s in seats if s.conn and s.name in cave.pockets and s.name not in cave.choices
        )


DO: dict[Order, Callable[[Game], None]] = {
    Order.NEW_GAME: Game._new_game,
    Order.OPEN_CAVE: Game._open_cave,
    Order.LIGHT: Game._light,
    Order.BURN_OUT: Game._burn_out,
    Order.TAKE_ALONG: Game._take_along,
    Order.STEP: Game._step,
    Order.CLOSE_CAVE: Game._close_cave,
    Order.PAUSE: Game._pause,
    Order.SCORE: Game._score,
    Order.HOLD: Game._hold,
    Order.RELIGHT: Game._relight,
    Order.CLEAR: Game._clear,
}

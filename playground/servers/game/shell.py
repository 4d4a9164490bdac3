"""Carries out what the core wants: the only place where its effects become bytes and timers."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from playground.journal.events import Trouble
from playground.journal.redaction import Secret
from playground.servers import Playground
from playground.servers.game import secrets_said, words
from playground.servers.game.cards import shuffled
from playground.servers.game.dialogue import Talk
from playground.servers.game.effects import (
    Alarm,
    Answer,
    Close,
    DialogueStep,
    Effect,
    Limit,
    Refuse,
    Rest,
    Show,
    SubjectStep,
    Tell,
    TellState,
    Wake,
)
from playground.servers.game.held import Batch, Held
from playground.servers.game.lantern import Lantern
from playground.servers.game.limits import GameLimits
from playground.stores.snapshots import SnapshotStore, StoreError
from playground.wire.inner import ran
from playground.wire.ledger import Acting, Connection
from playground.wire.observed import Observed
from playground.wire.together import Audience, Together

if TYPE_CHECKING:
    from playground.servers.game.protocol import Player

log = Logger()

_STEPS = (DialogueStep, SubjectStep)

GREETED_A_TURN = 10

MOST_DECKS = 100_000
"""Decks that are shuffled once more to find where a seed had got to: a second's work."""


class Shell:
    """Carries out what the core wants. The only place where effects leave it."""

    def __init__(
        self,
        playground: Playground,
        random: Random,
        tokens: Callable[[], str],
        store: SnapshotStore | None = None,
    ) -> None:
        limits: GameLimits = playground.options
        self.lantern = Lantern(limits, random, tokens, playground.reactor.seconds)
        self.limits = limits
        self.stopping = False
        """True from the moment the server stops: nobody is told any news, and no timer is set."""
        self._playground = playground
        self._seeded = playground.settings.get("game_seed") is not None
        self._players: dict[str, Player] = {}
        self._timers: dict[Alarm, IDelayedCall] = {}
        self._waiting: deque[tuple[Effect, Acting]] = deque()
        """What is to be done, and who makes the server do it."""
        self._audiences: dict[tuple[str, ...], list[Audience | Player]] = {}
        """Who is reached under these ids; good while nothing but telling is done."""
        self._busy = False
        self._leaving: IDelayedCall | None = None
        self._to_be_greeted: deque[Player] = deque()
        self._to_go_on: deque[Player] = deque()
        self._going_on: dict[str, None] = {}
        self._goes_on = False
        self._together = Together(playground.ledger)
        self._held = None if store is None else Held(self.lantern, store, self._let_go, self._undo)

    def arrived(self, player: Player) -> Talk:
        """A connection is there."""
        connection = player.wire.connection
        self._players[connection.id] = player
        return self.lantern.opened(connection.id, connection.client.address)

    def left(self, player: Player, reason: str) -> None:
        """A connection is gone."""
        connection = player.wire.connection
        self._players.pop(connection.id, None)
        self.carry_out(self.lantern.lost(connection.id, reason), connection)

    def carry_out(
        self, effects: Iterable[Effect], cause: Connection | None = None, why: str = "ended"
    ) -> None:
        """Do ``effects``, in order, once the game is saved.

        What changed is journaled first, as done by ``cause`` or by the clock.
        """
        self._journal_steps_and_queue(effects, cause)
        if cause is not None:
            cause.pull()
        else:
            self._playground.pull(why)
        self.drain()

    def greet_in_turn(self, player: Player) -> None:
        """Greet ``player``, after others who are to be greeted: so few at once that nobody notices."""
        self._to_be_greeted.append(player)
        if len(self._to_be_greeted) == 1:
            self._playground.reactor.callLater(0, self._greet_some)

    def _greet_some(self) -> None:
        for _ in range(min(GREETED_A_TURN, len(self._to_be_greeted))):
            player = self._to_be_greeted.popleft()
            if player.wire.connection.open:
                self._in_turn(player, player.greet)
        if self._to_be_greeted:
            self._playground.reactor.callLater(0, self._greet_some)

    def go_on_in_turn(self, player: Player) -> None:
        """Let ``player``, who has said much at once, go on after others: one of those in each turn."""
        if not self._to_go_on:
            self._playground.reactor.callLater(0, self._let_one_go_on)
        self._to_go_on.append(player)

    def _let_one_go_on(self) -> None:
        player = self._to_go_on.popleft()
        if self._to_go_on:
            self._playground.reactor.callLater(0, self._let_one_go_on)
        player.waits_for_turn = False
        if player.wire.connection.open:
            self._in_turn(player, player.go_on)

    def waits(self, conn: str) -> bool:
        """Whether what ``conn`` said last is not saved yet: nothing more of it is handled until then."""
        return self._held is not None and self._held.waits(conn)

    def drain(self) -> None:
        """Do what waits, or have it saved first. Whatever that leads to comes after it."""
        if self._held is not None:
            self._held.settle()
        self._do_what_waits()
        self._leave_soon()

    def _leave_soon(self) -> None:
        """With what others say in the same turn of the reactor: they are told the same things."""
        if self._leaving is None or not self._leaving.active():
            self._leaving = self._playground.reactor.callLater(0, self._together.leave)

    def _do_what_waits(self) -> None:
        if self._busy:
            return
        self._busy = True
        ledger = self._playground.ledger
        acting = ledger.acting
        try:
            while self._waiting:
                effect, ledger.acting = self._waiting.popleft()
                self._do(effect)
        finally:
            ledger.acting = acting
            self._audiences.clear()
            self._busy = False

    def forget(self, effects: list[Effect]) -> None:
        """Carry out a ``forget`` whose traces in the journal come from whoever ordered it."""
        self._journal_steps_and_queue(effects, None)
        self._playground.call_later(0, self.drain)

    def open(self) -> None:
        """Put back the game that was saved, if there is a store. Raises ``StoreError``."""
        if self._held is None:
            return
        random = self.lantern.game.random
        self._held.open()
        for _ in range(min(self.lantern.game.decks, MOST_DECKS) if self._seeded else 0):
            shuffled(random)

    def start(self) -> None:
        """The server begins: the clocks of a game that was put back go on."""
        self.stopping = False
        self._playground.call_later(0, self.drain)

    async def close(self) -> None:
        """The server has stopped: save what is not saved, and let go of the store."""
        if self._held is not None:
            await self._held.close()

    def stop(self) -> None:
        """The server stops: no timer may outlive it."""
        self.stopping = True
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._timers.clear()

    def _journal_steps_and_queue(self, effects: Iterable[Effect], cause: Connection | None) -> None:
        wanted = self._without_steps(effects)
        if self._held is None or (cause is not None and self._held.may_leave_now(wanted, cause.id)):
            self._will_do(wanted, self._playground.ledger.acting)
        elif wanted:
            # What somebody asks about is told as it is now, not as it is when it is saved.
            now: list[Effect] = [
                self._state_told(one.to) if isinstance(one, TellState) else one for one in wanted
            ]
            self._held.add(Batch(now, cause))

    def _will_do(self, effects: Iterable[Effect], acting: Acting) -> None:
        self._waiting.extend((effect, acting) for effect in effects)

    def _without_steps(self, effects: Iterable[Effect]) -> list[Effect]:
        """Journal the steps of the machines; returns the rest."""
        rest: list[Effect] = []
        for effect in effects:
            if isinstance(effect, _STEPS):
                self._do(effect)
            else:
                rest.append(effect)
        return rest

    # -- after a save ------------------------------------------------------------------------

    def _let_go(self, batches: list[Batch]) -> None:
        for batch in batches:
            self._will_do(batch.effects, batch.cause or "server")
        self._do_what_waits()
        self._leave_soon()  # all that one save has allowed, in one write for each connection
        self._go_on(batches)

    def _undo(self, batches: list[Batch], effects: list[Effect], error: StoreError) -> None:
        """Nothing of ``batches`` has happened; who did it is told. Sockets are closed all the same."""
        self._playground.journal.record(Trouble(protocol=self._playground.server.name, text=str(error)))
        log.error("the game was not saved: {error}", error=error)
        for name in dict.fromkeys(batch.cause.id for batch in batches if batch.cause is not None):
            player = self._players.get(name)
            if player is not None:
                text = words.NOT_SAVED_AT_ALL if player.talk.state == "greeting" else words.NOT_SAVED
                effects.append(Refuse(name, "not-saved", text))
        undone = [effect for batch in batches for effect in batch.effects]
        effects += [effect for effect in undone if _is_of_a_socket(effect)]
        self._will_do(self._without_steps(effects), self._playground.ledger.acting)
        self._playground.pull("undone")
        self._do_what_waits()
        self._together.leave()
        self._go_on(batches)

    def _go_on(self, batches: list[Batch]) -> None:
        """Handle what those have said meanwhile, one after the other and not one inside of the other."""
        self._going_on.update({batch.cause.id: None for batch in batches if batch.cause is not None})
        if self._goes_on:
            return
        self._goes_on = True
        try:
            while self._going_on:
                name = next(iter(self._going_on))
                del self._going_on[name]
                self._handle_more(self._players.get(name))
        finally:
            self._goes_on = False

    def _handle_more(self, player: Player | None) -> None:
        if player is None or player.is_handling or player.waits_for_turn:
            return
        if player.has_more:
            self._in_turn(player, player.go_on)

    def _in_turn(self, player: Player, call: Callable[[], None]) -> None:
        connection = player.wire.connection
        if not ran(self._playground.ledger, connection, call):
            player.wire.farewell("trouble")
        connection.pull()

    # -- one effect each ---------------------------------------------------------------------

    def _do(self, effect: Effect) -> None:
        if isinstance(effect, Tell):
            self._tell(effect)
            return
        if not isinstance(effect, Wake | Rest):
            self._audiences.clear()
        match effect:
            case Show(to, text):
                self._tell(Tell((to,), text))
            case Answer(to, data):
                for player in self._reached((to,)):
                    player.wire.send(data)
            case TellState(to):
                self._do(self._state_told(to))
            case Refuse(to, rule, text, silent):
                for player in self._reached((to,)):
                    player.wire.refused(rule, text)
                    if not silent:
                        self._tell(Tell((to,), f"! {text}"))
            case Limit(to, setting, value, text):
                for player in self._reached((to,)):
                    player.wire.limit(setting, value, text)
            case Close(to, reason):
                for player in self._reached((to,)):
                    player.wire.loseConnection(reason)
            case DialogueStep(to, step):
                if (player_there := self._players.get(to)) is not None:
                    connection = player_there.wire.connection
                    connection.machine_step(step)
                    if connection is not self._playground.ledger.acting:  # whose turn to be asked comes
                        connection.pull_own()
            case SubjectStep(where, name, step):
                self._playground.machine_step(where, name, step)
            case Wake(alarm, seconds):
                if not self.stopping:
                    self._timers[alarm] = self._playground.call_later(seconds, self._ring, alarm)
            case Rest(alarm):
                timer = self._timers.pop(alarm, None)
                if timer is not None and timer.active():
                    timer.cancel()
            case _:
                raise TypeError(f"{effect} cannot be carried out")

    def _tell(self, told: Tell) -> None:
        """Say a line. It leaves with what else they are told by then."""
        if self.stopping or told.to == (told.but,):
            return
        line = told.text.encode()
        spans = secrets_said.in_answer(line, told.secret)
        if len(told.to) == 1:
            self._tell_one(told.to[0], line, spans)
            return
        for one in self._reached_together(told.to):
            if isinstance(one, Audience):
                self._together.tell(one, line + b"\n", spans, but=told.but)
            elif one.wire.connection.id != told.but:
                one.tell(line, spans)

    def _tell_one(self, to: str, line: bytes, spans: Sequence[Secret]) -> None:
        player = self._players.get(to)
        if player is None:
            return
        if player.in_character_mode:
            player.tell(line, spans)
        else:
            self._together.tell_one(player.wire, line + b"\n", spans)

    def _reached_together(self, to: tuple[str, ...]) -> list[Audience | Player]:
        """Whom these ids reach, in their order; who is in character mode is told alone."""
        known = self._audiences.get(to)
        if known is not None:
            return known
        found: list[Audience | Player] = []
        plain: list[Observed] = []
        for player in self._reached(to):
            if player.in_character_mode:
                found += [self._together.audience(plain), player]
                plain = []
            else:
                plain.append(player.wire)
        found.append(self._together.audience(plain))
        self._audiences[to] = found
        return found

    def _state_told(self, to: str) -> Answer:
        player = self._players.get(to)
        if player is None:
            return Answer(to, b"")
        four_words = self._playground.four_words(player.wire.connection)
        return Answer(to, json.dumps(four_words, ensure_ascii=False).encode() + player.line_end)

    def _reached(self, to: tuple[str, ...]) -> list[Player]:
        if self.stopping:
            return []
        return [player for conn in to if (player := self._players.get(conn)) is not None]

    def _ring(self, alarm: Alarm) -> None:
        self._timers.pop(alarm, None)
        self.carry_out(self.lantern.rings(alarm), why="expired")


def _is_of_a_socket(effect: Effect) -> bool:
    """Whether it has to be done though the game was not saved: a socket's clocks, and its end."""
    if isinstance(effect, Wake):
        return effect.alarm.kind in ("calm", "greeting")
    return isinstance(effect, Rest | Close)

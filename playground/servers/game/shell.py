"""Carries out what the core wants: the only place where its effects become bytes and timers."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall

from playground.servers import Playground
from playground.servers.game import secrets_said
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
    SubjectStep,
    Tell,
    TellState,
    Wake,
)
from playground.servers.game.lantern import Lantern
from playground.servers.game.limits import GameLimits
from playground.wire.ledger import Connection

if TYPE_CHECKING:
    from playground.servers.game.protocol import Player


class Shell:
    """Carries out what the core wants. The only place where effects leave it."""

    def __init__(self, playground: Playground, random: Random, tokens: Callable[[], str]) -> None:
        limits: GameLimits = playground.options
        self.lantern = Lantern(limits, random, tokens, playground.reactor.seconds)
        self.limits = limits
        self.stopping = False
        """True from the moment the server stops: nobody is told any news, and no timer is set."""
        self._playground = playground
        self._players: dict[str, Player] = {}
        self._timers: dict[Alarm, IDelayedCall] = {}
        self._waiting: deque[Effect] = deque()
        self._busy = False

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
        """Do ``effects``, in order. What changed is journaled first, as done by ``cause`` or by the clock."""
        self._journal_steps_and_queue(effects)
        if cause is not None:
            cause.pull()
        else:
            self._playground.pull(why)
        self.drain()

    def drain(self) -> None:
        """Do what waits. Whatever that leads to comes after it."""
        if self._busy:
            return
        self._busy = True
        try:
            while self._waiting:
                self._do(self._waiting.popleft())
        finally:
            self._busy = False

    def forget(self, effects: list[Effect]) -> None:
        """Carry out a ``forget`` whose traces in the journal come from whoever ordered it."""
        self._journal_steps_and_queue(effects)
        self._playground.call_later(0, self.drain)

    def start(self) -> None:
        """The server begins."""
        self.stopping = False

    def stop(self) -> None:
        """The server stops: no timer may outlive it."""
        self.stopping = True
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._timers.clear()

    def _journal_steps_and_queue(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, DialogueStep | SubjectStep):
                self._do(effect)
            else:
                self._waiting.append(effect)

    # -- one effect each ---------------------------------------------------------------------

    def _do(self, effect: Effect) -> None:
        match effect:
            case Tell(to, text, secret):
                line = text.encode()
                spans = secrets_said.in_answer(line, secret)
                for player in self._reached(to):
                    player.wire.send(line + player.line_end, secrets=spans)
            case Answer(to, data):
                for player in self._reached((to,)):
                    player.wire.send(data)
            case TellState(to):
                for player in self._reached((to,)):
                    answer = self._playground.four_words(player.wire.connection)
                    player.wire.send(json.dumps(answer, ensure_ascii=False).encode() + player.line_end)
            case Refuse(to, rule, text, silent):
                for player in self._reached((to,)):
                    player.wire.refused(rule, text)
                    if not silent:
                        player.wire.send(f"! {text}".encode() + player.line_end)
            case Limit(to, setting, value, text):
                for player in self._reached((to,)):
                    player.wire.limit(setting, value, text)
            case Close(to, reason):
                for player in self._reached((to,)):
                    player.wire.loseConnection(reason)
            case DialogueStep(to, step):
                if (player_there := self._players.get(to)) is not None:
                    player_there.wire.connection.machine_step(step)
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

    def _reached(self, to: tuple[str, ...]) -> list[Player]:
        if self.stopping:
            return []
        return [player for conn in to if (player := self._players.get(conn)) is not None]

    def _ring(self, alarm: Alarm) -> None:
        self._timers.pop(alarm, None)
        self.carry_out(self.lantern.rings(alarm), why="expired")

"""Lantern: a small game for netcat whose state survives the socket.

The rules are in :mod:`~playground.servers.game.cards` and
:mod:`~playground.servers.game.cave`; the three state machines, of three
lifetimes, in :mod:`~playground.servers.game.dialogue` (a connection),
:mod:`~playground.servers.game.seats` (a person) and
:mod:`~playground.servers.game.table` (everybody).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from random import Random
from typing import ClassVar, cast

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from typing_extensions import override

from playground.journal.events import Snapshot, Where
from playground.servers import Playground, Server
from playground.servers.game import saved, words
from playground.servers.game.dialogue import Talk
from playground.servers.game.limits import GameLimits
from playground.servers.game.protocol import Player
from playground.servers.game.shell import Shell
from playground.stores.snapshots import SnapshotStore, StoreError
from playground.wire.doors import Door
from playground.wire.ledger import Connection
from playground.wire.limits import Limits
from playground.wire.listening import Listening, ListeningService
from playground.wire.memory import NOTHING, Subject

TOKEN_BYTES = 10

DOOR = "/game"
"""Where an HTTP server lets WebSockets in."""


def new_token() -> str:
    """Twenty hexadecimal digits that nobody guesses; too long to be taken for a name."""
    return secrets.token_hex(TOKEN_BYTES)


class GameServer(Server):
    """One table for everybody. ``tokens`` makes the secret of a seat at each call."""

    name = "game"
    endpoint = "tcp:4000"
    memory = frozenset({"connection", "session", "shared"})
    remembers_you = "60 s after you hang up"
    try_it = ("nc {host} {port}",)
    Options: ClassVar[type[Limits]] = GameLimits

    def __init__(self, options: Limits | None = None, *, tokens: Callable[[], str] = new_token) -> None:
        super().__init__(options)
        self._tokens = tokens
        self._shell: Shell | None = None
        self._outlives_us = False
        """Whether the seats are there after the process has ended."""
        self._listening: Listening | None = None

    @override
    def service(self, playground: Playground, endpoint: str) -> ListeningService:
        if self._shell is None:
            seed = playground.settings.get("game_seed")
            random = Random(str(seed)) if seed is not None else cast("Random", playground.random)
            store = _store(playground)
            self._outlives_us = store is not None
            shell = Shell(playground, random, self._tokens, store)
            try:
                shell.open()
            except StoreError as error:
                raise StoreError(
                    f"The game's store {error}. Move that file away, or: playground --game-store memory"
                ) from error
            self._shell = shell
        self._listening = playground.listen(endpoint, _Factory(self._shell), at_end=self._shell.close)
        return self._listening

    @override
    def doors(self) -> Iterable[Door]:
        if self._listening is not None:
            yield Door(
                DOOR,
                "Lantern, as over netcat: each text message is a line.",
                "session",
                self._listening.factory,
            )

    @override
    def remembered(self, conn: Connection, /) -> Snapshot:
        talk: Talk | None = getattr(conn.inner, "talk", None)  # before it is connected it has none
        return talk.remembered() if talk is not None else NOTHING

    @override
    def subjects(self) -> Iterable[Subject]:
        return self._shell.lantern.subjects() if self._shell is not None else ()

    @override
    def subjects_of(self, conn: Connection, /) -> Iterable[Subject]:
        if self._shell is None or not hasattr(conn.inner, "talk"):
            return ()
        return self._shell.lantern.subjects_of(conn.inner.talk)

    @override
    def farewell(self, reason: str, /) -> bytes:
        if reason == "shutdown" and self._outlives_us:
            reason = "shutdown, kept"
        return f"{words.GOODBYES.get(reason, words.GOODBYE)}\n".encode()

    @override
    def forget(self, where: Where, /) -> None:
        if self._shell is None:
            return
        lantern = self._shell.lantern
        if where == "connection":
            self._shell.forget(lantern.forget_connections())
        elif where == "session":
            self._shell.forget(lantern.forget_seats())
        elif where == "shared":
            self._shell.forget(lantern.forget_table())


def _store(playground: Playground) -> SnapshotStore | None:
    """Where the game is kept, if it is to outlive the process."""
    if playground.settings.get("game_store", "memory") != "sqlite" or playground.state_dir is None:
        return None
    return SnapshotStore(
        playground.state_dir / "game.sqlite",
        playground.reactor,
        version=saved.VERSION,
        upgrades=saved.UPGRADES,
        patience=playground.options.save,
    )


class _Factory(Factory):
    noisy = False

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    @override
    def startFactory(self) -> None:
        self._shell.start()

    @override
    def stopFactory(self) -> None:
        self._shell.stop()

    @override
    def buildProtocol(self, addr: IAddress | None) -> Player:
        return Player(self._shell)

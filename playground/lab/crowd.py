"""Many players on plain sockets, in one loop."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from playground.lab.player import Player
from playground.servers.game.saved import Saved
from playground.testing import Address

CONNECT_SECONDS = 10.0


class Crowd:
    """All players and their connections."""

    def __init__(self, players: Sequence[Player]) -> None:
        self.players = players
        self.first_heard = 0.0
        """When the first of them had a seat, on ``time.monotonic``; 0 while none has."""
        self._selector = selectors.DefaultSelector()

    def connect(self, address: Address) -> None:
        """Everybody dials, and says who they are. Netcats wait for no greeting."""
        self.first_heard = 0.0
        for player in self.players:
            connection = socket.create_connection(address, CONNECT_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Line(player, connection, self._selector).say(player.connected())

    def play(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Play for so long, or until that is true: returns whether it became true."""
        deadline = time.monotonic() + seconds
        while not until():
            left = deadline - time.monotonic()
            if left <= 0 or not self._selector.get_map():
                return until()
            self._turn(min(left, 0.1))
        return True

    def everybody_says(self, line: str) -> None:
        """All of them, at once."""
        for key in list(self._selector.get_map().values()):
            key.data.say([line])

    def hear_the_end(self) -> None:
        """The server is dead: read all that it had sent. What is said to it now is lost."""
        while self._selector.get_map():
            self._turn(0.1)

    def hang_up(self, saved: Saved | None) -> None:
        """Everybody knows that the server is dead, and what was ``saved``."""
        for player in self.players:
            player.hung_up(saved)

    def _turn(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            key.data.read()
            if not self.first_heard and key.data.player.phase in ("comparing", "seated"):
                self.first_heard = time.monotonic()


class _Line:
    """One connection."""

    def __init__(self, player: Player, connection: socket.socket, selector: selectors.BaseSelector) -> None:
        self.player = player
        self._socket = connection
        self._selector = selector
        self._heard = b""
        selector.register(connection, selectors.EVENT_READ, self)

    def say(self, lines: Sequence[str]) -> None:
        if lines:
            with suppress(OSError):  # it died; the end is read later
                self._socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def read(self) -> None:
        try:
            data = self._socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(self._socket)
            self._socket.close()
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            self.say(self.player.hears(line.decode()))

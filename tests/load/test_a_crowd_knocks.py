"""Many people who connect in the same moment: a demonstration begins, a load test starts."""

from __future__ import annotations

import signal
import socket

import pytest

from playground.testing import run

CROWD = 200
BEFORE_A_RETRY = 0.9
"""Seconds. Where the listen queue is full, a client hears nothing and knocks again after one second."""


@pytest.mark.parametrize("server", ["http", "ftp", "game", "waiter"])
def test_nobody_has_to_knock_twice(server: str):
    with run(only=server) as playground:
        playground.process.send_signal(signal.SIGSTOP)  # it is busy, so all of them stand before the door
        crowd: list[socket.socket] = []
        try:
            for _ in range(CROWD):
                crowd.append(socket.create_connection(playground.servers[server], BEFORE_A_RETRY))
        finally:
            playground.process.send_signal(signal.SIGCONT)
            for client in crowd:
                client.close()

"""What is shown of a connection's memory."""

from __future__ import annotations

import pytest

from playground.servers.ftp.memory import FRESH, Remembered, phase, snapshot

ADA = Remembered(user="ada", authenticated=True, cwd="/")


def test_a_fresh_connection_remembers_nothing():
    assert snapshot(FRESH) == {}


def test_only_what_differs_from_a_fresh_connection_is_shown():
    assert snapshot(ADA) == {"user": "ada", "authenticated": True, "cwd": "/"}
    assert snapshot(ADA._replace(type="I", rest=6, data="pasv-listening:4242", queued="RETR")) == {
        "user": "ada",
        "authenticated": True,
        "cwd": "/",
        "type": "I",
        "rest": 6,
        "data": "pasv-listening:4242",
        "queued": "RETR",
    }


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (FRESH, "connected"),
        (Remembered(user="ada"), "user-given"),
        (Remembered(failed_logins=1), "connected"),
        (ADA, "logged-in"),
        (ADA._replace(rename_from="/a.txt"), "rename-pending"),
        (ADA._replace(data="open-idle"), "logged-in"),
        (ADA._replace(data="transfer:RETR"), "transferring"),
        (ADA._replace(data="transfer:RETR", quit_pending=True), "quitting"),
    ],
)
def test_each_memory_is_a_phase(memory: Remembered, expected: str):
    assert phase(memory) == expected

"""What may be imported from where, and what must not be imported with it."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

FACADES = {
    "playground": {"__version__"},
    "playground.testing": {
        "Address",
        "Login",
        "Running",
        "Served",
        "Talk",
        "check_server",
        "run",
        "serve",
        "start",
    },
    "playground.servers": {"Playground", "Server"},
    "playground.wire.doors": {"Door"},
    "playground.wire.lines": {"LineProtocol"},
    "playground.wire.limits": {"Limits", "limit"},
    "playground.wire.ledger": {"Connection", "Ledger"},
    "playground.wire.memory": {"Subject"},
    "playground.journal.redaction": {"Secret", "digest"},
    "playground.journal.journal": {"Journal"},
    "playground.journal.query": {"FilterError", "Predicate", "parse_filter"},
}


@pytest.mark.parametrize("module", FACADES)
def test_the_public_names_are_there(module: str):
    there = importlib.import_module(module)
    assert FACADES[module] <= set(vars(there))
    if hasattr(there, "__all__"):
        assert set(there.__all__) == FACADES[module]
        assert list(there.__all__) == sorted(there.__all__)


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("playground.cli", "twisted"),
        ("playground.cli", "rich"),
        ("playground.ask", "twisted"),
        ("playground.journal.journal", "twisted"),
        ("playground.views.jsonl", "twisted"),
        ("playground.service", "twisted.internet.reactor"),
        ("playground.testing", "twisted.internet.reactor"),
        ("playground.servers.http", "twisted.internet.reactor"),
        ("playground.servers.ftp", "twisted.internet.reactor"),
        ("playground.servers.game", "twisted.internet.reactor"),
    ],
)
def test_an_import_brings_no_more_than_it_should(module: str, unwanted: str):
    program = f"import sys, {module}; sys.exit({unwanted!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=20, check=False).returncode == 0

"""Tests with real clients: ``@pytest.mark.needs("curl", "ftp")`` says which ones a test cannot do without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.testing import Running, run
from tests.clients.programs import INSIST, PACKAGES, apt_line, missing
from tests.clients.shell import Shell

ABSENT = pytest.StashKey[dict[str, int]]()
"""Program to how many tests its absence skipped."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the test, or under CI=true fail it, when one of its programs is missing."""
    wanted = [program for mark in item.iter_markers("needs") for program in mark.args]
    unknown = sorted(set(wanted) - set(PACKAGES))
    if unknown:
        pytest.fail(f"tests/clients/programs.py does not know {', '.join(unknown)}", pytrace=False)
    absent = missing(wanted)
    if not absent:
        return
    reason = f"not installed: {', '.join(absent)}"
    if INSIST:
        pytest.fail(f"{reason}; with CI=true it has to be", pytrace=False)
    counts = item.config.stash.setdefault(ABSENT, {})
    for program in absent:
        counts[program] = counts.get(program, 0) + 1
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say at the end what was not tested, and the one command that changes it."""
    counts = config.stash.get(ABSENT, {})
    if counts:
        told = ", ".join(f"{program} ({count})" for program, count in sorted(counts.items()))
        terminalreporter.write_line(f"Tests skipped for want of a client program: {told}.", yellow=True)
        terminalreporter.write_line(f"Debian, Ubuntu: sudo {apt_line(counts)}", yellow=True)


@pytest.fixture(scope="module")
def playground() -> Iterator[Running]:
    """A playground with all servers, for the tests of one file. Lantern's cave is always the same."""
    with run(game_seed=3) as running:
        yield running


@pytest.fixture
def shell(playground: Running, tmp_path: Path) -> Iterator[Shell]:
    """A terminal window beside it. The playground has forgotten everything, and the journal begins anew."""
    playground.reset()
    with Shell(playground, tmp_path) as window:
        yield window

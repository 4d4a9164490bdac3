"""What every test may use, and what no test may leave behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a timer, an open port or an unhandled Deferred failure.

    pytest-twisted lets all three pass silently.
    """
    if "core" in request.path.parts:  # these have no reactor, and must pass without one
        yield
        return
    from twisted.internet import reactor  # noqa: TID251  # here, because importing it installs it
    from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
    from zope.interface import provider

    failures: list[str] = []

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event.get("log_level") is LogLevel.critical:
            failures.append(str(event.get("log_failure") or event.get("log_format")))

    def open_things() -> set[str]:
        timers = {f"timer {timer}" for timer in reactor.getDelayedCalls()}
        readers = {
            f"open {reader}"
            for reader in reactor.getReaders()
            if "waker" not in type(reader).__name__.lower()
        }
        return timers | readers

    before = open_things()
    globalLogPublisher.addObserver(observe)
    try:
        yield
        gc.collect()  # an unhandled failure is told when its Deferred is collected
    finally:
        globalLogPublisher.removeObserver(observe)
    left = open_things() - before
    assert not left, f"left behind: {left}"
    expected = request.node.get_closest_marker("expects_failure")
    assert expected or not failures, f"unhandled failures: {failures}"

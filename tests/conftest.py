"""What every test may use, and what no test may leave behind."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import suppress

import pytest


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a timer, an open port or an unhandled Deferred failure.

    pytest-twisted lets all three pass silently.
    """
    if "core" in request.path.parts:  # these have no reactor, and must pass without one
        yield
        return
    from pytest_twisted import blockon
    from twisted.internet import reactor  # noqa: TID251  # here, because importing it installs it
    from twisted.internet.task import deferLater
    from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
    from zope.interface import provider

    failures: list[str] = []

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event.get("log_level") is LogLevel.critical:
            failures.append(str(event.get("log_failure") or event.get("log_format")))

    def open_things() -> dict[object, str]:
        """By identity: how a timer reads changes with the time."""
        things: dict[object, str] = {id(timer): f"timer {timer}" for timer in reactor.getDelayedCalls()}
        for thing in (*reactor.getReaders(), *reactor.getWriters()):
            if "waker" not in type(thing).__name__.lower():
                things[id(thing)] = f"open {thing}"
        # A half-closed connection is neither read nor written, but its descriptor is there.
        if os.path.isdir("/proc/self/fd"):
            things |= {link: f"descriptor {link}" for link in _links() if link.startswith("socket:")}
        return things

    before = open_things()
    globalLogPublisher.addObserver(observe)
    try:
        yield
        gc.collect()  # an unhandled failure is told when its Deferred is collected
    finally:
        globalLogPublisher.removeObserver(observe)

    def left_behind() -> list[str]:
        return [thing for name, thing in open_things().items() if name not in before]

    turns = 100
    while left_behind() and turns:  # the other end of what was just closed needs a turn to notice
        turns -= 1
        blockon(deferLater(reactor, 0.01))
    assert not left_behind(), f"left behind: {left_behind()}"
    expected = request.node.get_closest_marker("expects_failure")
    assert expected or not failures, f"unhandled failures: {failures}"


def _links() -> Iterator[str]:
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the folder itself was open while it was read
            yield os.readlink(f"/proc/self/fd/{number}")

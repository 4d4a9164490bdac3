"""The reactor that the tests run on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def the_reactor() -> Any:
    """Return it. It is imported this late because importing it installs it: pytest-twisted chooses which."""
    from twisted.internet import reactor  # noqa: TID251  # tests start servers, as the command line does

    return reactor


async def until(so: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until that is so. For what no event tells; it fails when the time is over."""
    from twisted.internet.task import deferLater

    reactor = the_reactor()
    end = reactor.seconds() + seconds
    while not so():
        assert reactor.seconds() < end, "it has not come to that"
        await deferLater(reactor, 0.01)

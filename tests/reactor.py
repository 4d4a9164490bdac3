"""The reactor that the tests run on."""

from __future__ import annotations

from typing import Any


def the_reactor() -> Any:
    """Return it. It is imported this late because importing it installs it: pytest-twisted chooses which."""
    from twisted.internet import reactor  # noqa: TID251  # tests start servers, as the command line does

    return reactor

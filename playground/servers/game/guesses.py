"""How often an address may guess a token. The clock is an argument."""

from __future__ import annotations

from collections import OrderedDict

REMEMBERED_ADDRESSES = 1000
WINDOW = 60.0
"""Seconds for which wrong tokens are counted against an address."""


class Guesses:
    """Wrong tokens by address, ``most`` a minute; 0 switches it off. The oldest addresses go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counted: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, address: str, now: float) -> None:
        """A wrong token came from ``address``."""
        since, number = self._known(address, now)
        self._counted[address] = (since, number + 1)
        self._counted.move_to_end(address)
        if len(self._counted) > REMEMBERED_ADDRESSES:
            self._counted.popitem(last=False)

    def too_many(self, address: str, now: float) -> bool:
        """Whether ``address`` must wait, whatever token it brings."""
        return bool(self._most) and self._known(address, now)[1] >= self._most

    def _known(self, address: str, now: float) -> tuple[float, int]:
        since, number = self._counted.get(address, (now, 0))
        return (since, number) if now - since < WINDOW else (now, 0)

"""How often somebody may guess a password. The clock is an argument."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MOST_PAIRS = 4096
"""Pairs that are remembered. A guess costs some 20 ms of the one thread, so no more than 3000 are made in a
minute: who would be forgotten has long been forgiven."""


class Guesses:
    """Wrong passwords, counted for each pair of address and name.

    So a guesser holds up nobody else: not the person whose name is guessed and
    who sits elsewhere, and not the thirty people behind the same address. Of
    each pair ``most`` guesses are free, and the ``seconds`` in which they are
    given back are the same for all; 0 switches the limit off. ``now`` is a
    clock in seconds.
    """

    def __init__(self, now: Callable[[], float], *, most: int, seconds: float) -> None:
        self._now = now
        self._free = most
        self._each = seconds / most if most else 0.0
        # When all guesses of that pair will have been given back. In the order of the last guess.
        self._paid_back: OrderedDict[tuple[str, str], float] = OrderedDict()

    def begin(self, address: str, name: str) -> float:
        """Somebody tries a password: counted at once, or many tries could be made before the first is known.

        Returns 0, or the seconds to wait, and then the try is none and must not be made.
        """
        if not self._each:
            return 0.0
        pair, now = (address, name), self._now()
        after = max(self._paid_back.get(pair, now), now) + self._each
        wait = after - now - self._each * self._free
        if wait > 0.001:
            return wait
        self._paid_back[pair] = after
        self._paid_back.move_to_end(pair)
        if len(self._paid_back) > MOST_PAIRS:
            self._paid_back.popitem(last=False)
        return 0.0

    def right(self, address: str, name: str) -> None:
        """The password was right: nothing is held against them."""
        self._paid_back.pop((address, name), None)

    def undone(self, address: str, name: str) -> None:
        """The try was not made after all."""
        if (address, name) in self._paid_back:
            self._paid_back[address, name] -= self._each

    def __len__(self) -> int:
        return len(self._paid_back)

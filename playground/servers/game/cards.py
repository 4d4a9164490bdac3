"""The cards of a cave, and how gems are shared.

Thirty cards: fifteen veins of gems, and five dangers of which each has three.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

VEINS = (1, 2, 3, 4, 5, 5, 7, 7, 9, 11, 11, 13, 14, 15, 17)
DANGERS = ("rockfall", "flood", "gas", "spiders", "ghost")
CARDS_OF_EACH_DANGER = 3
GEMS = sum(VEINS)
"""Gems in one cave, found or not."""


@dataclass(frozen=True, slots=True)
class Vein:
    """So many gems in the rock, shared by all who are there."""

    gems: int


@dataclass(frozen=True, slots=True)
class Danger:
    """A warning the first time; the second of its kind ends the cave."""

    kind: str


Card = Vein | Danger


def shuffled(random: Random) -> list[Card]:
    """A whole deck in random order. The last card of the list is turned first."""
    deck: list[Card] = [Vein(gems) for gems in VEINS]
    deck += [Danger(kind) for kind in DANGERS for _ in range(CARDS_OF_EACH_DANGER)]
    random.shuffle(deck)
    return deck


def shared(gems: int, people: int) -> tuple[int, int]:
    """How many of ``gems`` each of ``people`` gets, and how many stay on the floor."""
    return divmod(gems, people) if people else (0, gems)

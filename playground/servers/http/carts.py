"""A shopping cart, wherever it is kept: what may be in it, and how it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping

MOST_THINGS = 20
MOST_OF_ONE = 999
_THING = re.compile(r"[a-z][a-z-]{0,19}")
_WRITTEN = re.compile(r"([a-z][a-z-]{0,19}):([1-9][0-9]{0,2})")

Cart = Mapping[str, int]
"""Thing to how many of it."""


class CartError(ValueError):
    """What cannot be in a cart. Its text tells the client why."""


def with_one_more(cart: Cart, thing: str) -> dict[str, int]:
    """The cart after ``add=thing``. Raises :class:`CartError`."""
    if not _THING.fullmatch(thing):
        raise CartError("A thing is a word of small letters, 20 at most: add=tea")
    if thing not in cart and len(cart) >= MOST_THINGS:
        raise CartError(f"A cart holds {MOST_THINGS} different things.")
    if cart.get(thing, 0) >= MOST_OF_ONE:
        raise CartError(f"A cart holds {MOST_OF_ONE} of one thing.")
    return {**cart, thing: cart.get(thing, 0) + 1}


def with_one_less(cart: Cart, thing: str) -> dict[str, int]:
    """The cart after ``remove=thing``. Raises :class:`CartError`."""
    if thing not in cart:
        raise CartError("That is not in the cart.")
    changed = {**cart, thing: cart[thing] - 1}
    return {name: number for name, number in changed.items() if number}


def changed(cart: Cart, said: Mapping[str, str]) -> dict[str, int]:
    """The cart after what a client has said, ``add`` or ``remove``. Raises :class:`CartError`."""
    add, remove = said.get("add"), said.get("remove")
    if (add is None) == (remove is None):
        raise CartError("Say what to do with the cart: add=tea, or remove=tea")
    return with_one_more(cart, add) if add is not None else with_one_less(cart, str(remove))


def written(cart: Cart) -> str:
    """A cart as a cookie has it: ``tea:2.soup:1``."""
    return ".".join(f"{thing}:{number}" for thing, number in cart.items())


def read(text: str) -> dict[str, int]:
    """What :func:`written` made. Raises :class:`CartError` for anything else."""
    cart: dict[str, int] = {}
    for part in text.split(".") if text else ():
        found = _WRITTEN.fullmatch(part)
        if found is None or found[1] in cart or len(cart) >= MOST_THINGS:
            raise CartError("Your cookie holds no cart that this server has written.")
        cart[found[1]] = int(found[2])
    return cart


def is_cart(value: object) -> bool:
    """Whether a value that came as JSON is a cart."""
    return (
        isinstance(value, dict)
        and len(value) <= MOST_THINGS
        and all(
            isinstance(thing, str)
            and _THING.fullmatch(thing)
            and isinstance(number, int)
            and not isinstance(number, bool)
            and 0 < number <= MOST_OF_ONE
            for thing, number in value.items()
        )
    )

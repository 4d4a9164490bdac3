"""Endpoints that show where HTTP's state lives: in the request, which brings all of it along."""

from __future__ import annotations

import re

from playground.servers.http.answer import Answer, json_answer, text_answer
from playground.servers.http.endpoints.counters import presented
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint


@endpoint(
    "/state",
    memory="carried",
    example="/state?name=ada",
    about={"name": "anything that you would like to carry"},
    open_to_pages=False,
)
def state(request: Request, asker: Asker, parameter: str) -> Answer:
    """The four words: where your state lives. Here it is only what this request carried.

    Who has used one of the counters finds its number in the place where it is kept.
    """
    asker.remembering.recognise(asker.visitor, presented(request))
    asker.visitor.login = ""  # its cookie is for /session alone
    return json_answer(asker.four_words(asker.carried))


@endpoint(
    "/counter/carried",
    memory="carried",
    example="/counter/carried?n=4",
    about={"n": "the number so far"},
    open_to_pages=False,
)
def counter_carried(request: Request, asker: Asker, parameter: str) -> Answer:
    """A counter whose number you hold: the answer's link brings it back next time."""
    word = request.parameter("n") or "0"
    if not re.fullmatch(r"[0-9]{1,18}", word):
        return text_answer("n is a number: /counter/carried?n=4", 400)
    number = int(word) + 1
    return json_answer(
        {
            "n": number,
            "next": f"/counter/carried?n={number}",
            "lesson": "The server counted, but the number is in your hands: ask without n and it is 1 again.",
        }
    )


PRICES = {"tea": 120, "coffee": 150, "water": 80, "soup": 210}
"""In cents, as everything with money is here."""
COINS = (200, 100, 50, 20, 10, 5)
MOST_COINS = 50
LESSON = "The coins and the choice came in one request, so the machine has nothing to remember between two."


@endpoint(
    "/vending",
    memory="carried",
    example="/vending?coins=1.00,0.50&choice=tea",
    about={"coins": "what you throw in, commas between", "choice": "tea, coffee, water or soup"},
    open_to_pages=False,
)
def vending(request: Request, asker: Asker, parameter: str) -> Answer:
    """A vending machine that remembers no coin: coins and choice are in each request."""
    words = [word for word in (request.parameter("coins") or "").split(",") if word]
    choice = request.parameter("choice") or ""
    if len(words) > MOST_COINS:
        return text_answer(f"The slot takes {MOST_COINS} coins at once.", 400)
    coins = [amount for word in words if (amount := cents(word)) is not None]
    if len(coins) < len(words):
        text = "Coins are written 2.00, 1.00, 0.50, 0.20, 0.10 or 0.05: /vending?coins=1.00,0.50&choice=tea"
        return text_answer(text, 400)
    taken = [coin for coin in coins if coin in COINS]
    rejected = [money(coin) for coin in coins if coin not in COINS]
    paid = sum(taken)
    told: dict[str, object] = {"paid": money(paid), "choice": choice or None}
    if rejected:
        told["not_a_coin"] = rejected
    if choice not in PRICES:
        told |= {"falls_out": None, "change": [money(coin) for coin in change(paid)]}
        told["prices"] = {name: money(price) for name, price in PRICES.items()}
        told["say"] = f"There is no {choice}." if choice else "Choose: /vending?coins=1.00,0.50&choice=tea"
        return json_answer(told | {"lesson": LESSON}, 404 if choice else 200)
    missing = PRICES[choice] - paid
    if missing > 0:
        told |= {"falls_out": None, "change": [money(coin) for coin in change(paid)]}
        told["say"] = (
            f"{choice} costs {money(PRICES[choice])}: {money(missing)} more. Send all coins again with it."
        )
        return json_answer(told | {"lesson": LESSON}, 402)
    told |= {"falls_out": choice, "change": [money(coin) for coin in change(-missing)]}
    return json_answer(told | {"lesson": LESSON})


def cents(word: str) -> int | None:
    """``1.00``, ``1.5`` or ``1`` as cents, or None where it is no sum of money."""
    found = re.fullmatch(r"([0-9]{1,4})(?:\.([0-9]{1,2}))?", word.strip())
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0")) if found else None


def money(amount: int) -> str:
    """Cents as ``1.00``."""
    return f"{amount // 100}.{amount % 100:02d}"


def change(amount: int) -> list[int]:
    """An amount in as few coins as possible."""
    coins = []
    for coin in COINS:
        while amount >= coin:
            coins.append(coin)
            amount -= coin
    return coins

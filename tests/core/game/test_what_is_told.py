"""What Lantern tells those who ask, whose turn it is, and whose game is over."""

from __future__ import annotations

import pytest

from playground.servers.game import words
from tests.core.game.transcript import House


def test_look_and_who_tell_what_is_to_be_seen():
    house = House("11 gas")
    ada, bob = house.playing("ada", "bob")
    for person in (ada, bob, ada, bob):
        person << "go"
    house.wait(2)
    ada.skip() << "look"
    ada >> "> cave 1, depth 2. Floor: 1 gem. Dangers seen: gas" >> "> inside: ada=5, bob=5 (10s of oil)"
    ada >> "> still to choose: ada and bob"
    ada << "who" >> "* ada: here, carries 5, chest 0" >> "* bob: here, carries 5, chest 0"
    house.person("eve") << "who" >> "* ada: here, carries 5, chest 0"


def test_look_in_the_lobby_tells_whom_it_waits_for():
    house = House()
    ada, _bob, eve = house.seated("ada", "bob", "eve")
    ada.skip() << "ready" >> "= ready" >> "* ada is ready (1/3)"
    eve.drops()
    ada.skip() << "look" >> "> no cave is open. Chests: ada=0, bob=0, eve=0" >> "> not ready yet: bob"


def test_the_question_tells_all_that_there_is_to_weigh():
    house = House("11 gas ghost")
    ada, bob = house.playing("ada", "bob")
    for _ in range(3):
        ada.skip() << "go"
        bob << "go"
    ada.skip_to("? go deeper or go home? (12s of oil)  you carry 5, floor 1, seen gas, ghost")


@pytest.mark.parametrize(
    ("gems", "worth"), [(1, "a pocketful"), (25, "a bagful"), (74, "a chestful"), (75, "a treasure")]
)
def test_a_solo_game_says_what_it_was_worth(gems: int, worth: str):
    line, *_ = words.game_over({"ada": gems})
    assert line.endswith(f" into the light: {worth}")


def test_a_long_list_of_losers_is_cut():
    line, _ = words.game_over({f"p-{number}": number for number in range(50)})
    assert line.endswith(
        "p-49 wins with 49 gems, before p-48 with 48, p-47 with 47, p-46 with 46, p-45 with 45, p-44 with 44"
    )


def test_help_has_ten_lines_that_fit_a_terminal():
    ada = House().person("ada") << "help"
    assert len(ada.lines) == 10
    assert all(line.startswith("* ") and len(line) <= 80 for line in ada.lines)

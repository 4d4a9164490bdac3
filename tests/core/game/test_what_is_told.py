"""What Lantern tells those who ask, whose turn it is, and whose game is over."""

from __future__ import annotations

import pytest

from playground.servers.game import cave_words
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


def test_the_few_for_whom_many_wait_are_named():
    house = House()
    people = house.seated("p-1", "p-2", "p-3", "p-4", "p-5", "p-6")
    for person in people:
        people[0].skip()
        person << "ready"
        news = [line for line in people[0].lines if "is ready" in line]
        assert news == {
            "p-3": ["* p-3 is ready (3/6)"],
            "p-4": ["* p-4 is ready (4/6). Not ready yet: p-5 and p-6"],
            "p-5": ["* p-5 is ready (5/6). Not ready yet: p-6"],
            "p-6": ["* p-6 is ready (6/6)"],
        }.get(person.name, news)


def test_the_question_tells_all_that_there_is_to_weigh():
    house = House("11 gas ghost")
    ada, bob = house.playing("ada", "bob")
    for _ in range(3):
        ada.skip() << "go"
        bob << "go"
    ada.skip_to("? go deeper or go home? (12s of oil)  you carry 5, floor 1, seen gas, ghost")


@pytest.mark.parametrize(("carried", "floor"), [(124, 0), (62, 9), (41, 42)])
@pytest.mark.parametrize("seen", range(6))
def test_however_much_there_is_to_weigh_the_question_fits_a_terminal(carried: int, floor: int, seen: int):
    question = cave_words.your_turn(
        60.0, carried, floor, ["rockfall", "flood", "spiders", "gas", "ghost"][:seen]
    )
    assert len("< " + question) <= 80, "as python -m websockets shows it"
    assert question.startswith("? go deeper or go home? (60s")


def test_where_there_is_much_to_weigh_the_question_leaves_words_out():
    question = cave_words.your_turn(12.0, 7, 3, ["rockfall", "flood", "spiders"])
    assert question == "? go deeper or go home? (12s)  carry 7, floor 3, seen rockfall flood spiders"


def test_four_dangers_are_told_by_the_one_that_is_missing():
    house = House("gas 5 flood rockfall spiders")
    (ada,) = house.playing("ada")
    for _ in range(5):
        ada.skip() << "go"
    ada.skip_to("? go deeper or go home? (60s of oil)  you carry 5, seen all but ghost")


@pytest.mark.parametrize(
    ("cards", "ahead"),
    [
        ("5 9", "> ahead lay a vein of 9 gems"),
        ("5 1", "> ahead lay a vein of 1 gem"),
        ("5 gas", "> ahead lay gas"),
        ("gas gas", "> ahead lay gas again"),
    ],
)
def test_who_goes_home_learns_what_lay_ahead(cards: str, ahead: str):
    (ada,) = House(cards).playing("ada")
    ada.skip() << "go" << "home"
    ada.skip_to("> ada goes home with ")
    ada >> ahead >> "> cave 1 of 3 is over. ..."


def test_what_lies_ahead_is_no_secret_only_when_nobody_can_meet_it():
    house = House("5 gas")
    ada, bob = house.playing("ada", "bob")
    ada.skip() << "home"
    bob << "go"
    ada >> "= home" >> "* bob has chosen (2/2)" >> "> ada goes home with 0 gems. Chest 0"
    ada >> "> depth 1: a vein of 5 gems. All for bob"
    ada.reads_nothing()
    bob << "leave"  # with nobody who has gone home, there is nobody to wonder
    ada >> "* bob has left the table" >> "> 5 gems of bob fall to the floor" >> "> cave 1 of 3 is over. ..."


def test_all_who_run_drop_the_same():
    ada, bob = House("11 gas gas").playing("ada", "bob")
    for _ in range(3):
        ada.skip() << "go"
        bob << "go"
    ada.skip_to("> depth 3: gas again! All run. ada and bob drop 5 each")


def test_a_new_player_is_told_who_is_here():
    house = House()
    house.seated("p-1")
    house.person("p-2") << "watch" << "sit p-2"
    *_, p3 = (house.person(name) << f"name {name}" for name in ("p-4", "p-5", "p-6", "p-3"))
    p3 >> "* welcome p-3. ..." >> "* here already: p-1, p-2, p-4, p-5 and p-6"
    p8 = house.person("p-8") << "name p-8"
    p8.skip_to("* here already: p-1, p-2, p-4, p-5, p-6 and 1 more")
    p3.drops()
    p9 = house.person("p-9") << "name p-9"
    p9.skip_to("* here already: p-1, p-2, p-4, p-5, p-6 and 1 more")


def test_who_has_not_chosen_is_told_when_little_oil_is_left_and_nobody_else_is():
    house = House("11 5")
    ada, bob, eve = house.playing("ada", "bob", "eve")
    ada << "go"
    eve.drops()
    watching = house.person("joe") << "watch"
    for person in (ada, bob, watching):
        person.skip()
    house.wait(7.9)
    bob.reads_nothing()
    house.wait(0.1)
    bob >> "? 4s of oil left: go, or home? Silence means go"
    for person in (ada, bob, watching):
        person.reads_nothing()
    bob << "home" >> "= home"
    house.wait(4)
    bob >> "> the oil is burnt. eve follows the light"


def test_alone_one_is_told_ten_seconds_before():
    house = House("5 9")
    (ada,) = house.playing("ada")
    house.wait(49.9)
    ada.reads_nothing()
    house.wait(0.1)
    ada >> "? 10s of oil left: go, or home? Silence means go"
    house.wait(10)
    ada >> "> the oil is burnt. ada follows the light" >> "> depth 1: a vein of 5 gems. All for ada"


def test_who_has_hardly_any_oil_is_told_so_by_the_question_only():
    house = House("11", oil=5.0, solo_oil=5.0)
    (ada,) = house.playing("ada")
    house.wait(4.9)
    ada.reads_nothing()


def test_oil_that_is_lit_anew_gives_its_warning_anew():
    house = House("11")
    (ada,) = house.playing("ada")
    house.wait(45)
    ada.drops()
    assert house.clocks == {"grace"}
    ada = ada.again() << f"resume {ada.token}"
    ada.skip_to("? go deeper or go home? (15s of oil)")
    house.wait(10)
    ada >> "? 5s of oil left: go, or home? Silence means go"


@pytest.mark.parametrize(
    ("gems", "worth"), [(1, "a pocketful"), (25, "a bagful"), (74, "a chestful"), (75, "a treasure")]
)
def test_a_solo_game_says_what_it_was_worth(gems: int, worth: str):
    line, *_ = cave_words.game_over({"ada": gems})
    assert line.endswith(f" into the light: {worth}")


def test_a_long_list_of_losers_is_cut():
    line, _ = cave_words.game_over({f"p-{number}": number for number in range(50)})
    assert line.endswith(
        "p-49 wins with 49 gems, before p-48 with 48, p-47 with 47, p-46 with 46, p-45 with 45, p-44 with 44"
    )


def test_help_has_ten_lines_that_fit_a_terminal():
    ada = House().person("ada") << "help"
    assert len(ada.lines) == 10
    assert all(line.startswith("* ") and len(line) <= 80 for line in ada.lines)

"""A cave, told by those who are in it."""

from __future__ import annotations

import re

import pytest

from playground.servers.game import words
from tests.core.game.transcript import House


def test_two_players_go_through_a_cave_together():
    house = House("11 gas 5 gas")
    ada = house.person("ada") << "name ada"
    ada >> f"* welcome ada. Your token is {ada.token}. Say: ready"
    bob = house.person("bob") << "name bob"
    bob >> f"* welcome bob. Your token is {bob.token}. Say: ready" >> "* here already: ada"
    ada >> "* bob sits down"

    bob << "ready" >> "= ready" >> "* bob is ready (1/2)"
    ada >> "* bob is ready (1/2)"
    ada << "ready" >> "= ready" >> "* ada is ready (2/2)"
    ada >> "> cave 1 of 3. The lamps are lit. Inside: ada and bob"
    ada >> "? go deeper or go home? (12s of oil)  you carry 0"
    bob.skip_to("?")

    ada << "go" >> "= go"
    bob >> "* ada has chosen (1/2)"
    bob << "go" >> "= go" >> "> depth 1: a vein of 11 gems. 5 each, 1 left on the floor"
    ada >> "* bob has chosen (2/2)" >> "> depth 1: a vein of 11 gems. 5 each, 1 left on the floor"
    ada >> "? go deeper or go home? (12s of oil)  you carry 5, floor 1"

    ada << "go"
    bob.skip() << "go" >> "= go" >> "> depth 2: gas! If it comes again, all inside drop what they carry"
    bob >> "? go deeper or go home? (12s of oil)  you carry 5, floor 1, seen gas"

    ada << "home"
    bob << "go"
    bob >> "* ada has chosen (1/2)" >> "= go"
    bob >> "> ada goes home with 6 gems, 1 of them from the floor. Chest 6"
    bob >> "> depth 3: a vein of 5 gems. All for bob"
    bob >> "? go deeper or go home? (12s of oil)  you carry 10, seen gas"
    ada.skip_to("> depth 3")
    ada.reads_nothing()

    bob << "go" >> "= go" >> "> depth 4: gas again! All run. bob drops 10"
    bob >> "> cave 1 of 3 is over. Chests: ada=6, bob=0"
    bob.reads_nothing()
    house.wait(1)
    bob >> "> cave 2 of 3. The lamps are lit. Inside: ada and bob"


def test_those_who_go_home_together_share_the_floor():
    house = House("11 2 17")
    ada, bob, eve = house.playing("ada", "bob", "eve")
    for person in (ada, bob, eve):
        person << "go"
    assert house.lantern.game.cave is not None
    assert house.lantern.game.cave.floor == 2
    for person in (ada, bob, eve):
        person << "go"
    assert house.lantern.game.cave.floor == 4
    ada << "home"
    bob << "home"
    eve << "go"
    assert (ada.seat.chest, bob.seat.chest, eve.seat.chest) == (5, 5, 0)
    assert house.lantern.game.carried_by(eve.seat) == 20


def test_silence_follows_the_light():
    house = House("11 gas")
    ada, bob = house.playing("ada", "bob")
    bob << "home"
    house.wait(11.9)
    assert house.lantern.game.steps == 1
    ada.skip()
    house.wait(0.1)
    ada >> "> the oil is burnt. ada follows the light" >> "> bob goes home with 0 gems. Chest 0"
    ada >> "> depth 1: a vein of 11 gems. All for ada"


def test_the_last_word_counts_while_others_think():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    ada << "go" << "home"
    bob >> "* ada has chosen (1/2)"
    bob.reads_nothing()
    bob << "go"
    assert house.lantern.game.carried_by(ada.seat) == 0


def test_alone_the_oil_burns_a_minute():
    house = House("5 9", "1", "17 ghost ghost")
    (ada,) = house.seated("ada")
    ada << "ready" >> "= ready"
    ada >> "> cave 1 of 3. The lamps are lit. Inside: ada"
    ada >> "? go deeper or go home? (60s of oil)  you carry 0"
    ada << "go" >> "= go" >> "> depth 1: a vein of 5 gems. All for ada"
    ada.skip() << "home" >> "= home" >> "> ada goes home with 5 gems. Chest 5"
    ada >> "> ahead lay a vein of 9 gems"
    ada >> "> cave 1 of 3 is over. Chests: ada=5"
    house.wait(1)
    ada.skip() << "go" << "home"
    house.wait(1)
    ada.skip() << "go" << "go" << "go"
    ada.skip_to("> depth 3: ghost again! All run. ada drops 17")
    ada >> "> cave 3 of 3 is over. Chests: ada=6"
    (
        ada
        >> "* the game is over. ada has brought 6 gems into the light: a pocketful"
        >> "* It would be a bagful from 25, a chestful from 50, a treasure from 75"
        >> "* Say: ready, for another game"
    )
    ada << "ready"
    assert ada.seat.chest == 0
    assert house.lantern.game.cave_number == 1


def test_most_gems_win():
    house = House("11", "11", "11")
    ada, bob = house.playing("ada", "bob")
    for _ in range(3):
        ada << "go"
        bob << "go"
        ada << "home"
        bob << "home"
        house.wait(1)
    ada.skip_to("* the game is over. ada and bob share the victory with 15 gems each")
    for person in (ada, bob):
        person << "ready"
    for _ in range(3):
        ada << "home"
        bob << "go"
        bob << "home"
        house.wait(1)
    (line,) = [line for line in ada.lines if line.startswith("* the game is over")]
    assert re.fullmatch(r"\* the game is over\. bob wins with \d+ gems, before ada with \d+", line)


def test_a_game_that_nobody_wins_goes_to_the_cave():
    house = House()
    ada, bob = house.playing("ada", "bob")
    for _ in range(3):
        ada << "home"
        bob << "home"
        house.wait(1)
    ada.skip_to("* the game is over. The cave wins: nobody has a gem")


def test_who_comes_late_plays_from_the_next_cave_on():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    eve = house.person("eve") << "name eve"
    eve >> f"* welcome eve. Your token is {eve.token}. The next cave is yours too"
    eve >> "> cave 1, depth 0. Floor: 0 gems. Dangers seen: none" >> "> inside: ada=0, bob=0 (12s of oil)"
    eve >> "> still to choose: ada and bob"
    eve << "go" >> "! you are not in this cave; you play in the next one"
    ada << "home"
    bob << "home"
    house.wait(1)
    eve.skip_to("> cave 2 of 3. The lamps are lit. Inside: ada, bob and eve")


def test_who_leaves_drops_what_he_carries_to_the_floor():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    ada << "go"
    bob << "go"
    ada.skip()
    bob.skip() << "leave" >> "= you have left the table. Say: name <you> | resume <token> | watch"
    ada >> "* bob has left the table" >> "> 5 gems of bob fall to the floor"
    ada << "home" >> "= home" >> "> ada goes home with 11 gems, 6 of them from the floor. Chest 11"
    bob << "name bob" >> "* welcome bob. ..."


def test_when_the_last_undecided_leaves_the_step_is_made():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    ada << "go"
    ada.skip()
    bob << "quit"
    assert bob.closed == "quit"
    ada.skip_to("> depth 1: a vein of 11 gems. All for ada")


def test_when_the_last_one_leaves_the_table_is_fresh():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    bob << "leave"
    ada << "quit"
    assert ada.lines[-1] == "* goodbye"
    assert house.lantern.game.state == "lobby"
    assert house.clocks == set()


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("go", "! nobody knows yet who you are. Say: name <you> | resume <token> | watch"),
        ("name", "! a name is one word of 1 to 16 letters, digits or '-'. Say: name ada"),
        ("name ada lovelace", "! a name is one word of 1 to 16 letters, digits or '-'. Say: name ada"),
        ("name abcdefghijklmnopq", "! a name is one word of 1 to 16 letters, digits or '-'. Say: name ada"),
        ("name ada\x1b[2J", "! a name is one word of 1 to 16 letters, digits or '-'. Say: name ada"),
        ("sit ada", "! nobody knows yet who you are. Say: name <you> | resume <token> | watch"),
        ("\x1b[31mfoo\x07", "! '[31mfoo' is no word of this game. Say: help"),
        ("x" * 190, f"! '{'x' * 20}' is no word of this game. Say: help"),
        ("resume", "! no seat has that token. Only the newest counts, while the seat is kept"),
    ],
)
def test_what_means_nothing_is_refused_politely(said: str, heard: str):
    ada = House().person("ada")
    ada << said >> heard
    assert len(ada.refused) == 1


def test_go_home_is_home_and_go_deeper_is_go():
    house = House("11 gas 5")
    ada, bob = house.playing("ada", "bob")
    ada.skip() << "go deeper" >> "= go"
    bob.skip() << "Go deeper." >> "= go"
    ada.skip() << "go home" >> "= home"
    bob.skip() << "go HOME!" >> "= home" >> "> ada goes home with 5 gems. Chest 5"


def test_go_anywhere_else_is_no_choice():
    house = House("11")
    ada, _bob = house.playing("ada", "bob")
    ada.skip() << "go away" >> "! go goes deeper, whatever you add. Say just: go, or: home"
    assert ada.refused == ["go-where"]
    assert house.lantern.game.cave is not None
    assert house.lantern.game.cave.undecided == ["ada", "bob"]


def test_each_word_in_the_wrong_place_tells_what_to_say_there():
    house = House("11")
    ada = (
        house.person("ada")
        << "ready"
        >> "! nobody knows yet who you are. Say: name <you> | resume <token> | watch"
    )
    ada << "ada" >> "! 'ada' is no word of this game. If it is your name, say: name ada"
    ada << "0123456789abcdef0123" >> "! that token means nothing here. Say: resume <token>"
    ada << "watch"
    ada.skip() << "ready" >> "! you only watch. To play, say: sit <you>"
    ada << "name ada" >> "! you only watch. To play, say: sit ada"
    ada << "name \x1b[31m" >> "! you only watch. To play, say: sit <you>"
    ada << "sit ada" >> "* welcome ada. ..."
    ada << "watch" >> "! you have a seat already. To give it up, say: leave"
    ada << "hello all" >> "! 'hello' is no word of this game. To talk to all: say <words>. Say: help"


def test_a_wrong_answer_to_the_question_is_answered_with_the_right_ones():
    ada, _bob = House("11").playing("ada", "bob")
    ada << "yes" >> "! 'yes' is no word of this game. Say: go, or: home. To talk to all: say <words>"
    ada << "go" >> "= go"
    ada << "yes" >> "! 'yes' is no word of this game. To talk to all: say <words>. Say: help"


def test_enter_asks_again():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    house.wait(3)
    ada.skip() << "" >> "? go deeper or go home? (9s of oil)  you carry 0"
    ada << "go" << ""
    ada >> "= go"
    ada.reads_nothing()
    bob.skip() << "home"


def test_who_comes_in_the_last_cave_plays_in_the_next_game():
    house = House()
    ada, bob = house.playing("ada", "bob")
    for _ in range(2):
        ada << "home"
        bob << "home"
        house.wait(1)
    eve = house.person("eve") << "name eve"
    eve >> f"* welcome eve. Your token is {eve.token}. You play in the next game" >> "> cave 3, depth 0. ..."
    eve.skip() << "go" >> "! you are not in this cave, and it is the last one; a new game comes after it"


def test_what_is_always_said_alike_fits_a_terminal():
    fixed = [line for line in vars(words).values() if isinstance(line, str) and line.startswith("* ")]
    assert [line for line in (*fixed, *words.GOODBYES.values()) if len(line) > 80] == []


def test_an_empty_line_is_no_mistake():
    ada = House().person("ada")
    ada << "" << "   "
    ada.reads_nothing()


def test_names_are_unique_in_capitals_too():
    house = House()
    house.seated("ada")
    eve = house.person("eve")
    eve << "name ADA" >> "! ADA sits here already; take another name, or: resume <token>"
    assert eve.refused == ["name-taken"]


def test_words_may_be_written_in_capitals():
    ada = House().person("ada")
    ada << "NAME Ada-1" >> "* welcome Ada-1. ..."


def test_a_full_table_says_so():
    house = House(seats=2)
    house.seated("ada", "bob")
    house.person("eve") << "name eve" >> "! all 2 seats are taken. Say: watch, and sit down when one is free"


def test_what_is_said_cannot_move_anothers_terminal():
    house = House()
    ada, bob = house.seated("ada", "bob")
    bob.skip()
    ada << "say hi \x1b[2J\x9b31m\u202e\x00\tbob \u2028 ☺"
    bob >> "* ada: hi [2J31m bob ☺"
    ada.skip() << "say \x07" >> "! say what?"


def test_a_token_is_not_told_to_everybody():
    house = House()
    ada, bob = house.seated("ada", "bob")
    ada.skip() << f"say mine is {ada.token}!"
    ada >> "! that is your token: whoever reads it can take your seat"
    ada << ada.token >> "! that token means nothing here"
    bob.skip()
    bob.reads_nothing()


def test_there_is_nothing_to_choose_in_the_lobby():
    (ada,) = House().seated("ada")
    ada << "go" >> "! there is no cave yet. Say: ready"
    assert ada.refused == ["no-cave"]


def test_who_is_ready_and_cannot_wait_is_told_for_whom_to_wait():
    house = House()
    ada, bob, eve = house.seated("ada", "bob", "eve")
    ada.skip() << "ready" << "go"
    ada >> "= ready" >> "* ada is ready (1/3)"
    ada >> "! the cave opens once all are ready. Not ready yet: bob and eve"
    assert ada.refused == ["no-cave"]
    bob << "ready"
    eve << "ready"
    for person in (ada, bob, eve):
        person << "home"
    eve.skip() << "go" >> "! the next cave opens in a moment"


def test_ready_is_for_the_lobby_and_once_is_enough():
    house = House()
    ada, bob = house.seated("ada", "bob")
    ada.skip() << "ready" << "ready"
    ada >> "= ready" >> "* ada is ready (1/2)" >> "= ready"
    bob << "ready"
    bob.skip() << "ready" >> "! the game is on already. Say: look"


def test_who_watches_sees_the_cave_and_sits_down_in_the_lobby():
    house = House("11")
    eve = house.person("eve") << "watch" >> "* you watch. To play, say: sit <you>"
    eve >> "> no cave is open. Chests: none"
    ada, bob = house.playing("ada", "bob")
    eve.skip_to("> cave 1 of 3")
    later = "! you only watch. Wait for the game's end, or: quit, come back, say: name "
    eve << "sit eve" >> f"{later}eve"
    eve << "name eve" >> f"{later}eve"
    eve << "go" >> f"{later}<you>"
    joe = house.person("joe") << "watch" >> "* you watch. Once this game is over, say: sit <you>"
    joe.skip() << "name " + "x" * 17 >> f"{later}<you>"
    ada << "quit"
    bob << "quit"
    eve.skip() << "sit bob" >> "* welcome bob. ..."
    eve << "sit bob" >> "! you have a seat already. To give it up, say: leave"


def test_the_same_seed_gives_the_same_caves():
    def played() -> list[str]:
        house = House()
        (ada,) = house.playing("ada")
        for _ in range(5):
            ada << "go"
        return ada.lines

    assert played() == played()

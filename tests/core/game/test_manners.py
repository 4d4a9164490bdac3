"""Floods, lines without end, bytes that are no text."""

from __future__ import annotations

from tests.core.game.transcript import House


def test_a_flooder_is_muted_told_and_heard_again():
    house = House(lines_at_once=3, lines_per_second=1)
    ada, bob = house.seated("ada", "bob")
    bob.skip()
    ada.skip() << "say 1" << "say 2" << "say 3" << "say 4" << "say 5"
    ada >> "* ada: 1" >> "* ada: 2" >> "! too much at once; you are not heard for 2s"
    ada.reads_nothing()
    bob >> "* ada: 1" >> "* ada: 2"
    bob.reads_nothing()
    house.wait(2)
    ada >> "* you are heard again"
    ada << "say 6" >> "* ada: 6"


def test_a_flooder_who_goes_on_is_closed_and_keeps_the_seat():
    house = House(lines_at_once=3, lines_per_second=1, muted_lines=5)
    (ada,) = house.seated("ada")
    for number in range(9):
        ada << f"say {number}"
    assert ada.closed == "flood"
    assert ada.lines[-1] == "! too much at once"
    assert ada.seat.state == "away"


def test_a_flood_without_a_seat_is_closed_at_once():
    house = House(lines_at_once=3, lines_per_second=1)
    eve = house.person("eve")
    for _ in range(4):
        eve << "help"
    assert eve.closed == "flood"


def test_who_is_muted_may_still_quit():
    house = House(lines_at_once=1, lines_per_second=1)
    (ada,) = house.seated("ada")
    ada << "look" << "look"
    assert ada.remembered == {"dialogue": "muted", "seat": "ada"}
    ada << "quit"
    assert ada.closed == "quit"
    assert house.clocks == set()


def test_a_line_too_long_is_answered_and_closes_but_the_seat_is_kept():
    house = House()
    (ada,) = house.seated("ada")
    house.carry_out(house.lantern.line_too_long(ada.conn))
    assert ada.lines[-1] == "! a line has at most 200 bytes; goodbye"
    assert (ada.closed, ada.limits) == ("limit", ["line"])
    assert ada.seat.state == "away"


def test_what_is_no_text_is_refused():
    house = House()
    (ada,) = house.seated("ada")
    house.carry_out(house.lantern.not_text(ada.conn))
    ada.skip_to("! that line is not UTF-8")
    assert ada.closed == ""


def test_who_greets_too_long_is_closed_and_who_has_a_name_is_not():
    house = House()
    ada, bob = house.person("ada"), house.person("bob")
    ada << "name ada" << "look"
    bob << "help" << "name !"
    house.wait(119)
    assert (ada.closed, bob.closed) == ("", "")
    house.wait(1)
    assert (bob.closed, bob.limits) == ("limit", ["greeting"])
    assert bob.lines[-1] == "* you have not said who you are, so this connection is closed"
    ada << "leave"
    house.wait(119)
    assert ada.closed == ""
    house.wait(1)
    assert ada.closed == "limit"


def test_watching_is_no_greeting():
    house = House()
    eve = house.person("eve") << "watch"
    house.wait(500)
    assert eve.closed == ""
    assert house.alarms == {}

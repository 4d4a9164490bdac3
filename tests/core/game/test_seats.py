"""Losing the socket is an input to the seat, never its end."""

from __future__ import annotations

from playground.servers.game import words
from tests.core.game.transcript import House

NO_SEAT = f"! {words.BAD_TOKEN}"


def test_who_is_cut_off_has_a_minute_to_come_back():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    ada << "go"
    bob << "go"
    bob.skip()
    ada.drops()
    bob >> "* ada has gone quiet. Their seat is kept for 60s"
    house.wait(5)
    ada = ada.again().skip() << f"resume {ada.token}"
    ada >> f"* welcome back ada. New token: {ada.token}. You carry 5; chest 0"
    ada >> "? go deeper or go home? (7s of oil)  you carry 5, floor 1"
    bob >> "* ada is back"
    house.wait(60)
    assert ada.seat.present


def test_after_a_minute_the_seat_is_free_and_the_gems_lie_on_the_floor():
    house = House("11", oil=100)
    ada, bob = house.playing("ada", "bob")
    ada << "go"
    bob << "go"
    bob.skip()
    ada.drops()
    house.wait(60)
    bob.skip_to("* ada did not come back in 60s; the seat is free")
    bob >> "> 5 gems of ada fall to the floor"
    ada.again().skip() << f"resume {ada.token}" >> NO_SEAT
    bob.skip() << "home" >> "= home" >> "> bob goes home with 11 gems, 6 of them from the floor. Chest 11"


def test_who_is_away_follows_the_light():
    house = House("11 1")
    ada, bob = house.playing("ada", "bob")
    ada.drops()
    bob.skip() << "go"
    house.wait(12)
    bob.skip_to("> the oil is burnt. ada follows the light")
    assert house.lantern.game.carried_by(ada.seat) == 5


def test_a_choice_survives_the_socket():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    ada << "home"
    ada.drops()
    ada = ada.again().skip() << f"resume {ada.token}"
    ada >> "* welcome back ada. ..." >> "* you have chosen already: home"
    ada.reads_nothing()  # not asked again
    bob << "go"
    ada >> "* bob has chosen (2/2)" >> "> ada goes home with 0 gems. Chest 0"


def test_when_all_are_away_the_lamps_wait():
    house = House("11")
    eve = house.person("eve") << "watch"
    ada, bob = house.playing("ada", "bob")
    house.wait(5)
    eve.skip()
    ada.drops()
    bob.drops()
    eve.skip_to("* nobody is there; the lamps wait")
    house.wait(40)
    assert house.lantern.game.state == "paused"
    bob = bob.again().skip() << f"resume {bob.token}"
    bob >> "* welcome back bob. ..."
    bob >> "? go deeper or go home? (7s of oil)  you carry 0"
    house.wait(6.9)
    assert house.lantern.game.steps == 1
    house.wait(0.2)
    assert house.lantern.game.steps == 2


def test_when_all_stay_away_the_table_is_free_after_a_minute():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    ada.drops()
    bob.drops()
    house.wait(60)
    assert len(house.lantern.seats) == 0
    assert house.lantern.game.state == "lobby"
    house.person("eve") << "name ada" >> "* welcome ada. ..."


def test_a_cave_may_end_while_its_people_are_away():
    house = House("gas gas", "17")
    ada, bob = house.playing("ada", "bob")
    ada.drops()
    bob << "go"
    house.wait(12)
    bob << "go"
    house.wait(12)
    assert house.lantern.game.state == "between"
    bob.drops()
    house.wait(1)
    assert house.lantern.game.state == "paused"
    bob = bob.again() << f"resume {bob.token}"
    bob.skip_to("? go deeper or go home? (12s of oil)  you carry 0")


def test_in_the_lobby_nobody_waits_for_who_is_away():
    house = House("11")
    ada, bob = house.seated("ada", "bob")
    bob.drops()
    ada.skip() << "ready" >> "= ready"
    ada >> "> cave 1 of 3. The lamps are lit. Inside: ada"
    assert house.lantern.game.state == "choosing"


def test_the_newest_connection_with_the_right_token_wins():
    house = House()
    (old,) = house.seated("ada")
    bob = house.seated("bob")[0]
    new = old.again().skip() << f"resume {old.token}"
    new >> "* welcome back ada. ..."
    assert old.lines[-1] == words.TAKEN_OVER
    assert old.closed == "takeover"
    assert new.seat.present
    bob.reads_nothing()  # to others nothing has happened
    new >> "* Say: ready"
    new << "say still me" >> "* ada: still me"


def test_a_muted_connection_can_be_taken_over():
    house = House(lines_at_once=1, lines_per_second=1)
    (old,) = house.seated("ada")
    old << "look" << "look"
    assert old.remembered["dialogue"] == "muted"
    new = old.again().skip() << f"resume {old.token}"
    new >> "* welcome back ada. ..."
    house.wait(5)


def test_each_resume_deals_a_new_token_and_the_old_one_ends_with_the_next_line():
    house = House()
    (ada,) = house.seated("ada")
    first = ada.token
    ada.drops()
    lost = ada.again().skip() << f"resume {first}"
    second = lost.token
    assert second != first
    lost.drops()  # the new token never arrived
    ada = lost.again().skip() << f"resume {first}"
    ada >> "* welcome back ada. ..."
    third = ada.token
    ada << "look"  # now it has
    ada.drops()
    ada = ada.again().skip()
    ada << f"resume {first}" >> NO_SEAT
    ada << f"resume {second}" >> NO_SEAT
    ada << f"resume {third}" >> "* welcome back ada. ..."


def test_a_token_may_be_copied_with_the_full_stop_behind_it():
    house = House()
    (ada,) = house.seated("ada")
    ada.again().skip() << f"resume {ada.token}." >> "* welcome back ada. ..."


def test_the_third_wrong_token_closes():
    eve = House().person("eve")
    eve << "resume 1" >> NO_SEAT
    eve << "resume ☃" >> NO_SEAT
    assert eve.remembered == {"wrong_tokens": 2}
    eve << "resume 3" >> "! no seat has that token, and that was the third; goodbye"
    assert eve.closed == "limit"
    assert eve.limits == ["tokens_per_connection"]


def test_wrong_tokens_are_counted_for_an_address_too():
    house = House(tokens_per_address=4)
    (ada,) = house.seated("ada")
    ada.drops()
    for _ in range(2):
        eve = house.person("eve")
        eve << "resume 1" << "resume 2"
    late = house.person("ada") << f"resume {ada.token}"
    late >> "! too many wrong tokens came from your address; try again in a minute"
    assert late.closed == ""
    house.wait(59)
    late << f"resume {ada.token}" >> "! too many wrong tokens ..."
    assert ada.seat.state == "away"


def test_wrong_tokens_are_forgiven_after_a_minute():
    house = House(tokens_per_address=2, grace=200)
    (ada,) = house.seated("ada")
    ada.drops()
    house.person("eve") << "resume 1" << "resume 2"
    house.wait(60)
    house.person("ada") << f"resume {ada.token}" >> "* welcome back ada. ..."


def test_quit_is_no_drop():
    house = House()
    ada, bob = house.seated("ada", "bob")
    bob.skip()
    ada << "quit"
    assert ada.lines[-1] == "* goodbye"
    assert house.lantern.seats.get("ada") is None
    bob >> "* ada has left the table"


def test_who_hangs_up_half_is_away_once_all_is_sent():
    house = House()
    (ada,) = house.seated("ada")
    ada.ends()
    assert ada.closed == "client"
    assert ada.seat.state == "away"
    assert "game-1 seated --end_of_input--> half-closed" in house.steps
    assert "game-1 half-closed --flushed--> closed" in house.steps


def test_an_alarm_that_was_stopped_too_late_is_not_heard():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    (oil,) = (alarm for alarm in house.alarms if alarm.kind == "oil")
    ada << "go"
    bob << "go"
    assert house.lantern.rings(oil) == []
    assert house.lantern.game.steps == 2


def test_who_is_away_is_waited_for_once_and_then_the_others_go_on():
    house = House("11 5 1 2 3 4")
    ada, bob = house.playing("ada", "bob")
    ada << "go"
    bob << "go"
    ada.drops()
    bob.skip() << "go" >> "= go"
    house.wait(11.9)
    bob.reads_nothing()  # the step in which she went waits for what is left of the oil
    house.wait(0.1)
    (
        bob
        >> "> the oil is burnt. ada follows the light"
        >> "> depth 2: a vein of 5 gems. 2 each, 2 left on the floor"
    )
    bob >> "* ada is away. This step waits for the oil; from then on nobody waits for them"
    bob >> "? go deeper or go home? (12s of oil)  you carry 7, floor 2"
    bob << "go" >> "= go"
    house.wait(11.9)
    bob.reads_nothing()  # nor does the whole step after it go by without her
    house.wait(0.1)
    (
        bob
        >> "> the oil is burnt. ada follows the light"
        >> "> depth 3: a vein of 1 gem. 0 each, 3 left on the floor"
    )
    bob >> "? go deeper or go home? (12s of oil)  you carry 7, floor 3"
    bob << "go" >> "= go"
    (
        bob
        >> "> ada is away, and follows the light"
        >> "> depth 4: a vein of 2 gems. 1 each, 3 left on the floor"
    )
    ada = ada.again().skip() << f"resume {ada.token}" >> "* welcome back ada. ..."
    bob.skip() << "go" >> "= go"
    bob.reads_nothing()  # she is back, and has the time that everybody has
    ada << "home"
    bob >> "* ada has chosen (2/2)" >> "> ada goes home with 11 gems, 3 of them from the floor. Chest 11"


def test_nobody_is_hurried_through_a_cave_who_is_alone_in_it_and_away():
    house = House("11 5 1 2 3 4")
    ada, bob, eve = house.playing("ada", "bob", "eve")
    ada.drops()
    bob << "home"
    eve << "go"
    house.wait(12)
    eve << "go"
    house.wait(12)
    assert house.lantern.game.steps == 3
    eve << "home"
    assert house.lantern.game.steps == 4  # she was not waited for; but now nobody else is inside
    house.wait(11.9)
    assert house.lantern.game.steps == 4
    house.wait(0.1)
    assert (house.lantern.game.steps, house.lantern.game.state) == (5, "choosing")


def test_how_many_have_chosen_does_not_count_who_is_not_waited_for():
    house = House("1 2 3 4")
    ada, bob, eve = house.playing("ada", "bob", "eve")
    ada.drops()
    for _ in range(2):
        bob << "go"
        eve << "go"
        house.wait(12)
    eve.skip()
    bob << "go"
    eve >> "* bob has chosen (1/2)"
    eve << "go" >> "= go" >> "> ada is away, and follows the light" >> "> depth 3: ..."


def test_who_is_back_is_told_what_is_waited_for():
    house = House("11")
    ada, bob = house.seated("ada", "bob")
    ada.drops()
    ada = ada.again().skip() << f"resume {ada.token}" >> "* welcome back ada. ..." >> "* Say: ready"
    ada << "ready" >> "= ready"
    ada.drops()
    ada = ada.again().skip() << f"resume {ada.token}" >> "* welcome back ada. ..." >> "> not ready yet: bob"
    bob << "ready"
    ada << "home"
    bob << "go"
    ada.drops()
    ada = ada.again().skip() << f"resume {ada.token}" >> "* welcome back ada. ..."
    ada >> "* you are not in this cave; you play in the next one"
    ada.reads_nothing()


def test_a_name_of_somebody_away_is_kept_for_so_long():
    house = House()
    (ada,) = house.seated("ada")
    ada.drops()
    house.wait(18)
    eve = house.person("eve") << "name ada"
    eve >> "! ada is away; the seat is kept for 42s. Say: resume <token>, or another name"
    eve << "who" >> "* ada: away, carries 0, chest 0"

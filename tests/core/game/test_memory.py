"""What is remembered where, as the world may see it, and how it is forgotten."""

from __future__ import annotations

from tests.core.game.transcript import House


def test_a_greeting_is_not_worth_remembering():
    house = House()
    ada = house.person("ada")
    assert ada.remembered == {}
    ada << "name ada"
    assert ada.remembered == {"dialogue": "seated", "seat": "ada"}
    ada << "leave"
    assert ada.remembered == {}
    ada << "watch"
    assert ada.remembered == {"dialogue": "watching"}


def test_pictures_show_what_all_may_know_and_no_secret():
    house = House("11 gas")
    ada, bob = house.playing("ada", "bob")
    for person in (ada, bob, ada, bob):
        person << "go"
    ada << "home"
    bob.drops()
    house.wait(4)
    ada_seat, bob_seat, table = house.lantern.subjects()
    assert ada_seat == (
        "session",
        "game/ada",
        {"name": "ada", "seat": "present", "pocket": 5, "chest": 0, "ready": False},
        None,
    )
    assert bob_seat.remembers["seat"] == "away"
    assert bob_seat.expires_in == 56
    assert table == (
        "shared",
        "game/table",
        {
            "table": "choosing",
            "players": 2,
            "cave": 1,
            "step": 3,
            "depth": 2,
            "floor": 1,
            "dangers": ["gas"],
            "inside": ["ada", "bob"],
            "decided": 1,
            "oil_until": 1012.0,
        },
        None,
    )
    everything = repr((list(house.lantern.subjects()), ada.seat, house.lantern.game.cave, ada.remembered))
    assert ada.token not in everything
    assert "home" not in everything
    assert "Vein" not in everything


def test_an_unchanged_picture_is_the_identical_object():
    house = House()
    ada, _bob = house.seated("ada", "bob")
    before = [subject.remembers for subject in house.lantern.subjects()]
    ada << "look"
    after = [subject.remembers for subject in house.lantern.subjects()]
    assert all(one is other for one, other in zip(before, after, strict=True))
    assert ada.remembered is ada.remembered


def test_forget_connection_leaves_the_seats_away():
    house = House("11")
    ada, _bob = house.playing("ada", "bob")
    eve = house.person("eve") << "watch"
    house.carry_out(house.lantern.forget_connections())
    assert ada.lines[-1].startswith("* who you are was forgotten")
    assert ada.closed == ""
    assert ada.remembered == eve.remembered == {}
    assert ada.seat.state == "away"
    ada.skip() << "go" >> "! nobody knows yet who you are. Say: name <you> | resume <token> | watch"
    ada << f"resume {ada.token}" >> "* welcome back ada. ..."


def test_forget_session_takes_the_seats_away():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    eve = house.person("eve") << "watch"
    bob.drops()
    ada << "go"
    eve.skip()
    house.carry_out(house.lantern.forget_seats())
    assert ada.lines[-1].startswith("* your seat was forgotten")
    assert list(house.lantern.seats) == []
    assert house.lantern.game.state == "lobby"
    assert house.clocks == set()
    assert eve.remembered == {"dialogue": "watching"}
    (ada.skip() << f"resume {ada.token}" >> "! no seat has that token. Only the newest ...")


def test_forget_shared_puts_the_table_into_the_lobby_and_keeps_the_seats():
    house = House("11")
    ada, bob = house.playing("ada", "bob")
    ada << "go"
    bob << "go"
    ada << "home"
    bob << "go"
    house.carry_out(house.lantern.forget_table())
    assert ada.lines[-1] == "* the game was forgotten; the seats are not. Say: ready"
    assert house.lantern.game.state == "lobby"
    assert (ada.seat.chest, ada.seat.state) == (6, "present")
    assert house.clocks == set()

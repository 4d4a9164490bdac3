"""Everything hostile that a line server meets: each is bounded, told, and seen in the journal."""

from __future__ import annotations

import socket
import ssl
from random import Random

import pytest
import pytest_twisted
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.servers.game.conftest import House
from tests.servers.game.players import GREETING, seated, states_of, token_in

CLIENT_HELLO = (
    bytes.fromhex("16030100c8010000c40303") + Random(1).randbytes(190) + b"\n" + Random(2).randbytes(3)
)

NO_SEAT = b"! no seat has that token. Only the newest counts, while the seat is kept\n"


# -- tokens ------------------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_half_open_connection_is_taken_over_though_it_reads_nothing(house: House):
    served = await house(lines_per_second=0, unsent=20_000)
    old, token = await seated(served, "ada")
    old.stop_reading()  # as one whose other end has lost its power: nothing is read, nothing ends
    old.say("help\n" * 2000)
    await served.happens("conn:game-1", "event:received", "/help/")
    new = await served.connect()
    new.say(f"resume {token}\n")
    await new.until("* welcome back ada. ")
    new.say("say here\n")
    await new.until("* ada: here\n")
    old.abort()
    (closing,) = await served.happens("conn:game-1", "event:connection.close")
    assert closing.reason == "takeover"
    assert states_of(served, "game/ada")[-1].remembers["seat"] == "present"
    new.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_half_closed_connection_is_taken_over_too(house: House):
    served = await house(lines_per_second=0, unsent=20_000)
    old, token = await seated(served, "ada")
    old.stop_reading()
    old.say("help\n" * 2000).end()
    await served.happens("conn:game-1", "event:received", "/help/")
    new = await served.connect()
    new.say(f"resume {token}\n")
    await new.until("* welcome back ada. ")
    old.abort()
    await served.happens("conn:game-1", "event:connection.close")
    new.say("who\n")
    await new.until("* ada: here, carries 0, chest 0\n")
    new.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_used_token_is_refused(house: House):
    served = await house()
    ada, first = await seated(served, "ada")
    ada.abort()
    await served.happens("event:connection.close")
    ada = await served.connect()
    ada.say(f"resume {first}\n")
    second = token_in(await ada.until("You carry 0; chest 0\n"))
    ada.say("look\n")
    await ada.until("> no cave is open. ")
    eve = await served.connect()
    await eve.line()
    eve.say(f"resume {first}\n")
    assert await eve.line() == NO_SEAT
    assert [event.rule for event in served.events("event:refused")] == ["bad-token"]
    eve.say(f"resume {second}\n")
    await eve.until("* welcome back ada. ")
    eve.hang_up()


@pytest_twisted.ensureDeferred
async def test_an_address_that_guesses_must_wait_whatever_it_brings(house: House):
    served = await house(tokens_per_address=4)
    _, token = await seated(served, "ada")
    for guesses in (2, 2):
        eve = await served.connect()
        eve.say("resume 0\n" * guesses + "quit\n")
        assert (await eve.rest()).count(NO_SEAT) == guesses
    eve = await served.connect()
    eve.say(f"resume {token}\n")
    await eve.until("! too many wrong tokens came from your address; try again in a minute\n")
    (limit,) = served.events("event:limit")
    assert (limit.limit, limit.value) == ("game.tokens_per_address", 4)
    assert served.events("event:refused")[-1].rule == "too-many-tokens"
    eve.hang_up()


# -- too much, too long, too slow --------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_flood_is_muted_told_and_in_the_end_closed(house: House):
    served = await house(lines_at_once=3, lines_per_second=1, calm=5, muted_lines=20)
    bob, _ = await seated(served, "bob")
    ada, _ = await seated(served, "ada")
    ada.say("say 1\n" * 5000)
    told = await ada.rest()
    assert told.count(b"! too much at once; you are not heard for 5s\n") == 1
    assert told.endswith(b"! too much at once\n")
    (closing,) = await served.happens("event:connection.close")
    assert (closing.reason, closing.forgot) == ("flood", {"seat": "ada"})
    rules = [event.rule for event in served.events("conn:game-2", "event:refused")]
    assert rules == ["flood", *["muted"] * 20]
    assert {event.limit for event in served.events("event:limit")} == {"game.lines_per_second"}
    steps = [(event.before, event.after) for event in served.events("conn:game-2", "event:state")]
    assert ("seated", "muted") in steps
    await bob.until("* ada has gone quiet. Their seat is kept for 60s\n")
    bob.hang_up()


@pytest_twisted.ensureDeferred
async def test_two_hundred_commands_in_one_packet_are_all_answered(house: House):
    served = await house(lines_per_second=0)
    ada, _ = await seated(served, "ada")
    ada.say("look\n" * 199 + "quit\n")
    told = await ada.rest()
    assert told.count(b"> no cave is open. Chests: ada=0\n") == 199
    assert told.endswith(b"* goodbye\n")
    assert len(served.events("conn:game-1", "event:received")) == 201


@pytest_twisted.ensureDeferred
async def test_ten_thousand_commands_at_once_leave_others_their_turn(house: House):
    served = await house(lines_per_second=0)
    ada, _ = await seated(served, "ada")
    bob, _ = await seated(served, "bob")
    ada.say("who\n" * 10_000)
    await served.happens("conn:game-1", "event:received", "/who/")
    bob.say("look\n")
    await bob.until("> no cave is open. Chests: ada=0, bob=0\n")
    assert len(served.events("conn:game-1", "event:received")) < 5000
    ada.abort()
    bob.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_line_that_comes_byte_by_byte_is_one_line(house: House):
    served = await house()
    ada = await served.connect()
    for byte in "name ada\nsay Grüße\n".encode():
        ada.say(bytes([byte]))
        await deferLater(served.playground.reactor, 0)  # a packet leaves at the reactor's next turn
    await ada.until("* ada: Grüße\n")
    assert [event.data for event in served.events("event:received")] == ["name ada\n", "say Grüße\n"]
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_who_never_says_a_name_is_told_and_closed(house: House):
    served = await house(greeting=0.1)
    eve = await served.connect()
    for _ in range(3):
        eve.say("name !\n")  # talking does not help
    told = await eve.rest()
    assert told.startswith(GREETING)
    assert told.endswith(b"* you have not said who you are, so this connection is closed\n")
    (closing,) = await served.happens("event:connection.close")
    assert (closing.reason, closing.forgot) == ("limit", {})
    (limit,) = served.events("event:limit")
    assert (limit.limit, limit.value) == ("game.greeting", 0.1)


@pytest_twisted.ensureDeferred
async def test_who_plays_or_watches_in_time_may_stay_and_who_leaves_may_think_anew(house: House):
    served = await house(greeting=0.2)
    ada, _ = await seated(served, "ada")
    eve = await served.connect()
    eve.say("watch\n")
    bob = await served.connect()
    assert (await bob.rest()).endswith(b"so this connection is closed\n")
    ada.say("leave\n")
    await eve.until("* ada has left the table\n")
    assert (await ada.rest()).endswith(b"so this connection is closed\n")
    assert len(served.playground.connections) == 1
    eve.hang_up()


@pytest_twisted.ensureDeferred
async def test_three_hundred_that_never_say_a_name_are_gone_and_a_player_plays_on(house: House):
    served = await house(greeting=0.5, connections_per_address=400)
    ada, _ = await seated(served, "ada")
    crowd = [await served.connect() for _ in range(300)]
    ada.say("say still here\n")
    await ada.until("* ada: still here\n")
    for one in crowd:
        assert (await one.rest()).endswith(b"so this connection is closed\n")
    await served.happens("event:connection.close", count=300)
    assert [conn.id for conn in served.playground.connections] == ["game-1"]
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_who_aborts_amid_a_line_leaves_the_seat_away(house: House):
    served = await house()
    ada, _ = await seated(served, "ada")
    ada.say("look\nsay hal")
    await ada.until("> no cave is open. ")
    ada.abort()
    (closing,) = await served.happens("event:connection.close")
    assert closing.reason == "lost"
    assert [event.size for event in served.events("event:partial")] == [len("say hal")]
    assert states_of(served, "game/ada")[-1].remembers["seat"] == "away"


# -- other languages ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest_twisted.ensureDeferred
async def test_tls_on_the_plain_port_is_refused_in_a_line(house: House, size: int):
    served = await house(hello=5)
    eve = await served.connect()
    for start in range(0, len(CLIENT_HELLO), size):
        eve.say(CLIENT_HELLO[start : start + size])
        await deferLater(served.playground.reactor, 0)
    assert await eve.rest() == b"! this is TLS, and Lantern is played in plain text: nc HOST PORT\n"
    (closing,) = await served.happens("event:connection.close")
    assert closing.reason == "server"
    (refused,) = served.events("event:refused")
    assert refused.rule == "tls"


@pytest_twisted.ensureDeferred
async def test_a_real_tls_client_is_told_that_this_is_no_tls(house: House):
    served = await house()

    def shake_hands() -> str:
        context = ssl.create_default_context()
        with socket.create_connection((served.host, served.port), 10) as plain:
            try:
                context.wrap_socket(plain, server_hostname="localhost")
            except ssl.SSLError as error:
                return error.reason or ""
        return "it shook hands"

    assert await deferToThread(shake_hands) in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
    assert [event.rule for event in served.events("event:refused")] == ["tls"]


@pytest_twisted.ensureDeferred
async def test_terminal_escapes_reach_nobody(house: House):
    served = await house()
    ada, _ = await seated(served, "ada")
    bob, _ = await seated(served, "bob")
    ada.say("say \x1b[2J\x1b]0;owned\x07 \x9b31m \u202e \u200b red\x0c\x08\n")
    heard = await bob.until(" red\n")
    assert all(char.isprintable() or char == "\n" for char in heard.decode())
    eve = await served.connect()
    await eve.line()
    eve.say(b"name \x1b[31mada\n\x1b[2J\n")
    assert await eve.line() == b"! a name is one word of 1 to 16 letters, digits or '-'. Say: name ada\n"
    told = (await eve.line()).decode()
    assert told.startswith("! '")
    assert "\x1b" not in told
    assert {event.rule for event in served.events("conn:game-3", "event:refused")} == {"bad-name", "not-now"}
    for person in (ada, bob, eve):
        person.hang_up()


@pytest_twisted.ensureDeferred
async def test_telnet_may_negotiate_at_any_time_and_in_any_order(house: House):
    served = await house(lines_per_second=0)
    random = Random(7)
    verbs, options = b"\xfb\xfc\xfd\xfe", b"\x00\x01\x03\x06\x18\x1f\x22\xff"
    ada = await served.connect()
    said = b""
    for line in (b"name ada", b"say one", b"say two", b"quit"):
        pieces = [line[: len(line) // 2], line[len(line) // 2 :]]
        for _ in range(20):
            offer = bytes([255, random.choice(verbs), random.choice(options)])
            sub = b"\xff\xfa\x18\x00xterm\xff\xff\xff\xf0"
            pieces.insert(random.randrange(len(pieces) + 1), random.choice((offer, offer, sub, b"\xff\xf1")))
        said += b"".join(pieces) + b"\r\n"
    while said:
        size = random.randrange(1, 40)
        ada.say(said[:size])
        said = said[size:]
        await deferLater(served.playground.reactor, 0)
    told = await ada.rest()
    for expected in (b"* welcome ada. ", b"* ada: one", b"* ada: two", b"* goodbye"):
        assert expected in told
    assert served.events("event:refused") == []
    (closing,) = await served.happens("event:connection.close")
    assert closing.reason == "quit"

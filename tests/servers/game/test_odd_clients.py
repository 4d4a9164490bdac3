"""Lantern on real sockets: telnet, browsers, floods, and clients that stop reading."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.task import deferLater

from playground.journal.redaction import digest
from tests.servers.game.conftest import House
from tests.servers.game.players import GREETING, seated, states_of


@pytest_twisted.ensureDeferred
async def test_no_token_is_ever_in_the_journal_in_clear(house: House):
    served = await house()
    ada, mine = await seated(served, "ada")
    bob, bobs = await seated(served, "bob")
    wrong = "0123456789" * 2
    ada.say(
        f"{mine}\nsay {mine}\nsay {bobs}\nresume {wrong}\nname {mine}\nleave\nname {mine}\nresume {wrong}\n"
    )
    await ada.until("! no seat has that token. Only the newest counts, while the seat is kept\n")
    await bob.until(f"* ada: {bobs}\n")
    everything = repr(served.journal.ring)
    for token in (mine, bobs, wrong):
        assert token not in everything
        assert digest(token) in everything
    ada.hang_up()
    bob.hang_up()


@pytest_twisted.ensureDeferred
async def test_telnet_is_answered_and_written_down(house: House):
    served = await house()
    ada = await served.connect()
    await ada.line()
    ada.say(b"\xff\xfb\x1f\xff\xfd\x06name ada\r\0")
    assert (await ada.until("welcome ada")).startswith(b"\xff\xfe\x1f\xff\xfc\x06* ")
    received = served.events("event:received")
    assert [event.size for event in received] == [3, 3, 10]
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_telnet_in_character_mode_sees_what_it_types(house: House):
    served = await house()
    ada = await served.connect()
    await ada.line()
    ada.say(b"\xff\xfd\x03\xff\xfd\x01")
    await ada.until(b"\xff\xfb\x03\xff\xfb\x01")
    for byte in b"name abe\x7f":
        ada.say(bytes([byte]))
    assert await ada.until(b"\b \b") == b"name abe\b \b"
    ada.say(b"\x7fda\r\0")
    assert await ada.until(b"welcome ada.") == b"\b \bda\r\n* welcome ada."
    assert (await ada.line()).endswith(b"\r\n")
    (name,) = served.events("event:received", "/name/")
    assert name.size == len(b"name abe\x7f\x7fda\r\0")
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_news_do_not_tear_what_is_half_typed_in_character_mode(house: House):
    served = await house()
    ada, _ = await seated(served, "ada")
    bob, _ = await seated(served, "bob")
    await ada.until("* bob sits down\n")
    ada.say(b"\xff\xfd\x03\xff\xfd\x01say h\xc3\xa9")
    assert (await ada.until(b"h\xc3\xa9")).endswith(b"say h\xc3\xa9")
    bob.say("say one\n")
    assert await ada.until("one\r\nsay hé") == "\r      \r* bob: one\r\nsay hé".encode()
    ada.say(b"\r\0")
    assert await ada.until("* ada: hé\r\n") == "\r\n* ada: hé\r\n".encode()
    assert "say h" not in str([event.data for event in served.events("event:sent")])
    ada.hang_up()
    bob.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_terminal_in_character_mode_hears_the_news_in_its_place_among_the_others(house: House):
    served = await house()
    talks = [(await seated(served, name))[0] for name in ("ada", "bob", "eve")]
    _, bob, eve = talks
    bob.say(b"\xff\xfd\x03\xff\xfd\x01")
    await bob.until(b"\xff\xfb\x03\xff\xfb\x01")
    eve.say("say hello\n")
    for talk in talks:
        await talk.until("* eve: hello")
    assert [(event.conn, event.data) for event in served.events("event:sent", "/hello/")] == [
        ("game-1", "* eve: hello\n"),
        ("game-2", "* eve: hello\r\n"),
        ("game-3", "* eve: hello\n"),
    ]
    for talk in talks:
        talk.say(b"ready\r\0")
    await bob.until("? go deeper")
    bob.say(b"go\r\0")
    for talk in (talks[0], eve):
        await talk.until("* bob has chosen (1/3)\n")
    assert not served.events("conn:game-2", "event:sent", "/bob has chosen/")
    for talk in talks:
        talk.hang_up()


@pytest.mark.parametrize("request_line", ["GET / HTTP/1.1", "GET /" + "x" * 3000 + " HTTP/1.1"])
@pytest_twisted.ensureDeferred
async def test_a_browser_gets_real_http(house: House, request_line: str):
    served = await house(hello=5)
    curl = await served.connect()
    curl.say(f"{request_line}\r\nHost: localhost\r\nAccept: */*\r\n\r\n")
    answer = await curl.rest()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"nc" in body
    assert [event.rule for event in served.events("event:refused")] == ["http"]


@pytest_twisted.ensureDeferred
async def test_who_speaks_first_is_greeted_first(house: House):
    served = await house(hello=5)
    ada = await served.connect()
    ada.say("name ada\n")
    assert await ada.line() == GREETING
    await ada.until("* welcome ada. ")
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_get_alone_is_no_http(house: House):
    served = await house()
    ada = await served.connect()
    ada.say("GET lost\n")
    assert await ada.line() == GREETING
    assert await ada.line() == b"! 'get' is no word of this game. If it is your name, say: name get\n"
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_packets_make_no_difference(house: House):
    said = b"\xff\xfd\x06na\xff\xfb\x1fme ada\r\nsay \xc3\xa9\xff\r\n\0look\nquit\r\0"
    stories = []
    for size in (1, 7, len(said)):
        served = await house()
        ada = await served.connect()
        for start in range(0, len(said), size):
            ada.say(said[start : start + size])
            await deferLater(served.playground.reactor, 0)  # a packet leaves at the reactor's next turn
        await ada.rest()
        await served.happens("event:connection.close")
        stories.append([f"{type(event).__name__} {getattr(event, 'size', '')}" for event in served.events()])
    assert stories[0] == stories[1] == stories[2]
    assert stories[0].count("Received 3") == 1
    assert "Received 13" in stories[0]


@pytest_twisted.ensureDeferred
async def test_a_line_without_end_is_answered_and_closed(house: House):
    served = await house()
    ada, _ = await seated(served, "ada")
    ada.say("x" * 100_000)
    assert await ada.rest() == b"! a line has at most 200 bytes; goodbye\n"
    (closing,) = await served.happens("conn:game-1", "event:connection.close")
    assert closing.reason == "limit"
    assert [event.limit for event in served.events("event:limit")] == ["game.line"]


@pytest_twisted.ensureDeferred
async def test_bytes_that_are_no_text_are_refused(house: House):
    served = await house()
    ada, _ = await seated(served, "ada")
    ada.say(b"say \xc3\x28\nsay \0still\0 here\n")
    assert await ada.line() == b"! that line is not UTF-8\n"
    assert await ada.line() == b"* ada: still here\n"
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_flood_is_muted_and_calms_down(house: House):
    served = await house(lines_at_once=3, lines_per_second=1, calm=0.05)
    ada, _ = await seated(served, "ada")
    ada.say("say 1\n" * 5)
    await ada.until("! too much at once; you are not heard for 1s\n")
    assert await ada.line() == b"* you are heard again\n"
    ada.say("say 2\n")
    assert await ada.line() == b"* ada: 2\n"
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_who_hangs_up_half_gets_three_megabytes_and_not_a_byte_less(house: House):
    served = await house(lines_per_second=0)
    ada = await served.connect()
    ada.say("help\n" * 5500 + "quit\n").end()
    told = await ada.rest(30.0)
    assert len(told) > 3_000_000
    assert told.startswith(GREETING)
    assert told.count(b"\n") == 1 + 5500 * 10 + 1
    assert told.endswith(b"* goodbye\n")


@pytest_twisted.ensureDeferred
async def test_a_half_closed_player_is_away_with_what_was_carried(house: House):
    served = await house()
    ada, _ = await seated(served, "ada")
    ada.say("look\nwho\n").end()
    assert (await ada.rest()).endswith(b"* ada: here, carries 0, chest 0\n")
    (closing,) = await served.happens("event:connection.close")
    assert closing.reason == "client"
    assert closing.forgot == {"dialogue": "seated", "seat": "ada"}


@pytest_twisted.ensureDeferred
async def test_who_stops_reading_never_slows_the_table_and_is_closed(house: House):
    served = await house(lines_per_second=0, clogged=0.3, unsent=20_000)
    eve, _ = await seated(served, "eve")
    eve.stop_reading()
    ada, _ = await seated(served, "ada")
    eve.say("help\n" * 20_000)
    (closing,) = await served.happens("conn:game-1", "event:connection.close")
    assert closing.reason == "clogged"
    await ada.until("* eve has gone quiet. Their seat is kept for 60s\n")
    ada.say("say here\n")
    assert await ada.line() == b"* ada: here\n"
    assert states_of(served, "game/eve")[-1].input == "connection_lost"
    ada.hang_up()
    eve.abort()


@pytest_twisted.ensureDeferred
async def test_a_silent_player_is_told_so_and_keeps_the_seat(house: House):
    served = await house(idle=0.1)
    ada, _ = await seated(served, "ada")
    assert await ada.rest() == (b"* you were silent for long: closed. If you had a seat: resume <token>\n")
    (closing,) = await served.happens("event:connection.close")
    assert closing.reason == "idle"
    assert closing.forgot == {"dialogue": "seated", "seat": "ada"}
    assert states_of(served, "game/ada")[-1].remembers["seat"] == "away"


@pytest_twisted.ensureDeferred
async def test_one_connection_too_many_is_sent_away(house: House):
    served = await house(connections=1)
    ada, _ = await seated(served, "ada")
    eve = await served.connect()
    assert await eve.rest() == b"! too many connections at once; try again later\n"
    ada.say("say hello\n")
    assert await ada.line() == b"* ada: hello\n"
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_the_third_wrong_token_closes(house: House):
    served = await house()
    eve = await served.connect()
    eve.say("resume 1\nresume 2\nresume 3\nresume 4\n")
    assert (await eve.rest()).count(b"! no seat has that token") == 3
    (closing,) = await served.happens("event:connection.close")
    assert (closing.reason, closing.forgot) == ("limit", {})
    assert [event.limit for event in served.events("event:limit")] == ["game.tokens_per_connection"]

"""Lantern and the waiter through telnet."""

from __future__ import annotations

import pytest

from tests.clients.shell import Shell

pytestmark = pytest.mark.needs("telnet")


def test_the_game_line_by_line(shell: Shell):
    telnet = shell.begin("telnet $HOST $GAME")
    telnet.until("* Lantern. Say: name <you> | resume <token> | watch")
    telnet.types("name ada")
    telnet.until("* welcome ada. Your token is ")
    telnet.types("who")
    telnet.until("* ada: here, carries 0, chest 0")
    telnet.types("say Grüße")
    telnet.until("* ada: Grüße")
    telnet.presses(b"\x03")  # telnet shows ^C and says IAC IP, IAC DO TIMING-MARK
    assert "\n! to leave the game: quit. " in telnet.until("(Ctrl-], then quit)")
    telnet.types("quit")
    telnet.until("* goodbye")
    assert "Connection closed by foreign host." in telnet.rest()
    assert [event.data for event in shell.playground.events("protocol:game", "event:received")] == [
        "name ada\r\n",
        "who\r\n",
        "say Grüße\r\n",
        None,
        None,
        "quit\r\n",
    ]


def test_the_game_key_by_key(shell: Shell):
    telnet = shell.begin("telnet $HOST $GAME")
    telnet.until("| watch")
    telnet.presses(b"\x1d")
    telnet.until("telnet> ")
    telnet.types("mode character")
    telnet.presses(b"n")
    telnet.until("n")  # the terminal does not echo: this comes from the game
    telnet.presses(b"ame adam\x7f")
    assert telnet.until("\b \b") == "ame adam\b \b"
    telnet.presses(b"\r")
    telnet.until("* welcome ada. ")
    telnet.presses(b"say helol\x17hello \x1b[D\x1b[Ayou\r")
    telnet.until("* ada: hello you")
    telnet.presses(b"\x03")
    telnet.until("! to leave the game: quit. To keep your seat: hang up (Ctrl-], then quit)")
    telnet.presses(b"quit\r")
    telnet.until("* goodbye\r\n")


def test_the_waiter(shell: Shell):
    telnet = shell.begin("telnet $HOST $WAITER")
    telnet.until("* Good evening.")
    telnet.types("order soup")
    telnet.until("= soup, very well")
    telnet.until("> your soup")
    telnet.types("bill")
    telnet.until("= 5.00 for soup")
    telnet.presses(b"\x1d")
    telnet.until("telnet> ")
    telnet.types("quit")
    telnet.rest()
    (closed,) = shell.waits_for("protocol:waiter", "event:connection.close")
    assert closed.forgot == {"orders": ["soup"], "cooking": 0}

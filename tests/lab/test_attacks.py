"""Everything hostile at once: a player beside it is answered, and the journal tells all of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from random import Random

import pytest

from playground.lab.attacks import ATTACKS
from playground.testing import Address, run
from tests.load.people import Line, all_closed

TIMES = 3
LIMITS = (
    "game.seats=1000",
    "game.clogged=1",
    "game.unsent=20000",
    "game.grace=1",
    "game.lines_per_second=50",
)


def test_a_player_plays_on_while_all_attack_at_once():
    with run(only="game", http=None, ftp=None, waiter=None, set=LIMITS) as playground:
        address = playground.servers["game"]

        def attack(name: str) -> None:
            random = Random(name)
            for _ in range(TIMES):
                ATTACKS[name](address, random)

        with Line(address) as ada, ThreadPoolExecutor(len(ATTACKS)) as attackers:
            ada.says("name ada")
            ada.hears("* welcome ada. ")
            at_it = [attackers.submit(attack, name) for name in ATTACKS]
            answers = 0
            while wait(at_it, 0.05).not_done or not answers:
                ada.says("look")
                assert "ada=0" in ada.hears("> no cave is open. ")
                answers += 1
            assert [one.exception() for one in at_it] == [None] * len(ATTACKS)
            ada.says("quit")
            ada.hears("* goodbye")
        closes = all_closed(playground)

        rules = {event.rule for event in playground.events("event:refused")}
        assert rules >= {
            "bad-token",
            "flood",
            "muted",
            "http",
            "tls",
            "line-too-long",
            "not-utf-8",
            "not-now",
        }
        limits = {event.limit for event in playground.events("event:limit")}
        assert limits >= {"game.line", "game.lines_per_second", "game.tokens_per_connection"}
        reasons = {event.reason for event in closes}
        assert reasons >= {"client", "lost", "flood", "limit", "quit", "server", "takeover"}
        assert not playground.events("event:trouble")
        shown = "".join(str(event.data) for event in playground.events("event:sent"))
        assert all(char.isprintable() or char in "\r\n" for char in shown)


def test_each_attack_says_what_it_is():
    assert len(ATTACKS) == 17
    for name, attack in ATTACKS.items():
        assert attack.__doc__, name


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gives_up_when_nobody_is_there(name: str):

    ATTACKS[name](Address("127.0.0.1", 1), Random(1))

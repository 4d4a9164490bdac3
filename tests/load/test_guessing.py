"""Whoever guesses one name from one address is held up, over FTP and HTTP together, and nobody else is."""

from __future__ import annotations

import ftplib
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from playground.journal.events import LimitHit, Refused
from playground.testing import Running, run
from tests.load.people import ftp_to, http_to

PEOPLE = 30
GUESSES = 4
UNDELAYED = 60.0 / GUESSES
"""Seconds after which a guesser may guess again. Hashing takes its time for everybody."""
QUICK = ("--set", "ftp.login_penalty=0.05")


def over_http(playground: Running, name: str, password: str) -> int:
    """The status of a try to log in."""
    with closing(http_to(playground)) as http:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        http.request("POST", "/session/login", f"user={name}&password={password}", form)
        answer = http.getresponse()
        answer.read()
        return answer.status


def over_ftp(playground: Running, name: str, password: str) -> str:
    """The reply to a try to log in."""
    with ftp_to(playground) as ftp:
        try:
            return ftp.login(name, password)
        except ftplib.error_perm as error:
            return str(error)


def both(playground: Running, name: str) -> float:
    """Log in over both; returns how long it took."""
    begun = time.monotonic()
    assert over_ftp(playground, name, name).startswith("230 ")
    assert over_http(playground, name, name) == 200
    return time.monotonic() - begun


def test_a_guesser_is_held_up_on_both_servers_and_thirty_others_at_that_address_on_neither():
    names = [f"pupil{number}" for number in range(PEOPLE - 1)]
    settings = ("--set", f"login.guesses={GUESSES}", *QUICK)
    with (
        run(*settings, only="http,ftp", account=[f"{name}:{name}" for name in names]) as playground,
        ThreadPoolExecutor(PEOPLE) as people,
    ):
        for number in range(GUESSES // 2):
            assert over_ftp(playground, "ada", f"wrong{number}") == "530 Authentication failed."
            assert over_http(playground, "ada", f"wrong{number}") == 401
        # Now even the right password is none, or one could tell it from the wrong ones.
        for password in ("ada", "wrong"):
            assert over_ftp(playground, "ada", password).startswith("530 Too many wrong passwords")
            assert over_http(playground, "ada", password) == 429

        times = list(people.map(both, [playground] * len(names), names))
        print(f"the slowest of {len(times)} logged in twice within {max(times):.2f} s")
        assert max(times) < UNDELAYED
        assert both(playground, "bob") < UNDELAYED

        told = {
            (event.protocol, event.limit if isinstance(event, LimitHit) else event.rule)
            for event in playground.events()
            if isinstance(event, LimitHit | Refused)
        }
        assert ("ftp", "login.guesses") in told
        assert ("http", "too-many-guesses") in told


def test_a_class_that_logs_in_as_one_at_the_same_moment_is_no_guesser():
    with run(*QUICK, only="ftp") as playground, ThreadPoolExecutor(PEOPLE) as people:
        assert over_ftp(playground, "ada", "wrong").startswith("530 ")
        replies = list(people.map(over_ftp, [playground] * PEOPLE, ["ada"] * PEOPLE, ["ada"] * PEOPLE))
        assert {reply[:4] for reply in replies} == {"230 "}


@pytest.mark.parametrize("name", ["anonymous", "ftp"])
def test_strangers_need_no_password_and_are_never_counted(name: str):
    with run("--set", "login.guesses=1", only="ftp") as playground:
        assert {over_ftp(playground, name, f"{number}")[:4] for number in range(5)} == {"230 "}

"""Thirty people behind one address share two accounts; one of them guesses passwords all the time."""

from __future__ import annotations

import ftplib
import json
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any, NamedTuple

import pytest

from playground.journal.events import AnyEvent, ConnectionClose, ConnectionOpen, LimitHit, Refused, Trouble
from playground.servers.ftp.limits import FtpLimits
from playground.testing import Running, run
from tests.load.people import SECONDS, Line, all_closed, ftp_to, get, http_to

PEOPLE = 30
PENALTY = FtpLimits().login_penalty
GUESSES_AT_ONCE = 4


class Lesson(NamedTuple):
    """What somebody has seen."""

    connections: frozenset[tuple[int, int]]
    """The two ports of each, by which they are found in the journal."""
    login_seconds: float
    slowest_answer: float
    """Seconds, of everything but the waiter's dish."""


def test_nobody_is_refused_or_delayed_by_the_one_who_guesses():
    with run() as playground, ThreadPoolExecutor(PEOPLE + GUESSES_AT_ONCE) as people:
        everybody_is_here = threading.Barrier(PEOPLE - 1 + GUESSES_AT_ONCE, timeout=SECONDS)
        over = threading.Event()
        guessing = [
            people.submit(guesses, playground, everybody_is_here, over) for _ in range(GUESSES_AT_ONCE)
        ]
        learning: list[Future[Lesson]] = [
            people.submit(learns, playground, number, everybody_is_here) for number in range(PEOPLE - 1)
        ]
        try:
            lessons = [one.result() for one in learning]
        finally:
            over.set()
        assert min(one.result() for one in guessing) >= 1, "each of those connections has guessed wrong"

        print(f"logins took {max(lesson.login_seconds for lesson in lessons):.3f} s at most")
        print(f"answers took {max(lesson.slowest_answer for lesson in lessons):.3f} s at most")
        assert max(lesson.login_seconds for lesson in lessons) < PENALTY
        assert max(lesson.slowest_answer for lesson in lessons) < PENALTY
        all_closed(playground)
        the_journal_has_nothing_against_them(
            playground.events(), frozenset().union(*(lesson.connections for lesson in lessons))
        )


def learns(playground: Running, number: int, everybody_is_here: threading.Barrier) -> Lesson:
    """One person: four connections, opened at the same moment as everybody's, and used in turn."""
    name, account = f"person-{number}", ("ada", "bob")[number % 2]
    answers: list[float] = []

    def timed(call: Any, *args: Any) -> Any:
        begun = time.monotonic()
        result = call(*args)
        answers.append(time.monotonic() - begun)
        return result

    with ExitStack() as stack:
        everybody_is_here.wait()
        http = stack.enter_context(closing(http_to(playground)))
        timed(http.connect)
        game, waiter = (
            stack.enter_context(timed(Line, playground.servers[server])) for server in ("game", "waiter")
        )
        ftp = stack.enter_context(timed(ftp_to, playground))
        sockets = (http.sock, ftp.sock, game.socket, waiter.socket)
        connections = frozenset((sock.getsockname()[1], sock.getpeername()[1]) for sock in sockets if sock)

        timed(ftp.login, account, account)
        login_seconds = answers[-1]
        game.says(f"name {name}")
        timed(game.hears, f"* welcome {name}.")
        waiter.says(f"order soup for {name}")
        timed(waiter.hears, "= soup")
        for _ in range(5):
            carried = json.loads(timed(get, http, f"/state?name={name}"))["carried"]
            assert carried == {"name": name}
            timed(ftp.cwd, "/docs")
            assert timed(ftp.pwd) == "/docs"
            assert b"".join(pieces_of(ftp, timed))
            game.says(f"say hello from {name}")
            timed(game.hears, f"* {name}: hello from {name}")
        waiter.hears(f"> your soup for {name}")
        waiter.says("bill")
        assert timed(waiter.hears, "= 5.00") == f"= 5.00 for soup for {name}"
        timed(ftp.quit)
        game.says("quit")
        timed(game.hears, "* goodbye")
    return Lesson(connections, login_seconds, max(answers))


def pieces_of(ftp: ftplib.FTP, timed: Any) -> list[bytes]:
    """A small file, over a data connection of its own."""
    pieces: list[bytes] = []
    timed(ftp.retrbinary, "RETR a.txt", pieces.append)
    return pieces


def guesses(playground: Running, everybody_is_here: threading.Barrier, over: threading.Event) -> int:
    """Wrong passwords for the accounts that everybody uses; a new connection when one is closed."""
    wrong = 0
    everybody_is_here.wait()
    while not over.is_set():
        with ftp_to(playground) as ftp:
            for user in ("ada", "bob", "ada"):
                begun = time.monotonic()
                with pytest.raises(ftplib.error_perm, match="530"):
                    ftp.login(user, f"wrong-{wrong}")
                assert time.monotonic() - begun > PENALTY * 0.9
                wrong += 1
                if over.is_set():
                    break
    return wrong


def the_journal_has_nothing_against_them(events: list[AnyEvent], theirs: frozenset[tuple[int, int]]) -> None:
    """No limit and nothing refused on any of their connections; only the guesser has that."""
    names = {
        event.conn
        for event in events
        if isinstance(event, ConnectionOpen) and (event.client_port, event.server_port) in theirs
    }
    assert len(names) == 4 * (PEOPLE - 1)
    complaints = [event for event in events if isinstance(event, Refused | LimitHit | Trouble)]
    assert [event for event in complaints if event.conn in names or event.conn is None] == []
    assert {event.protocol for event in complaints} == {"ftp"}
    endings = {event.conn: event.reason for event in events if isinstance(event, ConnectionClose)}
    assert {endings[name] for name in names} <= {"client", "quit", "server"}

"""Passwords are hashed beside the reactor, one after the other, and not more of them than can be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from playground.stores.accounts import Account, Accounts, LoginLimits, TooManyGuesses
from playground.stores.hashing import CHEAP, DEAR, Cost, Hasher, HashingThread, Overloaded
from tests.reactor import the_reactor

reactor = the_reactor()
SECONDS = 10.0


@pytest.fixture
def thread() -> Iterator[HashingThread]:
    one = HashingThread(reactor, most=2)
    yield one
    one.close()


def in_time(done: Deferred[Any]) -> Deferred[Any]:
    return done.addTimeout(SECONDS, reactor)


def log_in(accounts: Accounts, name: str, password: str, address: str = "192.0.2.1") -> Deferred[Any]:
    return in_time(Deferred.fromCoroutine(accounts.log_in(name, password, address)))


def test_a_hash_tells_its_cost_and_fits_its_password_alone():
    hasher = Hasher(Cost(passes=2, kibibytes=16))
    hashed = hasher.hash("lovelace")
    assert hashed.startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert "lovelace" not in hashed
    assert hasher.hash("lovelace") != hashed
    assert hasher.fits(hashed, "lovelace")
    assert not hasher.fits(hashed, "Lovelace")
    assert hasher.fits(hasher.hash("\udcff"), "\udcff")


def test_the_cost_is_what_owasp_recommends():
    assert Cost(passes=2, kibibytes=19 * 1024, lanes=1) == DEAR


@pytest_twisted.inlineCallbacks
def test_it_is_done_in_another_thread_and_in_order(thread: HashingThread):
    where: list[tuple[int, threading.Thread]] = []

    def look(number: int) -> None:
        where.append((number, threading.current_thread()))

    yield gatherResults([in_time(thread(partial(look, number))) for number in range(3)])
    assert [number for number, _ in where] == [0, 1, 2]
    assert len({one.ident for _, one in where}) == 1
    assert where[0][1] is not threading.current_thread()


@pytest_twisted.inlineCallbacks
def test_more_than_may_wait_are_refused_at_once(thread: HashingThread):
    go_on = threading.Event()
    under_way = in_time(thread(lambda: go_on.wait(SECONDS)))
    waiting = [in_time(thread(lambda: "done")) for _ in range(2)]
    with pytest.raises(Overloaded, match="try again"):
        yield thread(lambda: "too many")
    go_on.set()
    yield under_way
    assert (yield gatherResults(waiting)) == ["done", "done"]


@pytest_twisted.inlineCallbacks
def test_what_waits_at_the_end_is_told_so(thread: HashingThread):
    go_on = threading.Event()
    under_way = in_time(thread(lambda: go_on.wait(SECONDS)))
    waiting = thread(lambda: "never")
    go_on.set()
    thread.close()
    with pytest.raises(Overloaded, match="stops"):
        yield waiting
    yield under_way
    with pytest.raises(Overloaded):
        yield thread(lambda: "never")


@pytest_twisted.inlineCallbacks
def test_a_failure_is_the_callers(thread: HashingThread):
    with pytest.raises(ZeroDivisionError):
        yield in_time(thread(lambda: 1 // 0))
    assert (yield in_time(thread(lambda: 1))) == 1


@pytest_twisted.inlineCallbacks
def test_people_log_in_through_it(thread: HashingThread):
    people = Accounts([Account("ada", "lovelace")], run=thread, hasher=Hasher(CHEAP))
    assert (yield log_in(people, "ada", "lovelace")) is people.get("ada")
    assert (yield log_in(people, "ada", "Lovelace")) is None
    assert (yield log_in(people, "nobody", "nobody")) is None
    assert (yield log_in(people, "", "nobody")) is None


@pytest_twisted.inlineCallbacks
def test_thirty_behind_one_address_and_a_guesser_among_them():
    names = [f"pupil{number}" for number in range(30)]
    people = Accounts([Account(name, "right") for name in names], limits=LoginLimits(guesses=3))
    for _ in range(3):
        assert (yield log_in(people, "pupil7", "wrong")) is None
    with pytest.raises(TooManyGuesses, match="try again in 20 s") as caught:
        yield log_in(people, "pupil7", "right")
    assert round(caught.value.seconds) == 20
    for name in names:
        if name != "pupil7":
            assert (yield log_in(people, name, "right")) is people.get(name)
    assert (yield log_in(people, "pupil7", "right", "192.0.2.2")) is people.get("pupil7")


@pytest_twisted.inlineCallbacks
def test_a_class_that_logs_in_as_one_at_the_same_moment_is_no_guesser(thread: HashingThread):
    people = Accounts([Account("ada", "lovelace")], limits=LoginLimits(guesses=3), run=thread)
    everybody = [log_in(people, "ada", "wrong"), *(log_in(people, "ada", "lovelace") for _ in range(30))]
    found = yield gatherResults(everybody)
    assert found == [None, *[people.get("ada")] * 30]
    guesses = [log_in(people, "ada", "wrong") for _ in range(5)]
    assert (yield gatherResults(guesses[:3])) == [None] * 3
    for guess in guesses[3:]:
        with pytest.raises(TooManyGuesses):
            yield guess


@pytest_twisted.inlineCallbacks
def test_a_try_that_was_not_made_is_not_held_against_anybody(thread: HashingThread):
    people = Accounts([Account("ada", "lovelace")], limits=LoginLimits(guesses=1), run=thread)
    thread.close()
    for _ in range(3):
        with pytest.raises(Overloaded):
            yield log_in(people, "ada", "lovelace")

"""A guesser is slowed down, and nobody else is."""

from __future__ import annotations

from playground.stores.guesses import MOST_PAIRS, Guesses


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def guesses(most: int = 3) -> tuple[Guesses, Time]:
    time = Time()
    return Guesses(time, most=most, seconds=60.0), time


def test_some_guesses_are_free_then_one_must_wait():
    some, _ = guesses()
    assert [some.begin("192.0.2.1", "ada") for _ in range(3)] == [0, 0, 0]
    assert some.begin("192.0.2.1", "ada") == 20.0


def test_a_try_that_was_refused_makes_the_wait_no_longer():
    some, _ = guesses()
    waits = [some.begin("192.0.2.1", "ada") for _ in range(100)]
    assert waits[3:] == [20.0] * 97


def test_guesses_are_given_back_one_after_the_other():
    some, time = guesses()
    for _ in range(3):
        some.begin("192.0.2.1", "ada")
    time.now += 20
    assert some.begin("192.0.2.1", "ada") == 0
    assert some.begin("192.0.2.1", "ada") == 20.0
    time.now += 60
    assert [some.begin("192.0.2.1", "ada") for _ in range(4)] == [0, 0, 0, 20.0]


def test_neither_the_same_name_elsewhere_nor_another_name_here_has_to_wait():
    some, _ = guesses()
    for _ in range(10):
        some.begin("192.0.2.1", "ada")
    assert some.begin("192.0.2.2", "ada") == 0
    assert some.begin("192.0.2.1", "bob") == 0


def test_the_right_password_clears_the_account():
    some, _ = guesses()
    for _ in range(3):
        some.begin("192.0.2.1", "ada")
    some.right("192.0.2.1", "ada")
    assert [some.begin("192.0.2.1", "ada") for _ in range(3)] == [0, 0, 0]


def test_a_try_that_was_not_made_is_given_back():
    some, _ = guesses()
    for _ in range(3):
        some.begin("192.0.2.1", "ada")
    some.undone("192.0.2.1", "ada")
    assert [some.begin("192.0.2.1", "ada") for _ in range(2)] == [0, 20.0]
    some.undone("192.0.2.1", "nobody")


def test_nought_switches_it_off():
    some, _ = guesses(most=0)
    assert not any(some.begin("192.0.2.1", "ada") for _ in range(100))
    assert len(some) == 0


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first():
    some, _ = guesses(most=1)
    for number in range(MOST_PAIRS + 1):
        some.begin("192.0.2.1", str(number))
    assert len(some) == MOST_PAIRS
    assert some.begin("192.0.2.1", "0") == 0
    assert some.begin("192.0.2.1", str(MOST_PAIRS)) == 60.0

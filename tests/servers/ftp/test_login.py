"""Logging in: while a password is checked, one connection waits, and it may be gone before the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from playground.stores.accounts import Account, Accounts, LoginLimits, TooManyGuesses
from playground.stores.hashing import Overloaded
from playground.testing import Served
from tests.servers.ftp.client import connect

PEOPLE = (Account("ada", "ada"), Account("bob", "bob"))


class Slow:
    """Stands where the hashing thread does, and takes its time."""

    def __init__(self) -> None:
        self.asked: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def __call__(self, work: Callable[[], Any]) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.asked.append((done, work))
        return done

    def answer(self) -> None:
        """The oldest question."""
        done, work = self.asked.pop(0)
        done.callback(work())

    def fail(self, error: Exception) -> None:
        """The oldest question has no answer."""
        self.asked.pop(0)[0].errback(error)


def slowly(ftp: Served) -> Slow:
    slow = Slow()
    ftp.playground.accounts = Accounts(PEOPLE, run=slow)
    return slow


@pytest_twisted.ensureDeferred
async def test_what_comes_behind_a_password_waits_and_nobody_else_does(ftp: Served):
    slow = slowly(ftp)
    ada, bob = await connect(ftp), await connect(ftp)
    ada.talk.say("USER ada\r\nPASS ada\r\nPWD\r\n")
    assert (await ada.reply()).startswith("331 ")
    assert (await bob.ask("NOOP")).startswith("200 ")
    assert [event.data for event in ada.events("received")] == ["USER ada\r\n", "PASS ***\r\n"]
    slow.answer()
    assert await ada.reply() == "230 Login successful."
    assert await ada.reply() == '257 "/" is the current directory.'
    for client in (ada, bob):
        client.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_who_is_gone_before_the_answer_harms_nobody(ftp: Served):
    slow = slowly(ftp)
    ada = await connect(ftp)
    await ada.ask("USER ada")
    ada.talk.say("PASS ada\r\n")
    await ftp.happens("event:received", "/PASS/")
    ada.talk.abort()
    bob = await connect(ftp)  # another turn of the reactor, and perhaps the same descriptor
    slow.answer()
    assert (await bob.ask("PWD")).startswith("530 ")
    assert ftp.events("event:trouble") == []
    bob.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_who_is_forgotten_before_the_answer_is_not_logged_in(ftp: Served):
    slow = slowly(ftp)
    ada = await connect(ftp)
    await ada.ask("USER ada")
    ada.talk.say("PASS ada\r\n")
    await ftp.happens("event:received", "/PASS/")
    ftp.playground.forget("connection")
    slow.answer()
    assert await ada.reply() == "530 This server was told to forget you meanwhile."
    assert (await ada.ask("PWD")).startswith("530 ")
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_the_end_of_the_server_does_not_wait_for_an_answer(ftp: Served):
    slow = slowly(ftp)
    ada = await connect(ftp)
    await ada.ask("USER ada")
    ada.talk.say("PASS ada\r\n")
    await ftp.happens("event:received", "/PASS/")
    await ftp.stop()
    assert (await ada.talk.rest()).startswith(b"421 The server stops.")
    slow.fail(Overloaded("The playground stops."))


@pytest_twisted.ensureDeferred
async def test_more_than_can_be_checked_are_told_so(ftp: Served):
    slow = slowly(ftp)
    ada = await connect(ftp)
    await ada.ask("USER ada")
    ada.talk.say("PASS ada\r\n")
    await ftp.happens("event:received", "/PASS/")
    slow.fail(Overloaded("Too many people log in just now; try again in a few seconds."))
    assert await ada.reply() == "530 Too many people log in just now; try again in a few seconds."
    assert [event.limit for event in ftp.events("event:limit")] == ["login.waiting"]
    ada.talk.hang_up()


@pytest.mark.expects_failure
@pytest_twisted.ensureDeferred
async def test_a_failure_of_ours_is_no_silence(ftp: Served):
    slow = slowly(ftp)
    ada = await connect(ftp)
    await ada.ask("USER ada")
    ada.talk.say("PASS ada\r\n")
    await ftp.happens("event:received", "/PASS/")
    slow.fail(ZeroDivisionError("oh"))
    assert await ada.reply() == "530 Something went wrong here; it is in the journal."
    assert len(ftp.events("event:trouble")) == 1
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_guesses_count_for_the_address_and_the_name_over_all_connections_and_servers(ftp: Served):
    accounts = Accounts(PEOPLE, limits=LoginLimits(guesses=2, guess_seconds=3600))
    ftp.playground.accounts = accounts
    for password in ("one", "two"):
        eve = await connect(ftp)
        await eve.ask("USER ada")
        assert await eve.ask(f"PASS {password}") == "530 Authentication failed."
        eve.talk.hang_up()
    ada, bob = await connect(ftp), await connect(ftp)
    await ada.ask("USER ada")
    assert (await ada.ask("PASS ada")).startswith("530 Too many wrong passwords for that name from your")
    assert [(event.conn, event.limit) for event in ftp.events("event:limit")] == [("ftp-3", "login.guesses")]
    with pytest.raises(TooManyGuesses):
        await accounts.log_in("ada", "ada", "127.0.0.1")  # as the HTTP server asks
    assert await accounts.log_in("ada", "ada", "192.0.2.1") is not None
    await bob.login("bob")  # from the same address
    for client in (ada, bob):
        client.talk.hang_up()

"""Who may log in."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from playground.stores.accounts import Account, Accounts, LoginLimits, network_of

PEOPLE = Accounts([Account("ada", "ada"), Account("zoë", "pässwort")], limits=LoginLimits(guesses=0))


@pytest.mark.parametrize(
    ("name", "password", "allowed"),
    [
        ("ada", "ada", True),
        ("zoë", "pässwort", True),
        ("ada", "Ada", False),
        ("ada", "", False),
        ("ada", "ada?", False),
        ("nobody", "ada", False),
        ("nobody", "", False),
        ("", "", False),
        ("ada", "\udcff", False),
        ("\udcff", "\udcff?", False),
    ],
)
def test_only_the_right_password_is_right(name: str, password: str, allowed: bool):
    # Without a thread there is nothing to wait for.
    account: Any = Deferred.fromCoroutine(PEOPLE.log_in(name, password, "192.0.2.1")).result
    assert (account is not None) is allowed
    assert account is None or account.name == name


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::1", "::/64"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("2001:db8::9:9:9:9", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("/run/socket", "/run/socket"),
        ("", ""),
    ],
)
def test_guesses_are_counted_by_what_a_guesser_has_one_of(address: str, network: str):
    assert network_of(address) == network


def test_a_password_is_in_no_repr():
    assert "pässwort" not in repr(list(PEOPLE))
    assert PEOPLE.get("ada") == Account("ada", "ada")

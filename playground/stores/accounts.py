"""The people who may log in. One list for every server that asks for a password."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hmac import compare_digest
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """One person."""

    name: str
    password: str = field(repr=False)
    root: Path | None = None
    """The folder this account sees over FTP; None for the common one."""
    permissions: str | None = None
    """pyftpdlib's letters (``elradfmwMT``); None for what the server gives everybody."""
    quota: int | None = None
    """Bytes this account may store; None for no limit of its own."""


class Accounts:
    """Looks people up and checks their passwords."""

    def __init__(self, accounts: Iterable[Account] = ()) -> None:
        self._accounts = {account.name: account for account in accounts}

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def get(self, name: str) -> Account | None:
        """The account of that name, or None."""
        return self._accounts.get(name)

    def check(self, name: str, password: str) -> Account | None:
        """The account, if the password is right.

        Takes as long for a name that does not exist, so that names cannot be
        found out by the clock.
        """
        account = self._accounts.get(name)
        expected = account.password if account else password + "?"
        same = compare_digest(
            password.encode("utf-8", "surrogateescape"), expected.encode("utf-8", "surrogateescape")
        )
        return account if same else None

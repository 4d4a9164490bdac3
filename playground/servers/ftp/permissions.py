"""Who may log in over FTP, and what they may do there."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from playground.stores.accounts import Account

READ = "elr"
"""Change directory, list, retrieve: pyftpdlib's letters."""
WRITE = "adfmwMT"
"""Append, delete, rename, make directory, store, change mode, change time."""
ANONYMOUS = frozenset({"anonymous", "ftp"})
"""Names that need no password (RFC 1635)."""


class Tree(NamedTuple):
    """The files that are served to those who have no folder of their own."""

    root: Path
    """Without links on the way to it."""
    writable: bool


class Visitor(NamedTuple):
    """Somebody who is logged in. Stands where pyftpdlib has an authorizer for all users."""

    name: str
    root: Path
    letters: str
    quota: int | None = None

    def has_perm(self, _user: str, letter: str, _path: str | None = None) -> bool:
        """Whether the visitor has that permission."""
        return letter in self.letters

    def get_perms(self, _user: str) -> str:
        """All permissions."""
        return self.letters

    def get_msg_quit(self, _user: str) -> str:
        """The text of 221."""
        return "Goodbye."

    def impersonate_user(self, _user: str, _password: str) -> None:
        """Everything runs as the one user that runs the playground."""

    def terminate_impersonation(self, _user: str) -> None:
        """Nothing to go back from."""


def guest(tree: Tree, name: str) -> Visitor | None:
    """The visitor of a name that needs no password; ``None`` when this is no such name."""
    return Visitor(name, tree.root, READ) if name in ANONYMOUS else None


def visitor(account: Account, tree: Tree) -> Visitor:
    """The visitor whose account that is. The password was right."""
    letters = account.permissions
    if letters is None:
        letters = READ + WRITE if tree.writable else READ
    return Visitor(
        account.name, account.root.resolve() if account.root else tree.root, letters, account.quota
    )

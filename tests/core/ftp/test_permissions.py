"""Who is let in, and what the sandbox holds."""

from __future__ import annotations

from pathlib import Path

from playground.servers.ftp.permissions import READ, Tree, admit
from playground.servers.ftp.sandbox import SAMPLES, make_sandbox
from playground.stores.accounts import Account, Accounts

PEOPLE = Accounts(
    [
        Account("ada", "ada"),
        Account("bob", "bob", permissions="elr"),
        Account("eve", "eve", root=Path("/srv"), quota=10),
    ]
)


def test_anonymous_needs_no_password_and_reads_only(tmp_path: Path):
    for name in ("anonymous", "ftp"):
        visitor = admit(PEOPLE, Tree(tmp_path, writable=True), name, "me@example.org")
        assert visitor is not None
        assert visitor.letters == READ


def test_accounts_write_in_a_writable_tree_only(tmp_path: Path):
    ada = admit(PEOPLE, Tree(tmp_path, writable=True), "ada", "ada")
    assert ada is not None
    assert ada.has_perm("ada", "w", "/x")
    reader = admit(PEOPLE, Tree(tmp_path, writable=False), "ada", "ada")
    assert reader is not None
    assert reader.letters == READ


def test_an_account_has_its_own_folder_permissions_and_quota(tmp_path: Path):
    tree = Tree(tmp_path, writable=True)
    bob = admit(PEOPLE, tree, "bob", "bob")
    eve = admit(PEOPLE, tree, "eve", "eve")
    assert bob is not None
    assert eve is not None
    assert (bob.letters, bob.root) == (READ, tmp_path.resolve())
    assert (eve.root, eve.quota) == (Path("/srv"), 10)


def test_a_wrong_password_lets_nobody_in(tmp_path: Path):
    tree = Tree(tmp_path, writable=True)
    assert admit(PEOPLE, tree, "ada", "bob") is None
    assert admit(PEOPLE, tree, "nobody", "") is None


def test_a_sandbox_is_filled_once(tmp_path: Path):
    folder = make_sandbox(tmp_path / "ftp")
    assert (folder / "a.txt").read_text() != (folder / "docs/a.txt").read_text()
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.*")} == set(SAMPLES)
    (folder / "a.txt").unlink()
    make_sandbox(folder)
    assert not (folder / "a.txt").exists()

"""Who is let in, and what the sandbox holds."""

from __future__ import annotations

from pathlib import Path

from playground.servers.ftp.permissions import READ, Tree, guest, visitor
from playground.servers.ftp.sandbox import SAMPLES, make_sandbox
from playground.stores.accounts import Account

ADA = Account("ada", "ada")
BOB = Account("bob", "bob", permissions="elr")
EVE = Account("eve", "eve", root=Path("/srv"), quota=10)


def test_anonymous_needs_no_password_and_reads_only(tmp_path: Path):
    for name in ("anonymous", "ftp"):
        stranger = guest(Tree(tmp_path, writable=True), name)
        assert stranger is not None
        assert stranger.letters == READ
    assert guest(Tree(tmp_path, writable=True), "ada") is None


def test_accounts_write_in_a_writable_tree_only(tmp_path: Path):
    assert visitor(ADA, Tree(tmp_path, writable=True)).has_perm("ada", "w", "/x")
    assert visitor(ADA, Tree(tmp_path, writable=False)).letters == READ


def test_an_account_has_its_own_folder_permissions_and_quota(tmp_path: Path):
    tree = Tree(tmp_path, writable=True)
    bob, eve = visitor(BOB, tree), visitor(EVE, tree)
    assert (bob.letters, bob.root) == (READ, tmp_path.resolve())
    assert (eve.root, eve.quota) == (Path("/srv"), 10)


def test_a_sandbox_is_filled_once(tmp_path: Path):
    folder = make_sandbox(tmp_path / "ftp")
    assert (folder / "a.txt").read_text() != (folder / "docs/a.txt").read_text()
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.*")} == set(SAMPLES)
    (folder / "a.txt").unlink()
    make_sandbox(folder)
    assert not (folder / "a.txt").exists()

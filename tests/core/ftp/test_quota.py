"""What an account has stored."""

from __future__ import annotations

from pathlib import Path

from playground.servers.ftp.quota import Tally


def test_all_files_below_the_root_count_and_links_do_not_lead_out(tmp_path: Path):
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/x").write_bytes(b"x" * 40)
    (root / "y").write_bytes(b"y" * 20)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/z").write_bytes(b"z" * 1000)
    (root / "link").symlink_to(tmp_path / "outside")
    tally = Tally(root, 100_000, 0)
    tally.begin()
    assert 60 <= tally.used < 60 + 500  # the link itself has the size of its text


def test_uploads_at_the_same_time_share_what_is_left(tmp_path: Path):
    tally = Tally(tmp_path, 100, 10)
    tally.begin()
    assert tally.take(60)
    tally.begin()
    assert not tally.take(60)
    assert tally.take(40)
    tally.end()
    tally.end()
    assert tally.ready()
    assert tally.used == 0  # counted again: nothing was written here


def test_more_files_than_can_be_counted_are_not(tmp_path: Path):
    for number in range(11):
        (tmp_path / str(number)).touch()
    tally = Tally(tmp_path, 100, 10)
    assert not tally.ready()
    assert not tally.take(1)
    (tmp_path / "0").unlink()
    assert tally.ready()


def test_a_folder_that_is_gone_is_empty(tmp_path: Path):
    assert Tally(tmp_path / "nowhere", 100, 10).ready()

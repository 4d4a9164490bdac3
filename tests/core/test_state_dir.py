"""One process at a time holds a state folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from playground.ask import ControlError, ask, ask_if_running
from playground.state_dir import StateDir, StateDirError


def test_it_is_made_for_its_user_alone(tmp_path: Path):
    held = StateDir.hold(tmp_path / "state")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state/lock").stat().st_mode & 0o777 == 0o600
    held.release()


def test_the_second_is_told_who_has_it(tmp_path: Path):
    held = StateDir.hold(tmp_path)
    with pytest.raises(StateDirError, match=rf"already running in {tmp_path} \(pid {os.getpid()}\)"):
        StateDir.hold(tmp_path)
    held.tell({"pid": 4711, "ports": {"http": 8080, "ftp": 2121}})
    with pytest.raises(StateDirError, match=r"\(pid 4711, http 8080, ftp 2121\)"):
        StateDir.hold(tmp_path)
    held.tell({"pid": 1})
    with pytest.raises(StateDirError, match=r"\(pid 1\)"):
        StateDir.hold(tmp_path)
    held.release()
    StateDir.hold(tmp_path).release()


def test_whatever_stands_in_the_lock_it_can_be_held(tmp_path: Path):
    for text in ("", "no json", "[]", "\0\xff"):
        (tmp_path / "lock").write_text(text)
        StateDir.hold(tmp_path).release()


def test_a_lock_that_says_nothing_still_holds(tmp_path: Path):
    held = StateDir.hold(tmp_path)
    (tmp_path / "lock").write_text("no json")
    with pytest.raises(StateDirError, match="pid unknown"):
        StateDir.hold(tmp_path)
    held.release()


def test_a_file_in_the_way_is_one_line(tmp_path: Path):
    (tmp_path / "state").write_text("")
    for path in (tmp_path / "state", tmp_path / "state/below"):
        with pytest.raises(StateDirError, match=r"cannot be written: .*\. Try: --state-dir DIR"):
            StateDir.hold(path)


def test_asking_where_nobody_runs(tmp_path: Path):
    with pytest.raises(ControlError, match="No playground is running in"):
        ask(tmp_path, {"ask": "ping"})
    (tmp_path / "control").write_text(str(tmp_path / "gone"))
    with pytest.raises(ControlError, match="No playground is running in"):
        ask(tmp_path, {"ask": "ping"})
    assert ask_if_running(tmp_path, {"ask": "ping"}) is None

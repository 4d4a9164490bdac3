"""``--session-store``: what it may say, and what is told when it cannot be."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from playground.layers import SettingError
from playground.settings import load
from playground.stores.opening import without_password


def row(text: str | None, folder: Path) -> tuple[str, str]:
    flags = {"state_dir": str(folder)} | ({"session_store": text} if text else {})
    rows = {key: (value, origin) for key, value, origin, _ in load(flags, {}, explain=True).effective}
    return rows["session_store"]


def test_it_is_memory_unless_somebody_says_otherwise(tmp_path: Path):
    assert row(None, tmp_path) == ("memory", "default")
    assert row("sqlite", tmp_path) == ("sqlite", "--session-store")


def test_a_redis_is_shown_without_its_password(tmp_path: Path):
    assert row("redis://db:7000/3", tmp_path)[0] == "redis://db:7000/3"
    assert row("redis://ada:hunter2@db/3", tmp_path)[0] == "redis://ada:***@db/3"
    assert without_password("redis://:p@ss@db") == "redis://:***@db"


@pytest.mark.parametrize(
    "text", ["mysql", "redis", "redis://", "redis://a:x/0", "redis://a/b", "rediss://a", "Memory"]
)
def test_anything_else_is_told_in_one_line(text: str, tmp_path: Path):
    with pytest.raises(SettingError) as caught:
        row(text, tmp_path)
    assert str(caught.value).startswith("--session-store is memory, sqlite or redis://HOST:PORT/DATABASE")
    assert "\n" not in str(caught.value)


def test_a_missing_extra_is_told_with_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"needs the extra \[redis\]\. Try: pip install txredisapi"):
        row("redis://localhost", tmp_path)

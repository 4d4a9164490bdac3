"""What becomes of those who are logged in, when the playground is killed, or its store."""

from __future__ import annotations

import http.cookiejar
import json
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from playground.stores.store import PATIENCE
from playground.testing import Running, start
from tests.load.people import soon
from tests.stores.redis_server import redis_server

SECONDS = 10.0


class Browser:
    """Somebody with a cookie jar."""

    def __init__(self, playground: Running) -> None:
        self.url = playground.url
        self._jar = http.cookiejar.CookieJar()
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar)).open

    def ask(self, path: str, body: str | None = None) -> tuple[int, Any]:
        request = urllib.request.Request(self.url + path, body.encode() if body is not None else None)
        try:
            with self._open(request, timeout=SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def move_to(self, playground: Running) -> None:
        """It has started again, on another port: cookies do not care about ports (RFC 6265 8.5)."""
        self.url = playground.url


def fill_a_cart(playground: Running, name: str) -> Browser:
    browser = Browser(playground)
    assert browser.ask("/session/login", f"user={name}&password={name}")[0] == 200
    assert browser.ask("/session/cart", "add=tea")[1]["cart"] == {"tea": 1}
    return browser


def killed_and_started_again(folder: Path, **options: Any) -> tuple[list[tuple[int, Any]], list[Any]]:
    """What ada and bob are answered afterwards, and the sessions that the new start knows of."""
    with start(folder, only="http", **options) as playground:
        people = [fill_a_cart(playground, name) for name in ("ada", "bob")]
        playground.kill()
    with start(folder, only="http", **options) as playground:
        if options:
            soon(lambda: playground.state()["sessions"] or None, "the store was read")
        known = playground.state()["sessions"]
        for browser in people:
            browser.move_to(playground)
        return [browser.ask("/session/me") for browser in people], known


def test_kill_9_with_sqlite_leaves_everybody_logged_in(tmp_path: Path):
    answers, known = killed_and_started_again(tmp_path, session_store="sqlite")
    assert [(status, said["user"], said["cart"]) for status, said in answers] == [
        (200, "ada", {"tea": 1}),
        (200, "bob", {"tea": 1}),
    ]
    assert sorted(row["remembers"]["user"] for row in known) == ["ada", "bob"]
    with closing(sqlite3.connect(tmp_path / "sessions.sqlite")) as file:
        text = repr(file.execute("SELECT key, body FROM kept").fetchall())
    assert "session:" in text
    assert (tmp_path / "sessions.sqlite").stat().st_mode & 0o077 == 0


def test_kill_9_with_memory_leaves_nobody(tmp_path: Path):
    answers, known = killed_and_started_again(tmp_path)
    assert [status for status, _ in answers] == [401, 401]
    assert known == []


def test_a_stopped_redis_is_told_within_its_deadline_and_loses_nobody(tmp_path: Path):
    with (
        redis_server(tmp_path) as redis,
        start(tmp_path / "state", only="http", session_store=redis.url) as playground,
    ):
        ada = fill_a_cart(playground, "ada")
        redis.stop()
        began = monotonic()
        status, said = ada.ask("/session/me")
        assert status == 503
        assert "The Redis store at 127.0.0.1" in said
        assert monotonic() - began < PATIENCE + 1.5
        assert [event.text for event in playground.events("event:trouble")]
        redis.start()
        soon(lambda: ada.ask("/session/me")[0] == 200 or None, "Redis is back")
        assert ada.ask("/session/me")[1]["cart"] == {"tea": 1}
        playground.kill()
        with start(tmp_path / "state", only="http", session_store=redis.url) as again:
            ada.move_to(again)
            assert ada.ask("/session/me")[1]["cart"] == {"tea": 1}


def test_a_redis_that_is_not_there_at_the_start_is_waited_for(tmp_path: Path):
    with redis_server(tmp_path) as redis:
        redis.stop()
        with start(tmp_path / "state", only="http", session_store=redis.url) as playground:
            ada = Browser(playground)
            assert ada.ask("/session/login", "user=ada&password=ada")[0] == 503
            redis.start()
            soon(
                lambda: ada.ask("/session/login", "user=ada&password=ada")[0] == 200 or None, "Redis is there"
            )


def test_a_store_that_is_somebody_elses_stops_the_start_with_one_line(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "sessions.sqlite")) as foreign:
        foreign.execute("CREATE TABLE precious (it TEXT)")
    with pytest.raises(RuntimeError, match=r"sessions\.sqlite was not made by this program") as caught:
        start(tmp_path, only="http", session_store="sqlite")
    assert "--session-store memory" in str(caught.value)


def test_a_key_that_cannot_be_used_stops_the_start_with_one_line(tmp_path: Path):
    (tmp_path / "token.key").write_text("abc\n")
    with pytest.raises(RuntimeError, match=r"token\.key cannot be read: .*\. Remove it\.$"):
        start(tmp_path, only="http")


def test_no_password_id_or_token_is_in_any_file(tmp_path: Path):
    """The journal with its older files, and what ``playground log`` makes of it."""
    with start(
        tmp_path,
        only="http",
        account="carol:correct-horse",
        set=["journal.file_bytes=4000", "http.token_denylist=on"],
    ) as playground:
        carol = Browser(playground)
        for _ in range(3):
            assert carol.ask("/session/login", "user=carol&password=correct-horse")[0] == 200
            carol.ask("/session/cart", "add=tea")
            carol.ask("/session/login", "user=carol&password=wrong-horse")
        token = carol.ask("/token/login", '{"user": "carol", "password": "correct-horse"}')[1]["token"]
        request = urllib.request.Request(
            playground.url + "/token/me", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            assert json.load(answer)["user"] == "carol"
        playground.events()
        secrets = [*token.split(".")[1:], "correct-horse", "wrong-horse"]
        secrets += [str(cookie.value) for cookie in carol._jar]
        shown = subprocess.run(
            [sys.executable, "-m", "playground", "log", "--state-dir", str(tmp_path)],
            capture_output=True,
            timeout=SECONDS,
            check=True,
        ).stdout
        files = [path for path in tmp_path.rglob("*") if path.is_file() and "jsonl" in path.name]
        assert len(files) > 1, "it was rotated"
        for text in (shown, *(path.read_bytes() for path in files)):
            assert not [secret for secret in secrets if secret.encode() in text]
        assert b"carol" in shown

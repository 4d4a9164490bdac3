"""Netcat, telnet in both modes, socat and a browser play at one table, as docs/game.md shows it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from playground.testing import run
from tests.clients.transcripts import ROOT, Step, Terminal

KINDS = {"$": "shell", "»": "typed", " ": "shown"}
SECONDS = 15.0
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

pytestmark = pytest.mark.needs("nc", "telnet", "socat", "chromium")


def steps() -> list[tuple[str, Step]]:
    """Who does what, line by line."""
    page = (ROOT / "docs" / "game.md").read_text()
    (block,) = re.findall(r"<!-- five people -->\n```text\n(.*?)```", page, re.DOTALL)
    return [(line[:3], Step(KINDS[line[4]], line[6:])) for line in block.splitlines()]


class Console:
    """The console of a browser's page, with the interface of a terminal."""

    def __init__(self, page: Any, terminal: Terminal, tokens: dict[str, str]) -> None:
        self._page = page
        self._terminal = terminal
        self._tokens = tokens
        self._lines: list[str] = []
        page.on("console", lambda message: self._lines.append(message.text))

    def do(self, step: Step) -> None:
        text = self._terminal.real(step.text)
        if step.kind == "shown":
            self._shown(text)
            return
        if ".send(" in text:
            self._page.wait_for_function("socket.readyState == WebSocket.OPEN")
        self._page.evaluate(f"void ({text})")

    def _shown(self, text: str) -> None:
        tokens = re.findall(r"\b[0-9a-f]{20}\b", text)
        pattern = re.sub(r"\b[0-9a-f]{20}\b", "([0-9a-f]{20})", re.escape(text).replace("…", ".*"))
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for number, line in enumerate(self._lines):
                if found := re.fullmatch(pattern, line):
                    del self._lines[: number + 1]
                    self._tokens.update(zip(tokens, found.groups(), strict=True))
                    return
            self._page.wait_for_timeout(20)  # which lets the browser's messages in
        raise AssertionError(f"not shown: {text}; but {self._lines}")


@pytest.fixture
def page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), headless=True, args=FLAGS
        )
        yield chromium.new_page()
        chromium.close()


def test_five_people_at_one_table(page: Any, tmp_path: Path):
    tokens: dict[str, str] = {}
    with run(ftp=None, waiter=None) as playground, ExitStack() as all_of_them:
        page.goto(f"{playground.url}/")
        terminals = {
            name: all_of_them.enter_context(closing(Terminal(playground, tmp_path, tokens=tokens)))
            for name in ("ada", "bob", "eve", "joe", "zoe")
        }
        console = Console(page, terminals["zoe"], tokens)
        for name, step in steps():
            if name == "zoe" and step.text.startswith("nc "):
                console = None  # type: ignore[assignment]  # she goes on in a terminal
            at = console if name == "zoe" and console is not None else terminals[name]
            at.do(step)
        names = {event.transport for event in playground.events("protocol:game", "event:connection.open")}
        assert names == {"tcp", "websocket"}
        (resumed,) = playground.events("protocol:game", "/welcome back/")
        assert resumed.conn == "game-6"

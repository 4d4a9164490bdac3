"""README and tutorial, typed as they stand, with the real clients on a real terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from playground.testing import Running, run
from tests.clients.transcripts import ROOT, Step, Terminal, blocks

README = ROOT / "README.md"

WHAT_IS_TYPED = {
    "curl '127.0.0.1:8080/state?name=ada'": [Step("shown", '"name": "ada"')],
    "curl 127.0.0.1:8080/state": [Step("shown", '"carried": {}')],
    "ftp 127.0.0.1 2121": [
        Step("shown", "Name"),
        Step("typed", "ada"),
        Step("shown", "Password"),
        Step("typed", "ada"),
        Step("shown", "230 Login successful."),
        Step("typed", "cd docs"),
        Step("typed", "pwd"),
        Step("shown", "Remote directory: /docs"),
        Step("typed", "bye"),
    ],
    "ftp -n 127.0.0.1 2121": [
        Step("typed", "quote pwd"),
        Step("shown", "530 Log in with USER and PASS first."),
        Step("typed", "bye"),
    ],
    "nc 127.0.0.1 4000": [
        Step("typed", "name ada"),
        Step("shown", "* welcome ada. Your token is 0123456789abcdef0123. Say: ready"),
        Step("typed", "^C"),
        Step("shell", "nc 127.0.0.1 4000"),
        Step("typed", "resume 0123456789abcdef0123"),
        Step("shown", "* welcome back ada."),
        Step("typed", "^C"),
    ],
    ".venv/bin/playground log": [
        Step("shown", "Forgot: nothing. Carried: name=ada"),
        Step("shown", "=  cwd            / → /docs         connection"),
        Step("shown", "Kept: game/ada"),
        Step("shown", "connections  changes  held now"),
    ],
}
"""Each command of README's first screen, and what a person then does."""


@pytest.fixture
def terminal(playground: Running, tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(playground, tmp_path)
    yield terminal
    terminal.close()


@pytest.fixture
def playground() -> Iterator[Running]:
    with run(tls="auto", https=0) as running:
        yield running


def commands_of_the_first_screen() -> list[str]:
    """What README's first screen says to type, without the remarks and without ``make run``."""
    first_screen = README.read_text().partition("\n| state lives in")[0]
    lines = [
        line.partition("  #")[0].strip() for line in re.findall(r"^    (.+)$", first_screen, re.MULTILINE)
    ]
    typed = [line for line in dict.fromkeys(lines) if line and not line.startswith("#")]
    assert typed[0] == "make run"
    return typed[1:]


@pytest.mark.needs("curl", "ftp", "nc")
def test_the_first_screen_of_readme_works_as_typed(terminal: Terminal):
    for command in commands_of_the_first_screen():
        terminal.play([Step("shell", command), *WHAT_IS_TYPED[command]])


@pytest.mark.needs("curl", "ftp", "nc")
@pytest.mark.parametrize(
    "name",
    [
        "tutorial.md",
        "claims.md",
        "http.md",
        "notes.md",
        "websocket.md",
        "ftp-strangers.md",
        "logging-in.md",
        "tls.md",
        "metrics.md",
        "functions.md",
    ],
)
def test_the_documents_work_as_typed(terminal: Terminal, name: str):
    transcripts = blocks(ROOT / "docs" / name)
    assert transcripts
    for steps in transcripts:
        terminal.play(steps)


@pytest.mark.needs("nc")
def test_the_page_of_the_game_works_as_typed(terminal: Terminal):
    alone, corrected = blocks(ROOT / "docs" / "game.md")
    terminal.play(alone)
    terminal.play(corrected)


def test_make_run_starts_with_the_table_of_readme(tmp_path: Path):
    state = ["--state-dir", str(tmp_path / "state")]
    ports = ["--http", "0", "--ftp", "0", "--game", "0", "--waiter", "0"]
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
    child: Any = pexpect.spawn(
        "make",
        ["run", f"ARGS={' '.join([*state, *ports])}"],
        cwd=str(ROOT),
        env=environment,
        encoding="utf-8",
        timeout=60,  # a first run makes .venv
        dimensions=(50, 80),
    )
    child.expect("Protocol Playground .* is running. Only this machine can reach it.")
    child.expect("http .* not at all .* curl '127.0.0.1:(\\d+)/state\\?name=ada'")
    url = f"http://127.0.0.1:{child.match.group(1)}/state?name=ada"
    child.expect("Live")
    subprocess.run(["curl", "-s", url], check=True, timeout=10, stdout=subprocess.DEVNULL)
    child.expect("http-1 .*GET /state\\?name=ada → 200 .*remembers nothing")
    child.sendcontrol("c")
    child.timeout = 10
    child.expect("Stopping. Nobody was connected.")
    child.expect(pexpect.EOF)
    assert "Error" not in child.before  # what make would add, had the playground failed


def test_the_python_example_of_readme_runs(tmp_path: Path):
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(example)
    subprocess.run([sys.executable, str(script)], check=True, timeout=60)


def test_the_settings_example_of_readme_is_accepted(tmp_path: Path):
    (example,) = re.findall(r"```toml\n(.*?)```", README.read_text(), re.DOTALL)
    file = tmp_path / "playground.toml"
    file.write_text(example)
    with run("--config", str(file), http=None, game=None) as playground:
        assert playground.servers["http"].port == 8081
        assert "game" not in playground.servers

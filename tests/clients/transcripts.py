"""Play the transcripts of README and docs with real clients on a real terminal.

A transcript is a fenced block of the language ``console``. In it

* ``$ command`` is typed at a shell;
* ``» text`` is typed into the program that runs (``» ^C``, ``» ^D``, ``» ^]``: those keys);
* any other line is what must appear, in this order. ``…`` stands for anything;
  durations, client ports and digests for any of their kind, runs of spaces for
  any run of spaces, and a clock time in front for one or none (the log tells
  it after a pause, and the player makes none). A token stands for this run's, wherever it
  is written again, and so does the port in ``229 ... (|||40123|)``;
* a line that begins with ``| `` or ``> `` is of another terminal: typed there or shown there;
* ``# In the first terminal: Ctrl-C`` stops the playground, and ``# In the first terminal: make run``
  starts it again, with the options that stand behind it.

The documents name the default ports; the player puts in the real ones.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pexpect

from playground.testing import Running

PATIENCE = 6.0
PROMPT = "playground-test-prompt>"
DEFAULT_PORTS = {"http": 8080, "https": 8443, "ftp": 2121, "game": 4000, "waiter": 4001}
KEYS = ("^C", "^D", "^]")
ROOT = Path(__file__).parents[2]
OTHERS = ("| ", "> ")
FIRST = "# In the first terminal: "

_BLOCK = re.compile(r"^```(?:\{code-block\} )?console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"^\d\d:\d\d:\d\d\.\d\d\d ")
_CLIENT_PORT = re.compile(r"127\\?\.0\\?\.0\\?\.1:[3456]\d{4}")
_DURATION = re.compile(r"\b\d+(?:\\?\.\d+)?\\ (?:ms|s|min)\b")
_DIGEST = re.compile(r"\\?#[0-9a-f]{4}\b")
_TOKEN = re.compile(r"\b[0-9a-f]{20}\b")
_DATA_PORT = re.compile(r"(?<=\|\|\|)\d{5}\b")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Step(NamedTuple):
    """One line of a transcript."""

    kind: str
    """``shell`` (typed at the shell), ``typed`` (typed into a program), ``shown`` or ``first``, which is
    done in the playground's own terminal."""
    text: str
    terminal: int = 0
    """Where: 0 is the client's, the others are those of :data:`OTHERS`."""


def blocks(document: Path) -> list[list[Step]]:
    """The transcripts of a Markdown document, in order."""
    return [list(steps(found.group(1))) for found in _BLOCK.finditer(document.read_text())]


def steps(text: str) -> Iterator[Step]:
    """The lines of one transcript."""
    for line in text.splitlines():
        terminal = 1 + OTHERS.index(line[:2]) if line[:2] in OTHERS else 0
        line = line[2:] if terminal else line
        if line.startswith("$ "):
            yield Step("shell", line[2:], terminal)
        elif line.startswith("» "):
            yield Step("typed", line[2:], terminal)
        elif line.startswith(FIRST):
            yield Step("first", line.removeprefix(FIRST))
        elif line.strip():
            yield Step("shown", line, terminal)


class Terminal:
    """One terminal with a shell, beside a running playground.

    Without one, ``ports`` says which ports stand for those that the document names.
    ``tokens`` are those that another terminal has seen, and will see.
    """

    def __init__(
        self,
        playground: Running | None,
        folder: Path,
        ports: Mapping[str, str] | None = None,
        tokens: dict[str, str] | None = None,
    ) -> None:
        servers = playground.servers if playground is not None else {}
        self._ports = {
            str(port): str(servers[name].port) for name, port in DEFAULT_PORTS.items() if name in servers
        } | dict(ports or {})
        self._tokens: dict[str, str] = {} if tokens is None else tokens
        self._running = False
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "PLAYGROUND_STATE_DIR": str(playground.state_dir if playground else folder / "state"),
            "HOME": str(folder),
            "TERM": "dumb",
            "NO_COLOR": "1",
            "LANG": "C.UTF-8",
        }
        self._child: Any = pexpect.spawn(
            "bash",
            ["--norc", "--noprofile"],
            env=environment,
            cwd=str(folder),
            encoding="utf-8",
            timeout=PATIENCE,
            echo=False,
            dimensions=(50, 100),
        )
        self._child.delaybeforesend = None
        self._child.sendline(f"bind 'set enable-bracketed-paste off' 2>/dev/null; PS1={shlex.quote(PROMPT)}")
        self._prompted()

    def play(self, steps: Iterable[Step], *, leave: bool = False) -> None:
        """Play one transcript; fails with what was seen when something does not appear.

        With ``leave`` the program that runs in the end goes on, and the next transcript begins in it.
        """
        for step in steps:
            self.do(step)
        if not leave:
            self.finish()

    def do(self, step: Step) -> None:
        """Play one step. A program may go on running."""
        text = self.real(step.text)
        if step.kind == "shell":
            self.finish()
            self._child.sendline(text)
            self._running = True
        elif step.kind == "typed":
            if text in KEYS:
                self._child.sendcontrol(text[1].lower())
            else:
                self._child.sendline(text)
        else:
            self._shown(text)

    def finish(self) -> None:
        """Wait until the program has ended."""
        if self._running:
            self._prompted()
            self._running = False

    def real(self, text: str) -> str:
        """``text`` with this run's ports and tokens, and the command where it is."""
        for default, port in self._ports.items():
            text = re.sub(rf"(?<=[ :]){default}\b", port, text)
        for written, token in self._tokens.items():
            text = text.replace(written, token)
        return re.sub(r"\.venv/bin/(playground|python)\b", r"\1", text)

    def close(self) -> None:
        """End the shell."""
        self._child.close(force=True)

    def _shown(self, text: str) -> None:
        tokens = [token for token in _TOKEN.findall(text) if token not in self._tokens.values()]
        tokens += [port for port in _DATA_PORT.findall(text) if port not in self._tokens.values()]
        pattern = re.escape(_TIME.sub("", text.strip(), count=1).strip())
        pattern = _DURATION.sub(lambda _: r"[\d.]+\ (?:ms|s|min)", pattern)
        pattern = _CLIENT_PORT.sub(lambda _: r"127\.0\.0\.1:\d+", pattern)
        pattern = _DIGEST.sub("#[0-9a-f]{4}", pattern)
        pattern = re.sub(r"(?:\\ )+", lambda _: r"\s+", pattern).replace("…", r"[^\r\n]*")
        for token in tokens:
            pattern = pattern.replace(token, r"(\d+)" if len(token) == 5 else "([0-9a-f]{20})")
        self._expect(pattern, f"not shown: {text}")
        for number, token in enumerate(tokens, 1):
            self._tokens[token] = str(self._child.match.group(number))

    def _prompted(self) -> None:
        self._expect(re.escape(PROMPT), "the program did not end")

    def _expect(self, pattern: str, complaint: str) -> None:
        try:
            self._child.expect(pattern)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            seen = _CONTROL.sub("", str(self._child.before))
            raise AssertionError(f"{complaint}\n--- seen instead:\n{seen}") from error

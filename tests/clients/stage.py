"""A document that needs several terminals: the playground's own, the client's, and more."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import TracebackType

from playground.testing import start
from tests.clients.transcripts import OTHERS, Step, Terminal, blocks


class Stage:
    """Plays a document whose boxes go on from one to the next."""

    def __init__(self, state_dir: Path, folder: Path) -> None:
        self._state_dir = state_dir
        tokens: dict[str, str] = {}
        self.playground = start(state_dir)
        self._ports = {name: address.port for name, address in self.playground.servers.items()}
        folder.mkdir()
        self._terminals = [Terminal(self.playground, folder, tokens=tokens) for _ in range(1 + len(OTHERS))]

    def play(self, document: Path) -> None:
        """All of it, in order. What runs at the end of a box may go on in the next one."""
        for steps in blocks(document):
            for step in steps:
                self._do(step)
        for terminal in self._terminals:
            terminal.finish()

    def _do(self, step: Step) -> None:
        if step.kind != "first":
            self._terminals[step.terminal].do(step)
        elif step.text == "Ctrl-C":
            self.playground.stop()
        else:
            make, run, *options = shlex.split(step.text)
            assert (make, run) == ("make", "run")
            self._start([word for option in options for word in shlex.split(option.removeprefix("ARGS="))])

    def _start(self, options: list[str]) -> None:
        self.playground.__exit__(None, None, None)
        self.playground = start(self._state_dir, *options, **self._ports)

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for terminal in self._terminals:
            terminal.close()
        self.playground.__exit__(kind, error, trace)

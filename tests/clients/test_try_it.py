"""The commands that a start of the playground prints are run as they are printed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from playground.journal.events import Sent
from playground.servers.catalogue import catalogue
from tests.clients.shell import Shell

QUITS_BY_ITSELF = ("curl",)


def commands() -> Iterator[Any]:
    """Every command of every server."""
    for name, load in catalogue().items():
        for command in load().try_it:
            program = shlex.split(command)[0]
            yield pytest.param(name, command, id=f"{name}: {command}", marks=pytest.mark.needs(program))


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_the_command_works_as_it_is_printed(shell: Shell, name: str, command: str):
    host, port = shell.playground.servers[name]
    typed = command.format(host=host, port=port)
    program = shell.begin(typed)
    sent = shell.waits_for(f"protocol:{name}", "event:sent")[0]
    assert isinstance(sent, Sent)
    # The first thing that the server said, without an HTTP answer's head, is what the person sees.
    program.until((sent.data or "").split("\r\n\r\n")[-1].splitlines()[0])
    if typed.startswith(QUITS_BY_ITSELF):
        program.rest()
        assert program.status == 0
    else:
        program.kill()
    assert not shell.playground.events("event:refused"), "nothing that is printed is refused"


def test_the_start_prints_them(shell: Shell):
    said = shell("playground --until-eof --state-dir other --http 0 --ftp 0 --game 0 --waiter 0")
    for name, load in catalogue().items():
        first, *_ = load().try_it
        assert f"  {first.partition('{port}')[0].format(host='127.0.0.1')}" in said.text, name

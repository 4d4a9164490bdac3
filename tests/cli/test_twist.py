"""``twist playground``: the same servers under Twisted's own runner."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

from tests.cli.commands import WAITER, line_with, playground, starting, stop, taken_port


def test_it_serves_and_stops(tmp_path: Path):
    with starting("playground", *WAITER, "--state-dir", str(tmp_path / "s"), program="twisted") as process:
        # Twisted's log is JSON where no terminal is, so the quotes in the ready line are escaped.
        port = re.search(r'port\\*": (\d+)', line_with(process, "playground.jsonl"))
        assert port
        with (
            socket.create_connection(("127.0.0.1", int(port[1])), timeout=10) as ada,
            ada.makefile() as heard,
        ):
            assert heard.readline().startswith("* Good evening")
            said = stop(process, signal.SIGTERM)
            assert heard.read() == "* the kitchen closes\n"
    assert said.status in (0, -signal.SIGTERM)  # Twisted ends itself by the signal that ended it
    assert "Traceback" not in said.out + said.err


def test_a_taken_port_is_one_line_here_too(tmp_path: Path):
    with taken_port() as port:
        said = playground(
            *("playground", "--only", "waiter", "--waiter", str(port), "--state-dir", str(tmp_path / "s")),
            program="twisted",
        )
    assert said.status == 2
    assert re.fullmatch(rf"playground: Port {port} is taken\. Try: playground --waiter \d+\n", said.err)


def test_a_setting_that_is_none(tmp_path: Path):
    said = playground("playground", "--set", "waiter.idel=3", program="twisted")
    assert said.status == 2
    assert said.err == "playground: waiter.idel is no setting. Did you mean waiter.idle?\n"

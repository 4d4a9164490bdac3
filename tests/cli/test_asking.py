"""``state``, ``forget``, ``config``, and the control socket behind them."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from playground.ask import ControlError, ask
from playground.testing import Running, run
from tests.cli.commands import playground


@pytest.fixture
def running() -> Iterator[Running]:
    with run(only="waiter") as started:
        yield started


@contextmanager
def guest(running: Running, *wishes: str) -> Iterator[socket.socket]:
    """Somebody at the waiter's table, who has been answered."""
    with (
        socket.create_connection(running.servers["waiter"], timeout=10) as client,
        client.makefile() as heard,
    ):
        heard.readline()
        for wish in wishes:
            client.sendall(f"{wish}\n".encode())
            heard.readline()
        yield client


def test_state_tells_who_is_there_and_what_is_remembered(running: Running):
    with guest(running, "order soup") as ada:
        said = playground("state", "--json", "--state-dir", str(running.state_dir))
        assert said.status == 0
        state = json.loads(said.out)
        (row,) = state["connections"]
        assert row.pop("age") >= 0
        assert row == {
            "conn": "waiter-1",
            "protocol": "waiter",
            "client": f"127.0.0.1:{ada.getsockname()[1]}",
            "remembers": {"orders": ["soup"], "cooking": 1},
            "held": 31,
        }
        assert state["sessions"] == state["shared"] == []
        assert state["totals"] == {"waiter": {"connections": 1, "remembers": 1, "held": 31}}
        shown = playground("state", "--state-dir", str(running.state_dir))
        assert shown.status == 0
        assert "waiter-1" in shown.out
        assert "soup" in shown.out


def test_forget_drops_it_and_says_what_went(running: Running):
    with guest(running, "order soup") as ada:
        said = playground("forget", "--state-dir", str(running.state_dir))
        assert said.status == 0
        assert "soup" in said.out
        assert "waiter-1" in said.out
        ada.sendall(b"the usual\n")
        assert ada.recv(100) == b"? have we met?\n"  # and the connection is open
        assert running.forget() == []
        assert running.state()["totals"]["waiter"] == {"connections": 1, "remembers": 0, "held": 0}


@pytest.mark.parametrize(
    ("words", "forgets"),
    [
        (("connection",), True),
        (("session", "shared"), False),
        (("connection", "--protocol", "waiter"), True),
        (("session",), False),
    ],
)
def test_forget_drops_no_more_than_is_said(running: Running, words: tuple[str, ...], forgets: bool):
    with guest(running, "order soup"):
        said = playground("forget", "--json", *words, "--state-dir", str(running.state_dir))
        assert [went["conn"] for went in json.loads(said.out)["forgot"]] == ["waiter-1"] * forgets


def test_forget_of_a_server_that_does_not_run(running: Running):
    said = playground("forget", "--protocol", "gopher", "--state-dir", str(running.state_dir))
    assert said == (2, "", "playground: The playground refused: no server 'gopher' runs; waiter do\n")


@pytest.mark.parametrize("command", ["state", "forget"])
def test_asking_where_nobody_runs(tmp_path: Path, command: str):
    said = playground(command, "--state-dir", str(tmp_path))
    assert said == (
        2,
        "",
        f"playground: No playground is running in {tmp_path}."
        " Start one, or name its folder: --state-dir DIR\n",
    )


def test_reset_begins_a_new_story(running: Running):
    with guest(running, "order soup"):
        assert running.events("event:received")
        running.reset()
        assert running.events() == []
        assert running.state()["totals"]["waiter"]["remembers"] == 0


def test_config_says_where_each_value_comes_from(tmp_path: Path):
    (tmp_path / "playground.toml").write_text("[set.waiter]\nidle = 7\n")
    words = ("config", "--config", str(tmp_path / "playground.toml"), "--http", "1234")
    said = playground(*words)
    assert said.status == 0
    rows = {line.split()[0]: line.split()[1:3] for line in said.out.splitlines()}
    assert rows["http"] == ["tcp:1234:interface=127.0.0.1", "--http"]
    assert rows["waiter.idle"] == ["7", str(tmp_path / "playground.toml")]
    assert rows["waiter.unsent"] == ["1048576", "default"]
    told = json.loads(playground(*words, "--json").out)
    assert told["waiter.idle"]["value"] == "7"
    assert told["waiter.idle"]["why"]


# -- the control socket -----------------------------------------------------------------------


def test_it_is_its_users_alone_and_gone_afterwards(running: Running):
    path = Path((running.state_dir / "control").read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert running.stop() == 0
    assert not path.parent.exists()
    assert not (running.state_dir / "control").exists()


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        (b"no json\n", "not understood: "),
        (b"[]\n", "not understood: "),
        (b"null\n", "not understood: "),
        (b"{}\n", "not understood: 'ask'"),
        (b'{"ask":"dance"}\n', "not understood: 'dance'"),
        (b'{"ask":["state"]}\n', "not understood: "),
        (b'{"ask":"forget","where":["everything"]}\n', "'everything' cannot be forgotten"),
        (b'{"ask":"forget","where":5}\n', "not understood: "),
        (b'{"ask":"forget","protocol":[]}\n', "not understood: "),
        (b"\xff\n", "not understood: "),
    ],
)
def test_whatever_it_is_asked_it_answers(running: Running, request_line: bytes, answer: str):
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(10)
        control.connect((running.state_dir / "control").read_text())
        control.sendall(request_line)
        with control.makefile() as answers:
            assert answer in json.loads(answers.readline())["error"]
            control.sendall(b'{"ask":"ping"}\n')
            assert json.loads(answers.readline()) == {"pid": running.process.pid}


def test_a_request_without_end_is_hung_up_on(running: Running):
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(10)
        control.connect((running.state_dir / "control").read_text())
        control.sendall(b"x" * 10_000)
        with control.makefile("rb") as answers:
            assert answers.read() == b""
    assert ask(running.state_dir, {"ask": "ping"}) == {"pid": running.process.pid}


def test_somebody_who_holds_the_line_stops_nobody(running: Running):
    with socket.socket(socket.AF_UNIX) as control:
        control.connect((running.state_dir / "control").read_text())
        control.sendall(b'{"ask":')
        assert running.stop() == 0
    with pytest.raises(ControlError, match="No playground is running"):
        running.state()


def test_a_long_temporary_folder_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / ("deep" * 30) / "with:colon"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(folder))
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    with run(only="waiter") as running:
        assert running.state()["connections"] == []

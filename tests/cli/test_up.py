"""``playground up``: the ready line, and what keeps it from starting."""

from __future__ import annotations

import json
import re
import shlex
import socket
from pathlib import Path

import pytest

from playground.testing import run, start
from tests.cli.commands import WAITER, environment, line_with, playground, starting, stop, taken_port

ONE_LINE = re.compile(r"playground: [^\n]+\n")

PARROT = """
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver
from playground.servers import Server

class Parrot(LineOnlyReceiver):
    delimiter = b"\\n"
    def lineReceived(self, line):
        self.transport.write(line + b"\\n")

class ParrotServer(Server):
    name = "parrot"
    endpoint = "tcp:4444"
    try_it = ("nc {host} {port}",)
    def service(self, playground, endpoint):
        return playground.listen(endpoint, Factory.forProtocol(Parrot))
"""


def talk(port: int, said: str, host: str = "127.0.0.1") -> str:
    """Say something, close our half, and hear all of the answer."""
    with socket.create_connection((host, port), timeout=10) as client:
        client.sendall(said.encode())
        client.shutdown(socket.SHUT_WR)
        with client.makefile() as heard:
            return heard.read()


# -- the ready line ---------------------------------------------------------------------------


def test_the_ready_line_is_one_line_with_all_that_a_program_needs(tmp_path: Path):
    with starting("up", "--json", "--state-dir", str(tmp_path / "s"), *WAITER) as process:
        line = line_with(process, "")
        assert not line.startswith(" ")
        ready = json.loads(line)
        port = ready["servers"]["waiter"]["port"]
        assert ready.pop("tls", None) is None
        assert ready == {
            "event": "ready",
            "pid": process.pid,
            "log": str(tmp_path / "s/playground.jsonl"),
            "state_dir": str(tmp_path / "s"),
            "accounts": {"ada": "ada", "bob": "bob"},
            "servers": {
                "waiter": {
                    "endpoint": f"tcp:{port}:interface=127.0.0.1",
                    "host": "127.0.0.1",
                    "port": port,
                }
            },
        }
        assert "bill\n" in talk(port, "bill\n") + "bill\n"
        assert stop(process) == (0, "", "")  # not one byte more


def test_all_servers_start_and_their_ports_are_real(tmp_path: Path):
    with run() as running:
        assert list(running.servers) == ["http", "ftp", "game", "waiter"]
        assert len({address.port for address in running.servers.values()} - {0}) == 4
        for address in running.servers.values():
            socket.create_connection(address, timeout=10).close()
        assert running.stop() == 0
        assert running.complaints == ""


def test_without_json_it_prints_the_table_and_says_goodbye(tmp_path: Path):
    with starting("--state-dir", str(tmp_path / "s"), *WAITER) as process:
        first = line_with(process, "")
        assert first.startswith("Protocol Playground ")
        assert first.endswith(" is running. Only this machine can reach it.\n")
        asked = line_with(process, "  ask ").split(" state ", 1)[1]
        assert playground("state", *shlex.split(asked.partition("    what")[0])).status == 0
        line_with(process, "folder")
        status, out, err = stop(process)
        assert (status, err) == (0, "")
        assert out.strip() == "Stopping. Nobody was connected."


def test_ipv6(tmp_path: Path):
    with run(host="::1", only="waiter") as running:
        assert running.servers["waiter"].host == "::1"
        assert "4.00" not in talk(running.servers["waiter"].port, "bill\n", "::1")


def test_off_loopback_the_demo_passwords_are_random():
    with run(host="0.0.0.0", only="waiter") as running:
        assert running.ready["accounts"].keys() == {"ada", "bob"}
        assert "ada" not in running.ready["accounts"].values()


def test_an_endpoint_string_is_taken_as_it_is(tmp_path: Path):
    with run(only="waiter", waiter=f"unix:{tmp_path}/waiter:lockfile=0") as running:
        assert running.ready["servers"]["waiter"]["host"] == f"{tmp_path}/waiter"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{tmp_path}/waiter")
            assert client.recv(100).startswith(b"* Good evening.")


# -- settings ---------------------------------------------------------------------------------


def test_a_limit_is_set_from_the_command_line():
    with run("--set", "waiter.idle=0.2", only="waiter") as running:
        with (
            socket.create_connection(running.servers["waiter"], timeout=10) as client,
            client.makefile() as heard,
        ):
            assert heard.read().endswith("* please leave\n")
        assert [event.limit for event in running.events("event:limit")] == ["waiter.idle"]


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="only Linux tells")
def test_there_is_room_for_all_connections_before_the_first_comes():
    """The kernel makes room for more at the cost of a pause, as long as it is not made in time."""
    with run(only="waiter") as playground:
        about = Path(f"/proc/{playground.process.pid}")
        most = re.search(r"^Max open files +(\d+)", (about / "limits").read_text(), re.MULTILINE)
        room = re.search(r"^FDSize:\s+(\d+)", (about / "status").read_text(), re.MULTILINE)
        assert most
        assert room
        assert int(room[1]) >= min(int(most[1]), 65_536)


def test_settings_come_from_the_environment(tmp_path: Path):
    env = environment(
        PLAYGROUND_ONLY="waiter",
        PLAYGROUND_WAITER="0",
        PLAYGROUND_JSON="yes",
        PLAYGROUND_STATE_DIR=str(tmp_path / "s"),
        PLAYGROUND_ACCOUNT="carol:secret",
    )
    with starting("up", env=env) as process:
        ready = json.loads(line_with(process, "{"))
        assert list(ready["servers"]) == ["waiter"]
        assert ready["state_dir"] == str(tmp_path / "s")
        assert "carol" not in ready["accounts"]  # that is somebody's own password
        asked = playground("state", "--json", env=env)
        assert asked.status == 0, asked.err
        assert stop(process).status == 0


def test_a_server_from_one_file(tmp_path: Path):
    (tmp_path / "parrot.py").write_text(PARROT)
    with run("--server", str(tmp_path / "parrot.py"), "--endpoint", "parrot=0", only="parrot") as running:
        assert talk(running.servers["parrot"].port, "hello\nworld\n") == "hello\nworld\n"
        texts = [event.data for event in running.events("protocol:parrot", "event:received")]
        assert texts == ["hello\n", "world\n"]


# -- what keeps it from starting --------------------------------------------------------------


def test_a_taken_port_names_the_next_free_one(tmp_path: Path):
    with taken_port() as port:
        said = playground("--only", "waiter", "--waiter", str(port), "--state-dir", str(tmp_path / "s"))
    assert (said.status, said.out) == (2, "")
    assert ONE_LINE.fullmatch(said.err)
    told = re.fullmatch(rf"playground: Port {port} is taken\. Try: playground --waiter (\d+)\n", said.err)
    assert told
    assert port < int(told[1]) <= port + 100
    with start(tmp_path / "s", waiter=told[1], only="waiter") as running:  # as it says
        assert running.servers["waiter"].port == int(told[1])


def test_the_next_port_is_nobody_elses(tmp_path: Path):
    with taken_port() as port:
        words = ("--only", "game,waiter", "--game", str(port), "--waiter", str(port + 1))
        said = playground(*words, "--state-dir", str(tmp_path / "s"))
    told = re.fullmatch(rf"playground: Port {port} is taken\. Try: playground --game (\d+)\n", said.err)
    assert told, said.err
    assert int(told[1]) > port + 1


def test_a_taken_port_of_a_server_of_ones_own(tmp_path: Path):
    (tmp_path / "parrot.py").write_text(PARROT)
    with taken_port() as port:
        said = playground(
            *("--server", str(tmp_path / "parrot.py"), "--only", "parrot", "--endpoint", f"parrot={port}"),
            *("--state-dir", str(tmp_path / "s")),
        )
    assert f"Port {port} is taken. Try: playground --endpoint parrot=" in said.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--waiter", "nonsense:1"), "'nonsense:1' is no endpoint that can be used"),
        (("--waiter", "tcp:x:interface=127.0.0.1"), "is no endpoint that can be used"),
        (("--waiter", "tcp:70000:interface=127.0.0.1"), "cannot be listened on"),
        (("--waiter", "70000"), "70000 is no port"),
        (("--host", "192.0.2.1"), "This machine has no address 192.0.2.1. Try: playground --host 127.0.0.1"),
        (("--host", "no.such.host.invalid"), "waiter cannot listen on no.such.host.invalid port 0"),
        (("--host", "127.0.0.1:99"), "waiter cannot listen on 127.0.0.1:99 port 0"),
        (("--waiter", "unix:/no/where/waiter"), "waiter: 'unix:/no/where/waiter' cannot be listened on"),
        (("--waiter", "ssl:0:privateKey=/no/where.pem"), "is no endpoint that can be used"),
        (("--set", "waiter.idel=3"), "waiter.idel is no setting. Did you mean waiter.idle?"),
        (("--config", "/no/where.toml"), "/no/where.toml cannot be read"),
        (("--server", "/no/where.py"), "/no/where.py is no Python file that can be read"),
        (("--ftp-root", "/no/where", "--only", "ftp", "--ftp", "0"), "/no/where"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_status_2(tmp_path: Path, words: tuple[str, ...], why: str):
    said = playground("up", *WAITER, *words, "--state-dir", str(tmp_path / "s"))
    assert (said.status, said.out) == (2, "")
    assert ONE_LINE.fullmatch(said.err), said.err
    assert why in said.err


def test_an_unknown_key_in_the_file_says_what_was_meant(tmp_path: Path):
    (tmp_path / "playground.toml").write_text("waitr = 4001\n")
    said = playground("up", "--config", str(tmp_path / "playground.toml"))
    assert said.status == 2
    assert said.err == (
        f"playground: {tmp_path}/playground.toml: 'waitr' is no setting. Did you mean waiter?\n"
    )


@pytest.mark.parametrize("below", ["", "/deeper"])
def test_a_state_folder_that_cannot_be_made(tmp_path: Path, below: str):
    (tmp_path / "file").write_text("")
    said = playground("up", *WAITER, "--state-dir", f"{tmp_path}/file{below}")
    assert said.status == 2
    assert re.fullmatch(
        r"playground: The state folder .* cannot be written: .*\. Try: --state-dir DIR\n", said.err
    )


def test_a_journal_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("")
    said = playground("up", *WAITER, "--state-dir", str(tmp_path / "s"), "--log", f"{tmp_path}/file/x.jsonl")
    assert said.status == 2
    assert re.fullmatch(r"playground: The journal .* cannot be written: .*\. Try: --log FILE\n", said.err)


def test_the_second_start_is_told_who_runs(tmp_path: Path):
    with start(tmp_path / "s", only="waiter") as first:
        port = first.servers["waiter"].port
        said = playground("up", *WAITER, "--state-dir", str(tmp_path / "s"))
        assert said == (
            2,
            "",
            f"playground: A playground is already running in {tmp_path}/s (pid {first.process.pid}, waiter"
            f" {port}). Stop it, or use --state-dir DIR.\n",
        )
        assert "Good evening" in talk(port, "")  # the first one has noticed nothing


def test_a_server_that_fails_to_start_in_an_unforeseen_way_is_one_line(tmp_path: Path):
    broken = PARROT.replace("return playground", "1 / 0\n        return playground")
    (tmp_path / "parrot.py").write_text(broken)
    said = playground(
        *("--server", str(tmp_path / "parrot.py"), "--only", "waiter,parrot", "--waiter", "0"),
        *("--state-dir", str(tmp_path / "s")),
    )
    assert (said.status, said.out) == (1, "")
    assert said.err == "playground: ZeroDivisionError: division by zero\n"


@pytest.mark.parametrize(
    ("word", "help_"),
    [
        ("lgo", "Did you mean log?"),
        ("server.py", "There are: up, log, state, forget, metrics, config."),
    ],
)
def test_a_word_that_is_no_command_is_told_which_are(word: str, help_: str):
    assert playground(word) == (2, "", f"playground: There is no command {word!r}. {help_}\n")


def test_what_cannot_be_forgotten_is_told_what_can():
    said = playground("forget", "everything")
    assert said.err.splitlines()[-1].endswith("'everything' is no memory; say connection, session or shared")


@pytest.mark.parametrize("words", [("--no-such-option",), ("up", "nonsense"), ("forget", "everything")])
def test_words_that_mean_nothing_have_status_2(words: tuple[str, ...]):
    said = playground(*words)
    assert said.status == 2
    assert said.err.startswith("usage: playground")
    assert "Traceback" not in said.err

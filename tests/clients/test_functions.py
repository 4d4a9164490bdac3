"""Functions as curl meets them, in a whole playground; and what is left of them afterwards: nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from playground.testing import Running, run, start
from tests.cli.commands import environment, playground
from tests.clients.shell import Shell

pytestmark = pytest.mark.needs("curl")

PET = """
def handler(event, context):
    return {"statusCode": 201, "headers": {"X-Pet": "cat"}, "body": event["body"]}
"""


@pytest.fixture(scope="module")
def playground_with_pet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("functions")
    (folder / "pet.py").write_text(PET)
    with run(only="http", functions=folder) as running:
        yield running


@pytest.fixture
def shell(playground_with_pet: Running, tmp_path: Path) -> Iterator[Shell]:
    playground_with_pet.reset()
    with Shell(playground_with_pet, tmp_path) as window:
        yield window


def test_a_function_of_ones_own_beside_the_samples(shell: Shell):
    said = shell("curl -si -d meow $HOST:$HTTP/function/pet").text
    assert said.startswith("HTTP/1.1 201 Created\r\n")
    assert "\r\nX-Pet: cat\r\n" in said
    assert said.endswith("\r\n\r\nmeow")
    assert shell("curl -s $HOST:$HTTP/function/greet?name=ada").json == {"greeting": "Hello, ada."}
    assert "greet, hits, pet" in shell("curl -s $HOST:$HTTP/function/dog").json["detail"]


def test_state_and_forget_know_the_warm_process(shell: Shell):
    for expected in (1, 2):
        assert shell("curl -s $HOST:$HTTP/function/hits").json["hits"] == expected
    (environment,) = [row["remembers"] for row in shell.playground.state()["connections"]]
    assert environment["function"] == "hits"
    assert environment["runs"] == 2
    shell.playground.forget(protocol="function")
    assert shell("curl -s $HOST:$HTTP/function/hits").json["hits"] == 1
    assert not shell.playground.events("changed", "protocol:http"), "it is not HTTP that remembers"
    assert shell.playground.events("changed", "protocol:function")


@pytest.mark.parametrize("path", ["..%2f..%2fetc%2fpasswd", "%2e%2e", "greet.py", "Greet", "a%00b", "%0a"])
def test_a_path_is_no_way_out_of_the_folder(shell: Shell, path: str):
    assert shell(f"curl -s -o /dev/null -w '%{{http_code}}' $HOST:$HTTP/function/{path}").text == "404"
    assert not shell.playground.events("protocol:function", "event:connection.open")


def functions_of(running: Running) -> list[Path]:
    """The processes that it has started."""
    found = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    return [Path(f"/proc/{pid}") for pid in found]


def has_ended(process: Path) -> bool:
    """Whether nothing of it runs any more; whoever inherits it may not have asked how it ended."""
    with suppress(OSError):
        return (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_no_process_outlives_the_playground(tmp_path: Path, how: str):
    with start(tmp_path / "s", only="http") as running, Shell(running, tmp_path) as window:
        assert window("curl -s $HOST:$HTTP/function/hits").json["hits"] == 1
        busy = window.begin("curl -s $HOST:$HTTP/function/hits?sleep=2")
        window.waits_for("protocol:function", "event:sent", "Lambda-Runtime-Deadline-Ms", count=2)
        processes = functions_of(running)
        assert processes
        if how == "stopped":
            assert running.stop() == 0
        else:
            running.kill()
        end = time.monotonic() + 5
        while not all(map(has_ended, processes)) and time.monotonic() < end:
            os.sched_yield()
        assert all(map(has_ended, processes))
        busy.kill()


def test_without_awss_client_it_says_what_to_install(tmp_path: Path):
    hidden = (
        "import importlib.util as u\nreal = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'awslambdaric' else real(name, *more)\n"
    )
    (tmp_path / "sitecustomize.py").write_text(hidden)
    os.environ["PYTHONPATH"] = str(tmp_path)
    try:
        with start(tmp_path / "s", only="http") as running, Shell(running, tmp_path) as window:
            said = window("curl -s $HOST:$HTTP/function/hits").json
    finally:
        del os.environ["PYTHONPATH"]
    assert said["status"] == 501
    assert "pip install awslambdaric" in said["detail"]


def test_a_folder_that_is_none_is_one_line(tmp_path: Path):
    said = playground("up", "--functions", f"{tmp_path}/none", env=environment())
    assert said == (2, "", f"playground: --functions {tmp_path}/none is no folder.\n")

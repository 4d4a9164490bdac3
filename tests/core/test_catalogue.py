"""Which servers there are: the built-in ones, and those from files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from playground.layers import SERVERS
from playground.servers import Server
from playground.servers.catalogue import BUILT_IN, NoServer, catalogue

GOOD = """
from playground.servers import Server

class Echo(Server):
    name = "echo"
    endpoint = "tcp:7"
    def service(self, playground, endpoint):
        return playground.listen(endpoint, None)
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "echo.py"
    file.write_text(text)
    return file


def test_each_built_in_server_is_what_the_command_line_says_it_is():
    assert tuple(BUILT_IN) == SERVERS
    for name, load in catalogue().items():
        server = load()
        assert issubclass(server, Server)
        assert server.name == name
        assert server.endpoint.startswith("tcp:")
        assert server.try_it
        assert all("{port}" in command for command in server.try_it)


def test_a_file_adds_its_server(tmp_path: Path):
    servers = catalogue([write(tmp_path, GOOD)])
    assert list(servers) == [*BUILT_IN, "echo"]
    assert servers["echo"]().endpoint == "tcp:7"


def test_a_file_may_replace_a_built_in_server(tmp_path: Path):
    servers = catalogue([write(tmp_path, GOOD.replace('"echo"', '"waiter"'))])
    assert servers["waiter"]().__name__ == "Echo"


def test_what_a_file_imports_is_not_its_server(tmp_path: Path):
    file = write(tmp_path, "from playground.servers.waiter import Waiter\n")
    with pytest.raises(NoServer, match=r"has no server: it needs a class that derives from"):
        catalogue([file])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no server"),
        ("from playground.servers import Server\nclass A(Server):\n    name = 'a'\n", "has no server"),
        ("1/0", "fails: ZeroDivisionError: division by zero"),
        ("import no_such_thing", "fails: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("def :", "fails: SyntaxError"),
    ],
)
def test_a_file_that_is_no_server_says_why(tmp_path: Path, text: str, why: str):
    with pytest.raises(NoServer) as error:
        catalogue([write(tmp_path, text)])
    assert why in str(error.value)


@pytest.mark.parametrize("name", ["nowhere.py", "folder.py", "notes.txt"])
def test_what_is_no_python_file_says_so(tmp_path: Path, name: str):
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(NoServer, match="is no Python file that can be read"):
        catalogue([tmp_path / name])


def test_servers_that_are_off_are_not_imported():
    for module in [name for name in sys.modules if name.startswith("playground.servers.waiter")]:
        del sys.modules[module]
    catalogue()
    assert "playground.servers.waiter" not in sys.modules

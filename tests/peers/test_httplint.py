"""httplint, the linter behind REDbot, finds no fault of level BAD or WARN in any endpoint's answer.

It needs Python 3.12 or newer; where this machine has none, the test is skipped and says so.
"""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from playground.servers.http.endpoints import ALL
from playground.servers.http.endpoints.front import behind, example_target
from playground.servers.http.router import Endpoint
from playground.testing import run
from tests.peers.downloads import newer_python, pip

EXPECTED = {
    "/status/{codes}": "[WARN] The server returned 418 (I'm a Teapot)",
}
"""Notes that an answer is made to get: its example is a teapot."""


def target(one: Endpoint) -> str:
    """An example that takes no time."""
    if one.path.startswith("/delay"):
        return "/delay/0"
    if "duration" in one.about:
        return example_target(one).partition("?")[0] + "?duration=0"
    return example_target(one)


def answer_of(one: Endpoint, address: tuple[str, int]) -> bytes:
    """The bytes that an endpoint answers with, when it is sent the form in its example."""
    body = "" if "Content-Type" in one.example else next(behind(one, "-d"), "")
    method = "GET" if "GET" in one.methods else one.methods[0]
    with socket.create_connection(address, timeout=10) as client:
        head = f"{method} {target(one)} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip, deflate, br\r\n"
        client.sendall(f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        return b"".join(iter(lambda: client.recv(65_536), b""))


def test_no_endpoint_has_a_fault(tmp_path: Path):
    python = newer_python()
    if python is None:
        pytest.skip("httplint needs Python 3.12 or newer, and there is none")
    subprocess.run([python, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=60)
    pip(str(tmp_path / "venv" / "bin" / "python"), "install", "httplint")
    faults: list[str] = []
    with run(only="http") as playground:
        for one in ALL:
            if one.path.startswith("/ws") or one.path.startswith("/websocket"):
                continue
            said = subprocess.run(
                [str(tmp_path / "venv" / "bin" / "httplint"), "-n"],
                input=answer_of(one, playground.servers["http"]),
                capture_output=True,
                timeout=20,
                check=False,
            )
            lines = (said.stdout + said.stderr).decode().splitlines()
            wrong = [line for line in lines if "[BAD]" in line or "[WARN]" in line or "httplint:" in line]
            known = EXPECTED.get(one.path)
            faults += [f"{one.path}: {line}" for line in wrong if known is None or known not in line]
            assert "###" in said.stdout.decode(), f"{one.path}: the linter said nothing"
    assert not faults, "\n".join(faults)

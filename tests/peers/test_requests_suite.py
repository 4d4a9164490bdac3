"""The tests of requests that use httpbin, asking the playground."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from playground.testing import run
from tests.peers.downloads import pip, plain_environment, source

VERSION = "requests==2.34.2"

_NETWORK = "asks an address on the internet, not httpbin"

DESELECTED = {
    "TestTimeout::test_connect_timeout": _NETWORK,
    "TestTimeout::test_total_timeout_connect": _NETWORK,
}
"""Tests that are not run, and why."""


def test_the_tests_of_requests_pass(tmp_path: Path):
    folder = source(VERSION, tmp_path)
    library = tmp_path / "lib"
    wanted = [VERSION.replace("==", "[socks]=="), "pytest-mock", "trustme"]
    pip(sys.executable, "install", "--target", str(library), *wanted)
    with run(only="http", tls="auto", https=0) as playground:
        said = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "playground_httpbin",
                "-c", "/dev/null", "--rootdir", str(folder), "tests/test_requests.py",
                *(f"--deselect=tests/test_requests.py::{name}" for name in DESELECTED),
            ],
            cwd=folder,
            env=plain_environment(
                PYTHONPATH=f"{Path(__file__).parent}:{library}",
                PLAYGROUND_AT=str(playground.servers["http"]),
                PLAYGROUND_SECURED_AT=f"localhost:{playground.servers['https'].port}",
                PLAYGROUND_AUTHORITY=playground.ready["tls"]["authority"],
            ),
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip  # words that belong together stay on one line
    assert said.returncode == 0, said.stdout[-20000:] + said.stderr

"""schemathesis makes up requests from /openapi.json and finds nothing that the description does not say.

How many it makes up is bounded and its seed is given, so that each run is the same. What it may not call
a fault stands in schemathesis.toml, what is sent a little differently in hooks.py, each with its reason.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from playground.testing import run
from tests.peers.downloads import plain_environment

HERE = Path(__file__).parent / "schemathesis"
ROOT = Path(__file__).parents[2]

LEFT_OUT = {
    "/ws": "no WebSockets are spoken by it",
    "/websocket": "the same",
    "/status": "answers with the status that one asks for, 500 too",
    "/drip": "the same",
    "/unstable": "fails on purpose",
}
"""Paths that are left out, by how they begin, and why."""

IN_WORDS = ("/session", "/token", "/function", "/cookies/cart")
"""Paths whose bodies are described in words, for people: not all that a program makes of that is taken."""


def paths(*beginnings: str) -> str:
    """A regular expression for paths that begin so."""
    return "^/(" + "|".join(beginning.removeprefix("/") for beginning in beginnings) + ")"


def said(folder: Path, *words: str) -> str:
    """What schemathesis says at the end of a run against a new server."""
    with run("--set", "http.notes=0", only="http") as playground:
        host, port = playground.servers["http"]
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                *("--config-file", str(HERE / "schemathesis.toml")),
                *("run", f"http://{host}:{port}/openapi.json", "--no-color", "--seed", "1"),
                *("--generation-deterministic", "--no-shrink"),
                *("--suppress-health-check", "all", "--request-timeout", "30", "--warnings", "off"),
                *words,
            ],
            cwd=folder,
            env=plain_environment(PYTHONPATH=str(ROOT), SCHEMATHESIS_HOOKS="tests.peers.schemathesis.hooks"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def test_nothing_is_found_in_the_notes(tmp_path: Path):
    told = said(tmp_path, "--checks", "all", "--include-path-regex", paths("/notes"), "-n", "25")
    assert "Tested: 6" in told, told
    assert "No issues found" in told, told


def test_nothing_is_found_where_one_logs_in(tmp_path: Path):
    told = said(
        tmp_path,
        *("--checks", "all", "--exclude-checks", "positive_data_acceptance", "-n", "4"),
        *("--include-path-regex", paths(*IN_WORDS)),
    )
    assert "No issues found" in told, told


def test_nothing_is_found_elsewhere(tmp_path: Path):
    told = said(
        tmp_path,
        *("--checks", "all", "--phases", "examples,coverage,fuzzing", "-n", "4", "--max-redirects", "0"),
        *("--exclude-path-regex", paths("/notes", *IN_WORDS, *LEFT_OUT)),
    )
    assert "No issues found" in told, told

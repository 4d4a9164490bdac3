"""schemathesis makes up requests from /openapi.json and finds nothing that the description does not say.

Its numbers of examples are bounded and its seed is given, so that each run is the same.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from playground.testing import run
from tests.peers.downloads import plain_environment

HERE = Path(__file__).parent / "schemathesis"
ROOT = Path(__file__).parents[2]

EXCEPTIONS = {
    "/notes": "they have a test of their own",
    "/ws": "no WebSockets are spoken by it",
    "/websocket": "the same",
    "/sse": "takes the time that one asks for",
    "/jsonl": "the same",
    "/delay": "the same",
    "/drip": "the same",
    "/stream-bytes": "the same",
    "/unstable": "fails on purpose",
    "/redirect-to": "sends it elsewhere, and what it finds there is not what the description says of here",
    "/session": "a login takes its time, and so does each wrong one",
    "/token": "the same",
    "/function": "each name is a process",
}
"""Paths that are left out, by how they begin, and why."""


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
    told = said(tmp_path, "--checks", "all", "--include-path-regex", "^/notes", "-n", "25")
    assert "Tested: 6" in told, told
    assert "No issues found" in told, told


@pytest.mark.parametrize("phase", ["examples,coverage", "fuzzing"])
def test_nothing_is_found_elsewhere(tmp_path: Path, phase: str):
    # Not checked: whether all is taken that the description allows. It says in words what a parameter may
    # be, for people, and calls each of them a text.
    excluded = "|".join(path.removeprefix("/") for path in EXCEPTIONS)
    told = said(
        tmp_path,
        *("--checks", "all", "--exclude-checks", "positive_data_acceptance", "--phases", phase, "-n", "4"),
        *("--exclude-path-regex", f"^/({excluded})"),
    )
    assert "No issues found" in told, told

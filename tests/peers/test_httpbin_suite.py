"""httpbin's own tests, asking the playground."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from playground.testing import run
from tests.peers.downloads import pip, plain_environment, source

VERSION = "httpbin==0.10.4"

DESELECTED = {
    "test_post_chunked": "expects 501 for a chunked body, as from Flask; it is read here",
    "test_request_range": "expects Content-Range in a 200, which RFC 9110 14.4 gives no meaning",
    "test_request_out_of_bounds": "expects 416 for a first byte behind the last and for a last byte behind "
    "the end; RFC 9110 14.1.1 and 14.1.2 want such a range ignored and cut to the end",
    "test_bytes_endpoint_yields_bytes": "calls httpbin as a WSGI application in its own process",
    "test_index_falls_back_to_static_page_without_flasgger": "imports httpbin in a process of its own",
    "test_sources_have_no_invalid_escape_sequences": "is about httpbin's source",
    "test_parse_multi_value_header": "is about a function of httpbin's",
}
"""Tests that are not run, and why. What they mean is tested in tests/core/http, as the RFCs have it."""

STAND_IN = Path(__file__).parent / "stand_in"


def test_httpbins_own_tests_pass(tmp_path: Path):
    written = (source(VERSION, tmp_path) / "tests" / "test_httpbin.py").read_text(encoding="utf-8")
    # Away from the package that it would find beside itself.
    tests = tmp_path / "alone" / "test_httpbin.py"
    tests.parent.mkdir()
    tests.write_text(written, encoding="utf-8")
    for name in DESELECTED:
        assert f"def {name}(" in written, f"{name} is no test of {VERSION}"
    pip(sys.executable, "install", "--target", str(tmp_path / "lib"), "werkzeug")
    with run(only="http") as playground:
        said = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                "--rootdir", str(tests.parent),
                "-c", "/dev/null", "test_httpbin.py",
                *(f"--deselect=test_httpbin.py::HttpbinTestCase::{name}" for name in DESELECTED),
            ],
            cwd=tests.parent,
            env=plain_environment(
                PYTHONPATH=f"{STAND_IN}:{tmp_path / 'lib'}",
                PLAYGROUND_AT=str(playground.servers["http"]),
            ),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )  # fmt: skip  # words that belong together stay on one line
    assert said.returncode == 0, said.stdout + said.stderr

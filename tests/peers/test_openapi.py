"""/openapi.json is what it says it is: openapi-spec-validator finds no fault in it."""

from __future__ import annotations

import http.client
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from playground.testing import run
from tests.peers.downloads import pip, plain_environment

VALIDATOR = "openapi-spec-validator==0.9.0"


def test_the_description_is_valid_openapi(tmp_path: Path):
    library, document = tmp_path / "lib", tmp_path / "openapi.json"
    pip(sys.executable, "install", "--target", str(library), VALIDATOR)
    with (
        run(only="http") as playground,
        closing(http.client.HTTPConnection(*playground.servers["http"])) as client,
    ):
        client.request("GET", "/openapi.json")
        document.write_bytes(client.getresponse().read())
    said = subprocess.run(
        [sys.executable, "-m", "openapi_spec_validator", "--schema", "3.1.0", str(document)],
        env=plain_environment(PYTHONPATH=str(library)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (said.returncode, said.stdout.strip()) == (0, f"{document}: OK"), said.stdout + said.stderr

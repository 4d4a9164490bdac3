"""pyftpdlib's own functional tests, plain and in TLS, with the playground's FTP server instead of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.peers.downloads import pip, plain_environment, source

VERSION = "pyftpdlib==2.2.0"

DESELECTED = {
    "TestFtpDummyCmds::test_allo": "expects 202 for `ALLO x`; RFC 959 4.1.3 wants a decimal integer",
    "TestIPv6Environment::test_eprt_v6": "expects the address `::foo` to be called foreign; it is none",
    "TestConfigurableOptions::test_max_connections": "counts data connections too; here a client with a "
    "transfer is one client (ftp.connections, tests/servers/ftp/test_life.py)",
    "TestConfigurableOptions::test_passive_ports_busy": "expects any port when those that were named are "
    "taken; here that is 425, as a firewall would be in the way of the other",
    "TestTimeouts::test_pasv_timeout": "expects an unasked 421 while the control connection goes on; a "
    "client would take that for the answer to its next command (tests/servers/ftp/test_transfers.py)",
    "TestCallbacks": "is about pyftpdlib's Python callbacks, on a handler class of its own; here the journal "
    "tells all of it",
    "TestCornerCases::test_error_on_callback": "starts pyftpdlib's own server",
}
"""Tests that are not run, and why."""

REWORDED = {
    '"Invalid parameter"': '"501 REST takes a number of bytes"',
    '"Invalid time format"': '"501 MFMT takes YYYYMMDDHHMMSS"',
    '"Invalid SITE CHMOD format"': '"501 CHMOD takes three digits from 0 to 7"',
    '"Too many connections from the same IP address"': '"421 Too many connections"',
    "421 Control connection timed out.": "421 You were silent for too long. Goodbye, you are forgotten.",
    '"site help",\n                "pbsz"': '"site help", "site state", "pbsz"',
}
"""Their text to ours, where a test compares words. The last: ``SITE STATE`` needs no login."""


IN_TLS = {
    "TestFTPS::test_tls_control_required": "expects 550 of their own words; RFC 4217 says 530 "
    "(tests/servers/ftp/test_tls.py)",
    "TestFTPS::test_tls_data_required": "expects 550 of their own words; RFC 4217 says 521",
}
"""The same, of their tests with TLS. Those that are inherited are left out for the reasons above."""


def in_tls(name: str) -> str:
    """How their tests with TLS call one that they inherit."""
    group, _, test = name.partition("::")
    group = {"TestFtpDummyCmds": "TestTFtpDummyCmds"}.get(group, group)
    return f"{group}TLSMixin::{test}".removesuffix("::")


def test_pyftpdlibs_own_functional_tests_pass(tmp_path: Path):
    # Away from the package that it would find beside itself.
    alone = tmp_path / "alone"
    shutil.copytree(source(VERSION, tmp_path) / "tests", alone / "tests")
    written = alone / "tests" / "test_functional.py"
    text = written.read_text(encoding="utf-8")
    for theirs, ours in REWORDED.items():
        assert theirs in text, f"{theirs} is not in the tests of {VERSION}"
        text = text.replace(theirs, ours)
    for name in DESELECTED:
        assert name.rpartition("::")[2] in text, f"{name} is no test of {VERSION}"
    written.write_text(text, encoding="utf-8")
    library = tmp_path / "lib"
    pip(sys.executable, "install", "--target", str(library), "psutil")
    said = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "playground_pyftpdlib",
            "-c", "/dev/null", "--rootdir", str(alone),
            "tests/test_functional.py", "tests/test_functional_ssl.py",
            *(f"--deselect=tests/test_functional.py::{name}" for name in DESELECTED),
            # Their tests with TLS import those without, which are not run a second time.
            "-k", "test_functional.py or TLSMixin or TestFTPS",
            *(f"--deselect=tests/test_functional_ssl.py::{in_tls(name)}" for name in DESELECTED),
            *(f"--deselect=tests/test_functional_ssl.py::{name}" for name in IN_TLS),
        ],
        cwd=alone,
        # What they set when they run on a machine that may be slow.
        env=plain_environment(PYTHONPATH=f"{Path(__file__).parent}:{library}", GITHUB_ACTIONS="true"),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip  # words that belong together stay on one line
    assert said.returncode == 0, said.stdout[-20000:] + said.stderr
    (passed,) = re.findall(r"(\d+) passed", said.stdout)
    assert int(passed) > 230, said.stdout

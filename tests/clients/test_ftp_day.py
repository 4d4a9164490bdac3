"""The day in the life of an FTP connection, typed as it stands, and the session log that it leaves.

``UPDATE_GOLDEN=1 .venv/bin/python -m pytest tests/clients/test_ftp_day.py`` writes that log anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.stage import Stage
from tests.clients.transcripts import ROOT

GOLDEN = Path(__file__).parent / "golden" / "ftp_day.txt"
TIME = len("12:00:00.000 ")

MASKS = (
    (r"^run .*\n\n", ""),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"pasv-listening:\d+", "pasv-listening:PORT"),
    (r"\|\|\|\d+\|", "|||PORT|"),
    (r"after [\d.]+ (ms|s|min)\b", "after A WHILE"),
    (r" +$", ""),
)
"""What differs from one day to the next."""


@pytest.mark.needs("curl", "ftp", "nc")
def test_the_day_of_an_ftp_connection(tmp_path: Path):
    with Stage(tmp_path / "state", tmp_path / "home") as stage:
        stage.play(ROOT / "docs" / "ftp.md")
        first = min((tmp_path / "state" / "runs").iterdir(), key=lambda run: run.stat().st_mtime)
        told = masked(log(first))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(told, encoding="utf-8")
    assert told == GOLDEN.read_text(encoding="utf-8")


def log(journal: Path) -> str:
    """What ``playground log`` tells of the FTP connections of that journal."""
    playground = Path(sys.executable).with_name("playground")
    command = [str(playground), "log", "--file", str(journal), "protocol:ftp"]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout


def masked(told: str) -> str:
    """The same without what differs from day to day; a line's clock time is told after a pause only."""
    for pattern, instead in MASKS:
        told = re.sub(pattern, instead, told, flags=re.MULTILINE)
    return "".join(f"{line[TIME:]}\n" for line in told.splitlines())

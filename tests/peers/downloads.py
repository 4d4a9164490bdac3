"""What other projects publish, fetched while the tests run: nothing of theirs is kept here.

Where no package index can be reached the tests that need it are skipped, with that reason.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

PATIENCE = 120
"""Seconds for one download or installation."""


def pip(python: str, *words: str) -> None:
    """Run pip of that Python; skips the test where nothing can be downloaded."""
    command = [python, "-m", "pip", "--disable-pip-version-check", "-q", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"pip took more than {PATIENCE} s: {' '.join(words)}")
    if done.returncode:
        pytest.skip(f"cannot be downloaded: {' '.join(words)}: {done.stderr.strip().splitlines()[-1:]}")


def source(requirement: str, folder: Path) -> Path:
    """The unpacked source distribution of a package."""
    pip(
        sys.executable, "download", "--no-deps", "--no-binary", ":all:",
        "-d", str(folder), requirement,
    )  # fmt: skip  # words that belong together stay on one line
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


@functools.cache
def newer_python() -> str | None:
    """A Python 3.12 or newer, or None. Each is started: version managers leave names that only complain."""
    names = ["python3.14", "python3.13", "python3.12", "python3", sys.executable]
    found = [path for name in names if (path := shutil.which(name))]
    found += [str(path) for path in sorted(Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python"))]
    test = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))"
    for path in found:
        with tempfile.TemporaryFile() as said:
            if subprocess.run([path, "-c", test], stdout=said, stderr=said, check=False).returncode == 0:
                return path
    return None


def plain_environment(**more: str) -> dict[str, str]:
    """This process's environment without what would change another test run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    return kept | more

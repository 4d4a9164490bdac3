"""Bring ``.venv`` up to date: ``python bootstrap.py [EXTRA ...]``, where an extra is one of setup.cfg's.

The Makefile calls it before everything else, so it uses the standard library alone. It prints one line when
there is work, one line when that fails, and nothing when ``.venv`` is as it should be.

``.venv`` is in order when its stamp says so. The stamp is written last, so a ``.venv`` that was interrupted
has none and is made again; so is one that was made by another Python or for another folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "made-by-make.json"
LOG = VENV / "install.log"
VERSION = ".".join(str(part) for part in sys.version_info[:3])

UNREACHABLE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ProxyError|ReadTimeoutError|Read timed out"
    r"|Failed to establish a new connection|Temporary failure in name resolution|Network is unreachable"
    r"|\(from versions: none\)"
)


def give_up(reason: str) -> NoReturn:
    """End the line that :func:`main` began, and say why on the next one."""
    sys.exit(f"failed.\n{reason}")


def maker() -> list[str]:
    """Say what a ``.venv`` is bound to: with another interpreter or folder its scripts would not start."""
    return [sys.version, sys.base_prefix, str(ROOT)]


def recipe() -> str:
    """Return a digest of what decides which packages are in ``.venv``."""
    parts = [(ROOT / name).read_bytes() for name in ("setup.cfg", "pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_stamp() -> dict[str, object]:
    """Return what the stamp says; nothing when there is no ``.venv``, or only half of one."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    alive = (VENV / "bin" / "python").exists() and isinstance(stamp, dict) and stamp.get("maker") == maker()
    return stamp if alive else {}


def make_venv() -> None:
    """Make an empty ``.venv``, whatever was there before."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        give_up(f"{sys.executable} lacks the venv module. Debian, Ubuntu: sudo apt install {package}")
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    # Not sys.executable: that may be the .venv which was just removed, when it is activated.
    python = getattr(sys, "_base_executable", sys.executable)
    made = subprocess.run(
        [python, "-m", "venv", str(VENV)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode:
        lines = made.stdout.strip().splitlines() or ["no reason given"]
        give_up(f"{python} -m venv .venv: {lines[-1]}")


def install(extras: list[str]) -> None:
    """Install the project and what it needs into ``.venv``.

    Editable, so that an edit counts at once; in setuptools' compat mode, so that ``twist`` finds the plugin,
    for which the checkout itself must stand on ``sys.path``.
    """
    target = "." + (f"[{','.join(extras)}]" if extras else "")
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    options = ["--retries", "2", "-c", "constraints.txt", "--config-settings", "editable_mode=compat"]
    with LOG.open("w", encoding="utf-8") as log:
        command = [*pip, "install", *options, "-e", target]
        code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False).returncode
    if code == 0:
        return
    said = LOG.read_text(encoding="utf-8", errors="replace")
    where = LOG.relative_to(ROOT)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        give_up(
            f"pip does not trust the package index's certificate: is a proxy in between? (all of it: {where})"
        )
    if UNREACHABLE.search(said):
        give_up(f"pip cannot reach the package index: is there a network? (all of it: {where})")
    errors = [line.strip() for line in said.splitlines() if "ERROR:" in line]
    give_up(f"pip: {errors[0] if errors else f'exit code {code}'} (all of it: {where})")


def main(wanted: list[str]) -> None:
    """Make or mend ``.venv`` so that it has these extras, and those that it had."""
    # Two makes at once, one in each terminal, must not both build. A lock on a file that is there anyway.
    with (ROOT / "setup.cfg").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = read_stamp()
        had = stamp.get("extras", [])
        assert isinstance(had, list)
        extras = sorted({*had, *wanted})
        if stamp and extras == had and stamp.get("recipe") == recipe():
            return
        task = "Bringing .venv up to date" if stamp else "Making .venv (once, about 15 s)"
        if stamp and extras != had:
            task = f"Adding to .venv what {' and '.join(sorted({*wanted} - {*had}))} needs (once)"
        print(f"Python {VERSION}. {task} ...", end=" ", flush=True)
        STAMP.unlink(missing_ok=True)
        if not stamp:
            make_venv()
        install(extras)
        fresh = {"maker": maker(), "recipe": recipe(), "extras": extras}
        unfinished = STAMP.with_suffix(".new")
        unfinished.write_text(json.dumps(fresh), encoding="utf-8")
        os.replace(unfinished, STAMP)
        print("done.")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("stopped. The next make begins again.")
    except OSError as error:
        give_up(str(error))

"""The programs of other people that the tests here talk to the playground with, and how Debian calls them.

``python tests/clients/programs.py`` says which are missing and installs them when it may: on Debian and
its like, as root or with a sudo that asks nothing. ``NO_APT=1`` forbids it. ``make test`` runs it first.
What is missing afterwards is skipped, with the reason; under ``CI=true`` that is a failure.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable

PACKAGES = {
    "ab": "apache2-utils",
    "chromium": "chromium",
    "curl": "curl",
    "ftp": "tnftp",
    "inetutils-ftp": "inetutils-ftp",
    "lftp": "lftp",
    "nc": "netcat-openbsd",
    "ncat": "ncat",
    "ncftpget": "ncftp",
    "openssl": "openssl",
    "redis-cli": "redis-tools",
    "redis-server": "redis-server",
    "socat": "socat",
    "telnet": "inetutils-telnet",
    "tnftp": "tnftp",
    "wget": "wget",
    "wrk": "wrk",
}
"""Command to Debian package. Debian has several of ``ftp``, ``nc`` and ``telnet``; these are its defaults."""

INSIST = os.environ.get("CI") == "true"
"""True where a missing program is a failure."""


def missing(programs: Iterable[str] = PACKAGES) -> list[str]:
    """Return those of the programs that are not there."""
    return [program for program in programs if shutil.which(program) is None]


def apt_line(programs: Iterable[str]) -> str:
    """Return the command that installs them on Debian and its like."""
    return f"apt-get install {' '.join(packages(programs))}"


def packages(programs: Iterable[str]) -> list[str]:
    """Return the Debian packages that bring these programs."""
    return sorted({PACKAGES[program] for program in programs})


def apt() -> list[str] | None:
    """Return how apt-get may be started here without asking anybody; None when it may not."""
    if os.environ.get("NO_APT") or shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    asks_nothing = shutil.which("sudo") and subprocess.run(
        ["sudo", "-n", "true"], capture_output=True, check=False
    )
    if asks_nothing and asks_nothing.returncode == 0:
        return ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return None


def install(programs: list[str]) -> str:
    """Install them. Return what went wrong, empty when nothing did."""
    start = apt()
    assert start is not None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *packages(programs)]):
        done = subprocess.run(
            [*start, *step],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = done.stdout.strip().splitlines() or [f"exit code {done.returncode}"]
            return f"{shlex.join([*start, *step])}: {lines[-1]}"
    return ""


def main() -> int:
    """Say what is missing, install it when allowed; fail only where CI insists."""
    programs = missing()
    if not programs:
        return 0
    if apt() is None:
        print(f"The tests also use {', '.join(programs)}: not here, so their tests are skipped.")
        print(f"Debian, Ubuntu: sudo {apt_line(programs)}")
    else:
        print(
            f"Installing what the tests use (NO_APT=1 forbids): {' '.join(packages(programs))} ...",
            flush=True,
        )
        trouble = install(programs)
        if trouble:
            print(trouble)
    still = missing()
    if still and INSIST:
        print(f"CI=true, but not installed: {', '.join(still)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

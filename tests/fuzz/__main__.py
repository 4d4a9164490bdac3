"""Throw bytes at the HTTP server's reader until something gives way.

    .venv/bin/pip install atheris
    .venv/bin/python -m tests.fuzz 10

fuzzes for ten minutes, beginning with the inputs in ``http_requests.txt``, and ends earlier where it finds a
fault: then the input is printed, and left in ``crash-…``. What it has learned goes into that file, reduced to
the inputs that show something of their own; the tests replay it, for which atheris is not needed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["playground.servers.http", "h11"]):
    from tests.fuzz.http_requests import CORPUS, examine, kept

LONGEST = 4096
"""Bytes of an input."""

MOST = 300
"""Inputs that are kept, the shortest ones."""

WORDS = r"""
    GET POST HEAD OPTIONS CONNECT PRI / * http://a/ HTTP/1.1 HTTP/1.0 HTTP/2.0
    \x0d\x0a \x0d\x0a\x0d\x0a \x0a \x0d \x00 \x09 \xff : ; = , \x22 \x5c
    Host: Content-Length: Transfer-Encoding: chunked identity gzip Connection: close keep-alive
    upgrade Upgrade: Expect: 100-continue Trailer:
    0\x0d\x0a\x0d\x0a 5\x0d\x0a ffffffffffffffff 18446744073709551616 0x5 +5 -1
"""
"""What requests are made of, written as libFuzzer's dictionaries are."""


def main() -> int:
    """Fuzz, and keep what was learned."""
    if sys.argv[1] == "within":  # this process is the one that the other has started
        atheris.Setup(sys.argv[2:], lambda data: bool(examine(data)))
        atheris.Fuzz()
    with tempfile.TemporaryDirectory() as folder:
        words, corpus, reduced = Path(folder, "words"), Path(folder, "corpus"), Path(folder, "reduced")
        words.write_text("".join(f'"{word}"\n' for word in WORDS.split()))
        reduced.mkdir()
        corpus.mkdir()
        for number, data in enumerate(kept()):
            Path(corpus, str(number)).write_bytes(data)
        seconds = f"-max_total_time={float(sys.argv[1]) * 60:.0f}"
        limits = [f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=2048"]
        program = Path(folder, "program")  # libFuzzer starts itself again, by its name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.fuzz within {program} "$@"\n')
        program.chmod(0o700)
        failed = within(program, str(corpus), seconds, *limits, f"-dict={words}", "-len_control=20")
        if not failed:
            failed = within(program, "-merge=1", str(reduced), str(corpus), *limits)
        if not failed:
            found = sorted(
                (file.read_bytes() for file in reduced.iterdir()), key=lambda data: (len(data), data)
            )
            CORPUS.write_text("".join(f"{data!r}\n" for data in found[:MOST]), encoding="ascii")
    return failed


def within(program: Path, *options: str) -> int:
    """Run libFuzzer in a process of its own: it ends the one it runs in."""
    return subprocess.run([str(program), *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

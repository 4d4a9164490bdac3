"""The folder that FTP shows when nobody names another one, and what is in it at first."""

from __future__ import annotations

from pathlib import Path

SAMPLES = {
    "README.txt": """\
This folder belongs to the Protocol Playground. Play: nothing here is precious.

  cd docs     now "get a.txt" means another file than it did a moment ago
  pwd         the server knows where you are, because it remembers you
  bye         and now it does not
""",
    "a.txt": "I am /a.txt. There is another a.txt in docs.\n",
    "docs/a.txt": "I am /docs/a.txt. You got me because the server remembers your cd.\n",
    "docs/guide.txt": """\
Things to try, and to look up in the log:

  TYPE I, then SIZE guide.txt    before TYPE I the answer was 550
  RNFR a.txt, NOOP, RNTO b.txt   a promise that outlives another command
  REST 6, then RETR a.txt        the rest is forgotten when it was used
  SITE STATE                     everything the server remembers of you
""",
    "pub/hello.txt": "Hello, whoever you are.\n",
    "pub/ten.txt": "0123456789",
}


def make_sandbox(folder: Path) -> Path:
    """Make ``folder`` with the sample files, unless it is there already; returns it.

    Raises ``OSError`` when it cannot be made.
    """
    if not folder.exists():
        for name, text in SAMPLES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
    return folder

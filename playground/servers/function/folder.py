"""Which functions there are: a Python file each, with a ``handler(event, context)`` in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

SAMPLES = Path(__file__).parent / "samples"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Folder:
    """The functions of one's own, if there are any, and the samples."""

    def __init__(self, own: Path | None = None) -> None:
        self._folders = [folder for folder in (own, SAMPLES) if folder is not None]

    def names(self) -> list[str]:
        """Those that there are now: a new file needs no new start."""
        return sorted({file.stem for folder in self._folders for file in _files(folder)})

    def find(self, name: str) -> Path | None:
        """The folder that holds the function, or None where there is no such function.

        Names are compared with what lies in the folder; they never become part of a path that is opened.
        """
        for folder in self._folders:
            if any(file.stem == name for file in _files(folder)):
                return folder
        return None


def _files(folder: Path) -> Iterator[Path]:
    try:
        files = list(folder.iterdir())
    except OSError:  # removed meanwhile
        return
    yield from (
        file for file in files if file.suffix == ".py" and NAME.fullmatch(file.stem) and file.is_file()
    )

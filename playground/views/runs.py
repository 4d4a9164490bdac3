"""The journals of former runs: each start of the program begins a new file and puts the old ones aside."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from playground.journal.events import JournalOpen
from playground.views.jsonl import parts, rotated, run_of

KEEP_RUNS: Final = 20

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class Run(NamedTuple):
    """A former run's journal."""

    name: str
    """As ``playground log --run`` takes it."""
    path: Path
    """Its newest part."""
    opening: JournalOpen | None
    size: int
    """Bytes, of all parts."""


def start_run(path: Path, runs_dir: Path, keep: int = KEEP_RUNS) -> list[Path]:
    """Put the files of the former run aside, before a new one writes to ``path``.

    They go to ``runs_dir``, named after their run, and only the newest
    ``keep`` runs stay. Returns where the files went. Raises :class:`OSError`
    when the folders cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = parts(path)
    moved: list[Path] = []
    targets: dict[str, Path] = {}
    if files:
        runs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in files:
        name = _file_name(file)
        if name not in targets:
            targets[name] = _unused(runs_dir / f"{name}{path.suffix}")
        target = targets[name]
        if file != path:
            number = int(file.name[len(path.stem) + 1 : len(file.name) - len(path.suffix)])
            target = rotated(target, number)
        os.replace(file, target)
        moved.append(target)
    for run in runs(runs_dir, path.suffix)[max(keep, 0) :]:
        for part in parts(run.path):
            part.unlink(missing_ok=True)
    return moved


def _file_name(file: Path) -> str:
    """The name of the run that wrote a file, safe as a file name whatever stands in there."""
    opening = run_of(file)
    if opening is not None and (name := _UNSAFE.sub("-", opening.run).strip("-")[:80]):
        return name
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return f"unnamed-{written:%Y%m%dT%H%M%SZ}"


def _unused(target: Path) -> Path:
    """``target``, or the first ``target-2``, ``-3`` ... that no run has."""
    candidate, number = target, 1
    while parts(candidate):
        number += 1
        candidate = target.with_name(f"{target.stem}-{number}{target.suffix}")
    return candidate


def runs(runs_dir: Path, suffix: str = ".jsonl") -> list[Run]:
    """The former runs, newest first. An absent folder has none."""
    by_name: dict[str, list[Path]] = {}
    if runs_dir.is_dir():
        for file in runs_dir.glob(f"*{suffix}"):
            by_name.setdefault(file.name.split(".")[0], []).append(file)
    found: list[tuple[float, Run]] = []
    for name, files in by_name.items():
        try:
            status = [file.stat() for file in files]
        except FileNotFoundError:  # just being tidied up
            continue
        newest = runs_dir / f"{name}{suffix}"
        first = parts(newest)
        found.append(
            (
                max(part.st_mtime for part in status),
                Run(name, newest, run_of(first[0]) if first else None, sum(part.st_size for part in status)),
            )
        )
    found.sort(key=lambda pair: (pair[0], pair[1].name), reverse=True)
    return [run for _, run in found]


def find_run(runs_dir: Path, name: str, suffix: str = ".jsonl") -> Run | None:
    """The run of that name, or the newest one for ``last``; an unmistakable beginning of a name is enough."""
    known = runs(runs_dir, suffix)
    if name == "last":
        return known[0] if known else None
    exact = [run for run in known if run.name == name]
    begun = [run for run in known if name and run.name.startswith(name)]
    return exact[0] if exact else begun[0] if len(begun) == 1 else None

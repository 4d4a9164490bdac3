"""The state folder: one process at a time, told apart by a lock."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class StateDirError(Exception):
    """The state folder cannot be used. Its text is one line that tells a person what to do."""


@dataclass
class StateDir:
    """A state folder that this process holds. Made by :meth:`hold`."""

    path: Path
    _lock: int

    @classmethod
    def hold(cls, path: Path) -> StateDir:
        """Make the folder if need be and take its lock. Raises :class:`StateDirError`."""
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateDirError(
                f"The state folder {path} cannot be written: {error.strerror}. Try: --state-dir DIR"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _read(lock)
            os.close(lock)
            if not isinstance(error, BlockingIOError):
                raise StateDirError(
                    f"The state folder {path} cannot be locked: {error.strerror}. Try: --state-dir DIR"
                ) from error
            ports = ", ".join(f"{name} {port}" for name, port in holder.get("ports", {}).items())
            who = f"pid {holder.get('pid', 'unknown')}" + (f", {ports}" if ports else "")
            raise StateDirError(
                f"A playground is already running in {path} ({who}). Stop it, or use --state-dir DIR."
            ) from None
        held = cls(path, lock)
        held.tell({"pid": os.getpid()})
        return held

    def tell(self, facts: Mapping[str, Any]) -> None:
        """Write into the lock what a second start should be told."""
        text = json.dumps(facts).encode()
        with suppress(OSError):  # a full disk is the journal's trouble; the lock holds without a text
            os.pwrite(self._lock, text, 0)
            os.ftruncate(self._lock, len(text))

    @property
    def control(self) -> Path:
        """The file that names the control socket."""
        return self.path / "control"

    def release(self) -> None:
        """Let another process have the folder."""
        with suppress(OSError):
            os.ftruncate(self._lock, 0)
        os.close(self._lock)


def _read(lock: int) -> dict[str, Any]:
    try:
        facts = json.loads(os.pread(lock, 4096, 0) or b"{}")
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}

"""How much of the journal is kept, in memory and on disk."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class JournalLimits:
    """Sizes of the journal. ``--set journal.keep=10`` sets one."""

    ring: int = field(default=10_000, metadata={"why": "events in memory, whatever happens to the file"})
    file_bytes: int = field(
        default=64 * 1024 * 1024, metadata={"why": "a file larger than this is hard to open elsewhere"}
    )
    keep: int = field(default=4, metadata={"why": "older files of this run, so that a disk does not fill"})
    runs: int = field(default=20, metadata={"why": "earlier runs in STATE_DIR/runs"})
    queue: int = field(default=200_000, metadata={"why": "events that may wait for a slow disk"})

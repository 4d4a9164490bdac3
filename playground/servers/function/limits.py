"""What a function may take, and why no more."""

from __future__ import annotations

from dataclasses import dataclass

from playground.wire.limits import Limits, limit


@dataclass(frozen=True)
class FunctionLimits(Limits):
    """Limits of the functions. Sizes are bytes, times are seconds."""

    environments: int = limit(
        4, "each is a process of some 20 MiB; an idle one of another function gives way"
    )
    timeout: float = limit(3.0, "a function that takes longer is killed, as AWS does after three seconds")
    init_seconds: float = limit(10.0, "starting and importing, as AWS allows")
    warm_seconds: float = limit(300.0, "an idle process is kept for the next request, but not for ever")
    payload: int = limit(1_048_576, "what a function answers; AWS allows 6 MiB")
    memory: int = limit(536_870_912, "address space of a process: one that takes more gets a MemoryError")
    output_lines: int = limit(20, "lines that one run may print into the journal")
    output_line: int = limit(500, "what is kept of each of them")

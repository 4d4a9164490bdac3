"""How long ``playground up`` takes until all ports are open: prints milliseconds, the median of five starts.

Run it from the checkout: ``python benchmarks/start.py [--runs N] [OPTION ...]``. Further options are those of
``playground up``, as in ``--only http``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from playground.testing import start


def milliseconds(state_dir: Path, *options: str) -> float:
    """From starting the process to its ready line, which it prints once all ports are open."""
    began = perf_counter()
    with start(state_dir, *options):
        return (perf_counter() - began) * 1000


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description="How long a start takes.")
    parser.add_argument("--runs", type=int, default=5)
    own, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="playground-start-") as folder:
        times = sorted(milliseconds(Path(folder) / str(run), *options) for run in range(own.runs))
    print(f"{median(times):.0f} ms (median of {own.runs}; {times[0]:.0f} to {times[-1]:.0f})")


if __name__ == "__main__":
    main()

"""``python -m playground``, and what the command ``playground`` calls."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    from playground.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

"""How quickly: this FTP server, pyftpdlib in a process of its own, and vsftpd, side by side in one go.

    .venv/bin/python -m benchmarks.ftp [--rounds N] [--only NAME ...] [--tls]

All servers run at once and are asked in turn, round after round, so that what disturbs the machine disturbs
all of them. Printed are the medians of the rounds, and the playground's ratio to each peer (of the same
round): above 1 the playground is quicker. Its journal is on.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from benchmarks.ftp.peers import PEERS, PLAYGROUND
from benchmarks.ftp.visits import BIG, MEASURED, SMALL, Target
from playground.wire.certificates import own_identity, utc_now

SHARED_MEMORY = Path("/dev/shm")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="peers whose names begin so, beside the playground")
    parser.add_argument("--tls", action="store_true", help="commands and files are encrypted")
    asked = parser.parse_args()
    seen: dict[str, dict[str, list[float]]] = {}
    in_memory = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="playground-ftp-", dir=in_memory) as place, ExitStack() as stack:
        folder = furnish(Path(place))
        pem = certificate(Path(place)) if asked.tls else None
        targets = {}
        for peer in PEERS:
            if peer.name != PLAYGROUND and asked.only and not peer.name.startswith(tuple(asked.only)):
                continue
            if peer.needs and shutil.which(peer.needs) is None:
                print(f"{peer.needs} is not installed and left out.")
                continue
            serving = stack.enter_context(contextmanager(peer.start)(folder, pem))
            targets[peer.name] = Target(serving.port, folder, peer.writer, asked.tls)
        for number in range(asked.rounds + 1):
            for what, measure in MEASURED.items():
                for name, target in targets.items():
                    value = measure(target)
                    if number:  # the first round is for what is made at the first use
                        seen.setdefault(name, {}).setdefault(what, []).append(value)
    tell(seen, asked.rounds)


def furnish(place: Path) -> Path:
    """The files that are served, for every user to read and in ``up`` to write."""
    place.chmod(0o755)
    folder = place / "files"
    (folder / "up").mkdir(parents=True)
    (folder / "up").chmod(0o777)
    with (folder / "big").open("wb") as big:
        for _ in range(BIG >> 20):
            big.write(os.urandom(1 << 20))
    (folder / "small").write_bytes(os.urandom(SMALL))
    return folder


def certificate(place: Path) -> Path:
    """A file with a key and a certificate, for all of them."""
    identity = own_identity(place / "tls", [], utc_now())
    pem = place / "server.pem"
    pem.write_bytes(identity.key.read_bytes() + identity.chain.read_bytes())
    return pem


def tell(seen: dict[str, dict[str, list[float]]], rounds: int) -> None:
    """Print the table."""
    print(f"{rounds} rounds; in brackets the playground's ratio to that server")
    print(f"  {'':20}" + "".join(f"{what:>24}" for what in MEASURED))
    own = seen[PLAYGROUND]
    for name, values in seen.items():
        cells = []
        for what, numbers in values.items():
            ratio = median(mine / other for mine, other in zip(own[what], numbers, strict=True))
            cells.append(f"{median(numbers):>15,.0f} ({ratio:5.2f})")
        print(f"  {name:20}" + "".join(f"{cell:>24}" for cell in cells))


if __name__ == "__main__":
    main()

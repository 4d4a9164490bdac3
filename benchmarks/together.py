"""How quickly HTTP answers while a large FTP transfer and a game run in the same process.

    python benchmarks/together.py

Prints p50, p99 and the longest of the HTTP answers, quiet and under load.
"""

from __future__ import annotations

import ftplib
import http.client
import multiprocessing
import socket
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from benchmarks.answer_times import in_ms
from playground.testing import Running, run

MEGABYTES = 200
REQUESTS = 1000


def main() -> None:
    """Measure and print."""
    with run() as playground:
        big = playground.state_dir / "ftp" / "big.bin"
        with big.open("wb") as file:
            file.truncate(MEGABYTES * 1024 * 1024)
        quiet = requests(playground, REQUESTS)
        loaded = under_load(playground, big)
        print(f"{REQUESTS} HTTP answers, one after the other, in ms")
        print(f"  {'':24} {'p50':>8} {'p99':>8} {'longest':>8}")
        for name, times in (("quiet", quiet), ("with FTP and a game", loaded)):
            print(f"  {name:24} {in_ms(times)}")
        threads = thread_names(playground.ready["pid"])
        print(f"threads of the process: {', '.join(threads)}")


def under_load(playground: Running, big: Path) -> list[float]:
    """HTTP answers' times while one FTP client downloads, one uploads and two players play."""
    stop = multiprocessing.Event()
    workers = [
        multiprocessing.Process(target=download, args=(playground, big.name, stop)),
        multiprocessing.Process(target=play, args=(playground, "ada", stop)),
        multiprocessing.Process(target=play, args=(playground, "bob", stop)),
    ]
    for worker in workers:
        worker.start()
    try:
        return requests(playground, REQUESTS)
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def requests(playground: Running, count: int) -> list[float]:
    """Seconds of each of ``count`` answers on one kept connection."""
    address = playground.servers["http"]
    connection = http.client.HTTPConnection(address.host, address.port)
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        connection.request("GET", "/get?name=ada")
        connection.getresponse().read()
        times.append(time.perf_counter() - begun)
    connection.close()
    return times


def download(playground: Running, name: str, stop: Event) -> None:
    """Fetch the same large file until told to stop."""
    address = playground.servers["ftp"]
    with ftplib.FTP() as ftp:
        ftp.connect(address.host, address.port)
        ftp.login(*playground.login)
        while not stop.is_set():
            ftp.retrbinary(f"RETR {name}", lambda _: None, blocksize=1024 * 1024)


def play(playground: Running, name: str, stop: Event) -> None:
    """Say something to the others as often as the game lets one."""
    address = playground.servers["game"]
    with socket.create_connection(address) as player:
        player.settimeout(0.2)
        player.sendall(f"name {name}\nready\n".encode())
        while not stop.wait(0.1):
            player.sendall(b"go\nlook\n")
            try:
                player.recv(65536)
            except TimeoutError:
                continue


def thread_names(pid: int) -> list[str]:
    """The names of a process's threads, from Linux."""
    tasks = Path(f"/proc/{pid}/task")
    return sorted((task / "comm").read_text().strip() for task in tasks.iterdir())


if __name__ == "__main__":
    main()

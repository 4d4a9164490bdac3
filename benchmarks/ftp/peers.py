"""The FTP servers that are measured side by side, each a process of its own, all with the same files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.http.peers import Serving, free_port, process, wait_until_open
from playground.testing import run

MOST_CONNECTIONS = 1000


class Peer(NamedTuple):
    """A server that can be started in a folder of files."""

    name: str
    start: Callable[[Path, Path | None], Iterator[Serving]]
    """In a folder, with a PEM file of key and certificate where it shall speak TLS."""
    needs: str = ""
    """The program it is, where it is one."""
    writer: tuple[str, str] = ("ada", "ada")
    """Who may store files there."""


PLAYGROUND = "playground"
"""With its journal as it is by default: every message's bytes, in the file within 100 ms."""


def playground(folder: Path, pem: Path | None) -> Iterator[Serving]:
    """This very playground, its FTP server alone."""
    limits = [f"ftp.{name}={MOST_CONNECTIONS}" for name in ("connections", "connections_per_address")]
    with run("--quiet", only="ftp", set=limits, ftp_root=folder, ftp_write=True, tls=pem) as running:
        yield Serving(running.servers["ftp"].port, running.ready["pid"])


STOCK = f"""
import logging, sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer
port, folder, log, *pem = sys.argv[1:]
if pem:
    FTPHandler = TLS_FTPHandler
    FTPHandler.certfile = FTPHandler.keyfile = pem[0]
if log == "silent":
    logging.basicConfig(level=logging.ERROR)
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_user("ada", "ada", folder, perm="elradfmwMT")
FTPHandler.authorizer.add_anonymous(folder)
server = FTPServer(("127.0.0.1", int(port)), FTPHandler, backlog=1024)
server.max_cons = {MOST_CONNECTIONS}
server.serve_forever()
"""


def stock(log: str) -> Callable[[Path, Path | None], Iterator[Serving]]:
    """pyftpdlib as its manual starts it; ``log`` is ``silent``, or it writes its log to a file as it does."""

    def start(folder: Path, pem: Path | None) -> Iterator[Serving]:
        port = free_port()
        command = [sys.executable, "-W", "ignore", "-c", STOCK, str(port), str(folder), log]
        command += [str(pem)] if pem else []
        with process(["sh", "-c", 'exec "$@" 2>"$0"', str(folder.parent / "pyftpdlib.log"), *command]) as pid:
            wait_until_open(port)
            yield Serving(port, pid)

    return start


VSFTPD = """
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
run_as_launching_user=YES
anonymous_enable=YES
anon_root={folder}
anon_upload_enable=YES
anon_other_write_enable=YES
anon_umask=022
write_enable=YES
no_anon_password=NO
max_clients=0
max_per_ip=0
secure_chroot_dir=/var/run/vsftpd/empty
allow_writeable_chroot=YES
seccomp_sandbox=NO
xferlog_enable=NO
"""


VSFTPD_TLS = """
ssl_enable=YES
allow_anon_ssl=YES
require_ssl_reuse=NO
ssl_ciphers=HIGH
rsa_cert_file={pem}
rsa_private_key_file={pem}
"""


def vsftpd(folder: Path, pem: Path | None) -> Iterator[Serving]:
    """vsftpd, which makes a process for every client. It is asked for nothing that needs a system account."""
    port = free_port()
    config = folder.parent / "vsftpd.conf"
    text = VSFTPD + (VSFTPD_TLS if pem else "")
    config.write_text(text.format(port=port, folder=folder, pem=pem))
    with process(["vsftpd", str(config)]) as pid:
        wait_until_open(port)
        yield Serving(port, pid)


PEERS = (
    Peer(PLAYGROUND, playground),
    Peer("pyftpdlib", stock("log")),
    Peer("pyftpdlib, silent", stock("silent")),
    Peer("vsftpd", vsftpd, needs="vsftpd", writer=("anonymous", "a@b")),
)

"""The servers that are measured side by side, each started as a process of its own.

All of them answer ``GET /version`` with the same few bytes of JSON and their own usual fields. The playground
keeps that answer, because it never changes; ``/get`` it makes anew each time, of what the request brought.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playground.testing import run

MOST_CONNECTIONS = 15_000
STARTS_WITHIN = 20.0
"""Seconds."""
BODY = '{\n  "version": "0.1.0"\n}\n'
"""What the playground answers, so that all others write as many bytes."""


class Serving(NamedTuple):
    """A server that has started."""

    port: int
    pid: int
    """The process that answers."""


class Peer(NamedTuple):
    """A server that can be started."""

    name: str
    start: Callable[[], Iterator[Serving]]
    needs: str = ""
    """The program it is, where it is one."""
    path: str = "/version"
    """What is asked for."""


PLAYGROUND = "playground"
"""With its journal as it is by default: every message's bytes, in the file within 100 ms."""


def playground(*options: str) -> Callable[[], Iterator[Serving]]:
    """This very playground, its HTTP server alone."""

    def start() -> Iterator[Serving]:
        limits = [f"http.{name}={MOST_CONNECTIONS}" for name in ("connections", "connections_per_address")]
        with run("--quiet", *options, only="http", set=limits) as running:
            yield Serving(running.servers["http"].port, running.ready["pid"])

    return start


UVICORN = f"""
import sys, uvicorn
async def app(scope, receive, send):
    await send({{"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", b"{len(BODY)}")]}})
    await send({{"type": "http.response.body", "body": {BODY.encode()!r}}})
uvicorn.run(app, port=int(sys.argv[1]), http="httptools", loop="uvloop", lifespan="off",
            access_log=False, log_level="warning", backlog=1024)
"""

AIOHTTP = f"""
import sys
from aiohttp import web
async def version(request):
    return web.Response(text={BODY!r}, content_type="application/json")
app = web.Application()
app.router.add_get("/version", version)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
"""

TWISTED_WEB = f"""
import sys
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site
class Version(Resource):
    isLeaf = True
    def render_GET(self, request):
        request.setHeader(b"content-type", b"application/json")
        return {BODY.encode()!r}
site = Site(Version())
site.log = lambda request: None
reactor.listenTCP(int(sys.argv[1]), site, backlog=1024, interface="127.0.0.1")
reactor.run()
"""

NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 15000; }}
http {{
  access_log off; client_header_timeout 10s; keepalive_requests 100000000; default_type application/json;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port} backlog=1024; location /version {{ return 200 '{body}'; }} }}
}}
"""


def script(source: str) -> Callable[[], Iterator[Serving]]:
    """A server that is a few lines of Python; it is told its port."""

    def start() -> Iterator[Serving]:
        port = free_port()
        with process([sys.executable, "-c", source, str(port)]) as pid:
            wait_until_open(port)
            yield Serving(port, pid)

    return start


def nginx() -> Iterator[Serving]:
    """nginx with one worker and no log."""
    with tempfile.TemporaryDirectory(prefix="playground-nginx-") as folder:
        port = free_port()
        config = Path(folder) / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=port, body=BODY))
        with process(["nginx", "-e", f"{folder}/error.log", "-c", str(config)]) as master:
            wait_until_open(port)
            children = Path(f"/proc/{master}/task/{master}/children")
            yield Serving(port, int(children.read_text().split()[0]) if children.exists() else master)


PEERS = (
    Peer(PLAYGROUND, playground()),
    Peer("playground, nothing captured", playground("--capture", "none")),
    Peer("playground, /get made anew", playground(), path="/get"),
    Peer("uvicorn (httptools, uvloop)", script(UVICORN)),
    Peer("aiohttp", script(AIOHTTP)),
    Peer("twisted.web", script(TWISTED_WEB)),
    Peer("nginx, one worker", nginx, needs="nginx"),
)


def missing(peer: Peer) -> bool:
    """Whether the program that this peer is cannot be found."""
    return bool(peer.needs) and shutil.which(peer.needs) is None


@contextmanager
def process(command: list[str]) -> Iterator[int]:
    """A process that ends with the block."""
    running = subprocess.Popen(command)
    try:
        yield running.pid
    finally:
        running.terminate()
        running.wait(10)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has had so far, all its threads; 0 where the system does not say."""
    status = Path(f"/proc/{pid}/stat")
    if not status.exists():
        return 0.0
    fields = status.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until_open(port: int) -> None:
    """Returns once somebody listens there. Raises :class:`TimeoutError`."""
    patience = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < patience:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            let_others_work()
    raise TimeoutError(f"nobody listens on port {port} after {STARTS_WITHIN:g} s")


def let_others_work() -> None:
    """Let others work for a moment."""
    time.sleep(0.02)  # noqa: TID251  # no reactor here: another process starts meanwhile

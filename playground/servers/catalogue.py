"""Which servers there are, and how one of them is loaded."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any
from zlib import crc32

from playground.servers import Server

BUILT_IN = {
    "http": "playground.servers.http:HttpServer",
    "ftp": "playground.servers.ftp:FtpServer",
    "game": "playground.servers.game:GameServer",
    "waiter": "playground.servers.waiter:Waiter",
}
"""The servers that come with the playground, in the order of the start table."""

ENTRY_POINT_GROUP = "playground.servers"

Loader = Callable[[], type[Server]]


class NoServer(Exception):
    """A server that cannot be had. Its text tells a person why."""


def catalogue(files: Iterable[Path] = ()) -> dict[str, Loader]:
    """Name to loader: the built-in servers, those of installed packages, those in ``files``.

    A server is imported when its loader is called, so that one which is off
    costs nothing. Raises :class:`NoServer` for a file that holds none.
    """
    loaders: dict[str, Loader] = {name: _built_in(path) for name, path in BUILT_IN.items()}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        loaders.setdefault(entry.name, _installed(entry))
    for file in files:
        for server in _servers_in(file):
            loaders[server.name] = _known(server)
    return loaders


def _built_in(path: str) -> Loader:
    module, _, name = path.partition(":")

    def load() -> type[Server]:
        server: type[Server] = getattr(importlib.import_module(module), name)
        return server

    return load


def _installed(entry: EntryPoint) -> Loader:
    def load() -> type[Server]:
        try:
            server: Any = entry.load()
        except Exception as error:  # a stranger's package may fail in any way
            raise NoServer(f"The installed server {entry.name!r} ({entry.value}) fails: {error}") from error
        if not _is_server(server):
            raise NoServer(f"The installed server {entry.name!r} ({entry.value}) is no playground Server.")
        found: type[Server] = server
        return found

    return load


def _known(server: type[Server]) -> Loader:
    return lambda: server


def _servers_in(file: Path) -> list[type[Server]]:
    module = _module_of(file)
    found = [
        value for value in vars(module).values() if _is_server(value) and value.__module__ == module.__name__
    ]
    if not found:
        raise NoServer(f"{file} has no server: it needs a class that derives from playground.servers.Server.")
    return found


def _module_of(file: Path) -> ModuleType:
    name = f"playground_server_{file.stem}_{crc32(bytes(file.absolute())):08x}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise NoServer(f"{file} is no Python file that can be read.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look for their module there
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a stranger's file may fail in any way
        del sys.modules[name]
        raise NoServer(f"{file} fails: {type(error).__name__}: {error}") from error
    return module


def _is_server(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, Server) and not inspect.isabstract(value)

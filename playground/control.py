"""Answer who asks this playground, and make it forget: over a Unix socket that only its user can open.

One line of JSON is the request, one line of JSON the answer. The path of the
socket stands in ``STATE_DIR/control``; the socket itself lies in a folder of
its own, because a path of over about 100 bytes is none to the kernel.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from typing_extensions import override

from playground.ask import ControlError

log = Logger()

REQUEST_BYTES = 4096

Json = Any
Handler = Callable[[Mapping[str, Json]], "Deferred[Json] | Json"]


class _Dialogue(LineOnlyReceiver):
    delimiter = b"\n"
    MAX_LENGTH = REQUEST_BYTES

    def __init__(self, handlers: Mapping[str, Handler], dialogues: set[_Dialogue]) -> None:
        self._handlers = handlers
        self._dialogues = dialogues

    @override
    def connectionMade(self) -> None:
        self._dialogues.add(self)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._dialogues.discard(self)

    def hang_up(self) -> None:
        """Close, once what was answered is read."""
        if self.transport is not None:
            self.transport.loseConnection()

    @override
    def lineReceived(self, line: bytes) -> None:
        _ = ensureDeferred(self._answer(line))

    async def _answer(self, line: bytes) -> None:
        try:
            request = json.loads(line)
            handler = self._handlers[request["ask"]]
            answer = as_json(await maybeDeferred(handler, request))
        except (ValueError, TypeError, KeyError) as error:
            answer = as_json({"error": f"not understood: {error}"})
        except ControlError as error:
            answer = as_json({"error": str(error)})
        except Exception:
            log.failure("a control request failed")
            answer = as_json({"error": "the playground failed to answer; its log says why"})
        if self.transport is not None:
            self.transport.write(answer + b"\n")


def as_json(answer: Json) -> bytes:
    """An answer as JSON. What JSON has no word for is told as text: a server's memory may hold anything."""
    try:
        return msgspec.json.encode(answer)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(answer, default=str, skipkeys=True).encode()


class _Dialogues(Factory):
    noisy = False

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers
        self.live: set[_Dialogue] = set()

    @override
    def buildProtocol(self, addr: IAddress | None) -> _Dialogue:
        return _Dialogue(self._handlers, self.live)


class ControlServer:
    """The listening side."""

    def __init__(self, reactor: Any, pointer: Path, handlers: Mapping[str, Handler]) -> None:
        self._reactor = reactor
        self._pointer = pointer
        self._dialogues = _Dialogues(handlers)
        self._folder: str | None = None
        self._port: IListeningPort | None = None

    async def open(self) -> None:
        """Listen, and write the socket's path into the pointer file. Raises ``OSError``."""
        self._sweep()
        self._folder = _short_folder()
        path = os.path.join(self._folder, "control")
        endpoint = serverFromString(self._reactor, f"unix:{quoteStringArgument(path)}:mode=600:lockfile=0")
        self._port = await endpoint.listen(self._dialogues)
        self._pointer.write_text(path)

    def _sweep(self) -> None:
        """Remove the folder of a playground that had no time to do so."""
        with suppress(OSError, ValueError):
            folder = Path(self._pointer.read_text()).parent
            if re.fullmatch(r"playground-[a-z0-9_]{8}", folder.name) and folder.lstat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)

    async def close(self) -> None:
        """Stop listening, and leave nothing behind."""
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        for dialogue in list(self._dialogues.live):
            dialogue.hang_up()
        if self._folder is not None:
            self._pointer.unlink(missing_ok=True)
            shutil.rmtree(self._folder, ignore_errors=True)


def _short_folder() -> str:
    """A new folder of mode 0700, whose name leaves room for a socket's."""
    folder = tempfile.mkdtemp(prefix="playground-")
    if len(os.fsencode(folder)) < 90:
        return folder
    os.rmdir(folder)
    return tempfile.mkdtemp(prefix="playground-", dir="/tmp")

"""Answer who asks this playground, and make it forget: over a Unix socket that only its user can open.

One line of JSON is the request, one line of JSON the answer. The path of the
socket stands in ``STATE_DIR/control``; the socket itself lies in a folder of
its own, because a path of over about 100 bytes is none to the kernel.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from typing_extensions import override

from playground.ask import ControlError

log = Logger()

REQUEST_BYTES = 4096

Json = Any
Handler = Callable[[Mapping[str, Json]], "Deferred[Json] | Json"]


class _Dialogue(LineOnlyReceiver):
    delimiter = b"\n"
    MAX_LENGTH = REQUEST_BYTES

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers

    @override
    def lineReceived(self, line: bytes) -> None:
        _ = ensureDeferred(self._answer(line))

    async def _answer(self, line: bytes) -> None:
        try:
            request = json.loads(line)
            handler = self._handlers[request["ask"]]
            answer = await maybeDeferred(handler, request)
        except (ValueError, TypeError, KeyError) as error:
            answer = {"error": f"not understood: {error}"}
        except ControlError as error:
            answer = {"error": str(error)}
        except Exception:
            log.failure("a control request failed")
            answer = {"error": "the playground failed to answer; its log says why"}
        if self.transport is not None:
            self.transport.write(json.dumps(answer).encode() + b"\n")


class _Dialogues(Factory):
    noisy = False

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers

    @override
    def buildProtocol(self, addr: IAddress | None) -> _Dialogue:
        return _Dialogue(self._handlers)


class ControlServer:
    """The listening side."""

    def __init__(self, reactor: Any, pointer: Path, handlers: Mapping[str, Handler]) -> None:
        self._reactor = reactor
        self._pointer = pointer
        self._handlers = handlers
        self._folder: str | None = None
        self._port: IListeningPort | None = None

    async def open(self) -> None:
        """Listen, and write the socket's path into the pointer file. Raises ``OSError``."""
        self._folder = tempfile.mkdtemp(prefix="playground-")  # mode 0700
        path = os.path.join(self._folder, "control")
        endpoint = serverFromString(self._reactor, f"unix:{path}:mode=600:lockfile=0")
        self._port = await endpoint.listen(_Dialogues(self._handlers))
        self._pointer.write_text(path)

    async def close(self) -> None:
        """Stop listening, and leave nothing behind."""
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        if self._folder is not None:
            self._pointer.unlink(missing_ok=True)
            shutil.rmtree(self._folder, ignore_errors=True)

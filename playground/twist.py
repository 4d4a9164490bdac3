"""What ``twist playground`` calls: the options and the servers of ``playground up``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.usage import Options as UsageOptions
from typing_extensions import override

from playground.cli import up_settings
from playground.layers import SettingError
from playground.service import PlaygroundService, StartError

log = Logger()


class Options(UsageOptions):
    """The options of ``playground up``, parsed by the same parser."""

    settings: Any = None

    @override
    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        try:
            self.settings = up_settings(options or ())
        except SettingError as error:
            raise SystemExit(f"playground: {error}") from error


class _Twisted(Service):
    def __init__(self, service: PlaygroundService, reactor: Any) -> None:
        self._service = service
        self._reactor = reactor

    @override
    def startService(self) -> None:
        super().startService()
        _ = ensureDeferred(self._start())

    async def _start(self) -> None:
        try:
            await self._service.open()
        except StartError as error:
            sys.stderr.write(f"playground: {error}\n")
            self._reactor.stop()
            return
        log.info("{ready}", ready=json.dumps(self._service.ready()))

    @override
    def stopService(self) -> Deferred[None]:
        super().stopService()
        return ensureDeferred(self._service.close())


def makeService(options: Options) -> Service:
    """Twisted's name for it."""
    from twisted.internet import reactor

    return _Twisted(PlaygroundService(options.settings, reactor), reactor)

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

from playground.cli import EXIT_UNUSABLE, up_settings
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
            sys.stderr.write(f"playground: {error}\n")
            raise SystemExit(EXIT_UNUSABLE) from error


class _Twisted(Service):
    def __init__(self, service: PlaygroundService, reactor: Any) -> None:
        self._service = service
        self._reactor = reactor
        self._refusal = ""

    @override
    def startService(self) -> None:
        super().startService()
        _ = ensureDeferred(self._start())
        if self._refusal:
            sys.stderr.write(f"{self._refusal}\n")
            raise SystemExit(EXIT_UNUSABLE)

    async def _start(self) -> None:
        try:
            await self._service.open()
        except StartError as error:
            self._refuse(f"playground: {error}")
            return
        except Exception as error:  # unforeseen: told as what it is
            self._refuse(f"playground: {type(error).__name__}: {error}")
            return
        log.info("{ready}", ready=json.dumps(self._service.ready()))

    def _refuse(self, text: str) -> None:
        """End the program. Twist starts its services before its reactor, and asks nobody how it went."""
        if not self._reactor.running:
            self._refusal = text
            return
        sys.stderr.write(f"{text}\n")
        self._reactor.stop()

    @override
    def stopService(self) -> Deferred[None]:
        super().stopService()
        return ensureDeferred(self._service.close())


def makeService(options: Options) -> Service:
    """Twisted's name for it."""
    from twisted.internet import reactor

    return _Twisted(PlaygroundService(options.settings, reactor), reactor)

"""The parts of pyftpdlib that this server is built upon: the only file that imports it.

pyftpdlib ships no types, so everything here is ``Any`` to a type checker. It
stands on asyncore and asynchat, which Python 3.11 still ships and warns about;
from 3.12 on pyftpdlib brings them along. The warning is of no use to anybody
who runs a playground.
"""

from __future__ import annotations

import logging
import warnings

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from typing_extensions import override

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.exceptions import FilesystemError, _FileReadWriteError, _RetryError
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import DTPHandler, FTPHandler
    from pyftpdlib.handlers.ftp.dispatchers import ActiveDTP, PassiveDTP
    from pyftpdlib.handlers.ftp.producers import BufferedIteratorProducer
    from pyftpdlib.ioloop import _ERRNOS_DISCONNECTED, _ERRNOS_RETRY, Acceptor, AsyncChat, IOLoop, timer
    from pyftpdlib.servers import FTPServer

Lines = BufferedIteratorProducer
"""Sends what an iterator gives, some of it at a time."""
FileTrouble = _FileReadWriteError
"""Reading or writing a file failed in the middle of a transfer."""
TryLater = _RetryError
"""Nothing to read just now."""
GONE = frozenset(_ERRNOS_DISCONNECTED)
"""Error numbers that mean that the peer has gone."""
LATER = frozenset(_ERRNOS_RETRY)
"""Error numbers that mean that a socket is not ready."""


class Unnamed:
    """Mixed into classes of pyftpdlib's: their long names are made for a log that nobody keeps."""

    __repr__ = __str__ = object.__repr__


__all__ = [
    "GONE",
    "LATER",
    "AbstractedFS",
    "Acceptor",
    "ActiveDTP",
    "AsyncChat",
    "DTPHandler",
    "FTPHandler",
    "FTPServer",
    "FileTrouble",
    "FilesystemError",
    "IOLoop",
    "Lines",
    "PassiveDTP",
    "TryLater",
    "Unnamed",
    "route_logging",
    "timer",
]

log = Logger(namespace="pyftpdlib")


class ToTwisted(logging.Handler):
    """Hands pyftpdlib's warnings and errors to Twisted's log."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        level = LogLevel.lookupByName("error" if record.levelno >= logging.ERROR else "warn")
        if record.exc_info and record.exc_info[1] is not None:
            log.failure("{text}", Failure(record.exc_info[1]), text=record.getMessage())
        else:
            log.emit(level, "{text}", text=record.getMessage())


def route_logging() -> None:
    """Send what pyftpdlib logs to Twisted's log.

    Without a handler on its logger, pyftpdlib would print to standard error
    from its first turn on. What clients do is told by the journal, so nothing
    below a warning is kept.
    """
    logger = logging.getLogger("pyftpdlib")
    if not any(isinstance(handler, ToTwisted) for handler in logger.handlers):
        logger.addHandler(ToTwisted())
        logger.setLevel(logging.WARNING)
        logger.propagate = False

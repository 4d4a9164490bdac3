"""TLS on a socket of pyftpdlib's: the handshake, the bytes behind it, the goodbye.

Python's ``ssl`` does the work. pyftpdlib has TLS handlers too, but they want
pyOpenSSL, which cannot tell publicly whether a session was resumed.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any

from playground.servers.ftp.stock import GONE, TryLater, Unnamed

GOODBYE_MISSING = (ssl.SSLEOFError, ssl.SSLSyscallError)
"""The connection ended without TLS's own goodbye: the end may be somebody else's work."""


class Secured(Unnamed):
    """Mixed into a channel of pyftpdlib's, before its class.

    It is plain at first, then ``shaking`` hands, then ``secured``.
    """

    shaking = False
    secured = False
    goodbye_heard = False
    """True when the peer has ended its stream as TLS wants it, so that nobody has cut it (RFC 8446 6.1)."""
    _context: ssl.SSLContext | None = None
    _deadline: Any = None
    _needs = 0
    socket: Any
    ioloop: Any
    handle_close: Any
    _closed: bool

    def begin_tls(self, context: ssl.SSLContext) -> None:
        """From the next byte on this is TLS, which the client begins."""
        self._context = context
        self.shaking = True
        self.wait_for(self.ioloop.READ)

    def hurry(self, seconds: float) -> None:
        """The handshake has to be over in ``seconds``."""
        if self.shaking and seconds and self._deadline is None:
            self._deadline = self.ioloop.call_later(seconds, self._late)

    # -- for the channel to say --------------------------------------------------------------

    def wait_for(self, events: int) -> None:
        """Watch the socket for these events of the loop, while hands are shaken."""
        raise NotImplementedError

    def tls_begins(self) -> None:
        """Hands are shaken."""
        raise NotImplementedError

    def tls_fails(self, error: Exception) -> None:
        """They could not be shaken."""
        raise NotImplementedError

    # -- the handshake -----------------------------------------------------------------------

    def shake(self) -> None:
        """Go on with the handshake: the socket is ready."""
        try:
            if self._context is not None:
                context, self._context = self._context, None
                self.socket = context.wrap_socket(
                    self.socket, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
                )
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self.wait_for(self.ioloop.READ)
        except ssl.SSLWantWriteError:
            self.wait_for(self.ioloop.WRITE)
        except (OSError, ValueError) as error:
            self._stop_shaking()
            self.tls_fails(error)
        else:
            self._stop_shaking()
            self.secured = True
            self._acknowledge()
            self.tls_begins()

    def _acknowledge(self) -> None:
        """Acknowledge the client's last word of the handshake now, as nothing is said to it.

        Else its next one may wait for that: Nagle's algorithm there, delayed acknowledgements here, 40 ms.
        """
        if hasattr(socket, "TCP_QUICKACK"):
            with suppress(OSError):
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _late(self) -> None:
        self._deadline = None
        if self.shaking and not self._closed:
            self._stop_shaking()
            self.tls_fails(TimeoutError("nobody shook hands in time"))

    def _stop_shaking(self) -> None:
        self.shaking = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # -- bytes -------------------------------------------------------------------------------

    def recv(self, buffer_size: int) -> bytes:
        """As pyftpdlib's: raises ``TryLater``; nothing means that the peer has ended its stream."""
        if not self.secured:
            plain: bytes = super().recv(buffer_size)  # type: ignore[misc]  # the class it is mixed into
            return plain
        try:
            data: bytes = self.socket.recv(buffer_size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise TryLater from error
        except OSError as error:
            self.tls_ends(error)
            return b""
        if not data:
            self.goodbye_heard = True
            self.handle_close()
        return data

    def send(self, data: Any) -> int:
        """As pyftpdlib's: returns how much was taken."""
        try:
            count: int = super().send(data)  # type: ignore[misc]  # the class it is mixed into
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except ssl.SSLError as error:
            self.tls_ends(error)
            return 0
        return count

    def tls_ends(self, error: OSError) -> None:
        """The stream has ended, and not with TLS's goodbye."""
        raise NotImplementedError

    def say_goodbye(self) -> None:
        """Tell the peer that this is the end and nobody has cut the stream (close_notify), then leave."""
        self._stop_shaking()
        if self.secured:
            with suppress(OSError, ValueError):  # it does not wait for the peer's own
                self.socket.unwrap()


def has_gone(error: Exception) -> bool:
    """Whether the peer has just hung up."""
    return isinstance(error, GOODBYE_MISSING) or getattr(error, "errno", None) in GONE

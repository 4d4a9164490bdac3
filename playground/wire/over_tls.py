"""Listening with TLS: what an ``ssl:`` endpoint says, and a transport that knows plain text when it comes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocolFactory
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory
from typing_extensions import override
from zope.interface import implementer

from playground.wire.certificates import Identity, NoCertificate
from playground.wire.tls import server_context

HANDSHAKE = 0x16
"""The first byte of every TLS connection: the type of a record that shakes hands. RFC 8446 5.1."""

_UNQUOTED_COLON = re.compile(r"(?<!\\):")


class TlsPort(NamedTuple):
    """An endpoint string without its TLS, and the certificate that it named."""

    endpoint: str
    identity: Identity | None
    """None: the one of ``--tls``."""


def tls_port(endpoint: str) -> TlsPort:
    """What an ``ssl:`` or ``tls:`` endpoint string says.

    ``ssl:8443:privateKey=key.pem:certKey=cert.pem`` has Twisted's form, with
    ``extraCertChain`` and what ``tcp:`` takes. ``tls:8443`` is short for the
    same with the certificate of ``--tls``. Raises :class:`NoCertificate`.
    """
    kind, *words = _UNQUOTED_COLON.split(endpoint)
    if len(words) > 1 and "=" not in words[1] and kind == "ssl":
        words[1] = f"privateKey={words[1]}"  # the second word may come without its name
    files = {"privateKey": "", "certKey": "", "extraCertChain": ""}
    rest: list[str] = []
    for word in words:
        name, _, value = word.partition("=")
        if name in ("sslmethod", "dhParameters"):
            raise NoCertificate(f"{name} is not taken: TLS 1.2 or newer is spoken, with forward secrecy.")
        if name in files:
            files[name] = re.sub(r"\\(.)", r"\1", value)
        else:
            rest.append(word)
    key, chain, extra = (Path(text).expanduser() if text else None for text in files.values())
    if key is None and kind == "ssl":
        raise NoCertificate("it names no key. Try: ssl:8443:privateKey=key.pem:certKey=cert.pem")
    identity = Identity(chain or key, key, extra=extra) if key is not None else None
    return TlsPort(":".join(["tcp", *rest]), identity)


def over_tls(factory: IProtocolFactory, identity: Identity, alpn: Sequence[bytes]) -> IProtocolFactory:
    """The same factory behind TLS. ``alpn`` names the protocols that clients may choose (RFC 7301).

    Raises :class:`NoCertificate`.
    """
    terms = _Terms(server_context(identity, alpn))
    wrapped = TLSMemoryBIOFactory(terms, False, cast("Any", factory))
    wrapped.protocol = NotOnlyTls
    wrapped.noisy = False
    return wrapped


@implementer(IOpenSSLServerConnectionCreator)
class _Terms:
    """Gives each connection the same context."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def serverConnectionForTLS(self, tlsProtocol: object) -> Any:  # noqa: N803  # Twisted's name
        from OpenSSL import SSL

        return SSL.Connection(self._context, None)


class NotOnlyTls(BufferingTLSTransport):
    """TLS, except with a client that speaks plainly: that one hears so, in words that it can read.

    Without this it would get a TLS alert, which no person at a keyboard can read.
    """

    _heard = _plain = False

    @override
    def dataReceived(self, data: bytes) -> None:
        if not self._heard:
            self._heard = True
            self._plain = data[0] != HANDSHAKE
            if self._plain:
                vars(self)["write"] = cast("Any", self.transport).write  # in the place of Twisted's own
                cast("Any", self.wrappedProtocol).handshake.not_tls(data)
        if not self._plain:
            super().dataReceived(data)  # type: ignore[no-untyped-call]  # Twisted's

    @override
    def loseConnection(self) -> None:
        if self._plain:
            cast("Any", self.transport).loseConnection()
        else:
            super().loseConnection()

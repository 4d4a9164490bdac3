"""TLS for servers that own their sockets: Python's ``ssl``, with the floor of ``tls.py``."""

from __future__ import annotations

import ssl

from playground.wire.certificates import Identity, NoCertificate

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2, nothing without forward secrecy; TLS 1.3 has no others."""


def socket_context(identity: Identity, resumable: bool = False) -> ssl.SSLContext:
    """A context for the server's side; raises :class:`NoCertificate`.

    ``resumable`` is for servers that ask their clients to resume a session, which
    is possible in the context in which it began. Then TLS 1.2 is spoken: there a
    client may do so as often as it likes. TLS 1.3 hands out tickets instead, each
    for one time, and behind the handshake: a client that only sends may close with
    a ticket unread, and then its system throws away what it has not sent yet. So
    without ``resumable`` there are no tickets.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996 retires what is older
    if resumable:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(CIPHERS)
    try:
        # The password is never asked for: all servers would wait for the terminal.
        context.load_cert_chain(identity.chain, identity.key, password="")
    except (OSError, ValueError) as error:
        raise NoCertificate(f"{identity.chain} cannot be used for TLS: {why(error)}.") from error
    return context


def why(error: Exception) -> str:
    """What went wrong in TLS, in a few words."""
    if isinstance(error, ssl.SSLError) and (reason := getattr(error, "reason", None)):
        return str(reason).lower().replace("_", " ")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__

"""TLS on the server's side: version 1.2 or newer, whoever makes the sockets."""

from __future__ import annotations

from typing import Any

from playground.wire.certificates import Identity, NoCertificate


def server_context(identity: Identity) -> Any:
    """An ``OpenSSL.SSL.Context`` for servers; raises :class:`NoCertificate`.

    TLS 1.2 is the floor (RFC 8996 retires what is older); no compression, no
    renegotiation, nothing without forward secrecy.
    """
    try:
        from OpenSSL import SSL
    except ImportError as error:
        raise NoCertificate("TLS needs more packages. Try: pip install 'protocol-playground[tls]'") from error
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20")
    try:
        context.use_certificate_chain_file(str(identity.chain))
        context.use_privatekey_file(str(identity.key))
        context.check_privatekey()
    except SSL.Error as error:
        raise NoCertificate(f"{identity.chain} cannot be used for TLS: {error_text(error)}.") from error
    return context


def session_reused(connection: Any) -> bool:
    """Whether the handshake resumed a session.

    pyOpenSSL has no public name for this; it is asked for nowhere else.
    """
    from OpenSSL import SSL

    library: Any = SSL._lib  # type: ignore[attr-defined]  # private, see above
    return bool(library.SSL_session_reused(connection._ssl))


def error_text(error: Exception) -> str:
    """What OpenSSL says of an error, in its own few words."""
    reasons = error.args[0] if error.args else ""
    if isinstance(reasons, list):
        return str(reasons[-1][-1]) if reasons else "unknown"
    return str(error.args[-1]) if error.args else "unknown"

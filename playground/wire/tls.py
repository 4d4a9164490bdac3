"""TLS on the server's side: version 1.2 or newer, whoever makes the sockets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playground.wire.certificates import NEEDS_MORE, Identity, NoCertificate

ENCRYPTED = "the key is encrypted; store it without a password (openssl pkey -in KEY -out NEW)"


def server_context(identity: Identity, alpn: Sequence[bytes] = ()) -> Any:
    """An ``OpenSSL.SSL.Context`` for servers; raises :class:`NoCertificate`.

    ``alpn`` are the protocols that a client may choose from, the best first
    (RFC 7301); with one that offers only others nothing is agreed on.

    TLS 1.2 is the floor (RFC 8996 retires what is older); no compression, no
    renegotiation, nothing without forward secrecy.
    """
    try:
        from OpenSSL import SSL
    except ImportError as error:
        raise NoCertificate(NEEDS_MORE) from error
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20")
    _use(context, identity)
    if alpn:
        context.set_alpn_select_callback(
            lambda _, offered: next((one for one in alpn if one in offered), SSL.NO_OVERLAPPING_PROTOCOLS)
        )
    return context


def _use(context: Any, identity: Identity) -> None:
    """Load the files; each that cannot be used is named."""
    from OpenSSL import SSL

    files = [file for file in (identity.key, identity.chain, identity.extra) if file is not None]
    for file in files:
        if b"ENCRYPTED" in _content(file):  # OpenSSL would ask the terminal, and all servers would wait
            raise NoCertificate(f"{file} cannot be used for TLS: {ENCRYPTED}.")
    file = identity.chain
    try:
        context.use_certificate_chain_file(str(file))
        file = identity.key
        context.use_privatekey_file(str(file))
        context.check_privatekey()
    except SSL.Error as error:
        raise NoCertificate(f"{file} cannot be used for TLS: {_because(error)}.") from error
    _add_extra(context, identity)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NoCertificate(f"{file} cannot be read: {error.strerror}.") from error


def _add_extra(context: Any, identity: Identity) -> None:
    """Add the rest of the chain, and see whether the server's own certificate holds now."""
    from cryptography import x509

    try:
        own, *_ = x509.load_pem_x509_certificates(identity.chain.read_bytes())
        extra = identity.extra
        for more in x509.load_pem_x509_certificates(extra.read_bytes()) if extra else ():
            context.add_extra_chain_cert(more)
    except ValueError as error:
        raise NoCertificate(f"{identity.extra or identity.chain} has no certificate in PEM.") from error
    now = datetime.now(UTC)
    if own.not_valid_after_utc < now:
        raise NoCertificate(f"{identity.chain} has expired on {own.not_valid_after_utc:%Y-%m-%d}.")
    if own.not_valid_before_utc > now:
        raise NoCertificate(f"{identity.chain} is not valid before {own.not_valid_before_utc:%Y-%m-%d}.")


def _because(error: Exception) -> str:
    """The reasons of OpenSSL that people meet, in words; any other as it is."""
    said = error_text(error).casefold()
    for part, words in (
        ("key values mismatch", "the key does not belong to the certificate"),
        ("no start line", "there is no such thing in PEM in it"),
    ):
        if part in said:
            return words
    return said


def error_text(error: Any) -> str:
    """What OpenSSL says of an error, in its own few words."""
    reasons = error.args[0] if error.args else ""
    if isinstance(reasons, list):
        return str(reasons[-1][-1]) if reasons else "unknown"
    return str(error.args[-1]) if error.args else "unknown"

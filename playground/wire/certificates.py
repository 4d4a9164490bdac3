"""A certificate authority of one's own, for ``--tls auto``: made once, used until shortly before it ends.

Its key stays in the state folder, readable by its owner alone. Nothing trusts
it by itself: a person says so to one client, as in ``curl --cacert``.
"""

from __future__ import annotations

import ipaddress
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, GeneralName, Name, NameConstraints

AUTHORITY_DAYS = 3650
SERVER_DAYS = 365
RENEW_DAYS = 30
"""A certificate that ends sooner than this is made anew at the next start."""
NEEDS_MORE = "TLS needs more packages. Try: pip install pyopenssl service_identity"
PRIVATE_NETWORKS = (
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
"""Addresses that our authority may vouch for; they are nobody's on the internet. RFC 6890."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Identity(NamedTuple):
    """What a server shows of itself. Paths of PEM files."""

    chain: Path
    """The server's certificate, and those above it."""
    key: Path
    """Its private key; may be the same file."""
    authority: Path | None = None
    """The certificate that a client must trust, when it is one of our own."""
    extra: Path | None = None
    """More certificates of the chain, where they stand in a file of their own."""


class NoCertificate(Exception):
    """There is no usable certificate. The text says why, and what to do."""


def own_identity(folder: Path, names: Sequence[str], now: datetime) -> Identity:
    """The identity kept in ``folder``, made or renewed when needed.

    ``names`` are host names and addresses; the loopback ones are always added.
    Raises :class:`NoCertificate` when the folder cannot be used.
    """
    try:
        from cryptography import x509
    except ImportError as error:
        raise NoCertificate(NEEDS_MORE) from error
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority, authority_key = folder / "ca.pem", folder / "ca-key.pem"
        chain, key = folder / "server.pem", folder / "server-key.pem"
        wanted = tuple(dict.fromkeys((*LOOPBACK, *filter(None, names))))
        if not (_usable(authority, authority_key, now) and _may_sign(authority, wanted)):
            _make_authority(authority, authority_key, wanted, now)
            chain.unlink(missing_ok=True)
        if not (_usable(chain, key, now) and _names(chain) == set(_general_names(wanted))):
            _make_server(chain, key, authority, authority_key, wanted, now)
        x509.load_pem_x509_certificate(chain.read_bytes())
    except OSError as error:
        raise NoCertificate(
            f"{error.filename or folder}: {error.strerror}. Try: --tls off, or --state-dir DIR"
        ) from error
    return Identity(chain, key, authority)


def given_identity(file: Path) -> Identity:
    """The identity in one PEM file with a private key and a certificate chain."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise NoCertificate(f"--tls {file}: {error.strerror}.") from error
    if b"PRIVATE KEY-----" not in text or b"BEGIN CERTIFICATE-----" not in text:
        raise NoCertificate(f"--tls {file} has to hold a private key and its certificate, in PEM.")
    return Identity(file, file)


def identity_of(tls: str, state_dir: Path, names: Sequence[str], now: datetime) -> Identity | None:
    """What ``--tls`` says: ``off`` is None, ``auto`` one of our own in ``state_dir``, else a PEM file.

    Raises :class:`NoCertificate`.
    """
    if tls == "off":
        return None
    if tls == "auto":
        return own_identity(state_dir / "tls", names, now)
    return given_identity(Path(tls).expanduser())


def _usable(certificate: Path, key: Path, now: datetime) -> bool:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return False
    ends = found.not_valid_after_utc
    fits = found.public_key() == private.public_key()
    return fits and found.not_valid_before_utc <= now and now + timedelta(days=RENEW_DAYS) < ends


def _names(certificate: Path) -> set[GeneralName]:
    from cryptography import x509

    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    with suppress(x509.ExtensionNotFound):
        return set(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    return set()


def _general_names(names: Sequence[str]) -> list[GeneralName]:
    from cryptography import x509

    found: list[GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            with suppress(ValueError):  # a name that is no ASCII
                found.append(x509.DNSName(name))
    return found


def _may_sign(authority: Path, names: Sequence[str]) -> bool:
    """Whether an authority may vouch for all those names."""
    from cryptography import x509

    found = x509.load_pem_x509_certificate(authority.read_bytes())
    with suppress(x509.ExtensionNotFound):
        limits = found.extensions.get_extension_for_class(x509.NameConstraints).value
        allowed = [one.value for one in limits.permitted_subtrees or ()]
        return all(_is_within(one.value, allowed) for one in _general_names(names))
    return False


def _is_within(name: Any, allowed: Sequence[Any]) -> bool:
    if isinstance(name, str):
        return name in allowed
    networks = [one for one in allowed if not isinstance(one, str)]
    return any(name.version == one.version and name in one for one in networks)


def _constraints(names: Sequence[str]) -> NameConstraints:
    """What our authority may vouch for: these names and private networks. RFC 5280 4.2.1.10.

    So whoever lets a browser trust it, and loses its key, has lost no more than that.
    """
    from cryptography import x509

    networks = [x509.IPAddress(ipaddress.ip_network(network)) for network in PRIVATE_NETWORKS]
    others = [
        x509.IPAddress(ipaddress.ip_network(name.value)) if isinstance(name, x509.IPAddress) else name
        for name in _general_names(names)
    ]
    return x509.NameConstraints([*networks, *others], None)


def _make_authority(certificate: Path, key: Path, names: Sequence[str], now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    # The number keeps two authorities of two state folders apart in a client's list.
    name = _name(f"Protocol Playground, on this machine only ({x509.random_serial_number() % 10**6:06})")
    built = _built(name, name, private, private, now, AUTHORITY_DAYS, constraints=_constraints(names))
    _write_key(key, private)
    _write_certificates(certificate, built)


def _make_server(
    chain: Path, key: Path, authority: Path, authority_key: Path, names: Sequence[str], now: datetime
) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    issuer = x509.load_pem_x509_certificate(authority.read_bytes())
    issuer_key = load_pem_private_key(authority_key.read_bytes(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    private = ec.generate_private_key(ec.SECP256R1())
    subject = _name("Protocol Playground")
    built = _built(subject, issuer.subject, private, issuer_key, now, SERVER_DAYS, names=names)
    _write_key(key, private)
    _write_certificates(chain, built, issuer)


def _name(text: str) -> Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _built(
    subject: Name,
    issuer: Name,
    private: EllipticCurvePrivateKey,
    issuer_key: EllipticCurvePrivateKey,
    now: datetime,
    days: int,
    *,
    constraints: NameConstraints | None = None,
    names: Sequence[str] = (),
) -> Certificate:
    """A certificate with what RFC 5280 4.2.1 wants of an authority (which has constraints) or of a server."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    is_authority = constraints is not None
    usage = {
        "content_commitment": False,
        "key_encipherment": False,
        "data_encipherment": False,
        "key_agreement": False,
        "encipher_only": False,
        "decipher_only": False,
    }
    public = private.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks differ
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_authority, key_cert_sign=is_authority, crl_sign=is_authority, **usage
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    if names:
        server_auth = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        alternatives = x509.SubjectAlternativeName(_general_names(names))
        builder = builder.add_extension(server_auth, critical=False)
        builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _write_key(path: Path, private: EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives import serialization

    _write(
        path,
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _write_certificates(path: Path, *certificates: Certificate) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    _write(path, b"".join(one.public_bytes(Encoding.PEM) for one in certificates), mode=0o644)


def _write(path: Path, text: bytes, mode: int = 0o600) -> None:
    """Replace a file as a whole: who reads it meanwhile sees the old or the new one."""
    number, name = tempfile.mkstemp(dir=path.parent)  # readable by its owner alone
    with os.fdopen(number, "wb") as file:
        file.write(text)
        os.fchmod(file.fileno(), mode)
    os.replace(name, path)


def utc_now() -> datetime:
    """The time, for :func:`own_identity`."""
    return datetime.now(UTC)

"""The certificate authority of ``--tls auto``."""

from __future__ import annotations

import ssl
import stat
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from playground.wire.certificates import (
    Identity,
    NoCertificate,
    _general_names,
    _make_server,
    given_identity,
    own_identity,
)
from playground.wire.tls import error_text, server_context

pytest.importorskip("cryptography")

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def contents(identity: Identity) -> list[bytes]:
    return [path.read_bytes() for path in (identity.chain, identity.key, identity.authority) if path]


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path):
    own_identity(tmp_path / "tls", ["desk.example"], NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600, "server.pem": 0o644, "server-key.pem": 0o600}
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700


def test_a_client_that_trusts_the_authority_trusts_every_name(tmp_path: Path):
    from cryptography import x509
    from cryptography.x509.verification import PolicyBuilder, Store

    identity = own_identity(tmp_path, ["desk.example", "192.0.2.7"], NOW)
    assert identity.authority is not None
    leaf, authority = x509.load_pem_x509_certificates(identity.chain.read_bytes())
    store = Store(x509.load_pem_x509_certificates(identity.authority.read_bytes()))
    assert store is not None
    assert authority == x509.load_pem_x509_certificate(identity.authority.read_bytes())
    for name in ("localhost", "desk.example"):
        verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName(name))
        assert verifier.verify(leaf, [])
    ssl.create_default_context(cafile=str(identity.authority))
    server_context(identity)


def test_it_is_used_again_at_the_next_start(tmp_path: Path):
    first = contents(own_identity(tmp_path, ["desk.example"], NOW))
    assert contents(own_identity(tmp_path, ["desk.example"], NOW + timedelta(days=300))) == first


@pytest.mark.parametrize(
    ("names", "days"), [(["desk.example"], 340), (["desk.example"], -1), (["desk.example", "10.0.0.7"], 1)]
)
def test_near_its_end_or_for_other_names_it_is_renewed_by_the_same_authority(
    tmp_path: Path, names: list[str], days: int
):
    chain, key, authority = contents(own_identity(tmp_path, ["desk.example"], NOW))
    now_chain, now_key, now_authority = contents(own_identity(tmp_path, names, NOW + timedelta(days=days)))
    assert now_chain != chain
    assert now_key != key
    assert (now_authority == authority) is (days > 0)  # one from the future is of no use


def test_near_the_end_of_the_authority_everything_is_made_anew(tmp_path: Path):
    first = contents(own_identity(tmp_path, [], NOW))
    second = contents(own_identity(tmp_path, [], NOW + timedelta(days=3640)))
    assert not set(first) & set(second)


def test_a_torn_file_is_made_anew(tmp_path: Path):
    identity = own_identity(tmp_path, [], NOW)
    identity.key.write_text("torn")
    server_context(own_identity(tmp_path, [], NOW))


def test_an_identity_of_ones_own_is_one_file(tmp_path: Path):
    made = own_identity(tmp_path, [], NOW)
    mine = tmp_path / "mine.pem"
    mine.write_bytes(made.key.read_bytes() + made.chain.read_bytes())
    server_context(given_identity(mine))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "No such file"),
        ("nothing", "has to hold a private key and its certificate"),
        (
            "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            "cannot be used for TLS",
        ),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, content: str | None, complaint: str):
    file = tmp_path / "mine.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(NoCertificate, match=complaint):
        server_context(given_identity(file))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NoCertificate, match="Try: --tls off"):
        own_identity(tmp_path / "file" / "tls", [], NOW)


def hands_shaken(context: Any, client_context: Any) -> tuple[Any, Any]:
    """A client and a server of TLS after their handshake, without sockets."""
    from OpenSSL import SSL

    client, server = SSL.Connection(client_context, None), SSL.Connection(context, None)
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(4):
        for here, there in ((client, server), (server, client)):
            with suppress(SSL.WantReadError):
                here.do_handshake()
            with suppress(SSL.WantReadError):
                there.bio_write(here.bio_read(65536))
    return client, server


def test_what_is_older_than_tls_1_2_is_refused(tmp_path: Path):
    from OpenSSL import SSL

    context = server_context(own_identity(tmp_path, [], NOW))
    client_context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client_context.set_cipher_list(b"ALL:@SECLEVEL=0")
    client_context.set_max_proto_version(SSL.TLS1_1_VERSION)
    with pytest.raises(SSL.Error) as raised:
        hands_shaken(context, client_context)
    assert error_text(raised.value)


@pytest.mark.parametrize(
    ("name", "trusted"),
    [("localhost", True), ("desk.example", True), ("bank.example", False), ("192.0.2.7", False)],
)
def test_the_authority_cannot_vouch_for_the_rest_of_the_world(tmp_path: Path, name: str, trusted: bool):
    from cryptography import x509
    from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

    own_identity(tmp_path, ["desk.example", "192.168.1.5"], NOW)
    chain, key = tmp_path / "other.pem", tmp_path / "other-key.pem"
    _make_server(
        chain, key, tmp_path / "ca.pem", tmp_path / "ca-key.pem", [name], NOW
    )  # who has its key, can
    leaf, authority = x509.load_pem_x509_certificates(chain.read_bytes())
    (wanted,) = _general_names([name])
    assert isinstance(wanted, x509.DNSName | x509.IPAddress)
    verifier = PolicyBuilder().store(Store([authority])).time(NOW).build_server_verifier(wanted)
    with nullcontext() if trusted else pytest.raises(VerificationError):
        verifier.verify(leaf, [])


def test_other_names_of_this_machine_want_another_authority(tmp_path: Path):
    first = own_identity(tmp_path, [], NOW)
    assert first.authority is not None
    known = first.authority.read_bytes()
    own_identity(tmp_path, ["192.168.1.5"], NOW)
    assert first.authority.read_bytes() == known  # a private address was allowed from the start
    own_identity(tmp_path, ["desk.example"], NOW)
    assert first.authority.read_bytes() != known

"""TLS for servers that own their sockets."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from playground.wire.certificates import Identity, NoCertificate, given_identity, own_identity, utc_now
from playground.wire.socket_tls import socket_context, why

pytest.importorskip("cryptography")


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return own_identity(tmp_path_factory.mktemp("tls"), [], utc_now())


def hands_shaken(
    server_side: ssl.SSLContext, client_side: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """A client and a server after their handshake, without sockets."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server, server_hostname="localhost", session=session)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return client, server


def trusting(identity: Identity) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(identity.authority))


def test_the_newest_version_is_spoken_and_no_tickets_are_left_unread(identity: Identity):
    client, server = hands_shaken(socket_context(identity), trusting(identity))
    assert client.version() == server.version() == "TLSv1.3"
    with suppress(ssl.SSLWantReadError):
        client.read(1)
    assert client.session is None or not client.session.has_ticket


def test_a_session_is_resumed_as_often_as_one_likes_and_in_its_own_context_alone(identity: Identity):
    context = socket_context(identity, resumable=True)
    client_side = trusting(identity)
    client, server = hands_shaken(context, client_side)
    assert server.version() == "TLSv1.2"
    assert not server.session_reused
    for _ in range(3):
        assert hands_shaken(context, client_side, client.session)[1].session_reused
    another = socket_context(identity, resumable=True)
    assert not hands_shaken(another, client_side, client.session)[1].session_reused


def test_an_encrypted_key_is_refused_without_asking_anybody(tmp_path: Path, identity: Identity):
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(identity.key.read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    file = tmp_path / "mine.pem"
    file.write_bytes(encrypted + identity.chain.read_bytes())
    with pytest.raises(NoCertificate, match=r"mine\.pem cannot be used for TLS: "):
        socket_context(given_identity(file))


def test_errors_are_told_in_a_few_words(identity: Identity):
    server = socket_context(identity).wrap_bio(noise := ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    noise.write(b"no TLS at all")
    with pytest.raises(ssl.SSLError) as raised:
        server.do_handshake()
    assert why(raised.value) == "wrong version number"
    assert why(ConnectionResetError(104, "Connection reset by peer")) == "Connection reset by peer"
    assert why(TimeoutError("nobody came")) == "nobody came"
    assert why(ValueError()) == "ValueError"

"""``--tls``, ``--https`` and ``ssl:`` endpoints: what they need, and what is said where they lack it."""

from __future__ import annotations

import json
import re
import ssl
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from playground.wire.certificates import Identity, own_identity
from tests.cli.commands import WAITER, line_with, playground, starting, stop, taken_port

HTTP = ("--only", "http", "--http", "0", "--https", "0")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of every kind of trouble."""
    folder = tmp_path_factory.mktemp("tls")
    now = datetime.now(UTC)
    good = own_identity(folder / "good", [], now)
    old = own_identity(folder / "old", [], now - timedelta(days=400))
    (folder / "both.pem").write_bytes(good.key.read_bytes() + good.chain.read_bytes())
    (folder / "old.pem").write_bytes(old.key.read_bytes() + old.chain.read_bytes())
    (folder / "mismatch.pem").write_bytes(old.key.read_bytes() + good.chain.read_bytes())
    (folder / "empty.pem").write_bytes(b"")
    (folder / "locked.pem").write_bytes(locked(good) + good.chain.read_bytes())
    return folder


def locked(identity: Identity) -> bytes:
    """Its key, behind a password."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(identity.key.read_bytes(), None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


def answer(port: int, trusted: Path) -> bytes:
    context = ssl.create_default_context(cafile=str(trusted))
    with urllib.request.urlopen(
        f"https://localhost:{port}/base64/aGVsbG8=", context=context, timeout=10
    ) as said:
        return bytes(said.read())


def test_an_ssl_endpoint_serves_with_its_own_certificate(files: Path, tmp_path: Path):
    good = files / "good"
    door = f"ssl:0:privateKey={good}/server-key.pem:certKey={good}/server.pem:interface=127.0.0.1"
    words = ("--only", "http", "--http", door, "--state-dir", str(tmp_path / "s"))
    with starting("up", "--json", *words) as process:
        ready = json.loads(line_with(process, "{"))
        assert list(ready["servers"]) == ["http"]
        assert ready["servers"]["http"]["endpoint"].startswith("ssl:")
        assert answer(ready["servers"]["http"]["port"], good / "ca.pem") == b"hello"
        assert stop(process).status == 0


def test_a_pem_file_is_an_identity_too(files: Path, tmp_path: Path):
    words = (*HTTP, "--tls", str(files / "both.pem"), "--state-dir", str(tmp_path / "s"))
    with starting("up", "--json", *words) as process:
        ready = json.loads(line_with(process, "{"))
        assert "tls" not in ready
        assert answer(ready["servers"]["https"]["port"], files / "good/ca.pem") == b"hello"
        assert stop(process).status == 0


def test_twist_takes_them_too(files: Path, tmp_path: Path):
    door = f"ssl:0:privateKey={files}/both.pem:interface=127.0.0.1"
    words = ("playground", "--only", "http", "--http", door, "--state-dir", str(tmp_path / "s"))
    with starting(*words, program="twisted") as process:
        port = re.search(r'port\\*": (\d+)', line_with(process, "playground.jsonl"))
        assert port
        assert answer(int(port[1]), files / "good/ca.pem") == b"hello"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--tls", "/no/where.pem"), "--tls /no/where.pem: No such file or directory."),
        (("--tls", "{files}/empty.pem"), "has to hold a private key and its certificate, in PEM."),
        (("--tls", "{files}/old.pem"), "old.pem has expired on"),
        (("--tls", "{files}/mismatch.pem"), "the key does not belong to the certificate."),
        (("--tls", "{files}/locked.pem"), "the key is encrypted; store it without a password"),
        (("--tls", "{files}"), "Is a directory"),
        (("--https", "8443"), "--https needs a certificate. Try: --tls auto"),
        (("--http", "ssl:0"), "it names no key. Try: ssl:8443:privateKey=key.pem:certKey=cert.pem"),
        (("--http", "tls:0"), "there is no certificate. Try: --tls auto"),
        (("--http", "ssl:0:privateKey=/no/where.pem"), "/no/where.pem cannot be read: No such file"),
        (("--http", "ssl:0:{files}/both.pem:sslmethod=SSLv3_METHOD"), "sslmethod is not taken: TLS 1.2"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_status_2(
    files: Path, tmp_path: Path, words: tuple[str, ...], why: str
):
    settled = [word.format(files=files) for word in words]
    base = HTTP if "--tls" in words else HTTP[:4]
    said = playground("up", *base, *settled, "--state-dir", str(tmp_path / "s"))
    assert (said.status, said.out) == (2, "")
    assert re.fullmatch(r"playground: [^\n]+\n", said.err), said.err
    assert why in said.err


def test_a_taken_port_says_which_option(tmp_path: Path):
    with taken_port() as port:
        words = ("--only", "http", "--http", "0", "--https", str(port), "--tls", "auto")
        said = playground("up", *words, "--state-dir", str(tmp_path / "s"))
    assert re.fullmatch(rf"playground: Port {port} is taken\. Try: playground --https \d+\n", said.err)


def test_without_its_packages_one_line_says_which(tmp_path: Path):
    hidden = "import sys; sys.modules['OpenSSL'] = sys.modules['cryptography'] = None"
    (tmp_path / "sitecustomize.py").write_text(hidden)
    from tests.cli.commands import environment

    env = environment(PYTHONPATH=str(tmp_path))
    said = playground("up", *HTTP, "--tls", "auto", "--state-dir", str(tmp_path / "s"), env=env)
    assert said == (
        2,
        "",
        "playground: TLS needs more packages. Try: pip install pyopenssl service_identity\n",
    )


def test_servers_without_a_door_of_their_own_start_all_the_same(tmp_path: Path):
    with starting("up", "--json", *WAITER, "--tls", "auto", "--state-dir", str(tmp_path / "s")) as process:
        assert list(json.loads(line_with(process, "{"))["servers"]) == ["waiter"]
        assert stop(process).status == 0

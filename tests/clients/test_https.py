"""HTTPS with ``--tls auto``: who is served, who is refused, and what the journal says of each."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from playground.testing import Running, run
from tests.cli.commands import line_with, starting, stop


@pytest.fixture(scope="module")
def desk() -> Iterator[Running]:
    with run("--set", "http.handshake=1", tls="auto", https=0, only="http") as running:
        yield running


@pytest.fixture
def secured(desk: Running) -> Running:
    """The same for one test."""
    desk.reset()
    return desk


def authority(running: Running) -> str:
    return str(running.ready["tls"]["authority"])


def port(running: Running) -> int:
    return running.servers["https"].port


def typed_in(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
    )


def plain(where: tuple[str, int], said: bytes) -> bytes:
    """Say it without TLS, and hear all that comes."""
    with socket.create_connection(where, timeout=10) as client, client.makefile("rb") as heard:
        client.sendall(said)
        return heard.read()


@pytest.mark.needs("curl")
def test_curl_trusts_the_authority_that_the_ready_line_names(secured: Running):
    asked = typed_in(
        *("curl", "-sS", "--cacert", authority(secured), "-w", "%{http_version} %{ssl_verify_result}"),
        f"https://localhost:{port(secured)}/base64/aGVsbG8=",
    )
    assert (asked.stdout, asked.stderr) == ("hello1.1 0", "")
    (opened,) = secured.events("event:connection.open")
    assert (opened.protocol, opened.tls, opened.server_port) == ("http", True, port(secured))
    assert not secured.events("event:refused")


@pytest.mark.needs("curl")
def test_without_it_curl_hangs_up_and_the_journal_knows_why(secured: Running):
    assert typed_in("curl", "-sS", f"https://localhost:{port(secured)}/").returncode == 60
    (refused,) = secured.events("event:refused")
    assert refused.rule == "tls-handshake"
    assert refused.text.endswith("The client does not trust the certificate; with curl, say --cacert.")
    (closed,) = secured.events("event:connection.close")
    assert closed.reason == "refused"


def test_both_doors_lead_to_the_same_server(secured: Running):
    numbers = []
    for door in (
        http.client.HTTPConnection(*secured.servers["http"], timeout=10),
        http.client.HTTPSConnection(
            "localhost",
            port(secured),
            timeout=10,
            context=ssl.create_default_context(cafile=authority(secured)),
        ),
    ):
        door.request("GET", "/counter/shared")
        numbers.append(json.load(door.getresponse())["n"])
        door.close()
    assert numbers == [1, 2]
    assert {event.conn for event in secured.events("event:connection.open")} == {
        event.conn for event in secured.events("event:connection.close")
    }


def test_cookies_are_for_tls_alone(secured: Running):
    context = ssl.create_default_context(cafile=authority(secured))
    client = http.client.HTTPSConnection("localhost", port(secured), timeout=10, context=context)
    client.request("GET", "/cookies/set/pet/cat")
    assert "Secure" in str(client.getresponse().headers["Set-Cookie"])
    client.close()


@pytest.mark.parametrize(
    ("offered", "agreed"), [(["h2", "http/1.1"], "http/1.1"), (["h2"], None), ([], None)]
)
def test_alpn_agrees_on_http_1_1_or_on_nothing(secured: Running, offered: list[str], agreed: str | None):
    context = ssl.create_default_context(cafile=authority(secured))
    context.set_alpn_protocols(offered)
    with (
        socket.create_connection(("127.0.0.1", port(secured)), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as client,
    ):
        assert client.version() == "TLSv1.3"
        assert client.selected_alpn_protocol() == agreed


@pytest.mark.needs("openssl")
def test_tls_1_1_is_refused(secured: Running):
    old = ("openssl", "s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    said = typed_in(*old, "-connect", f"127.0.0.1:{port(secured)}")
    assert said.returncode != 0
    (refused,) = secured.events("event:refused")
    assert refused.text == "The TLS handshake failed: unsupported protocol. TLS 1.2 or newer is spoken here."


def test_plain_http_on_this_port_hears_so_in_plain_http(secured: Running):
    heard = plain(("127.0.0.1", port(secured)), b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a=secret\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert heard.endswith(b"Say https:// instead of http://.\n")
    (refused,) = secured.events("event:refused")
    assert refused.rule == "not-tls"
    (closed,) = secured.events("event:connection.close")
    assert closed.reason == "not-tls"
    assert closed.sent_bytes == len(heard)
    (part,) = secured.events("event:partial")
    assert "secret" not in part.data


def test_tls_on_the_plain_port_hears_so_too(secured: Running):
    context = ssl.create_default_context(cafile=authority(secured))
    with socket.create_connection(secured.servers["http"], timeout=10) as raw, pytest.raises(ssl.SSLError):
        context.wrap_socket(raw, server_hostname="127.0.0.1")
    heard = plain(secured.servers["http"], b"\x16")
    assert heard.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"say http:// instead of https://" in heard
    assert {event.rule for event in secured.events("event:refused")} == {"tls"}


@pytest.mark.parametrize("said", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_a_handshake_that_never_ends_is_given_up(secured: Running, said: bytes):
    with suppress(ConnectionResetError):
        assert plain(("127.0.0.1", port(secured)), said) == b""
    (limit,) = secured.events("event:limit")
    assert (limit.limit, limit.value) == ("http.handshake", 1.0)
    (closed,) = secured.events("event:connection.close")
    assert closed.reason == "limit"


def test_noise_that_begins_like_tls_ends_at_once(secured: Running):
    plain(("127.0.0.1", port(secured)), b"\x16" + b"GET / HTTP/1.1\r\n\r\n")
    (refused,) = secured.events("event:refused")
    assert refused.rule == "tls-handshake"


def test_the_keys_stay_with_their_owner(secured: Running):
    folder = Path(authority(secured)).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(key.stat().st_mode) for key in folder.glob("*-key.pem")} == {0o600}


def test_a_client_that_trusted_it_once_trusts_the_next_start(tmp_path: Path):
    from playground.testing import start

    def trusted(running: Running) -> bytes:
        return Path(authority(running)).read_bytes()

    with start(tmp_path / "s", tls="auto", https=0, only="http") as first:
        before = trusted(first)
    with start(tmp_path / "s", tls="auto", https=0, only="http") as second:
        assert trusted(second) == before


@pytest.mark.needs("curl")
def test_the_start_says_where_and_how_to_trust(tmp_path: Path):
    with starting(
        "--only", "http", "--http", "0", "--https", "0", "--tls", "auto", "--state-dir", str(tmp_path / "s")
    ) as process:
        assert "https" in line_with(process, "see tls below")
        typed = line_with(process, "  tls  ").replace("  tls  ", "") + line_with(process, "")
        assert f" --cacert {tmp_path}/s/tls/ca.pem \\\n" in typed
        assert "import" in line_with(process, "a browser")
        said = typed_in("bash", "-c", typed)
        assert (said.returncode, json.loads(said.stdout)["carried"]) == (0, {})
        assert stop(process).status == 0


@pytest.mark.needs("curl")
@pytest.mark.parametrize(
    "path",
    [
        "/bytes/100000?seed=7",
        "/stream-bytes/100000?seed=7&chunk_size=999",
        "/drip?numbytes=2000000&duration=0",
    ],
)
def test_what_is_long_comes_whole_through_tls(secured: Running, path: str, tmp_path: Path):
    urls = (f"http://{secured.servers['http']}{path}", f"https://localhost:{port(secured)}{path}")
    for url, name in zip(urls, ("plain", "secured"), strict=True):
        asked = typed_in("curl", "-sS", "--cacert", authority(secured), "-o", str(tmp_path / name), url)
        assert (asked.returncode, asked.stderr) == (0, "")
    plain_bytes = (tmp_path / "plain").read_bytes()
    assert len(plain_bytes) >= 100_000
    assert (tmp_path / "secured").read_bytes() == plain_bytes


def test_one_byte_at_a_time_through_tls(secured: Running):
    context = ssl.create_default_context(cafile=authority(secured))
    with (
        socket.create_connection(("127.0.0.1", port(secured)), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as client,
    ):
        for (
            byte
        ) in b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmeow":
            client.sendall(bytes([byte]))
        heard = b"".join(iter(lambda: client.recv(65_536), b""))
    assert heard.endswith(b"\r\n\r\nmeow")
    assert [event.size for event in secured.events("event:received")] == [74, 4]


def test_a_websocket_over_tls_wants_the_origin_of_https(secured: Running):
    def opened(origin: str, end: bytes) -> bytes:
        context = ssl.create_default_context(cafile=authority(secured))
        with (
            socket.create_connection(("127.0.0.1", port(secured)), timeout=10) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as client,
        ):
            client.sendall(
                b"GET /websocket/echo HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nOrigin: %b\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                b"\x81\x84\x00\x00\x00\x00meow\x88\x80\x00\x00\x00\x00" % (port(secured), origin.encode())
            )
            heard = b""
            while not heard.endswith(end):
                more = client.recv(65_536)
                assert more, heard
                heard += more
            return heard

    heard = opened(f"https://localhost:{port(secured)}", b"\x88\x00")
    assert heard.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert heard.endswith(b"\x81\x04meow\x88\x00")
    refused = opened(f"http://localhost:{port(secured)}", b"\n")
    assert refused.startswith(b"HTTP/1.1 403 Forbidden\r\n")


@pytest.mark.needs("curl")
def test_a_login_over_tls_gives_a_cookie_that_goes_over_tls_alone(secured: Running):
    for url, expected in ((f"https://localhost:{port(secured)}", True), (secured.url, False)):
        asked = typed_in(
            *("curl", "-sS", "-i", "--cacert", authority(secured), "-d", "user=ada&password=ada"),
            f"{url}/session/login",
        )
        (field,) = [line for line in asked.stdout.splitlines() if line.startswith("Set-Cookie: session=")]
        assert ("; Secure" in field) is expected

"""HTTP with what people have besides curl and netcat: wget, telnet, Python's http.client, ab and wrk."""

from __future__ import annotations

import http.client
import re
from contextlib import closing

import pytest

from playground.testing import Running
from tests.clients.shell import PATIENCE, Shell


@pytest.mark.needs("telnet")
def test_a_request_typed_into_telnet(shell: Shell):
    telnet = shell.begin("telnet $HOST $HTTP")
    telnet.until("Escape character")
    telnet.types("GET /state?name=ada HTTP/1.1", "Host: here", "Connection: close", "")
    assert '"name": "ada"' in telnet.until("Connection closed by foreign host.")
    (closed,) = shell.waits_for("protocol:http", "event:connection.close")
    assert closed.received_messages == 1


@pytest.mark.needs("wget")
def test_wget_downloads_and_asks_only_for_what_is_newer(shell: Shell):
    assert shell("wget -q http://$HOST:$HTTP/image/png").status == 0
    picture = shell.read("png")
    assert picture.startswith(b"\x89PNG\r\n")
    assert shell("wget -q -N http://$HOST:$HTTP/image/png").status == 0
    assert shell.waits_for("protocol:http", "event:sent")[-1].data.startswith("HTTP/1.1 304 ")
    assert shell.read("png") == picture


@pytest.mark.needs("wget")
def test_wget_goes_on_with_half_a_file(shell: Shell):
    shell.file("26", b"abcdefghijklm")
    assert shell("wget -q -c http://$HOST:$HTTP/range/26").status == 0
    assert shell.waits_for("protocol:http", "event:sent")[-1].data.endswith("\r\n\r\nnopqrstuvwxyz")
    assert shell.read("26") == b"abcdefghijklmnopqrstuvwxyz"


@pytest.mark.needs("wget")
def test_wget_logs_in_follows_and_keeps_cookies(shell: Shell):
    asked = "wget -q -O - --user=ada --password=lovelace http://$HOST:$HTTP/{}/ada/lovelace"
    assert shell(asked.format("basic-auth")).json == {"authenticated": True, "user": "ada"}
    assert shell(asked.format("digest-auth/auth")).json == {"authenticated": True, "user": "ada"}
    said = shell("wget -q -O - 'http://'$HOST:$HTTP'/cookies/set?flavour=chocolate'")
    assert said.json == {"cookies": {"flavour": "chocolate"}}
    assert shell("wget -q -O - --post-data=a=1 http://$HOST:$HTTP/post").json["form"] == {"a": "1"}


def test_http_client_keeps_its_connection_for_whatever_it_asks(playground: Running):
    playground.reset()
    with closing(http.client.HTTPConnection(*playground.servers["http"], timeout=PATIENCE)) as client:
        for method, target, body, status in (
            ("GET", "/state?name=ada", None, 200),
            ("HEAD", "/stream/3", None, 200),
            ("POST", "/", b"hello", 200),
            ("PUT", "/anything", iter([b"in ", b"chunks"]), 200),
            ("DELETE", "/get", None, 405),
            ("GET", "/nowhere", None, 404),
            ("GET", "/status/204", None, 204),
            ("GET", "/stream-bytes/1000?chunk_size=7", None, 200),
            ("GET", "/trailers?a=b", None, 200),
        ):
            client.request(method, target, body, encode_chunked=True)
            answer = client.getresponse()
            answer.read()
            assert answer.status == status, target
        client.request("GET", "/dump/request")
        answer = client.getresponse()
        answer.read()
        assert answer.getheader("Playground-Request") == "10"
    assert len(playground.events("protocol:http", "event:connection.open")) == 1


@pytest.mark.needs("ab")
@pytest.mark.parametrize("option", ["", "-k"], ids=["a connection each", "kept connections"])
def test_ab_gets_all_its_answers(shell: Shell, option: str):
    """It speaks HTTP/1.0, and where it keeps its connections, it says so."""
    said = shell(f"ab -q {option} -n 500 -c 20 'http://'$HOST:$HTTP'/state?name=ada'").text
    assert figure(said, "Complete requests") == 500
    assert figure(said, "Failed requests") == 0
    assert "Non-2xx responses" not in said
    opened = len(shell.waits_for("protocol:http", "event:connection.open"))
    if option:
        assert (figure(said, "Keep-Alive requests"), opened) == (500, 20)
    else:
        assert opened >= 500  # it opens some that it needs no more


def figure(said: str, name: str) -> int:
    """A number of ab's report."""
    found = re.search(rf"^{name}: +([0-9]+)$", said, re.MULTILINE)
    assert found, said
    return int(found[1])


@pytest.mark.needs("wrk")
def test_wrk_gets_all_its_answers(shell: Shell):
    said = shell("wrk -t 1 -c 20 -d 1s --latency 'http://'$HOST:$HTTP'/state?name=ada'").text
    found = re.search(r"^ +([0-9]+) requests in ", said, re.MULTILINE)
    assert found, said
    assert int(found[1]) > 20
    assert "Socket errors" not in said
    assert "Non-2xx" not in said
    opened = shell.waits_for("protocol:http", "event:connection.open")
    assert 20 <= len(opened) <= 21  # one to look first

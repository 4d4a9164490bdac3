"""HTTP as curl speaks it."""

from __future__ import annotations

import os

import pytest

from tests.clients.shell import Shell

pytestmark = pytest.mark.needs("curl")


def test_what_a_request_carries_is_gone_with_it(shell: Shell):
    assert shell("curl -s http://$HOST:$HTTP/state?name=ada").json == {
        "connection": {},
        "session": {},
        "shared": {},
        "carried": {"name": "ada"},
    }
    assert shell("curl -s http://$HOST:$HTTP/state").json["carried"] == {}
    assert shell.waits_for("protocol:http", "event:connection.close", count=2)
    assert not shell.playground.events("protocol:http", "changed")


def test_the_smallest_echo(shell: Shell):
    assert shell("curl -s -d hi $HOST:$HTTP/").out == b"hi"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_body_comes_back_exactly_as_it_was_sent(shell: Shell, method: str):
    sent = shell.file("sent.bin", os.urandom(300_000))
    said = shell(f"curl -sS -X {method} --data-binary @sent.bin -o back.bin -w '%{{http_code}}' $HOST:$HTTP/")
    assert (said.out, said.err) == (b"200", b"")
    assert shell.read("back.bin") == sent


def test_curl_waits_for_100_continue_before_it_uploads(shell: Shell):
    sent = shell.file("sent.bin", os.urandom(300_000))
    # The limit is long, so that only an answer makes curl go on.
    said = shell(
        "curl -sSv -H 'Expect: 100-continue' --expect100-timeout 15 -T sent.bin -o back.bin "
        "--request-target / $HOST:$HTTP",
        seconds=10,
    )
    assert b"< HTTP/1.1 100 Continue" in said.err
    assert b"< HTTP/1.1 200 OK" in said.err
    assert shell.read("back.bin") == sent


def test_a_body_that_is_refused_is_never_sent(shell: Shell):
    shell.file("sent.bin", os.urandom(2_000_000))
    said = shell(
        "curl -sSv -H 'Expect: 100-continue' --expect100-timeout 15 -T sent.bin $HOST:$HTTP", seconds=10
    )
    assert b"< HTTP/1.1 413 " in said.err
    assert b"100 Continue" not in said.err
    (closed,) = shell.waits_for("protocol:http", "event:connection.close")
    assert closed.received_bytes < 1000


def test_a_chunked_upload_from_a_pipe(shell: Shell):
    sent = os.urandom(200_000)
    said = shell("curl -sSv -T - $HOST:$HTTP", sent)
    assert b"> Transfer-Encoding: chunked" in said.err
    assert said.out == sent


def test_http_1_0_gets_an_answer_that_ends_with_the_connection(shell: Shell):
    said = shell("curl -sSv --http1.0 $HOST:$HTTP/state?name=ada")
    assert b"> GET /state?name=ada HTTP/1.0" in said.err
    assert said.json["carried"] == {"name": "ada"}
    assert b"Connection: close" in said.err
    assert b"Transfer-Encoding" not in said.err
    (closed,) = shell.waits_for("protocol:http", "event:connection.close")
    assert closed.reason == "server"


def test_raw_shows_the_body_as_it_is_on_the_wire(shell: Shell):
    assert shell("curl -sS --raw -d hi $HOST:$HTTP/").out == b"hi"
    assert shell("curl -sS --raw $HOST:$HTTP/state").json["carried"] == {}


def test_two_urls_are_asked_for_on_one_connection(shell: Shell):
    said = shell("curl -sSv $HOST:$HTTP/state $HOST:$HTTP/get")
    assert b"Re-using existing connection" in said.err
    assert len(shell.waits_for("protocol:http", "event:connection.close")) == 1


def test_head_has_no_body_and_what_the_body_would_need(shell: Shell):
    body = shell("curl -sS $HOST:$HTTP/state").out
    said = shell("curl -sS -I $HOST:$HTTP/state")
    assert said.out.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}\r\n" in said.text


def test_what_is_wrong_is_said_in_the_answer(shell: Shell):
    said = shell("curl -sS -w '%{http_code}' -H 'Transfer-Encoding: gzip' -d hi $HOST:$HTTP/")
    assert "A request has Content-Length or Transfer-Encoding, never both." in said.text
    assert "RFC 9112 6.1" in said.text
    (refused,) = shell.waits_for("protocol:http", "event:refused")
    assert refused.rule in said.text


def test_an_http_request_to_the_game_is_told_where_it_is(shell: Shell):
    said = shell("curl -sS -i $HOST:$GAME/")
    assert said.text.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert "This is not HTTP. Here you play Lantern" in said.text
    assert "* Lantern" not in said.text


def test_an_http_request_to_ftp_is_not_taken_for_commands(shell: Shell):
    said = shell(
        r"curl -sS --http0.9 --max-time 10 -d $'x\r\nUSER ada\r\nPASS ada\r\nDELE a.txt\r\n' $HOST:$FTP/"
    )
    assert b"421" in said.out
    assert b"230" not in said.out
    assert not shell.waits_for("protocol:ftp", "event:connection.close")[0].forgot


def test_what_has_not_changed_is_not_sent_again(shell: Shell):
    first = shell("curl -sS --etag-save tag -o page.html -w '%{http_code} %{size_download}' $HOST:$HTTP/html")
    assert first.text.startswith("200 ")
    again = shell(
        "curl -sS --etag-compare tag -o no.html -w '%{http_code} %{size_download}' $HOST:$HTTP/html"
    )
    assert again.text == "304 0"
    assert not shell.waits_for("protocol:http", "event:connection.close", count=2)[1].forgot


def test_a_download_that_was_cut_off_goes_on(shell: Shell):
    shell.file("letters", b"abcdefghij")
    said = shell("curl -sS -C - -o letters -w '%{http_code}' $HOST:$HTTP/range/26")
    assert said.text == "206"
    assert shell.read("letters") == b"abcdefghijklmnopqrstuvwxyz"
    assert shell("curl -sS -r 2-4 $HOST:$HTTP/range/26").out == b"cde"


def test_a_cookie_jar_brings_the_session_back(shell: Shell):
    ask = "curl -sS -b jar -c jar $HOST:$HTTP/counter/session"
    assert [shell(ask).json["n"] for _ in range(3)] == [1, 2, 3]
    assert shell("curl -sS $HOST:$HTTP/counter/session").json["n"] == 1
    assert len(shell.waits_for("protocol:http", "event:session.start", count=2)) == 2
    shell("playground forget session")
    assert shell(ask).json["n"] == 1


def test_digest_redirects_and_events(shell: Shell):
    assert shell(
        "curl -sS --digest -u ada:lovelace $HOST:$HTTP/digest-auth/auth/ada/lovelace/SHA-256"
    ).json == {
        "authenticated": True,
        "user": "ada",
    }
    assert shell("curl -sSL -o /dev/null -w '%{num_redirects}' $HOST:$HTTP/redirect/3").text == "3"
    events = shell("curl -sSN '$HOST:'$HTTP'/sse?count=3&duration=0.2'".replace("'$HOST:'", "$HOST:")).text
    assert events.count("event: ping\n") == 3
    assert "id: 8\n" in shell("curl -sSN -H 'Last-Event-ID: 7' $HOST:$HTTP/sse?count=1").text

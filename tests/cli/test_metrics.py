"""``playground metrics`` and ``--metrics``: the numbers are those of the journal."""

from __future__ import annotations

import http.client
import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from ftplib import FTP, error_perm
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from playground.testing import Running, run
from tests.cli.commands import playground, taken_port
from tests.clients.transcripts import ROOT

Numbers = Callable[..., float]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A playground with which something has been done, and one connection still open."""
    with run(metrics=0) as started:
        errands(started)
        with socket.create_connection(started.servers["game"], timeout=10) as ada, ada.makefile() as heard:
            heard.readline()
            ada.sendall(b"name ada\n")
            while "welcome" not in heard.readline():
                pass
            yield started


def errands(playground: Running) -> None:
    client = http.client.HTTPConnection(*playground.servers["http"], timeout=10)
    for path in ("/state?name=ada", "/counter/shared", "/counter/session", "/no/such/path"):
        client.request("GET", path, headers={"Cookie": "pet=cat"})
        client.getresponse().read()
    client.close()
    with socket.create_connection(playground.servers["http"], timeout=10) as eve, eve.makefile() as heard:
        eve.sendall(b"GET / HTTP/1.1\r\n\r\n")  # no Host
        heard.read()
    with FTP() as ftp:
        ftp.connect(*playground.servers["ftp"], timeout=10)
        with pytest.raises(error_perm):
            ftp.sendcmd("PWD")
        ftp.login("ada", "ada")
        ftp.retrlines("LIST", lambda line: None)
        ftp.quit()


def scrape(
    playground: Running, said: bytes = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
) -> tuple[bytes, bytes]:
    where = playground.ready["metrics"]
    with (
        socket.create_connection((where["host"], where["port"]), timeout=10) as client,
        client.makefile("rb") as heard,
    ):
        client.sendall(said)
        head, _, body = heard.read().partition(b"\r\n\r\n")
        return head, body


def numbers_in(text: str) -> Numbers:
    """A number by its name and labels; 0 where nothing was counted."""
    known = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

    def number(name: str, **labels: str) -> float:
        return known.get((f"playground_{name}", tuple(sorted(labels.items()))), 0.0)

    return number


@pytest.fixture
def number(running: Running) -> Numbers:
    said = playground("metrics", "--state-dir", str(running.state_dir))
    assert (said.status, said.err) == (0, "")
    return numbers_in(said.out)


@pytest.mark.parametrize("protocol", ["http", "ftp", "game", "waiter"])
def test_connections_messages_and_bytes_are_those_of_the_journal(
    running: Running, number: Numbers, protocol: str
):
    def written(what: str) -> list[object]:
        return running.events(f"protocol:{protocol}", f"event:{what}")

    opened, closed = written("connection.open"), written("connection.close")
    assert number("connections_opened_total", protocol=protocol) == len(opened)
    assert number("connections", protocol=protocol) == len(opened) - len(closed)
    assert number("received_messages_total", protocol=protocol) == len(written("received"))
    assert number("sent_messages_total", protocol=protocol) == len(written("sent"))
    if protocol != "game":  # its connection is still open
        for way in ("received", "sent"):
            sizes = sum(getattr(event, f"{way}_bytes") for event in closed)
            assert number(f"{way}_bytes_total", protocol=protocol) == sizes
    carried = sum(getattr(event, "carried_size", 0) or 0 for event in written("received"))
    assert number("carried_bytes_total", protocol=protocol) == carried


def test_refusals_changes_and_ends_are_those_of_the_journal(running: Running, number: Numbers):
    refusals = Counter((event.protocol, event.rule) for event in running.events("event:refused"))
    assert {protocol for protocol, _ in refusals} >= {"http", "ftp"}
    for (protocol, rule), count in refusals.items():
        assert number("refusals_total", protocol=protocol, rule=rule) == count
    changes = Counter((event.protocol, event.where) for event in running.events("event:state"))
    assert {where for _, where in changes} == {"connection", "session", "shared"}
    for (protocol, where), count in changes.items():
        assert number("changes_total", protocol=protocol, where=where) == count
    ends = Counter((event.protocol, event.reason) for event in running.events("event:connection.close"))
    for (protocol, reason), count in ends.items():
        assert number("connections_closed_total", protocol=protocol, reason=reason) == count


def test_what_is_remembered_is_what_state_says(running: Running, number: Numbers):
    state = running.state()
    for protocol in ("http", "ftp", "game", "waiter"):
        total = 0.0
        for where, rows in (("connection", "connections"), ("session", "sessions"), ("shared", "shared")):
            mine = [row["held"] for row in state[rows] if row["protocol"] == protocol]
            assert number("remembered_bytes", protocol=protocol, where=where) == sum(mine)
            assert number("remembered_things", protocol=protocol, where=where) == len(
                list(filter(None, mine))
            )
            total += sum(mine)
        assert state["totals"][protocol]["held"] == total
    assert number("remembered_bytes", protocol="game", where="session") > 0
    assert number("remembered_bytes", protocol="http", where="shared") > 0


def test_the_journal_tells_of_itself(running: Running, number: Numbers):
    assert number("journal_events_total") == running.events()[-1].seq
    assert number("journal_lost_events_total") == 0
    assert number("journal_lag_seconds") < 1


def test_a_scraper_reads_the_same(running: Running, number: Numbers):
    head, body = scrape(running)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n" in head
    scraped = numbers_in(body.decode())
    for name in ("connections_opened_total", "received_messages_total", "sent_bytes_total"):
        assert scraped(name, protocol="http") == number(name, protocol="http") > 0
    assert not [event for event in running.events() if getattr(event, "client_port", 0) == 9464]


def test_the_page_lists_them_all(running: Running):
    _, body = scrape(running)
    names = {family.name for family in text_string_to_metric_families(body.decode())}
    listed = re.findall(
        r"^\| `(playground_\w+?)(?:_total)?` ", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE
    )
    assert sorted(listed) == sorted(names)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"200 OK"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"hello\r\n\r\n", b"400 Bad Request"),
        (b"GET /" + b"a" * 9000, b"431 Request Header Fields Too Large"),
    ],
)
def test_other_questions_have_their_answer(running: Running, said: bytes, status: bytes):
    head, _ = scrape(running, said)
    assert head.startswith(b"HTTP/1.1 " + status)


def test_an_unfinished_question_does_not_wait_for_ever(running: Running):
    with pytest.raises(ConnectionResetError):
        scrape(running, b"GET /metrics")


def test_limits_are_counted_by_name():
    with run("--set", "waiter.idle=0.2", only="waiter") as running:
        with socket.create_connection(running.servers["waiter"], timeout=10) as client:
            while client.recv(1000):
                pass
        said = playground("metrics", "--state-dir", str(running.state_dir))
        assert numbers_in(said.out)("limits_total", protocol="waiter", limit="waiter.idle") == 1


def test_without_a_playground_one_line_says_so(tmp_path: Path):
    said = playground("metrics", "--state-dir", str(tmp_path))
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("playground: No playground is running in")


def test_a_taken_port_says_which_option(tmp_path: Path):
    with taken_port() as port:
        words = ("--only", "waiter", "--waiter", "0", "--metrics", str(port))
        said = playground("up", *words, "--state-dir", str(tmp_path / "s"))
    assert said.status == 2
    assert re.fullmatch(rf"playground: Port {port} is taken\. Try: playground --metrics \d+\n", said.err)

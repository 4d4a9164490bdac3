"""The bare protocols through netcat and its relatives, which hang up in different ways."""

from __future__ import annotations

import pytest

from playground.servers.game.words import GREETING, HELP
from playground.testing import run
from tests.clients.shell import Shell

REQUEST = r"printf 'GET /state?name=ada HTTP/1.1\r\nHost: x\r\n\r\n'"
"""Without ``Connection: close``: it is the client's hanging up that ends these connections."""

HANGS_UP_ITS_HALF = [
    pytest.param("nc -N", marks=pytest.mark.needs("nc")),
    pytest.param("ncat", marks=pytest.mark.needs("ncat")),
    pytest.param("socat -t 30 - tcp:", marks=pytest.mark.needs("socat")),
]
"""Programs that close their sending half at the end of their input, and read on."""


def to(program: str, port: str) -> str:
    """``nc -N`` to ``nc -N $HOST $HTTP``; socat writes it in one word."""
    return f"{program}$HOST:{port}" if program.endswith("tcp:") else f"{program} $HOST {port}"


@pytest.mark.parametrize("program", HANGS_UP_ITS_HALF)
def test_a_request_before_hanging_up_one_half_gets_its_answer(shell: Shell, program: str):
    said = shell(f"{REQUEST} | {to(program, '$HTTP')}")
    assert said.out.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b'"name": "ada"' in said.out
    (closed,) = shell.waits_for("protocol:http", "event:connection.close")
    assert closed.reason == "client"
    assert closed.sent_bytes == len(said.out)


@pytest.mark.parametrize("program", HANGS_UP_ITS_HALF)
def test_an_answer_that_takes_a_while_still_comes(shell: Shell, program: str):
    said = shell(f"echo 'order soup' | {to(program, '$WAITER')}")
    assert said.text.splitlines()[1:] == ["= soup, very well", "> your soup"]


@pytest.mark.needs("nc")
def test_nc_that_waits_a_second_after_its_input_gets_the_answer(shell: Shell):
    assert shell(f"{REQUEST} | nc -q1 $HOST $HTTP").out.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.needs("nc")
def test_requests_that_close_need_no_option(shell: Shell):
    said = shell(r"printf 'GET /state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' | nc $HOST $HTTP")
    assert b"\r\nConnection: close\r\n" in said.out


@pytest.mark.needs("nc")
def test_pipelined_requests_are_answered_in_order(shell: Shell):
    said = shell(r"printf 'GET /state?n=%d HTTP/1.1\r\nHost: x\r\n\r\n' {1..100} | nc -N $HOST $HTTP")
    asked = [said.out.find(b'"n": "%d"' % number) for number in range(1, 101)]
    assert -1 not in asked
    assert asked == sorted(asked)


@pytest.mark.needs("nc")
def test_bare_line_feeds_are_told_how_netcat_sends_whole_line_ends(shell: Shell):
    said = shell(r"printf 'GET / HTTP/1.1\nHost: x\n\n' | nc -N $HOST $HTTP")
    assert said.out.startswith(b"HTTP/1.1 400 ")
    assert b"netcat sends it with -C" in said.out
    said = shell(r"printf 'USER ada\n' | nc -N $HOST $FTP")
    assert said.text.splitlines()[1].startswith("501 ")
    assert b"nc -C" in said.out


@pytest.mark.needs("nc")
def test_ftp_by_hand(shell: Shell):
    said = shell("printf 'USER ada\nPASS ada\nCWD docs\nPWD\nQUIT\n' | nc -C -q1 $HOST $FTP")
    assert [line[:3] for line in said.text.splitlines()] == ["220", "331", "230", "250", "257", "221"]
    assert '257 "/docs"' in said.text


@pytest.mark.parametrize("program", HANGS_UP_ITS_HALF)
def test_a_game_that_is_piped_in_is_answered_to_the_last_line(shell: Shell, program: str):
    said = shell(f"printf 'name ada\nwho\nlook\nsay bye\n' | {to(program, '$GAME')}")
    lines = said.text.splitlines()
    assert lines[0] == GREETING
    assert lines[1].startswith("* welcome ada. Your token is ")
    assert lines[2:] == [
        "* ada: here, carries 0, chest 0",
        "> no cave is open. Chests: ada=0",
        "> not ready yet: ada",
        "* ada: bye",
    ]


@pytest.mark.needs("nc")
def test_three_megabytes_to_a_client_that_has_hung_up_its_half(tmp_path):
    times = 3_000_000 // len("\n".join(HELP)) + 1
    with (
        run(only="game", set=["game.lines_per_second=0"]) as playground,
        Shell(playground, tmp_path) as shell,
    ):
        said = shell(f"yes help | head -n {times} | nc -N $HOST $GAME")
        assert len(said.out) > 3_000_000
        assert said.text == "".join(f"{line}\n" for line in (GREETING, *HELP * times))
        (closed,) = shell.waits_for("event:connection.close")
        assert (closed.reason, closed.sent_bytes) == ("client", len(said.out))


@pytest.mark.needs("nc")
def test_a_reader_that_pauses_loses_nothing_either(tmp_path):
    times = 3_000_000 // len("\n".join(HELP)) + 1
    with (
        run(only="game", set=["game.lines_per_second=0"]) as playground,
        Shell(playground, tmp_path) as shell,
    ):
        shell.file("typed", b"help\n" * times)
        program = shell.begin(
            "bash -c 'exec 3<&0; nc -N $HOST $GAME <typed | { head -c 1000; read _ <&3; cat; } >out'"
        )
        shell.waits_for("event:received", count=500)
        program.types("go on")
        program.rest()
        assert shell.read("out").decode() == "".join(f"{line}\n" for line in (GREETING, *HELP * times))

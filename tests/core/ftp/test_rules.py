"""Refusals, arguments, replies."""

from __future__ import annotations

import pytest

from playground.servers.ftp.capture import Capture
from playground.servers.ftp.rules import argument_fault, broken_rule, plain_eprt, plain_listing, whole_reply


@pytest.mark.parametrize(
    ("kind", "argument"),
    [
        ("REST", "0"),
        ("REST", "18446744073709551"),
        ("PORT", "127,0,0,1,4,210"),
        ("EPRT", "|1|127.0.0.1|4242|"),
        ("EPRT", "!2!::1!4242!"),
        ("ALLO", "100 R 20"),
        ("mode", "644"),
        ("mode", "0755"),
        ("timeval", "20261124025300"),
        ("CWD", "anything"),
    ],
)
def test_well_formed_arguments(kind: str, argument: str):
    assert argument_fault(kind, argument) is None


@pytest.mark.parametrize(
    ("kind", "argument"),
    [
        ("REST", "1_0"),
        ("REST", "-1"),
        ("REST", "+1"),
        ("REST", "１２"),  # noqa: RUF001  # full-width digits are the point
        ("REST", "1" * 1900),
        ("PORT", "+127,0,0,1,4,210"),
        ("PORT", "127,0,0,1,4"),
        ("PORT", " 127,0,0,1,4,210"),
        ("EPRT", "|1|127.0.0.1|4_2|"),
        ("EPRT", "|3|127.0.0.1|42|"),
        ("EPRT", "|"),
        ("mode", "4755"),
        ("mode", "778"),
        ("mode", "²77"),
        ("timeval", "2026112402530"),
    ],
)
def test_malformed_arguments(kind: str, argument: str):
    fault = argument_fault(kind, argument)
    assert fault is not None
    assert fault.startswith("501 ")


@pytest.mark.parametrize(
    ("argument", "path"),
    [("-a", ""), ("-CF", ""), ("-l -a docs", "docs"), ("-1 -a/b", "-a/b"), ("a -l", "a -l"), ("--", "--")],
)
def test_a_listing_takes_no_options_of_ls(argument: str, path: str):
    assert plain_listing("LIST", argument) == plain_listing("NLST", argument) == path
    assert plain_listing("RETR", argument) == argument


def test_eprt_addresses_have_one_spelling():
    assert plain_eprt("|2|0:0:0:0:0:0:0:1|80|") == "|2|::1|80|"
    assert plain_eprt("|1|::1|80|") is None
    assert plain_eprt("|1|999.0.0.1|80|") is None


@pytest.mark.parametrize(
    ("reply", "command", "rule"),
    [
        ("530 Log in with USER and PASS first.", "PWD", "not-logged-in"),
        ("530 Authentication failed.", "PASS", "login"),
        ("503 Bad sequence of commands: use RNFR first.", "RNTO", "bad-sequence"),
        ('500 Command "FOO" not understood.', "FOO", "unknown-command"),
        ("550 Not enough privileges.", "STOR", "permission"),
        ("550 SIZE not allowed in ASCII mode.", "SIZE", "needs-type-i"),
        ("550 No such file or directory.", "RETR", None),
        ("250 ok", "CWD", None),
        ("426 Transfer aborted via ABOR.", "ABOR", None),
    ],
)
def test_which_replies_are_refusals(reply: str, command: str, rule: str | None):
    broken = broken_rule(reply, command)
    assert (broken.name if broken else None) == rule


def test_a_reply_is_whole_with_its_last_line():
    assert whole_reply("200 ok\r\n")
    assert not whole_reply("211-Features:\r\n")
    assert not whole_reply("211-Features:\r\n SIZE\r\n")
    assert not whole_reply("213-Status:\r\n211 x\r\n")
    assert whole_reply("211-Features:\r\n SIZE\r\n211 End.\r\n")


def test_capture_does_not_depend_on_packets_and_stops_at_its_budget():
    for packets in ([b"abcdefghij"], [b"a", b"bcdefg", b"", b"hij"]):
        pieces: list[bytes] = []
        capture = Capture(pieces.append, budget=7, piece=3)
        for packet in packets:
            capture.add(packet)
        capture.finish()
        assert pieces == [b"abc", b"def", b"g"]

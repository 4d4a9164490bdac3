"""Lines out of bytes: the same pieces, however the bytes are cut into packets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.journal.redaction import mask_spans
from playground.servers.game.secrets_said import in_line
from playground.servers.game.telnet import BREAK, Line, LineReader, Negotiation, Piece, TooLong

WILL, WONT, DO, DONT, IAC = b"\xfb", b"\xfc", b"\xfd", b"\xfe", b"\xff"
NAWS, ECHO, SGA = b"\x1f", b"\x01", b"\x03"


def read(*chunks: bytes, longest: int = 200) -> list[Piece]:
    reader = LineReader(longest)
    pieces = []
    for chunk in chunks:
        reader.feed(chunk)
        while (piece := reader.next()) is not None:
            pieces.append(piece)
            if isinstance(piece, TooLong):
                return pieces
    return pieces


def texts(*chunks: bytes) -> list[bytes]:
    return [piece.text for piece in read(*chunks) if isinstance(piece, Line)]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (b"go\n", [b"go"]),
        (b"go\r\nhome\r\n", [b"go", b"home"]),
        (b"go\r\0home\r\0", [b"go", b"home"]),
        (b"go\nhome\r\n\r\0", [b"go", b"home", b""]),
        (b"g\ro\n", [b"g o"]),
        (b"gp\x7fo\n", [b"go"]),
        (b"gp\x08o\n", [b"go"]),
        (b"\x7f\x7fgo\n", [b"go"]),
        ("g☃\x7fo\n".encode(), [b"go"]),
        (b"home\x15go\n", [b"go"]),
        (b"say one two\x17three\n", [b"say one three"]),
        (b"say one two  \x17\x17\x17\x17go\n", [b"go"]),
        ("ü ü\x17go\n".encode(), ["ü go".encode()]),
        (b"\x1b[D\x1b[1;5C\x1bOAgo\x1b[3~\n", [b"go"]),
        (b"\x1b[31mgo\x1b\n", [b"\x1b[31mgo\x1b"]),
        (b"\x1b[\x1b[A\x1bO\n", [b"\x1b[\x1bO"]),
        (b"\x1b[0123456789A\n", [b"\x1b[0123456789A"]),
        (b"g\x03\x04o\n", [b"g\x03\x04o"]),
        (b"gp" + IAC + b"\xf7o\n", [b"go"]),
        (b"home" + IAC + b"\xf8go\n", [b"go"]),
        (IAC + WILL + NAWS + b"go\n", [b"go"]),
        (b"g" + IAC + DO + b"\n" + b"o\n", [b"go"]),
        (b"g" + IAC + b"\xfa\x1f\x00\x50\x00\x18" + IAC + b"\xf0o\n", [b"go"]),
        (b"g" + IAC + b"\xf1o\n", [b"go"]),
        (b"go\n" + IAC + b"\xf4" + IAC + DO + b"\x06home\n", [b"go", BREAK, b"home"]),
        (b"hom" + IAC + b"\xf3" + IAC + DO + b"\x06go\n", [BREAK, b"go"]),
        (b"g" + IAC + b"\xf4o\n", [b"go"]),
        (IAC + b"\xf4g" + IAC + DO + b"\x06o\n", [b"go"]),
        (IAC + IAC + b"go\n", [b"\xffgo"]),
        (b"\xff\x41\n", [b"\xffA"]),
        (b"go", []),
        (b"go\r", []),
    ],
)
def test_a_line_is_what_was_meant(sent: bytes, meant: list[bytes]):
    assert texts(sent) == meant
    assert texts(*(bytes([byte]) for byte in sent)) == meant


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (WILL + NAWS, DONT + NAWS),
        (DO + b"\x06", WONT + b"\x06"),
        (WONT + NAWS, b""),
        (DONT + NAWS, b""),
        (DO + ECHO, WILL + ECHO),
        (DO + SGA, WILL + SGA),
        (DONT + ECHO, b""),
    ],
)
def test_telnet_is_declined_but_for_what_character_mode_needs(asked: bytes, answer: bytes):
    assert read(IAC + asked) == [Negotiation(3, IAC + answer if answer else b"")]


def test_character_mode_echoes_and_rubs_out():
    reader = LineReader(200)
    reader.feed(IAC + DO + SGA + IAC + DO + ECHO)
    assert reader.next() == Negotiation(3, IAC + WILL + SGA)
    assert reader.next() == Negotiation(3, IAC + WILL + ECHO)
    assert reader.echoing
    seen, line = b"", None
    for byte in b"gp\x7f\x7f\x7fgo\r\0":
        reader.feed(bytes([byte]))
        line = reader.next()
        seen += reader.take_echo()
    assert line == Line(9, b"gp\x7f\x7f\x7fgo", b"go")
    assert seen == b"gp\b \b\b \bgo\r\n"
    reader.feed(IAC + DO + ECHO + IAC + DONT + ECHO)
    assert reader.next() == Negotiation(3, b"")  # agreed already: no loops
    assert reader.next() == Negotiation(3, IAC + WONT + ECHO)
    assert not reader.echoing


def test_character_mode_mends_a_line_as_a_shell_does():
    reader = LineReader(200)
    reader.feed(IAC + DO + SGA + IAC + DO + ECHO)
    reader.next(), reader.next()
    for typed, seen, meant in [
        (b"say one tow\x17two\r\0", b"say one tow" + b"\b \b" * 3 + b"two\r\n", b"say one two"),
        (b"\x1b[A\x1b[D\x01go\x07\r\0", b"go\r\n", b"go"),
        (b"say\thi\r\0", b"say hi\r\n", b"say hi"),
        (b"quit\x03", b"quit" + b"\b \b" * 4 + b"\r\n", BREAK),
        (b"\x04", b"\r\n", BREAK),
    ]:
        reader.feed(typed)
        line = reader.next()
        assert isinstance(line, Line)
        assert (line.text, reader.take_echo()) == (meant, seen)
        assert line.size == len(typed)


def test_control_c_in_line_mode_is_a_line_that_begins_anew_on_the_screen():
    reader = LineReader(200)
    reader.feed(IAC + b"\xf4" + IAC + DO + b"\x06")
    assert reader.next() == Negotiation(2, b"")
    assert (reader.next(), reader.take_echo()) == (Negotiation(3, IAC + WONT + b"\x06"), b"")
    assert (reader.next(), reader.take_echo()) == (Line(0, b"", BREAK), b"\n")
    assert reader.next() is None


def test_nothing_is_echoed_unasked():
    reader = LineReader(200)
    reader.feed(b"ada")
    reader.next()
    assert reader.take_echo() == b""


def test_what_stands_amid_a_line_belongs_to_its_bytes():
    assert read(b"g" + IAC + DO + NAWS + b"o\n") == [
        Negotiation(0, IAC + WONT + NAWS),
        Line(6, b"g" + IAC + DO + NAWS + b"o", b"go"),
    ]


def test_two_hundred_bytes_are_a_line_and_one_more_is_not():
    assert read(b"x" * 200 + b"\n") == [Line(201, b"x" * 200, b"x" * 200)]
    for chunks in ([b"x" * 5000], [b"x"] * 5000, [b"x" * 201 + b"\n"]):
        assert read(*chunks) == [TooLong(201, b"x" * 201)]


def test_erased_characters_do_not_make_a_line_long_for_ever():
    (piece,) = read(b"x\x7f" * 5000)
    assert isinstance(piece, TooLong)


def test_a_subnegotiation_without_end_is_too_long():
    endless = IAC + b"\xfa" + b"x" * 5000
    assert read(endless) == read(*(bytes([byte]) for byte in endless)) == [TooLong(0, b"")]


keys = [b"\n", b"\r", b"\0", b"\x7f", b"\x15", b"\x17", b"\x03", b"\x1b", b"[", b"1", b"A", b"m", b"O"]
telnet_commands = [b"\xff", b"\xf4", b"\xff\xf4\xff\xfd\x06", b"\xfd", b"\x01", b"\xfa", b"\xf0"]
telnet_bytes = st.lists(st.sampled_from([b"go", b" ", b"\xc3", *keys, *telnet_commands])).map(b"".join)


@given(telnet_bytes, st.integers(1, 7))
def test_packets_make_no_difference(sent: bytes, size: int):
    cut = [sent[start : start + size] for start in range(0, len(sent), size)]
    together = read(sent, longest=20)
    assert read(*cut, longest=20) == together
    assert sum(piece.size for piece in together) <= len(sent)


offers = st.tuples(st.sampled_from([WILL, WONT, DO, DONT]), st.integers(0, 255).map(lambda n: bytes([n])))
negotiation = st.one_of(
    offers.map(lambda offer: IAC + offer[0] + offer[1]),
    st.binary(max_size=8).map(lambda sub: IAC + b"\xfa" + sub.replace(IAC, IAC + IAC) + IAC + b"\xf0"),
    st.sampled_from([IAC + bytes([command]) for command in (0xF1, 0xF2, 0xF5, 0xF6)]),
)
typed = st.sampled_from([b"g", b"o", b" ", "ü".encode()])
telnet_talk = st.lists(st.one_of(negotiation, typed), max_size=12)


@settings(deadline=None)
@given(telnet_talk)
def test_whatever_is_negotiated_and_wherever_it_is_cut_the_line_is_what_was_typed(units: list[bytes]):
    sent = b"".join(units) + b"\r\n"
    meant = b"".join(unit for unit in units if not unit.startswith(IAC))
    together = read(sent)
    assert [piece.text for piece in together if isinstance(piece, Line)] == [meant]
    assert sum(piece.size for piece in together) == len(sent)
    for offset in range(1, len(sent)):
        assert read(sent[:offset], sent[offset:]) == together


@settings(deadline=None)
@given(st.lists(offers, max_size=30))
def test_nobody_can_be_led_in_circles(asked: list[tuple[bytes, bytes]]):
    """Each offer has one answer at most, and who acknowledges where we stand is not answered again."""
    reader = LineReader(200)
    stands: dict[bytes, bytes] = {}
    for verb, option in asked:
        reader.feed(IAC + verb + option)
        piece = reader.next()
        assert isinstance(piece, Negotiation)
        if piece.answer:
            assert piece.answer[2:] == option
            stands[option] = piece.answer[1:2]
    acknowledged = {WILL: DO, WONT: DONT, DONT: WONT}
    for option, verb in stands.items():
        reader.feed(IAC + acknowledged[verb] + option)
        assert reader.next() == Negotiation(3, b"")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"resume 0123456789abcdef0123", b"resume #d"),
        (b"  RESUME  hello. now", b"  RESUME  #"),
        (b"say 0123456789abcdef0123 is mine", b"say #d"),
        (b"say hello", b"say hello"),
        (b"resume", b"resume"),
    ],
)
def test_tokens_are_found_wherever_they_stand(raw: bytes, shown: bytes):
    masked = mask_spans(raw, in_line(raw, raw))
    assert len(masked) == len(raw)
    assert masked.startswith(shown[: shown.find(b"#") + 1] if b"#" in shown else shown)
    assert b"0123456789" not in masked
    assert b"hello. " not in masked


def test_a_token_that_was_typed_with_corrections_is_hidden_altogether():
    raw = b"resume 01\x7f2"
    (secret,) = in_line(raw, b"resume 02")
    assert (secret.start, secret.end, secret.kind) == (0, len(raw), "mask")


@pytest.mark.parametrize(
    ("raw", "meant"),
    [(b"resume 0123\x15go", b"go"), (b"resume 0123", BREAK), (b"Resume 01\x1b[D\x17\x17", b"")],
)
def test_half_a_token_that_was_taken_back_is_hidden_too(raw: bytes, meant: bytes):
    (secret,) = in_line(raw, meant)
    assert (secret.start, secret.end, secret.kind) == (0, len(raw), "mask")

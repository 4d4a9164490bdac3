"""WebSocket framing: however the bytes arrive, the frames are the same; what is wrong has its close code."""

from __future__ import annotations

import zlib
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playground.wire.deflate import Deflate, Inflate, agree
from playground.wire.frame_reader import FrameReader
from playground.wire.frame_rules import Broken
from playground.wire.frames import Code, Frame, Opcode, close_content, frame

KEY = b"\x01\x80\xfe\x37"


def read(*pieces: bytes, most: int = 100_000) -> list[Frame | Broken]:
    """All that a reader makes of bytes that arrive in those pieces."""
    reader, found = FrameReader(most), list[Frame | Broken]()
    for piece in pieces:
        reader.feed(piece)
        while (one := reader.next()) is not None:
            found.append(one)
            if isinstance(one, Broken):
                return found
    return found


def client(opcode: int, content: bytes, *, fin: bool = True) -> bytes:
    """A client's frame."""
    return frame(opcode, content, fin=fin, key=KEY)


messages = st.lists(
    st.one_of(
        st.text(max_size=200).map(lambda text: client(Opcode.TEXT, text.encode())),
        st.binary(max_size=300).map(lambda data: client(Opcode.BINARY, data)),
        st.binary(max_size=125).map(lambda data: client(Opcode.PING, data)),
    ),
    max_size=5,
).map(b"".join)


@given(messages, st.lists(st.integers(0, 1500), max_size=8))
def test_how_the_bytes_arrive_makes_no_difference(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(places)]
    assert read(*pieces) == read(stream) == read(*(stream[i : i + 1] for i in range(len(stream))))


@given(messages, st.lists(st.integers(0, 1500), max_size=8), st.sampled_from([20, 100_000]))
def test_who_asks_first_whether_it_is_one_short_message_hears_the_same(
    stream: bytes, cuts: list[int], most: int
) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(places)]
    reader, found = FrameReader(most), list[Frame | Broken]()
    for piece in pieces:
        if (one := reader.only(piece)) is not None:
            found.append(one)
            continue
        reader.feed(piece)
        while (one := reader.next()) is not None and not isinstance(one, Broken):
            found.append(one)
        if one is not None:
            found.append(one)
            break
    assert found == read(*pieces, most=most)


def test_only_a_short_message_in_one_frame_is_read_at_once() -> None:
    short = client(Opcode.TEXT, b"hello")
    assert FrameReader(1000).only(short) == Frame(1, 11, b"hello", "hello")
    for other in (
        short + b"\x81",
        short[:-1],
        b"",
        frame(Opcode.TEXT, b"hello"),
        client(Opcode.PING, b"hello"),
        client(Opcode.TEXT, b"hello", fin=False),
        client(Opcode.TEXT, bytes(126)),
        client(Opcode.CONTINUATION, b"hello"),
    ):
        assert FrameReader(1000).only(other) is None
    assert FrameReader(4).only(short) is None
    for begun in (client(Opcode.TEXT, b"hel", fin=False), short[:7], short[:3]):
        reader = FrameReader(1000)
        reader.feed(begun)
        reader.next()
        assert reader.only(short) is None


@given(st.binary(max_size=400), st.integers(1, 50))
def test_no_bytes_whatever_make_it_fail(stream: bytes, size: int) -> None:
    pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
    assert read(*pieces) == read(stream)


def test_a_message_in_fragments_with_a_ping_between_them() -> None:
    found = read(
        client(Opcode.TEXT, "gr\u00fc".encode()[:-1], fin=False),
        client(Opcode.PING, b"?"),
        client(Opcode.CONTINUATION, "\u00fc".encode()[1:] + b"n"),
    )
    assert [one.message for one in found if isinstance(one, Frame)] == [None, b"?", "gr\u00fcn"]


@pytest.mark.parametrize(
    ("stream", "code", "rule"),
    [
        (frame(Opcode.TEXT, b"hi"), Code.PROTOCOL_ERROR, "frame-unmasked"),
        (client(3, b""), Code.PROTOCOL_ERROR, "frame-opcode"),
        (frame(Opcode.TEXT, b"hi", deflated=True, key=KEY), Code.PROTOCOL_ERROR, "frame-reserved"),
        (client(Opcode.PING, b"", fin=False), Code.PROTOCOL_ERROR, "control-fragmented"),
        (client(Opcode.PING, b"x" * 126), Code.PROTOCOL_ERROR, "control-length"),
        (client(Opcode.CONTINUATION, b""), Code.PROTOCOL_ERROR, "nothing-to-continue"),
        (
            client(Opcode.TEXT, b"a", fin=False) + client(Opcode.TEXT, b"b"),
            Code.PROTOCOL_ERROR,
            "message-unfinished",
        ),
        (client(Opcode.CLOSE, b"x"), Code.PROTOCOL_ERROR, "close-code"),
        (client(Opcode.CLOSE, close_content(1005)), Code.PROTOCOL_ERROR, "close-code"),
        (client(Opcode.CLOSE, close_content(1000) + b"\xff"), Code.NOT_UTF_8, "not-utf-8"),
        (client(Opcode.TEXT, b"\xed\xa0\x80"), Code.NOT_UTF_8, "not-utf-8"),
        (client(Opcode.BINARY, b"x" * 100_001), Code.TOO_BIG, "frame-too-big"),
        (
            client(Opcode.BINARY, b"x" * 60_000, fin=False) + client(Opcode.CONTINUATION, b"x" * 60_000),
            Code.TOO_BIG,
            "message-too-big",
        ),
    ],
)
def test_what_is_wrong_has_its_close_code(stream: bytes, code: Code, rule: str) -> None:
    last = read(stream)[-1]
    assert isinstance(last, Broken)
    assert (last.code, last.rule) == (code, rule)


def test_text_that_is_not_utf_8_is_refused_before_its_frame_is_whole() -> None:
    last = read(client(Opcode.TEXT, b"ok \xff and so on")[:10])[-1]
    assert isinstance(last, Broken)
    assert last.code == Code.NOT_UTF_8


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        ),
        ("permessage-deflate; server_max_window_bits=8", None),
        ("permessage-deflate; nonsense, permessage-deflate", "permessage-deflate; server_max_window_bits=12"),
        ("x-webkit-deflate-frame", None),
    ],
)
def test_what_is_agreed_on(offer: str, answer: str | None) -> None:
    agreed = agree(offer)
    assert (agreed.answer if agreed else None) == answer


@given(st.lists(st.binary(max_size=2000), max_size=4))
def test_what_is_deflated_comes_out_again(contents: list[bytes]) -> None:
    agreed = agree("permessage-deflate; client_max_window_bits=12")
    assert agreed is not None
    deflate, inflate = Deflate(agreed), Inflate(agreed)
    for content in contents:
        assert inflate.inflate(deflate.deflate(content), 2000, last=True) == content


def test_a_bomb_is_stopped_at_the_limit() -> None:
    agreed = agree("permessage-deflate")
    assert agreed is not None
    bomb = Deflate(agreed).deflate(bytes(1_000_000))
    assert len(bomb) < 2000
    assert Inflate(agreed).inflate(bomb, 10_000, last=True) is None


def test_a_final_block_ends_no_message() -> None:
    agreed = agree("permessage-deflate")
    assert agreed is not None
    inflate = Inflate(agreed)
    hello = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"  # RFC 7692 7.2.3.4
    for _ in range(3):
        assert inflate.inflate(hello, 5, last=True) == b"Hello"
    several = zlib.compress(b"one", wbits=-12) + zlib.compress(b"two", wbits=-12) + b"\0"
    assert inflate.inflate(several, 6, last=True) == b"onetwo"


def test_a_message_of_nothing_but_final_blocks_is_refused() -> None:
    agreed = agree("permessage-deflate")
    assert agreed is not None
    with pytest.raises(ValueError, match="final"):
        Inflate(agreed).inflate(b"\x03\x00" * 100, 10, last=True)


deflated = st.lists(
    st.tuples(st.sampled_from([0, 1, 2]), st.booleans(), st.booleans(), st.binary(max_size=60)).map(
        lambda one: frame(one[0], one[3], fin=one[1], deflated=one[2], key=KEY)
    ),
    max_size=6,
).map(b"".join)


@given(deflated, st.integers(1, 40))
@example(b"A\x84\x01\x80\xfe7\x0b\xb8\xfev", 1)
def test_no_deflated_bytes_whatever_make_it_fail(stream: bytes, size: int) -> None:
    def found(*pieces: bytes) -> list[Frame | Broken]:
        agreed = agree("permessage-deflate")
        assert agreed is not None
        reader, frames = FrameReader(1000, 0, Inflate(agreed)), list[Frame | Broken]()
        for piece in pieces:
            reader.feed(piece)
            while not (frames and isinstance(frames[-1], Broken)) and (one := reader.next()) is not None:
                frames.append(one)
        return frames

    pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
    whole, cut = found(stream), found(*pieces)
    assert [one for one in whole if isinstance(one, Frame)] == [one for one in cut if isinstance(one, Frame)]
    wrong, wrong_cut = ([one.code for one in every if isinstance(one, Broken)] for every in (whole, cut))
    # A text that is wrong in both ways is refused for what is seen first: in small pieces, its UTF-8.
    assert wrong == wrong_cut or (wrong, wrong_cut) == ([Code.PROTOCOL_ERROR], [Code.NOT_UTF_8])

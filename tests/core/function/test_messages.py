"""The Lambda Runtime API's messages, from whatever bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from playground.servers.function.folder import Folder
from playground.servers.function.messages import HEAD_BYTES, Head, Wrong, answer, head_of

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nAccept: */*\r\n\r\n"
RESPONSE = b"POST /2018-06-01/runtime/invocation/r-1/response HTTP/1.1\r\nContent-Length: 12\r\n\r\n"


def test_what_awss_client_says():
    assert head_of(NEXT) == Head("next", "", len(NEXT), 0)
    assert head_of(RESPONSE + b"{}") == Head("response", "r-1", len(RESPONSE), 12)
    assert head_of(RESPONSE.replace(b"response", b"error")) == Head("error", "r-1", len(RESPONSE) - 3, 12)
    init = b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\ncontent-length: 0\r\n\r\n"
    assert head_of(init) == Head("init-error", "", len(init), 0)


@given(st.integers(0, len(RESPONSE) - 1))
def test_a_head_that_is_not_whole_is_waited_for(size: int):
    assert head_of(RESPONSE[:size]) is None


@given(st.binary(max_size=200), st.integers(0, len(RESPONSE)))
def test_any_bytes_are_a_head_or_wrong_or_not_whole(noise: bytes, at: int):
    found = head_of(RESPONSE[:at] + noise + RESPONSE[at:])
    assert found is None or isinstance(found, Head | Wrong)
    if isinstance(found, Wrong):
        assert answer(found.status, b"").startswith(b"HTTP/1.1 4")


def test_a_head_without_an_end_is_given_up():
    assert head_of(b"G" * HEAD_BYTES) == Wrong(431, "head", "The head is too long.")


def test_the_samples_are_the_functions_that_there_are():
    folder = Folder()
    assert folder.names() == ["greet", "hits"]
    assert folder.find("greet") == folder.find("hits")
    assert folder.find("../samples/greet") is None

"""A covered secret is as long as it was, and a token keeps its public name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from playground.journal.redaction import Secret, cover, digest, mask_spans, mask_values


def test_a_mask_has_the_secrets_length():
    assert mask_spans(b"PASS hunter2\r\n", [Secret(5, 12)]) == b"PASS *******\r\n"


def test_the_same_token_has_the_same_digest_everywhere():
    token = b"k3vQ-long-token"
    name = digest(token)
    assert name == digest(token.decode())
    assert len(name) == 5
    assert name.startswith("#")
    line = mask_spans(b"resume " + token, [Secret(7, 7 + len(token), "digest")])
    assert line == b"resume " + name.encode() + b"*" * (len(token) - 5)
    assert cover(token, "digest") == line[7:]
    assert digest("another") != name


def test_a_token_too_short_for_its_digest_keeps_its_length():
    assert len(cover(b"abc", "digest")) == 3
    assert cover(b"", "digest") == b""


@given(
    st.binary(max_size=60),
    st.lists(
        st.builds(
            Secret,
            st.integers(0, 70),
            st.integers(0, 70),
            st.sampled_from(["mask", "digest"]),
        ),
        max_size=5,
    ),
)
def test_whatever_the_spans_the_length_stays(data: bytes, secrets: list[Secret]):
    masked = mask_spans(data, secrets)
    assert len(masked) == len(data)
    covered = {index for secret in secrets for index in range(secret.start, secret.end)}
    assert all(masked[index] == data[index] for index in range(len(data)) if index not in covered)


@given(st.binary(max_size=60), st.binary(min_size=6, max_size=8))
def test_no_echo_is_left(data: bytes, secret: bytes):
    masked = mask_values(data + secret + data, [(secret, "mask")])
    assert len(masked) == 2 * len(data) + len(secret)
    assert secret == b"*" * len(secret) or secret not in masked.replace(b"*", b"")

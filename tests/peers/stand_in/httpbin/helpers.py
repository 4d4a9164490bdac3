"""httpbin's tests import this name; the one test of it is about no server."""

from __future__ import annotations


def parse_multi_value_header(value: str) -> list[str]:
    """Never called: its test is deselected."""
    raise NotImplementedError(value)

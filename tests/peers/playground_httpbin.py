"""A pytest plugin for the tests of requests: pytest-httpbin's fixture, with a playground behind it."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def httpbin() -> SimpleNamespace:
    """The playground's HTTP server, over TCP."""
    return SimpleNamespace(url=f"http://{os.environ['PLAYGROUND_AT']}")


@pytest.fixture(scope="session")
def httpbin_secure() -> SimpleNamespace:
    """The same server with TLS."""
    return SimpleNamespace(url=f"https://{os.environ['PLAYGROUND_SECURED_AT']}")


@pytest.fixture(scope="session")
def httpbin_ca_bundle() -> str:
    """Whom its clients must trust."""
    return os.environ["PLAYGROUND_AUTHORITY"]

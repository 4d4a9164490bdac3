"""Tokens that nobody was given: made up, or respelled."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from time import time
from typing import Any

from playground.servers.http.tokens import AUDIENCE, ISSUER
from playground.testing import Served


def key_of(http: Served) -> bytes:
    return bytes(http.server._site.doorman._tokens._key)  # type: ignore[attr-defined]  # looks inside


def encoded(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**more: Any) -> dict[str, Any]:
    """What a good token says."""
    now = int(time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 60, "auth_time": now}
    return said | {"jti": "0" * 32, "cart": {}} | more


def signed(http: Served, said: Any, header: Any = None, key: bytes | None = None) -> str:
    """A token with any header, signed with HMAC-SHA-256 as the server does it."""
    head = encoded({"alg": "HS256", "typ": "JWT"} if header is None else header)
    text = f"{head}.{encoded(said)}"
    mac = hmac.new(key_of(http) if key is None else key, text.encode(), hashlib.sha256).digest()
    return f"{text}.{encoded(mac)}"


def other_texts(token: str) -> Iterator[str]:
    """Texts that some library takes for the same token."""
    head, said, signature = token.split(".")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters.index(signature[-1])
    for spelling in range(last & ~3, (last & ~3) + 4):  # two of its bits mean nothing
        if spelling != last:
            yield f"{head}.{said}.{signature[:-1]}{letters[spelling]}"
    yield f"{token}="
    yield f"{head}=.{said}.{signature}"
    yield f"{head}.{said}==.{signature}"
    yield f"{token}\t{signature}"
    yield f"{head}.{said}.{signature[:8]} {signature[8:]}"
    yield f"{token}."
    yield token.replace("-", "+").replace("_", "/") + "="
    yield f'"{token}"'

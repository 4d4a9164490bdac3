"""Digest access authentication: proving that one knows a password without saying it. RFC 7616."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from hashlib import md5, sha256, sha512

from playground.servers.http.request import Request

REALM = "Protocol Playground"
QOPS = ("auth", "auth-int")
ALGORITHMS = ("MD5", "SHA-256", "SHA-512")
_HASHES = {"MD5": md5, "SHA-256": sha256, "SHA-512": sha512}

_PAIR = re.compile(
    r'[ \t]*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))[ \t]*(?:,|$)'
)
MOST_PAIRS = 30


def challenge(nonce: str, opaque: str, algorithm: str, qop: str, stale: bool | None = None) -> bytes:
    """The value of WWW-Authenticate. Without a ``qop`` both are offered."""
    words = [
        f'realm="{REALM}"',
        f'nonce="{nonce}"',
        f'qop="{qop or ", ".join(QOPS)}"',
        f'opaque="{opaque}"',
        f"algorithm={algorithm}",
    ]
    if stale is not None:
        words.append(f"stale={str(stale).lower()}")
    return f"Digest {', '.join(words)}".encode()


def read_credentials(field: str) -> dict[str, str] | None:
    """The parts of an Authorization field; None where it has another scheme or cannot be read."""
    scheme, _, text = field.partition(" ")
    if scheme.lower() != "digest":
        return None
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None or len(found) >= MOST_PAIRS:
            return None
        quoted = pair[2] is not None
        found[pair[1].lower()] = re.sub(r"\\(.)", r"\1", pair[2]) if quoted else pair[3]
        at = pair.end()
    return found or None


def proves(
    credentials: Mapping[str, str], user: str, password: str, algorithm: str, qop: str, request: Request
) -> bool:
    """Whether they are of that user, for that request, by one who knows the password."""
    said_qop = credentials.get("qop", "")
    if credentials.get("username") != user or credentials.get("realm") != REALM:
        return False
    if credentials.get("algorithm", "MD5") != algorithm or (qop and said_qop and said_qop != qop):
        return False
    if said_qop not in ("", *QOPS) or credentials.get("uri") != request.target:
        return False

    def digest(*words: str) -> str:
        return _HASHES[algorithm](":".join(words).encode()).hexdigest()

    what = [request.method, request.target]
    if said_qop == "auth-int":
        what.append(_HASHES[algorithm](request.body).hexdigest())
    between = [credentials.get(name, "") for name in ("nonce", "nc", "cnonce", "qop")]
    if said_qop and not all(between):
        return False
    middle = between if said_qop else between[:1]
    expected = digest(digest(user, REALM, password), *middle, digest(*what))
    return hmac.compare_digest(expected, credentials.get("response", "").lower())

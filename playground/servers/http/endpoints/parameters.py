"""What the parameters of httpbin's endpoints may be, for programs: those that are not just any text."""

from __future__ import annotations

from typing import Final

from playground.servers.http.endpoints.stateless import PRICES
from playground.servers.http.endpoints.streaming import MOST_BYTES
from playground.servers.http.router import Schema


def whole(least: int, most: int) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, "maximum": most}


def text(pattern: str) -> Schema:
    """Text of that form."""
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def one_of(*words: str) -> Schema:
    """One of some words."""
    return {"type": "string", "enum": list(words)}


NUMBER: Final = whole(0, 999_999)
MANY: Final = whole(0, 999_999_999)
SEED: Final = whole(-(10**18) + 1, 10**18 - 1)
SECONDS: Final = text(r"[0-9]{1,5}(?:\.[0-9]{1,6})?(?:ms|s)?")
CHUNK: Final = whole(1, 999_999_999)
SAFE: Final = text(r"[^\x00-\x08\x0a-\x1f\x7f]*")
"""What can stand in a header field."""
TOKEN: Final = text(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_COIN = r"(?:[0-9]{1,4}(?:\.[0-9]{1,2})?)?"
COINS: Final = text(rf"{_COIN}(?:,{_COIN}){{0,49}}")
TIMED: Final[dict[str, Schema]] = {"count": whole(1, 999_999_999), "duration": SECONDS, "delay": SECONDS}
ALGORITHM: Final = one_of("MD5", "SHA-256", "SHA-512")

PARAMETERS: Final[dict[str, dict[str, Schema]]] = {
    "/counter/carried": {"n": whole(0, 10**18 - 1)},
    "/vending": {"coins": COINS, "choice": one_of(*PRICES)},
    "/cache/{n}": {"n": MANY},
    "/etag/{etag}": {"etag": text(r"[!#-.0-~]{1,200}")},
    "/range/{n}": {"n": whole(1, MOST_BYTES), "duration": SECONDS, "chunk_size": CHUNK},
    "/cookies/set": {"flavour": SAFE},
    "/cookies/set/{name}/{value}": {
        "name": TOKEN,
        "value": text(r"[^\x00-\x1f\x7f]+"),
        "path": text(r"(?:/[ -:<-~]*)?"),
        "domain": text(r"[ -:<-~]*"),
        "max_age": whole(-(10**10) + 1, 10**10 - 1),
        "secure": text(r"[ -:<-~]*"),
        "httponly": text(r"[ -:<-~]*"),
        "samesite": one_of("Strict", "Lax", "None"),
    },
    "/digest-auth/{qop}/{user}/{password}/{algorithm}": {"algorithm": ALGORITHM},
    "/digest-auth/{qop}/{user}/{password}/{algorithm}/{stale_after}": {
        "algorithm": ALGORITHM,
        "stale_after": text(r"never|[0-9]{1,9}"),
    },
    "/redirect/{n}": {"n": whole(1, 999_999)},
    "/relative-redirect/{n}": {"n": whole(1, 999_999)},
    "/absolute-redirect/{n}": {"n": whole(1, 999_999)},
    "/redirect-to": {"url": text(r"[^\x00-\x08\x0a-\x1f\x7f]+")},
    "/delay/{seconds}": {"seconds": SECONDS},
    "/drip": {
        "duration": SECONDS,
        "numbytes": whole(1, 10_485_760),
        "code": whole(200, 599),
        "delay": SECONDS,
    },
    "/stream/{lines}": {"lines": NUMBER},
    "/stream-bytes/{n}": {"n": MANY, "seed": SEED, "chunk_size": CHUNK},
    "/bytes/{n}": {"n": MANY, "seed": SEED},
    "/sse": TIMED,
    "/jsonl": TIMED,
    "/trailers": {"Greeting": SAFE},
    "/status/{codes}": {"codes": text(r"[2-5][0-9]{2}(?:,[2-5][0-9]{2})*")},
    "/response-headers": {"Animal": SAFE},
    "/unstable": {"failure_rate": text(r"0?\.[0-9]{1,9}|[01]"), "seed": SEED},
    "/base64/{value...}": {"value": text(r"(?:[A-Za-z0-9_-]{4})*")},
    "/links/{n}": {"n": NUMBER},
    "/links/{n}/{offset}": {"n": NUMBER, "offset": NUMBER},
    "/websocket/echo": {"max_message_size": MANY, "max_fragment_size": MANY},
}
"""By path and name."""

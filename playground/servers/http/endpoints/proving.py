"""Endpoints that want to know who you are. HTTP asks again with each request: the proof is carried."""

from __future__ import annotations

import base64
import binascii
import hmac

from playground.servers.http.answer import Answer, json_answer, sorted_json
from playground.servers.http.digest_auth import ALGORITHMS, QOPS, challenge, proves, read_credentials
from playground.servers.http.endpoints.cookies import cookies_of, set_cookie
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint
from playground.servers.http.written import field_value

_WHO = {"user": "the name that is right", "password": "the password that is right"}
NOT_KEPT = (b"Cache-Control", b"no-store")


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """Name and password of a Basic field. RFC 7617."""
    scheme, _, encoded = request.field(b"authorization").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None


def _is_right(request: Request, parameter: str) -> str | None:
    """The name, where name and password are those in the path."""
    user, password = parameter.split("/")
    said = basic_credentials(request)
    right = said is not None and hmac.compare_digest("\0".join(said).encode(), f"{user}\0{password}".encode())
    return user if right else None


def _authenticated(user: str) -> Answer:
    return sorted_json({"authenticated": True, "user": user}, headers=(NOT_KEPT,))


@endpoint("/basic-auth/{user}/{password}", memory="carried", example="/basic-auth/ada/lovelace", about=_WHO)
def basic(request: Request, asker: Asker, parameter: str) -> Answer:
    """Asks for a name and password, those in the path, with each request."""
    user = _is_right(request, parameter)
    if user is None:
        return Answer(status=401, headers=((b"WWW-Authenticate", b'Basic realm="Fake Realm"'),))
    return _authenticated(user)


@endpoint(
    "/hidden-basic-auth/{user}/{password}",
    memory="carried",
    example="curl -u ada:lovelace '{base}/hidden-basic-auth/ada/lovelace'",
    about=_WHO,
)
def hidden_basic(request: Request, asker: Asker, parameter: str) -> Answer:
    """The same, but who does not say it unasked gets 404."""
    user = _is_right(request, parameter)
    return Answer(status=404) if user is None else _authenticated(user)


@endpoint(
    "/bearer",
    memory="carried",
    example="curl -H 'Authorization: Bearer abc' '{base}/bearer'",
    fields={"Authorization": "Bearer, and any token"},
)
def bearer(request: Request, asker: Asker, parameter: str) -> Answer:
    """Takes any bearer token, and says which one."""
    scheme, _, token = request.field(b"authorization").partition(" ")
    if scheme != "Bearer" or not token.strip():
        return Answer(status=401, headers=((b"WWW-Authenticate", b"Bearer"),))
    return sorted_json({"authenticated": True, "token": token.strip()}, headers=(NOT_KEPT,))


def _digest(request: Request, asker: Asker, parameter: str) -> Answer:
    """Asks for a digest of the password instead of the password, with a nonce against repetition.

    The server keeps no nonce. What it has to know of the last one it asks the client to carry, in cookies.
    """
    words = parameter.split("/")
    qop, user, password = words[:3]
    algorithm = words[3] if len(words) > 3 and words[3] in ALGORITHMS else "MD5"
    stale_after = words[4] if len(words) > 4 else "never"
    wanted_qop = qop if qop in QOPS else ""
    carried = cookies_of(request)
    needs_cookie = (request.parameter("require-cookie") or "").lower() in ("1", "t", "true")
    credentials = read_credentials(request.field(b"authorization"))

    def ask(*cookies: tuple[bytes, bytes], stale: bool | None = None) -> Answer:
        nonce, opaque = (f"{asker.random.getrandbits(128):032x}" for _ in range(2))
        field = challenge(nonce, opaque, algorithm, wanted_qop, stale)
        fields = ((b"WWW-Authenticate", field), _cookie("stale_after", stale_after), *cookies, FAKE)
        return Answer(status=401, headers=fields)

    if credentials is None or (needs_cookie and not carried):
        return ask()
    if needs_cookie and carried.get("fake") != "fake_value":
        return json_answer({"errors": ["missing cookie set on challenge"]}, 403, (FAKE,))
    last_nonce = _cookie("last_nonce", credentials.get("nonce", ""))
    repeated = credentials.get("nonce") == carried.get("last_nonce") or carried.get("stale_after") == "0"
    if repeated:
        return ask(last_nonce, stale=True)
    if not proves(credentials, user, password, algorithm, wanted_qop, request):
        return ask(last_nonce, stale=False)
    answer = _authenticated(user)
    answer.headers += (FAKE,)
    if "stale_after" in carried:
        answer.headers += (_cookie("stale_after", _one_less(carried["stale_after"])),)
    return answer


def _cookie(name: str, value: str) -> tuple[bytes, bytes]:
    field_value(value)
    return set_cookie(name, value, "Path=/")


FAKE = _cookie("fake", "fake_value")


def _one_less(stale_after: str) -> str:
    return str(int(stale_after) - 1) if stale_after.isascii() and stale_after.isdigit() else "never"


_DIGEST = {"qop": "auth, auth-int, or anything else for both"} | _WHO
_ALGORITHM = _DIGEST | {"algorithm": "MD5, SHA-256 or SHA-512"}

digest = endpoint(
    "/digest-auth/{qop}/{user}/{password}",
    memory="carried",
    example="/digest-auth/auth/ada/lovelace",
    about=_DIGEST,
)(_digest)
digest_algorithm = endpoint(
    "/digest-auth/{qop}/{user}/{password}/{algorithm}",
    memory="carried",
    example="/digest-auth/auth/ada/lovelace/SHA-256",
    about=_ALGORITHM,
)(_digest)
digest_stale = endpoint(
    "/digest-auth/{qop}/{user}/{password}/{algorithm}/{stale_after}",
    memory="carried",
    example="/digest-auth/auth/ada/lovelace/SHA-256/3",
    about=_ALGORITHM | {"stale_after": "answers after which the nonce is stale, or never"},
)(_digest)

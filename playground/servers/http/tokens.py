"""Signed tokens: the server holds a key, and the client everything else. RFC 7519, RFC 8725."""

from __future__ import annotations

import json
import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from playground.servers.http.carts import Cart, is_cart

ISSUER: Final = "protocol-playground"
AUDIENCE: Final = "protocol-playground/token"
HEADER: Final = [("alg", "HS256"), ("typ", "JWT")]
"""The one header that is taken: whoever could name the algorithm or the key would choose their own."""

KEY_BYTES = 32
LONGEST = 4096
"""Characters of a token."""
_TEXT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_CLAIMS = ["iss", "aud", "sub", "exp", "iat", "jti"]
_IDENT = re.compile(r"[0-9a-f]{32}")


class BadToken(ValueError):
    """A token that is not taken: by which rule, told in words, and where that is written."""

    def __init__(self, rule: str, text: str, source: str) -> None:
        super().__init__(text)
        self.rule = rule
        self.text = text
        self.source = source


class KeyFileError(Exception):
    """The key's file cannot be used. Its text is one line for a person."""


class Claims(NamedTuple):
    """What a token says that was taken."""

    user: str
    cart: Cart
    ident: str
    """``jti``: by this one can refuse it later."""
    logged_in_at: int
    """``auth_time``: when the password was said, in seconds since 1970."""
    expires_at: int


def key_from(file: Path | None, random: Any) -> bytes:
    """The key in that file, which is made if it is not there; without a file a key for this run only.

    Tokens outlive the process that signed them as long as the key does. Remove
    the file and start again, and none of them is worth anything. Raises :class:`KeyFileError`.
    """
    fresh: bytes = random.getrandbits(8 * KEY_BYTES).to_bytes(KEY_BYTES, "big")
    if file is None:
        return fresh
    try:
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            key = bytes.fromhex(file.read_text("ascii").strip())
        else:
            with os.fdopen(descriptor, "w") as made:
                made.write(fresh.hex() + "\n")
            key = fresh
    except (OSError, ValueError) as error:
        raise KeyFileError(f"The key of the tokens in {file} cannot be read: {error}. Remove it.") from error
    if len(key) < KEY_BYTES:
        raise KeyFileError(f"The key of the tokens in {file} is shorter than {KEY_BYTES} bytes. Remove it.")
    return key


class Tokens:
    """Makes and checks tokens. ``now`` is seconds since 1970, ``random`` a :class:`random.Random` that nobody
    can foresee; a token is good for ``seconds``, and can be exchanged for a fresh one until ``longest``
    seconds after the password was said (0 is for ever).
    """

    def __init__(
        self, key: bytes, now: Callable[[], float], random: Any, *, seconds: float, longest: float
    ) -> None:
        self._key = key
        self._now = now
        self._random = random
        self._seconds = seconds
        self._longest = longest

    def make(self, user: str, cart: Cart, logged_in_at: int | None = None) -> tuple[str, Claims]:
        """A token, and what it says."""
        import jwt  # here: a start at which nobody asks for a token need not load it

        now = int(self._now())
        begun = now if logged_in_at is None else logged_in_at
        ends = now + max(int(self._seconds), 1)
        if self._longest:
            ends = min(ends, begun + int(self._longest))
        claims = Claims(user, dict(cart), f"{self._random.getrandbits(128):032x}", begun, ends)
        said = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "iat": now,
            "exp": ends,
            "jti": claims.ident,
            "auth_time": begun,
            "cart": claims.cart,
        }
        return jwt.encode(said, self._key, algorithm="HS256"), claims

    def read(self, text: str) -> Claims:
        """What a token says, if it is one of ours and still good. Raises :class:`BadToken`."""
        import jwt

        _check_text(text)
        _check_header(text.partition(".")[0])
        try:
            said = jwt.decode(
                text,
                self._key,
                algorithms=["HS256"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": _CLAIMS,
                    "strict_aud": True,
                    "enforce_minimum_key_length": True,
                    # The clock is an argument here, so these are looked at below.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise _explained(error) from error
        return self._claims(said)

    def _claims(self, said: Mapping[str, Any]) -> Claims:
        user, cart, ident = said["sub"], said.get("cart"), said["jti"]
        times = [said["iat"], said["exp"], said.get("auth_time")]
        if not (
            isinstance(user, str)
            and is_cart(cart)
            and isinstance(ident, str)
            and _IDENT.fullmatch(ident)
            and all(type(number) is int for number in times)
        ):
            raise BadToken("token-claims", "This token says what no token of ours says.", "RFC 7519 4")
        issued, expires, logged_in_at = times
        now = self._now()
        if expires <= now:
            raise BadToken("token-expired", "This token has expired: log in again.", "RFC 7519 4.1.4")
        if issued > now + 1:
            raise BadToken("token-claims", "This token comes from the future.", "RFC 7519 4.1.6")
        return Claims(user, dict(cart or {}), ident, logged_in_at, expires)


def _check_text(text: str) -> None:
    """One token has one text: base64url has more than one spelling for some bytes."""
    parts = text.split(".") if len(text) <= LONGEST and _TEXT.fullmatch(text) else []
    for part in parts:
        with_padding = part + "=" * (-len(part) % 4)
        try:
            again = urlsafe_b64encode(urlsafe_b64decode(with_padding)).rstrip(b"=").decode()
        except ValueError:
            again = ""
        if again != part:
            parts = []
            break
    if not parts:
        raise BadToken(
            "token-text", "This is no token, or not the text that it had when it was made.", "RFC 7515 2"
        )


def _check_header(part: str) -> None:
    """Looked at before any library looks at it, and before the signature."""
    try:
        said = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)), object_pairs_hook=sorted)
    except (ValueError, TypeError, RecursionError):
        said = None
    if said != HEADER:
        raise BadToken(
            "token-header",
            "A token's header says HS256 and JWT and nothing else: no other algorithm, no key.",
            "RFC 8725 3.1",
        )


def _explained(error: Exception) -> BadToken:
    import jwt

    if isinstance(error, jwt.InvalidSignatureError):
        return BadToken(
            "token-signature", "This token was not signed here, or not like that.", "RFC 8725 3.2"
        )
    if isinstance(error, (jwt.InvalidAudienceError, jwt.InvalidIssuerError)):
        return BadToken("token-audience", "This token was made for, or by, somebody else.", "RFC 8725 3.9")
    if isinstance(error, jwt.MissingRequiredClaimError):
        return BadToken("token-claims", f"This token lacks the claim {error.claim!r}.", "RFC 7519 4.1")
    return BadToken("token-malformed", "This token cannot be read.", "RFC 7519 7.2")

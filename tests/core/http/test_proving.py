"""Proofs of who one is, and cookies: each is carried with every request."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from random import Random

import msgspec
import pytest

from playground.servers.http.answer import Answer
from tests.core.http.test_endpoints import ask

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256, "SHA-512": hashlib.sha512}


class Visitor:
    """A client that carries its cookies, and knows a name and a password."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.cookies: dict[str, str] = {}
        self.challenge: dict[str, str] = {}
        self._random = Random(1)  # the server's

    def ask(self, authorization: str = "", body: bytes = b"", method: str = "GET") -> Answer:
        fields = [f"Authorization: {authorization}"] if authorization else []
        if self.cookies:
            fields.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        headers = tuple(field.encode() for field in fields)
        answer = ask(self.path, method, body, headers, random=self._random).answer
        for name, value in answer.headers:
            if name == b"Set-Cookie":
                cookie, _, held = value.decode().partition(";")[0].partition("=")
                self.cookies[cookie] = held
            elif name == b"WWW-Authenticate" and value.startswith(b"Digest"):
                self.challenge = dict(re.findall(r'(\w+)="?([^",]*)"?', value.decode()))
                self.challenge["qop"] = re.findall(r'qop="([^"]*)"', value.decode())[0]
        return answer

    def proof(self, user: str = "ada", password: str = "lovelace", **changed: str) -> str:
        """The Authorization field, computed as RFC 7616 3.4 says."""
        known = self.challenge
        uri, nc, cnonce = self.path, "00000001", "c1"
        qop = changed.get("qop", known["qop"].partition(",")[0])
        hashed = HASHES[known["algorithm"]]

        def of(*words: str) -> str:
            return hashed(":".join(words).encode()).hexdigest()

        secret, what = of(user, known["realm"], password), ["GET", uri]
        if qop == "auth-int":
            what.append(hashed(b"").hexdigest())
        response = of(secret, known["nonce"], nc, cnonce, qop, of(*what))
        words: Mapping[str, str] = {
            "username": user,
            "realm": known["realm"],
            "nonce": known["nonce"],
            "uri": uri,
            "qop": qop,
            "nc": nc,
            "cnonce": cnonce,
            "response": response,
            "opaque": known["opaque"],
            "algorithm": known["algorithm"],
        } | changed
        return "Digest " + ", ".join(f'{name}="{value}"' for name, value in words.items())


def digest(algorithm: str = "MD5", qop: str = "auth", stale_after: str = "never") -> Visitor:
    """Somebody who has been asked for a proof."""
    visitor = Visitor(f"/digest-auth/{qop}/ada/lovelace/{algorithm}/{stale_after}")
    assert visitor.ask().status == 401
    return visitor


@pytest.mark.parametrize("algorithm", HASHES)
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
def test_who_knows_the_password_proves_it(algorithm: str, qop: str):
    ada = digest(algorithm, qop)
    assert (ada.challenge["algorithm"], ada.challenge["qop"]) == (algorithm, qop)
    answer = ada.ask(ada.proof())
    assert answer.status == 200
    assert msgspec.json.decode(answer.body) == {"authenticated": True, "user": "ada"}


@pytest.mark.parametrize("qop", ["auth", "auth-int"])
def test_where_both_are_offered_either_will_do(qop: str):
    ada = digest(qop="any")
    assert ada.challenge["qop"] == "auth, auth-int"
    assert ada.ask(ada.proof(qop=qop)).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"user": "bob"},
        {"password": "Lovelace"},
        {"username": "bob"},
        {"realm": "elsewhere"},
        {"uri": "/digest-auth/auth/ada/lovelace"},
        {"nonce": "0" * 32},
        {"nc": "00000002"},
        {"cnonce": ""},
        {"qop": "auth-int"},
        {"algorithm": "SHA-256"},
        {"response": "0" * 32},
        {"response": ""},
    ],
    ids=str,
)
def test_anything_wrong_in_it_is_asked_for_again(wrong: dict[str, str]):
    ada = digest()
    assert ada.ask(ada.proof(**wrong)).status == 401
    assert ada.challenge["stale"] == "false"


@pytest.mark.parametrize(
    "said",
    ["Digest", "Digest ", "Digest username", 'Digest username="ada', "Basic x", "Digest " + "a=b, " * 99],
)
def test_what_cannot_be_read_is_no_proof(said: str):
    ada = digest()
    assert ada.ask(said).status == 401


def test_a_proof_is_good_so_many_times_and_then_stale():
    ada = digest(stale_after="2")
    proof = ada.proof()
    assert ada.ask(proof).status == 200
    assert ada.ask(proof).status == 200
    assert ada.ask(proof).status == 401
    assert ada.challenge["stale"] == "true"
    assert ada.cookies["stale_after"] == "2"  # a new nonce, and the count begins anew
    assert ada.ask(ada.proof()).status == 200


def test_the_password_itself_is_never_asked_for_in_clear():
    ada = digest()
    clear = b64encode(b"ada:lovelace").decode()
    assert ada.ask(f"Basic {clear}").status == 401


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (f"Basic {b64encode(b'ada:lovelace').decode()}", 200),
        (f"basic {b64encode(b'ada:lovelace').decode()}", 200),
        (f"Basic {b64encode(b'ada:Lovelace').decode()}", 401),
        (f"Basic {b64encode(b'ada').decode()}", 401),
        (f"Basic {b64encode(b'ada:love:lace').decode()}", 401),
        ("Basic ada:lovelace", 401),
        ("Basic", 401),
        ("", 401),
    ],
)
def test_basic(said: str, status: int):
    assert Visitor("/basic-auth/ada/lovelace").ask(said or "x").status == status
    assert Visitor("/hidden-basic-auth/ada/lovelace").ask(said or "x").status == (
        404 if status == 401 else 200
    )


# -- cookies -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("", "a=b; Path=/"),
        ("?path=/cookies", "a=b; Path=/cookies"),
        ("?domain=example.org", "a=b; Path=/; Domain=example.org"),
        ("?max_age=60", "a=b; Path=/; Max-Age=60"),
        ("?Max-Age=0", "a=b; Path=/; Max-Age=0"),
        ("?max_age=-1", "a=b; Path=/; Max-Age=-1"),
        ("?samesite=strict", "a=b; Path=/; SameSite=Strict"),
        ("?secure=1&httponly=1", "a=b; Path=/; Secure; HttpOnly"),
        ("?secure=0&httponly=false", "a=b; Path=/"),
        ("?SameSite=None&secure", "a=b; Path=/; SameSite=None; Secure"),
        ("?unknown=x", "a=b; Path=/"),
    ],
)
def test_a_cookie_has_the_attributes_that_were_asked_for(query: str, written: str):
    answer = ask(f"/cookies/set/a/b{query}").answer
    assert answer.status == 302
    assert dict(answer.headers)[b"Set-Cookie"].decode() == written


@pytest.mark.parametrize(
    "query",
    [
        "path=here",
        "max_age=soon",
        "max_age=1.5",
        "max_age=%D9%A6",
        "samesite=Perhaps",
        "domain=a;b",
        "path=/%0d%0aX:",
    ],
)
def test_an_attribute_that_is_none_is_told_so(query: str):
    answer = ask(f"/cookies/set/a/b?{query}").answer
    assert answer.status == 400
    assert b"Set-Cookie" not in dict(answer.headers)


def test_several_cookies_and_their_end():
    set_them = [value for name, value in ask("/cookies/set?a=1&b=2").answer.headers if name == b"Set-Cookie"]
    assert set_them == [b"a=1; Path=/", b"b=2; Path=/"]
    drop = [value for name, value in ask("/cookies/delete?a&b").answer.headers if name == b"Set-Cookie"]
    assert drop == [b"a=; Max-Age=0; Path=/", b"b=; Max-Age=0; Path=/"]

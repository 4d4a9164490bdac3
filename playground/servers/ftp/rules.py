"""Which replies are refusals, and what arguments must look like. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import NamedTuple


class Rule(NamedTuple):
    """A rule that an input broke."""

    name: str
    source: str


_BY_CODE = {
    500: Rule("unknown-command", "RFC 959 4.2"),
    501: Rule("syntax", "RFC 959 4.2"),
    502: Rule("not-implemented", "RFC 959 4.2"),
    503: Rule("bad-sequence", "RFC 959 4.2"),
    504: Rule("parameter", "RFC 959 4.2"),
    521: Rule("data-tls", "RFC 4217 10.2"),
    522: Rule("network-protocol", "RFC 2428 2"),
    530: Rule("not-logged-in", "RFC 959 4.2"),
    533: Rule("protection", "RFC 2228 5"),
    534: Rule("protection", "RFC 2228 5"),
    536: Rule("protection", "RFC 2228 5"),
}
_BY_TEXT = (
    ("522 No TLS", Rule("data-tls", "RFC 4217 10.2")),
    ("425 Rejected data connection from foreign", Rule("foreign-address", "RFC 2577 6")),
    ("501 Rejected data connection to foreign", Rule("foreign-address", "RFC 2577 3")),
    ("501 PORT against the privileged", Rule("privileged-port", "RFC 2577 3")),
    ("530 First AUTH", Rule("tls-required", "RFC 4217 4")),
    ("550 Not enough privileges", Rule("permission", "RFC 959 4.2")),
    ("550 SIZE not allowed in ASCII", Rule("needs-type-i", "RFC 3659 4")),
    ("425 No data connection", Rule("bad-sequence", "RFC 959 5.4")),
    ("450 Can't", Rule("bad-sequence", "RFC 3659 5")),
    ("450 Another transfer", Rule("bad-sequence", "RFC 959 5.4")),
)


def broken_rule(reply: str, command: str) -> Rule | None:
    """The rule that ``command`` broke when this is its answer; ``None`` when it is no refusal.

    A missing file (550) is an answer, not a refusal.
    """
    if reply[0] in "123":
        return None
    for start, rule in _BY_TEXT:
        if reply.startswith(start):
            return rule
    if reply.startswith("550 ") and "outside the user's root" in reply:
        return Rule("outside-root", "RFC 959 4.2")
    code = int(reply[:3])
    if code == 530 and command == "PASS":
        return Rule("login", "RFC 959 4.2")
    return _BY_CODE.get(code)


# ASCII digits only: Python's int() also takes underscores, signs and the digits of other scripts.
FORMATS = {
    "REST": (re.compile(r"[0-9]{1,18}"), "501 REST takes a number of bytes."),
    "PORT": (re.compile(r"[0-9]{1,3}(,[0-9]{1,3}){5}"), "501 Invalid PORT format."),
    "EPRT": (re.compile(r"([!-~])[12]\1[0-9A-Fa-f.:]{1,45}\1[0-9]{1,5}\1"), "501 Invalid EPRT format."),
    "ALLO": (re.compile(r"[0-9]{1,18}( [Rr] [0-9]{1,18})?"), "501 ALLO takes a number of bytes."),
    "mode": (
        re.compile(r"0?[0-7]{3}"),
        "501 CHMOD takes three digits from 0 to 7: no permission above 0777.",
    ),
    "timeval": (re.compile(r"[0-9]{14}"), "501 MFMT takes YYYYMMDDHHMMSS."),
}
"""What must be so of an argument, by the command or the argument's name, and the reply when it is not."""


def argument_fault(kind: str, argument: str) -> str | None:
    """The reply to a malformed argument, or ``None``. ``kind`` is a command or an argument's name."""
    known = FORMATS.get(kind)
    if known is None:
        return None
    pattern, reply = known
    return None if pattern.fullmatch(argument) else reply


def plain_eprt(argument: str) -> str | None:
    """A well-formed EPRT argument with its address in canonical spelling; ``None`` if it is no address.

    Addresses are compared as text later, and IPv6 has many spellings (RFC 5952).
    """
    mark = argument[0]
    _, family, address, port, _ = argument.split(mark)
    try:
        canonical = ip_address(address)
    except ValueError:
        return None
    if canonical.version != {"1": 4, "2": 6}[family]:
        return None
    return mark.join(("", family, str(canonical), port, ""))


_LS_OPTIONS = re.compile(r"(?:-[A-Za-z1]+(?: +|\Z))+")


def plain_listing(command: str, argument: str) -> str:
    """The argument of LIST or NLST without options of ``ls``, which many clients send (``NLST -CF docs``)."""
    options = _LS_OPTIONS.match(argument) if command in ("LIST", "NLST") else None
    return argument[options.end() :] if options else argument


def whole_reply(text: str) -> bool:
    """True when ``text`` is a complete reply of one or more lines (RFC 959 4.2)."""
    last = text.rstrip("\r\n").rpartition("\n")[2]
    return text.endswith("\n") and last[:4] == text[:3] + " "

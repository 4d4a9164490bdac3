"""A request, as the endpoints see it."""

from __future__ import annotations

from functools import cached_property
from urllib.parse import parse_qsl, unquote

CHUNKED = -1
"""The value of :attr:`Request.length` when the body says itself how long it is."""

MOST_PAIRS = 1000
"""More parameters or form fields than this are not looked at: a MiB has room for 500,000."""


class Request:
    """One request: its head at first, its body once that is complete."""

    def __init__(
        self,
        method: str,
        target: str,
        minor: int,
        headers: list[tuple[bytes, bytes]],
        fields: dict[bytes, bytes],
    ) -> None:
        self.method = method
        self.target = target
        """As it was sent, ASCII."""
        self.minor = minor
        """1 for HTTP/1.1, 0 for HTTP/1.0."""
        self.headers = headers
        """All fields in their order and case, white space around the values removed."""
        self.fields = fields
        """Lower-case name to value; values of a repeated field are joined by a comma, cookies by ``;``."""
        self.length = 0
        """Bytes of the body, or :data:`CHUNKED`."""
        self.authority = ""
        """Host and perhaps port that the request is for: the target's own, else the Host field's."""
        self.keep_alive = minor == 1
        """Whether the client would go on using the connection."""
        self.expects_continue = False
        """Whether the client waits for ``100 Continue`` before it sends the body."""
        self.head = b""
        """The head exactly as it came."""
        self.chunks: list[bytes] = []
        """A chunked body exactly as it came, sizes and trailers included; of other bodies nothing."""
        self.body = b""
        self.trailers: list[tuple[bytes, bytes]] = []
        """Fields that came behind a chunked body. They are never merged into the headers."""
        path, _, self.raw_query = self.origin_form.partition("?")
        self.path = unquote(path) if "%" in path else path
        """Percent-decoded."""

    @property
    def origin_form(self) -> str:
        """The target without scheme and authority."""
        target = self.target
        if target.startswith("/") or target == "*":
            return target
        after_scheme = target[target.index("//") + 2 :]
        cuts = [at for at in (after_scheme.find("/"), after_scheme.find("?")) if at >= 0]
        rest = after_scheme[min(cuts) :] if cuts else ""
        return rest if rest.startswith("/") else "/" + rest

    @cached_property
    def query(self) -> dict[str, str | list[str]]:
        """Query parameters: a string, or a list where a name came more than once."""
        return collect(pairs(self.raw_query)) if self.raw_query else {}

    def parameter(self, name: str) -> str | None:
        """One query parameter, the last where it came more than once; None where it did not come."""
        value = self.query.get(name)
        return value[-1] if isinstance(value, list) else value

    def field(self, name: bytes) -> str:
        """A field's value by its lower-case name, or an empty string."""
        return self.fields.get(name, b"").decode("latin-1")


def pairs(encoded: str) -> list[tuple[str, str]]:
    """The names and values of ``application/x-www-form-urlencoded`` text, the first 1000 of them."""
    return parse_qsl("&".join(encoded.split("&", MOST_PAIRS)[:MOST_PAIRS]), keep_blank_values=True)


def collect(named: list[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Pairs as a mapping. A name that came more than once has a list."""
    found: dict[str, str | list[str]] = {}
    for name, value in named:
        known = found.get(name)
        if known is None:
            found[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            found[name] = [known, value]
    return found

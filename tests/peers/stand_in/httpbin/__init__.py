"""Stands in for httpbin while its tests run: the same test client, which asks a playground over a socket.

The playground's address is in ``PLAYGROUND_AT``. One thing is translated: httpbin writes entity tags
without the double quotes that RFC 9110 8.8.3 wants, and its tests expect that; they are taken off here.
"""

from __future__ import annotations

import http.client
import json
import os
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode


class Response:
    """As Flask's test client gives it."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status_code = answer.status
        self.headers = answer.headers
        self.data = answer.read()
        if (tag := self.headers.get("ETag")) is not None:
            self.headers.replace_header("ETag", tag.strip('"'))

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.data)

    @property
    def content_length(self) -> int:
        """What Content-Length says."""
        return int(self.headers["Content-Length"])


class Client:
    """A client that keeps cookies."""

    def __init__(self) -> None:
        self._cookies: dict[str, str] = {}

    def open(
        self,
        target: str,
        method: str = "GET",
        headers: Any = (),
        data: Any = None,
        content_type: str | None = None,
        environ_base: Any = None,
    ) -> Response:
        """Ask. ``environ_base`` is about WSGI and means nothing here."""
        connection = http.client.HTTPConnection(os.environ["PLAYGROUND_AT"], timeout=20)
        fields = dict(headers)
        if isinstance(data, dict):
            data, content_type = urlencode(data), content_type or "application/x-www-form-urlencoded"
        if isinstance(data, str):
            data = data.encode()
        if content_type:
            fields["Content-Type"] = content_type
        if self._cookies:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        # WSGI cannot tell a field without a name from none.
        fields = {name: value for name, value in fields.items() if name}
        connection.request(method, target, data, fields)
        answer = Response(connection.getresponse())
        connection.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            self._cookies |= {name: cookie.value for name, cookie in SimpleCookie(line).items()}
        return answer

    def get(self, target: str, **more: Any) -> Response:
        """GET."""
        return self.open(target, "GET", **more)

    def post(self, target: str, **more: Any) -> Response:
        """POST."""
        return self.open(target, "POST", **more)

    def delete(self, target: str, **more: Any) -> Response:
        """DELETE."""
        return self.open(target, "DELETE", **more)


class App:
    """As Flask's application."""

    debug = False

    def test_client(self) -> Client:
        """A new client."""
        return Client()


app = App()

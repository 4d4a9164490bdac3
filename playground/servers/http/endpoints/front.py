"""The front page: what is here, for a terminal and for a browser."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape

from playground.servers.http.answer import HTML, TEXT, Answer
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, Endpoint, endpoint

INTRODUCTION = (
    "This server remembers nothing of you. Everything it answers with came in your request, "
    "and it is forgotten as soon as the answer is out."
)

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1b1b;background:#fdfcf8}"
    "h1{font-size:1.6rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #ddd}"
    "code{font:14px/1.4 ui-monospace,monospace}"
    "@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#181818}a{color:#8ab4f8}"
    "th,td{border-color:#444}}"
)
_STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def front_page(endpoints: Iterable[Endpoint]) -> Endpoint:
    """The endpoint ``/``, which lists the others."""
    listed = tuple(endpoints)
    text = as_text(listed).encode()
    page = as_html(listed).encode()
    varies = (b"Vary", b"Accept")
    protected = (
        varies,
        (b"Content-Security-Policy", POLICY.encode()),
        (b"X-Content-Type-Options", b"nosniff"),
    )

    @endpoint("/")
    def front(request: Request, asker: Asker, parameter: str) -> Answer:
        """What is here: a page for a browser, text for a terminal."""
        if "text/html" in request.field(b"accept").lower():
            return Answer(page, HTML, headers=protected)
        return Answer(text, TEXT, headers=(varies,))

    return front


def as_text(endpoints: Iterable[Endpoint]) -> str:
    """The list for a terminal, 80 columns wide where that can be."""
    lines = ["Protocol Playground, HTTP", "", *_wrapped(INTRODUCTION), ""]
    for one in endpoints:
        lines.append(f"{'/'.join(one.methods)} {one.path}   (memory: {one.memory})")
        lines += [f"    {line}" for line in _wrapped(one.title, 72)]
    lines += ["", "Try: curl 'localhost:8080/state?name=ada', then curl localhost:8080/state", ""]
    return "\n".join(lines)


def as_html(endpoints: Iterable[Endpoint]) -> str:
    """The list for a browser: one file, nothing loaded from elsewhere."""
    rows = "\n".join(_row(one) for one in endpoints)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Protocol Playground: HTTP</title>
<style>{STYLE}</style>
</head>
<body>
<h1>Protocol Playground: HTTP</h1>
<p>{escape(INTRODUCTION)}</p>
<p>Say your name with <a href="/state?name=ada">/state?name=ada</a>, then ask again:
<a href="/state">/state</a>. Who is still known?</p>
<table>
<thead><tr><th scope="col">Ask</th><th scope="col">Memory</th><th scope="col">What it shows</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""


def _row(one: Endpoint) -> str:
    path = f"<code>{escape(one.path)}</code>"
    if "GET" in one.methods:
        path = f'<a href="{escape(one.example)}">{path}</a>'
    methods = escape(", ".join(one.methods))
    return f"<tr><td>{methods} {path}</td><td>{escape(one.memory)}</td><td>{escape(one.title)}</td></tr>"


def _wrapped(text: str, width: int = 80) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines

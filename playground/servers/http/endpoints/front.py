"""The front page: what is here, for a terminal and for a browser."""

from __future__ import annotations

import re
import shlex
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from itertools import pairwise
from urllib.parse import parse_qsl

from playground.servers.http.answer import HTML, TEXT, Answer
from playground.servers.http.endpoints.echoing import NOSNIFF
from playground.servers.http.endpoints.formats import Unchanging
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, Endpoint, endpoint

Groups = Mapping[str, tuple[Endpoint, ...]]

INTRODUCTION = (
    "This server remembers nothing of you. Everything it answers with came in your request, "
    "and it is forgotten as soon as the answer is out. Only /counter, /session, /notes, /ws and "
    "/function remember, as you ask them to."
)
WORDS = {
    "carried": "You bring it with each request.",
    "connection": "The server keeps it for this socket.",
    "session": "The server keeps it under an id that you bring back.",
    "shared": "The server keeps it for everybody.",
}

_FOLDER = files("playground.servers.http") / "page"
STYLE = (_FOLDER / "page.css").read_text(encoding="utf-8")
SCRIPT = (_FOLDER / "page.js").read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http%3A//www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M2 14 5 3h6l3 11M8 3v7M5 11h6' fill='none' stroke='%23c8553d' stroke-width='2'/%3E%3C/svg%3E"
)


def front_page(groups: Groups, sockets: Collection[Endpoint] = ()) -> Endpoint:
    """The endpoint ``/``, which lists the others. ``sockets`` are those that become a WebSocket.

    Each of the two is made when it is first asked for: a start has no use for it.
    """
    varies = ((b"Vary", b"Accept"), (b"Cache-Control", b"no-cache"), NOSNIFF)

    @cache
    def text() -> Unchanging:
        return Unchanging(as_text(groups).encode(), TEXT, varies)

    @cache
    def page() -> Unchanging:
        policy = (b"Content-Security-Policy", POLICY.encode())
        return Unchanging(as_html(groups, sockets).encode(), HTML, (*varies, policy))

    @endpoint("/", memory="carried", open_to_pages=False)
    def front(request: Request, asker: Asker, parameter: str) -> Answer:
        """What is here: a page for a browser, text for a terminal."""
        wanted = page if "text/html" in request.field(b"accept").lower() else text
        return wanted().answer(request)

    return front


def as_text(groups: Groups) -> str:
    """The list for a terminal, 80 columns wide."""
    lines = ["Protocol Playground, HTTP", "", *_wrapped(INTRODUCTION), ""]
    lines += [*_wrapped("Behind each method stands where the state lives that the answer depends on."), ""]
    for question, endpoints in groups.items():
        lines += [question, ""]
        for one in endpoints:
            methods = "any method" if len(one.methods) > 3 else "/".join(one.methods)
            lines.append(f"  {one.path}")
            lines += [f"      {line}" for line in _wrapped(f"{methods}, {one.memory}: {one.title}", 72)]
        lines.append("")
    lines += [
        "The same in a browser: a form for each. For programs: /openapi.json",
        "Try: curl 'localhost:8080/state?name=ada', then curl localhost:8080/state",
        "",
    ]
    return "\n".join(lines)


def as_html(groups: Groups, sockets: Collection[Endpoint]) -> str:
    """The list for a browser: one file, nothing loaded from elsewhere."""
    words = "\n".join(
        f'<div><dt><span class="pill {word}">{word}</span></dt><dd>{escape(text)}</dd></div>'
        for word, text in WORDS.items()
    )
    sections = "\n".join(
        f"<h2>{escape(question)}</h2>\n" + "\n".join(_card(one, one in sockets) for one in endpoints)
        for question, endpoints in groups.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Protocol Playground: HTTP</title>
<link rel="icon" href="{ICON}">
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Protocol Playground: HTTP</h1>
<p class="lead">{escape(INTRODUCTION)}</p>
<p>Say your name with <a href="/state?name=ada">/state?name=ada</a>, then ask again:
<a href="/state">/state</a>. Who is still known?</p>
<dl class="words">
{words}
</dl>
</header>
<main>
{sections}
</main>
<footer>Each answer says in its field <code>Playground-Memory</code> which of the words it stands for, or
<code>none</code>. For programs: <a href="/openapi.json">/openapi.json</a>.</footer>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _card(one: Endpoint, is_socket: bool) -> str:
    methods = "any" if len(one.methods) > 3 else "/".join(one.methods)
    return f"""<details>
<summary><span class="path"><span class="methods">{escape(methods)}</span>
<code>{escape(one.path)}</code></span>
<span class="pill {one.memory}">{one.memory}</span>
<span class="title">{escape(one.title)}</span></summary>
<div class="inside">
{_more(one)}{_conversation(one) if is_socket else _form(one)}
<pre class="curl">{"" if is_socket else escape(_command(one))}</pre>
<output></output>
</div>
</details>"""


def _more(one: Endpoint) -> str:
    rest = one.doc.partition("\n")[2].strip()
    text = re.sub("``(.+?)``", r"<code>\1</code>", escape(" ".join(rest.split())))
    return f"<p>{text}</p>\n" if rest else ""


def _form(one: Endpoint) -> str:
    """The form of one endpoint. Where a browser alone can send it, it needs no script."""
    method = "get" if "GET" in one.methods else "post"
    action = example_target(one).partition("?")[0]
    fields = "".join(_field(one, name, text) for name, text in (*one.about.items(), *one.fields.items()))
    if len(one.methods) > 1:
        options = "".join(f"<option>{name}</option>" for name in one.methods if name != "TRACE")
        # No name: a browser without the script would send it along.
        fields += f'<label>method <select id="m-{_id(one)}" form="f-{_id(one)}">{options}</select></label>\n'
    else:
        fields += f'<input type="hidden" id="m-{_id(one)}" value="{one.methods[0]}">\n'
    if any(name in ("POST", "PUT", "PATCH") for name in one.methods):
        fields += (
            f'<label>body <textarea id="b-{_id(one)}" form="f-{_id(one)}" data-type="{_media_type(one)}">'
            f"{escape(next(behind(one, '-d', '--json'), 'name=ada'))}</textarea></label>\n"
        )
    return (
        f'<form id="f-{_id(one)}" method="{method}" action="{escape(action)}"'
        f' data-path="{escape(one.path)}">\n'
        f'{fields}<div class="send"><button>Send</button></div>\n</form>'
    )


def _conversation(one: Endpoint) -> str:
    """The form of a WebSocket, which a browser cannot send without the script."""
    fields = "".join(_field(one, name, text) for name, text in one.about.items())
    return (
        f'<form id="f-{_id(one)}" action="{escape(one.path)}" data-path="{escape(one.path)}" data-socket>\n'
        f'{fields}<label>message <input class="say" value="hello"></label>\n'
        '<div class="send"><button>Send</button>'
        '<button type="button" class="hang-up">Hang up</button></div>\n</form>'
    )


def _id(one: Endpoint) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in f"{one.methods[0]}{one.path}")


def _field(one: Endpoint, name: str, text: str) -> str:
    if name in one.fields:
        place, needed, value = "header", name in one.contract.required, _example_headers(one).get(name, "")
    else:
        place, needed = ("path", True) if name in one.in_path else ("query", False)
        value = example_values(one).get(name, "")
    # A browser without the script sends what has a name, as a query. A path's parameter has none then:
    # its form asks for the example.
    called = f'name="{escape(name)}"' if place == "query" else f'data-name="{escape(name)}"'
    return (
        f'<label>{escape(name)} <input {called} value="{escape(value)}" data-place="{place}"'
        f"{' required' if needed else ''}><small>{escape(text)}</small></label>\n"
    )


def _media_type(one: Endpoint) -> str:
    """What a body is sent as; empty where the browser may say what it likes."""
    return next(iter(one.contract.accepts), "")


def behind(one: Endpoint, *options: str) -> Iterator[str]:
    """The words that stand behind these options in an example that is a command."""
    words = shlex.split(one.example)
    return (word for option, word in pairwise(words) if option in options)


def _example_headers(one: Endpoint) -> dict[str, str]:
    fields = (field.partition(":") for field in behind(one, "-H"))
    return {name: value.strip() for name, _, value in fields}


def example_target(one: Endpoint) -> str:
    """The target of an endpoint's example."""
    if not one.example.startswith("curl "):
        return one.example
    return one.example.rpartition("{base}")[2].strip("'")


def example_values(one: Endpoint) -> dict[str, str]:
    """The parameters of an endpoint's example."""
    path, _, query = example_target(one).partition("?")
    values = dict(parse_qsl(query, keep_blank_values=True))
    prefix = one.path.partition("{")[0]
    names = one.in_path
    if names:
        values |= dict(zip(names, path.removeprefix(prefix).split("/", len(names) - 1), strict=False))
    return values


def _command(one: Endpoint) -> str:
    if one.example.startswith("curl "):
        return one.example.replace("{base}", "localhost:8080")
    return f"curl -i 'localhost:8080{one.example}'"


def _wrapped(text: str, width: int = 80) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines

"""The endpoints for programs: an OpenAPI 3.1 description, made from the endpoints themselves."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from playground import __version__
from playground.servers.http.answer import JSON, Answer, pretty_json
from playground.servers.http.endpoints.echoing import NOSNIFF
from playground.servers.http.endpoints.formats import Unchanging
from playground.servers.http.endpoints.front import INTRODUCTION, example_values
from playground.servers.http.endpoints.parameters import PARAMETERS
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, Endpoint, endpoint


def openapi(endpoints: Collection[Endpoint]) -> Endpoint:
    """The endpoint ``/openapi.json``, which describes the others, from when it is first asked for."""

    @cache
    def described() -> Unchanging:
        body = pretty_json(description(endpoints))
        return Unchanging(body, JSON, (NOSNIFF, (b"Cache-Control", b"no-cache")))

    @endpoint("/openapi.json", memory="carried")
    def answer(request: Request, asker: Asker, parameter: str) -> Answer:
        """Everything that is here, for programs: an OpenAPI 3.1 description."""
        return described().answer(request)

    return answer


def description(endpoints: Collection[Endpoint]) -> dict[str, Any]:
    """The description as a value."""
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        # OpenAPI has no parameter with slashes in it; this one is written as if it had none.
        path = one.path.replace("...}", "}")
        for method in one.methods:
            paths.setdefault(path, {})[method.lower()] = _operation(one, method)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Protocol Playground: HTTP",
            "version": __version__,
            "description": INTRODUCTION,
        },
        "servers": [{"url": "/"}],
        "paths": paths,
    }


def _operation(one: Endpoint, method: str) -> dict[str, Any]:
    words = "".join(letter if letter.isalnum() else " " for letter in one.path).split()
    operation: dict[str, Any] = {
        "operationId": "_".join([method.lower(), *words]),
        "summary": one.title,
        "description": one.doc,
        "x-playground-memory": one.memory,
        "responses": _responses(one),
    }
    if parameters := [
        _parameter(one, name) for name in dict.fromkeys([*one.in_path, *one.about, *one.fields])
    ]:
        operation["parameters"] = parameters
    if method in ("POST", "PUT", "PATCH"):
        schema = {"schema": one.contract.body} if one.contract.body is not None else {}
        operation["requestBody"] = {"content": dict.fromkeys(one.contract.accepts or ("*/*",), schema)}
        if schema:
            operation["requestBody"]["required"] = True
    return operation


def _responses(one: Endpoint) -> dict[str, Any]:
    memory = {
        "Playground-Memory": {
            "description": "What answers beyond this request.",
            "schema": {"type": "string", "const": one.memory},
        }
    }
    answers = {str(status): answer for status, answer in one.contract.answers.items()}
    return {
        status: {**answer, "headers": memory | dict(answer.get("headers", {}))}
        for status, answer in (answers or {"default": {"description": one.title}}).items()
    }


def _parameter(one: Endpoint, name: str) -> dict[str, Any]:
    in_path = name in one.in_path
    parameter: dict[str, Any] = {
        "name": name,
        "in": "path" if in_path else "header" if name in one.fields else "query",
        "description": one.about.get(name) or one.fields.get(name, ""),
        "schema": one.contract.parameters.get(name)
        or PARAMETERS.get(one.path, {}).get(name, {"type": "string"}),
    }
    if in_path or name in one.contract.required:
        parameter["required"] = True
    if value := example_values(one).get(name):
        parameter["example"] = value
    return parameter

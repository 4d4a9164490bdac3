from __future__ import annotations

from typing import Any

import playground.servers.http as facade
from playground.servers.http import HttpServer


def test_the_facade_has_what_it_says():
    for name in facade.__all__:
        assert hasattr(facade, name)
    assert set(facade.__all__) == {"HttpLimits", "HttpServer"}


def test_it_remembers_nothing_and_says_so(desk: Any):
    server = desk.server
    connection = desk.connect().observed.connection
    assert server.memory == frozenset()
    assert server.remembered(connection) == {}
    assert server.remembered(connection) is server.remembered(connection)
    assert not list(server.subjects())
    assert desk.playground.forget("connection") == []


def test_each_farewell_is_a_whole_answer(desk: Any):
    for reason, status in {"idle": 408, "flood": 429, "too-many": 503, "limit": 503, "trouble": 500}.items():
        answer = desk.server.farewell(reason)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"\r\nContent-Length: %d" % len(body) in head
        assert b"\r\nConnection: close" in head
    assert desk.server.farewell("shutdown") == b""


def test_each_limit_has_its_reason():
    from dataclasses import fields

    for field in fields(HttpServer.Options):
        assert len(field.metadata["why"]) > 20

"""Everything that the HTTP server can be asked: its table of contents."""

from __future__ import annotations

from playground.servers.http.endpoints import echoing, front, plain, stateless
from playground.servers.http.router import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    # Where does the state live?
    stateless.state,
    stateless.counter_carried,
    stateless.vending,
    # What did I send?
    echoing.echo,
    echoing.get,
    echoing.post,
    echoing.anything,
    echoing.anything_below,
    echoing.headers,
    echoing.ip,
    # What does such an answer look like?
    plain.status,
    plain.delay,
    plain.stream,
    plain.healthz,
)

FRONT = front.front_page(ENDPOINTS)
ALL: tuple[Endpoint, ...] = (FRONT, *ENDPOINTS)

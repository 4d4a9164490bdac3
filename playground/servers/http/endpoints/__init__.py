"""Everything that the HTTP server can be asked: its table of contents."""

from __future__ import annotations

from collections.abc import Iterable

from playground.servers.http.endpoints import (
    caching,
    carts,
    cookies,
    counters,
    describing,
    echoing,
    formats,
    front,
    functions,
    notes,
    plain,
    proving,
    redirecting,
    session,
    sockets,
    stateless,
    streaming,
    token,
)
from playground.servers.http.router import Endpoint
from playground.wire.doors import Door

GROUPS: dict[str, tuple[Endpoint, ...]] = {
    "Where does the state live?": (
        stateless.state,
        stateless.counter_carried,
        counters.connection,
        counters.session,
        counters.shared,
        sockets.ws,
        functions.function,
        stateless.vending,
    ),
    "Where is my cart?": (
        carts.cookie,
        token.login,
        token.me,
        token.cart,
        token.refresh,
        token.logout,
        session.login,
        session.me,
        session.cart,
        session.logout,
        carts.connection,
    ),
    "What do we share?": (
        notes.listed,
        notes.made,
        notes.shown,
        notes.replaced,
        notes.patched,
        notes.deleted,
    ),
    "What did I send?": (
        echoing.echo,
        echoing.get,
        echoing.post,
        echoing.put,
        echoing.patch,
        echoing.delete,
        echoing.anything,
        echoing.anything_below,
        echoing.headers,
        echoing.ip,
        echoing.user_agent,
        echoing.dump_request,
        echoing.upload,
        sockets.echo,
    ),
    "What if I have it already?": (
        caching.cache,
        caching.cache_n,
        caching.etag,
        caching.range_n,
    ),
    "What am I asked to carry?": (
        cookies.show,
        cookies.set_several,
        cookies.set_one,
        cookies.delete,
    ),
    "Who am I?": (
        proving.basic,
        proving.hidden_basic,
        proving.digest,
        proving.digest_algorithm,
        proving.digest_stale,
        proving.bearer,
    ),
    "Where am I sent?": (
        redirecting.redirect_n,
        redirecting.relative_redirect,
        redirecting.absolute_redirect,
        redirecting.redirect_to,
    ),
    "What comes bit by bit?": (
        streaming.delay,
        streaming.drip,
        streaming.stream,
        streaming.stream_bytes,
        streaming.some_bytes,
        streaming.sse,
        streaming.jsonl,
        streaming.trailers,
    ),
    "What does such an answer look like?": (
        plain.status,
        plain.response_headers,
        plain.unstable,
        plain.uuid,
        plain.decode_base64,
        plain.links_begin,
        plain.links,
        formats.html,
        formats.json,
        formats.xml,
        formats.utf8,
        formats.gzipped,
        formats.deflated,
        formats.brotli,
        formats.image,
        formats.image_png,
        formats.image_jpeg,
        formats.image_webp,
        formats.image_svg,
        formats.form,
        formats.robots,
        formats.deny,
    ),
    "Who answers?": (
        plain.hostname,
        plain.version,
        plain.healthz,
    ),
}
"""The endpoints by the question that they answer."""

ENDPOINTS: tuple[Endpoint, ...] = tuple(one for group in GROUPS.values() for one in group)


def everything(doors: Iterable[Door] = ()) -> tuple[Endpoint, ...]:
    """All endpoints, the doors to other servers among them, with the pages that list them."""
    behind = tuple(map(sockets.door, doors))
    groups = GROUPS | {"Who else is here?": behind} if behind else GROUPS
    shown = (front.front_page(groups, (sockets.ws, sockets.echo, *behind)), *ENDPOINTS, *behind)
    return (shown[0], describing.openapi(shown), *shown[1:])


ALL: tuple[Endpoint, ...] = everything()

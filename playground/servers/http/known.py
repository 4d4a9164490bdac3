"""Heads that came before. What a head comes to depends on its bytes alone, so it is worked out once.

A client that keeps its connection sends the same head again and again. No rule is skipped for it: a head is
only known when all of them have been asked about exactly these bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from playground.servers.http.answer import Halves
from playground.servers.http.carried import has_secrets
from playground.servers.http.request import Request

MOST = 256
"""Heads that are kept, at most twice as many."""
LONGEST = 1024
"""Bytes of a head that is kept."""
LONGEST_ANSWER = 4096
"""Bytes of an answer that is kept."""


class Known:
    """A request that is a head and nothing else, and what follows from the bytes of that head."""

    __slots__ = ("_second", "_whole", "answer", "carried", "carried_size", "request")

    def __init__(self, request: Request, carried: dict[str, object], carried_size: int) -> None:
        self.request = request
        """Whoever answers it changes nothing in it: it is answered again."""
        self.carried = carried
        self.carried_size = carried_size
        self.answer: Halves | None = None
        """The whole answer, where it is always the same and leaves the connection open."""
        self._second = -1
        self._whole = b""

    def answered(self, now: float, date: Callable[[], bytes]) -> bytes:
        """The bytes of :attr:`answer` at that time (seconds since 1970); ``date`` makes the Date field."""
        second = int(now)
        if second != self._second:
            assert self.answer is not None
            self._second, self._whole = second, self.answer.before + date() + self.answer.after
        return self._whole


class KnownHeads:
    """The heads that one server has accepted lately, by their bytes.

    When there are :data:`MOST` of them a new generation begins, into which those move that are asked for
    again; the generation before the last is forgotten. So whoever sends heads that are all different makes
    them forgotten, and costs neither memory nor a search for the oldest.
    """

    def __init__(self) -> None:
        self._young: dict[bytes, Known] = {}
        self._old: dict[bytes, Known] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def find(self, head: bytes) -> Known | None:
        """What is known of a head with exactly these bytes."""
        known = self._young.get(head)
        if known is None and head in self._old:
            known = self._old.pop(head)
            self._keep(head, known)
        return known

    def keep(self, request: Request, carried: dict[str, object], carried_size: int) -> Known | None:
        """Know ``request`` from now on, which broke no rule. None where it is not kept.

        One with a body is not: the same head may have another body. One with a secret is not, because a
        secret is kept nowhere that it need not be.
        """
        head = request.head
        if request.length or len(head) > LONGEST or has_secrets(request):
            return None
        known = Known(request, carried, carried_size)
        self._keep(head, known)
        return known

    def _keep(self, head: bytes, known: Known) -> None:
        if len(self._young) >= MOST:
            self._old, self._young = self._young, {}
        self._young[head] = known

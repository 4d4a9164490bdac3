"""What schemathesis sends, made a little different where no schema can say what would be wrong with it."""

from __future__ import annotations

import itertools
import re
from typing import Any

import schemathesis

numbers = itertools.count()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Each key is a new one, and nothing takes long."""
    headers = case.headers or {}
    key = headers.get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch(r"[!-~]{1,190}", key):
        headers["Idempotency-Key"] = f"{key}{next(numbers)}"  # else it may have come with another note before
    query = case.query or {}
    if case.operation.path.startswith("/notes"):
        for name in query.keys() - {"limit", "cursor", "delay"}:
            del query[name]  # what nobody asked for is passed over, as everywhere in the web
    delay = str(query.get("delay"))
    if re.fullmatch(r"[0-9.e-]+", delay) and 0 < float(delay) <= 10:
        query["delay"] = f"{float(delay) / 1000:f}"

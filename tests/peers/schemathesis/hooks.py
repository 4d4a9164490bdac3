"""What schemathesis sends, made a little different where no schema can say what would be wrong with it."""

from __future__ import annotations

import itertools
import re
from typing import Any

import schemathesis

numbers = itertools.count()

SECONDS = r"([0-9]{1,5}(?:\.[0-9]{1,6})?)(?:ms|s)?|([0-9](?:\.[0-9]+)?(?:e-[0-9]+)?)"


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
    if case.operation.path in ("/sse", "/jsonl") and "duration" not in query:
        case.query = query = {**query, "duration": "0.01"}
    path = case.path_parameters or {}
    for places, name in ((query, "delay"), (query, "duration"), (path, "seconds")):
        if found := re.fullmatch(SECONDS, str(places.get(name))):
            places[name] = f"{float(found[1] or found[2]) / 100_000:.6f}"

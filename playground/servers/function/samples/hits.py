"""A function as it should not be: it counts in a module global, and that works, for a while.

The global lives as long as the process does. Nobody promises how long that is,
or that the next request comes to the same one.
"""

import time
from typing import Any

hits = 0
began = time.time()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Count, as if there were only one of us. ``?crash=1`` ends the process, ``?sleep=1`` takes a second."""
    global hits  # noqa: PLW0603  # that is what this function is about
    asked = event.get("queryStringParameters", {})
    hits += 1
    if asked.get("crash"):
        raise SystemExit(3)
    time.sleep(float(asked.get("sleep", 0)))  # noqa: TID251  # in a process of its own
    return {"hits": hits, "lesson": "A module global counts the runs of this one process."}

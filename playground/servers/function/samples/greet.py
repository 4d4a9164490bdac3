"""A function as it should be: what it answers depends on what it is asked, and on nothing else."""

from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Greet whoever is named in the query: ``/function/greet?name=ada``."""
    name = event.get("queryStringParameters", {}).get("name", "you")
    return {"greeting": f"Hello, {name}."}

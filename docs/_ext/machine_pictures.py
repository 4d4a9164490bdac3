"""Put pictures of the state machines into pages: ``<!-- picture of game dialogue -->``."""

from __future__ import annotations

import re
from collections.abc import Callable

from sphinx.application import Sphinx

from docs._ext.state_picture import Arrow, picture
from playground.servers.ftp import states as ftp
from playground.servers.function import states as functions
from playground.servers.game import dialogue, seats, table
from playground.wire.machines import transitions

PLACE = re.compile(r"<!-- picture of (.+?) -->")


def of_machine(name: str, states: str, make_machine: object) -> str:
    """The picture of one of our own machines; ``states`` says in which order they stand."""
    arrows = [
        Arrow(step.before, step.input.replace("_", " "), step.after) for step in transitions(make_machine)
    ]
    return picture(name, states.split(), arrows)


TRANSFERS = {ftp.BEGINS: ("a transfer begins",), ftp.ENDS: ("a transfer ends",)}
"""Words for what would be a long list; the page says which inputs they stand for."""


def of_ftp() -> str:
    """The picture of an FTP session, from the table that its tests walk."""
    arrows = [
        Arrow(way.before, f"{what} ({way.seldom})" if way.seldom else what, way.after)
        for way in ftp.WAYS
        for what in TRANSFERS.get(way.inputs, way.inputs)
    ]
    return picture("FTP session", list(ftp.State), arrows, many=4)


def of_functions() -> str:
    """The picture of an environment, from the table that it goes by."""
    arrows = [
        Arrow(before, what, after) for before, row in functions.TABLE.items() for what, after in row.items()
    ]
    return picture("function environment", list(functions.State), arrows)


PICTURES: dict[str, Callable[[], str]] = {
    "ftp session": of_ftp,
    "function environment": of_functions,
    "game dialogue": lambda: of_machine(
        "game dialogue", "greeting watching seated muted half-closed closed", dialogue.dialogue_machine
    ),
    "game seat": lambda: of_machine("game seat", "present away gone", seats.seat_machine),
    "game table": lambda: of_machine(
        "game table", "lobby choosing resolving between paused", table.table_machine
    ),
}
"""What a page may ask for. A server whose table looks otherwise calls ``state_picture.picture`` itself."""


def put_pictures(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace each comment by the picture that it asks for."""
    source[0] = PLACE.sub(lambda found: PICTURES[found[1]](), source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("source-read", put_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

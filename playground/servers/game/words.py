"""What Lantern says. The first character tells what a line is: ``*`` news, ``=`` taken, ``>`` the cave,
``?`` your turn, ``!`` refused, ``{`` JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

TOKEN_LIKE = re.compile(r"\b[0-9a-f]{20}\b")
"""What a token looks like, wherever it strays to."""

BEGIN = "name <you> | resume <token> | watch"
GREETING = f"* Lantern. Say: {BEGIN}"

HELP = (
    "* Lantern: a cave, a lamp and luck. A game is three caves; most gems wins.",
    "* In each step everybody inside chooses, unseen by the others: go, or home.",
    "* go: deeper in, a card is turned. Gems, for all who go to share; or a danger.",
    "* The second danger of one kind ends the cave: all inside drop what they carry.",
    "* home: what you carry is safe in your chest, with a share of what lies about.",
    "* You may think again until all have chosen. Oil burnt? Silence means go.",
    "* Connection lost? Come back, say: resume <token>, and you sit where you sat.",
    f"* To begin: {BEGIN}. While watching: sit <you>",
    "* At the table: ready | go | home | say <words> | leave",
    "* Always: help | look | who | state | quit",
)

TAKEN_OVER = "* a newer connection brought your token: you go on there, this one is closed"
GOODBYE = "* goodbye"
GOODBYES = {
    "shutdown": "* the playground closes",
    "shutdown, kept": "* the playground closes; seats are kept until it is back: resume <token>",
    "idle": "* you were silent for long: closed. If you had a seat: resume <token>",
    "greeting": "* you have not said who you are, so this connection is closed",
    "too-many": "! too many connections at once; try again later",
    "flood": "! too much at once",
    "trouble": "! something is broken here; sorry",
}
LEFT = f"= you have left the table. Say: {BEGIN}"
FORGOTTEN_CONNECTION = f"* who you are was forgotten. Say: {BEGIN}"
FORGOTTEN_SEAT = "* your seat was forgotten, and all that was in it. Say: name <you> | watch"
FORGOTTEN_TABLE = "* the game was forgotten; the seats are not. Say: ready"
LAMPS_OUT = "* nobody is there; the lamps wait"
NOBODY = "* no seat is taken"
SAY_READY = "* Say: ready"
CALM = "* you are heard again"

BAD_NAME = "a name is one word of 1 to 16 letters, digits or '-'. Say: name ada"
BAD_TOKEN = "no seat has that token. Only the newest counts, while the seat is kept"
BAD_TOKENS = "no seat has that token, and that was the third; goodbye"
TOO_MANY_TOKENS = "too many wrong tokens came from your address; try again in a minute"
NO_TLS = "this is TLS, and Lantern is played in plain text: nc HOST PORT"
NOT_UTF8 = "that line is not UTF-8"
NO_CAVE = "there is no cave yet. Say: ready"
NEXT_CAVE = "you are not in this cave; you play in the next one"
NEXT_GAME = "you are not in this cave, and it is the last one; a new game comes after it"
BETWEEN_CAVES = "the next cave opens in a moment"
GAME_ON = "the game is on already. Say: look"
GO_WHERE = "go goes deeper, whatever you add. Say just: go, or: home"
BREAK = "to leave the game: quit. To keep your seat: hang up (Ctrl-], then quit)"
NOTHING_SAID = "say what?"
TOKEN_SAID = "that is your token: whoever reads it can take your seat"
MUTED = "not heard: you are muted"
NOT_SAVED = "not saved: the disk did not take it, so it did not happen. Try again"
NOT_SAVED_AT_ALL = f"{NOT_SAVED}: {BEGIN}"


KNOWN = frozenset({"name", "resume", "watch", "sit", "ready", "go", "home", "say", "leave"})
"""The words that mean something in one state of the dialogue only."""

WRONG_PLACE = {
    "greeting": f"nobody knows yet who you are. Say: {BEGIN}",
    "seated": "you have a seat already. To give it up, say: leave",
}
"""To who says one of those in another state."""

NAME_LIKE = re.compile(r"[A-Za-z0-9-]{1,16}")
"""What may be somebody's name."""

MOST_LAZY = 3
"""So few for whom the others wait are named."""

MOST_PLACED = 5
"""Who came behind the winners, or is here already, is named up to here."""


def waits_for(lazy: list[str]) -> str:
    """To somebody who is ready and cannot wait."""
    return f"the cave opens once all are ready. Not ready yet: {names(lazy)}"


def plain(text: str, room: int = 400) -> str:
    """``text`` with nothing in it that could move another person's terminal, cut to ``room`` characters."""
    spaced = " ".join(text.split())
    return "".join(char for char in spaced if char.isprintable())[:room]


def gems(number: int) -> str:
    """``1 gem``, ``2 gems``."""
    return "1 gem" if number == 1 else f"{number} gems"


def names(people: Sequence[str]) -> str:
    """``ada``, ``ada and bob``, ``ada, bob and eve``."""
    *first, last = people or ("nobody",)
    return f"{', '.join(first)} and {last}" if first else last


def seconds(number: float) -> str:
    """``12s``, and never less than one."""
    return f"{max(1, round(number))}s"


def with_numbers(people: Mapping[str, int]) -> str:
    """``ada=5, bob=0``."""
    return ", ".join(f"{name}={number}" for name, number in people.items())


# -- coming and going --------------------------------------------------------------------------------


def welcome(name: str, token: str, late: bool, last: bool = False) -> str:
    """To a new player. ``late``: a game is under way, and has no other cave where it is ``last``."""
    what = "Say: ready"
    if late:
        what = "You play in the next game" if last else "The next cave is yours too"
    return f"* welcome {name}. Your token is {token}. {what}"


def welcome_back(name: str, token: str, pocket: int, chest: int) -> str:
    """To a player who brought the token."""
    return f"* welcome back {name}. New token: {token}. You carry {pocket}; chest {chest}"


def chosen_before(choice: str) -> str:
    """To a player who is back, and has nothing to say in this step any more."""
    return f"* you have chosen already: {choice}"


def here_already(people: Sequence[str]) -> str:
    """To a new player in the lobby: with whom it will be played."""
    few, more = people[:MOST_PLACED], len(people) - MOST_PLACED
    return f"* here already: {names([*few, f'{more} more'] if more > 0 else few)}"


def sits_down(name: str) -> str:
    """News of a new player."""
    return f"* {name} sits down"


def gone_quiet(name: str, grace: float) -> str:
    """News of a lost connection."""
    return f"* {name} has gone quiet. Their seat is kept for {seconds(grace)}"


def is_back(name: str) -> str:
    """News of a resume."""
    return f"* {name} is back"


def seat_given_up(name: str, grace: float) -> str:
    """News of a seat that nobody came back to."""
    return f"* {name} did not come back in {seconds(grace)}; the seat is free"


def has_left(name: str) -> str:
    """News of somebody who left."""
    return f"* {name} has left the table"


def dropped_on_floor(name: str, dropped: int) -> str:
    """What somebody leaves in a cave."""
    return f"> {gems(dropped)} of {name} fall to the floor"


def name_taken(name: str, left: float | None = None) -> str:
    """Why not that name. ``left``: seconds for which the seat is still kept, if nobody sits there."""
    if left is not None:
        return f"{name} is away; the seat is kept for {seconds(left)}. Say: resume <token>, or another name"
    return f"{name} sits here already; take another name, or: resume <token>"


def table_full(room: int) -> str:
    """Why no seat at all."""
    return f"all {room} seats are taken. Say: watch, and sit down when one is free"


def says(name: str, text: str) -> str:
    """Somebody speaks. ``text`` must be :func:`plain`."""
    return f"* {name}: {text}"


def watching(under_way: bool) -> str:
    """To somebody who watches now, while a game is ``under_way`` or not."""
    return f"* you watch. {'Once this game is over' if under_way else 'To play'}, say: sit <you>"


def only_watching(name: str, under_way: bool) -> str:
    """To a watcher who wants to play, called ``name`` if that can be one."""
    you = name if NAME_LIKE.fullmatch(name) else "<you>"
    if under_way:
        return f"you only watch. Wait for the game's end, or: quit, come back, say: name {you}"
    return f"you only watch. To play, say: sit {you}"


def not_now(word: str, rest: str, state: str, under_way: bool, asked: bool) -> str:
    """Why ``word`` cannot be in that state of the dialogue, and what to say instead of it and ``rest``.

    ``asked``: it is that person's turn to choose.
    """
    if word == "\x03":
        return BREAK
    if state == "watching" and word in KNOWN:
        return only_watching(rest if word == "name" else "", under_way)
    here = WRONG_PLACE.get(state)
    if TOKEN_LIKE.fullmatch(word):
        return "that token means nothing here" + (". Say: resume <token>" if state == "greeting" else "")
    if here is not None and word in KNOWN:
        return here
    said = f"'{plain(word, 20)}'"
    if state == "greeting" and NAME_LIKE.fullmatch(word):
        return f"{said} is no word of this game. If it is your name, say: name {word}"
    if asked:
        return f"{said} is no word of this game. Say: go, or: home. To talk to all: say <words>"
    talk = ". To talk to all: say <words>" if state == "seated" else ""
    return f"{said} is no word of this game{talk}. Say: help"


def muted(calm: float) -> str:
    """To a flooder."""
    return f"too much at once; you are not heard for {seconds(calm)}"


def too_long(room: int) -> str:
    """To who sends a line without end."""
    return f"a line has at most {room} bytes; goodbye"


def http_answer(line: str) -> bytes:
    """A whole answer to an HTTP request, whose first line is ``line``."""
    body = b"This is not HTTP. Here you play Lantern, a game for netcat or telnet: nc HOST PORT\n"
    head = (
        "HTTP/1.1 400 Bad Request\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if line.startswith("HEAD ") else body)


# -- the game ----------------------------------------------------------------------------------------


def is_ready(name: str, ready: int, lazy: Sequence[str]) -> str:
    """News of a ``ready``. Where many wait for a few, who is present and ``lazy`` is named."""
    told = f"* {name} is ready ({ready}/{ready + len(lazy)})"
    few = 0 < len(lazy) <= MOST_LAZY and len(lazy) < ready
    return f"{told}. Not ready yet: {names(lazy)}" if few else told


def has_chosen(name: str, chosen: int, inside: int) -> str:
    """News that somebody has chosen, but not what."""
    return f"* {name} has chosen ({chosen}/{inside})"


# -- looking around ----------------------------------------------------------------------------------


def nothing_open(state: str, chests: Mapping[str, int]) -> str:
    """What ``look`` shows outside of a cave."""
    where = "between two caves" if state == "between" else "no cave is open"
    return f"> {where}. Chests: {with_numbers(chests) or 'none'}"


def not_ready(people: Sequence[str]) -> str:
    """Whom the lobby waits for."""
    return f"> not ready yet: {names(people)}"


def not_chosen(people: Sequence[str], away: Sequence[str]) -> str:
    """Whom the cave waits for, and who of them is ``away``."""
    marked = [f"{name} (away)" if name in away else name for name in people]
    return f"> still to choose: {names(marked)}"


def cave_seen(number: int, depth: int, floor: int, dangers: Sequence[str]) -> str:
    """What ``look`` shows of a cave."""
    return (
        f"> cave {number}, depth {depth}. Floor: {gems(floor)}. Dangers seen: {', '.join(dangers) or 'none'}"
    )


def people_seen(pockets: Mapping[str, int], left: float | None) -> str:
    """Who is inside with how much. ``left``: seconds of oil, None while the lamps are out."""
    oil = "the lamps are out" if left is None else f"{seconds(left)} of oil"
    return f"> inside: {with_numbers(pockets) or 'nobody'} ({oil})"


def sits_here(name: str, present: bool, chest: int, pocket: int, ready: bool) -> str:
    """One line of ``who``."""
    marks = [
        "here" if present else "away",
        f"carries {pocket}",
        f"chest {chest}",
        *(["ready"] if ready else []),
    ]
    return f"* {name}: {', '.join(marks)}"

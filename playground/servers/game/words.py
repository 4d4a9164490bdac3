"""What Lantern says. The first character tells what a line is: ``*`` news, ``=`` taken, ``>`` the cave,
``?`` your turn, ``!`` refused, ``{`` JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from playground.servers.game.cards import DANGERS, Danger, Vein
from playground.servers.game.cave import Step

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

WORTH = ((75, "a treasure"), (50, "a chestful"), (25, "a bagful"), (0, "a pocketful"))
"""What so many gems of three caves are called. Half of all careful people bring more than 45."""

WIDEST = 77
"""Characters of a question: a terminal has 80, and some clients put a sign before what they show."""

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


def not_now(word: str, rest: str, state: str, under_way: bool) -> str:
    """Why ``word`` cannot be in that state of the dialogue, and what to say instead of it and ``rest``."""
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


def cave_opens(number: int, of: int, people: Sequence[str]) -> str:
    """A cave begins."""
    return f"> cave {number} of {of}. The lamps are lit. Inside: {names(people)}"


def your_turn(left: float, carried: int, floor: int, dangers: Sequence[str]) -> str:
    """The question of each step, with all that there is to weigh. ``left``: seconds.

    It fits a line of a terminal, so it names nobody: who is inside came together,
    shares alike, and carries the same. Where there is much to weigh, some words are
    left out; its beginning stays, for whoever waits for it.
    """
    weighed = f"carry {carried}"
    if floor:
        weighed += f", floor {floor}"
    question = f"? go deeper or go home? ({seconds(left)} of oil)  you {weighed}{_seen(dangers, ', ')}"
    if len(question) <= WIDEST:
        return question
    return f"? go deeper or go home? ({seconds(left)})  {weighed}{_seen(dangers, ' ')}"


def _seen(dangers: Sequence[str], between: str) -> str:
    unseen = [kind for kind in DANGERS if kind not in dangers]
    if not dangers:
        return ""
    if len(unseen) > 1:
        return f", seen {between.join(dangers)}"
    return f", seen all but {unseen[0]}" if unseen else ", seen all dangers"


def oil_is_low(left: float) -> str:
    """To who has not chosen while the oil is nearly burnt. ``left``: seconds."""
    return f"? {seconds(left)} of oil left: go, or home? Silence means go"


def away_inside(people: Sequence[str]) -> str:
    """News of a step for which the lamps were lit while ``people`` were away."""
    verb = "is" if len(people) == 1 else "are"
    return f"* {names(people)} {verb} away. This step waits for the oil; from then on nobody waits for them"


def taken_along(people: Sequence[str]) -> str:
    """The others have chosen, and these are not waited for."""
    verb, follow = ("is", "follows") if len(people) == 1 else ("are", "follow")
    return f"> {names(people)} {verb} away, and {follow} the light"


def oil_burnt(undecided: list[str]) -> str:
    """The time to choose is over."""
    follow = "follows" if len(undecided) == 1 else "follow"
    return f"> the oil is burnt. {names(undecided)} {follow} the light"


def step_told(step: Step, chests: Mapping[str, int]) -> list[str]:
    """What happened in a step."""
    lines = []
    for name, banked in step.banked.items():
        found = f", {step.from_floor} of them from the floor" if step.from_floor else ""
        lines.append(f"> {name} goes home with {gems(banked)}{found}. Chest {chests.get(name, 0)}")
    if isinstance(step.card, Vein):
        lines.append(f"> depth {step.depth}: a vein of {gems(step.card.gems)}. {_sharing(step)}")
    elif isinstance(step.card, Danger):
        lines.append(f"> depth {step.depth}: {_danger(step.card, step.dropped)}")
    if isinstance(step.ahead, Vein):
        lines.append(f"> ahead lay a vein of {gems(step.ahead.gems)}")
    elif isinstance(step.ahead, Danger):
        lines.append(f"> ahead lay {step.ahead.kind}{' again' if step.ahead_again else ''}")
    return lines


def _sharing(step: Step) -> str:
    share = f"{step.each} each" if len(step.inside) > 1 else f"All for {step.inside[0]}"
    return f"{share}, {step.floor} left on the floor" if step.floor else share


def _danger(danger: Danger, dropped: Mapping[str, int] | None) -> str:
    if dropped is None:
        return f"{danger.kind}! If it comes again, all inside drop what they carry"
    losers = [name for name, number in dropped.items() if number]
    lost = "Nobody had anything to drop"
    if losers:  # who is inside has come together, so all carry the same
        lost = f"{names(losers)} {'drops' if len(losers) == 1 else 'drop'} {dropped[losers[0]]}"
        lost += " each" if len(losers) > 1 else ""
    return f"{danger.kind} again! All run. {lost}"


def cave_over(number: int, of: int, chests: Mapping[str, int]) -> str:
    """A cave ends."""
    return f"> cave {number} of {of} is over. Chests: {with_numbers(chests) or 'none'}"


def game_over(chests: Mapping[str, int]) -> list[str]:
    """The last cave is over."""
    again = "* Say: ready, for another game"
    most = max(chests.values(), default=0)
    winners = [name for name, chest in chests.items() if chest == most]
    if not chests:
        return ["* the game is over"]
    if not most:
        return ["* the game is over. The cave wins: nobody has a gem", again]
    if len(chests) == 1:
        worth = next(word for least, word in WORTH if most >= least)
        told = f"* the game is over. {winners[0]} has brought {gems(most)} into the light: {worth}"
        scale = ", ".join(f"{word} from {least}" for least, word in reversed(WORTH) if least > most)
        return [told, *([f"* It would be {scale}"] if scale else []), again]
    verb, each = ("wins", "") if len(winners) == 1 else ("share the victory", " each")
    others = sorted((name for name in chests if name not in winners), key=lambda name: -chests[name])
    placed = [f"{name} with {chests[name]}" for name in others[:MOST_PLACED]]
    behind = f", before {', '.join(placed)}" if placed else ""
    return [f"* the game is over. {names(winners)} {verb} with {gems(most)}{each}{behind}", again]


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

"""What Lantern says of a cave: the question, what a step did, and how it all ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from playground.servers.game.cards import DANGERS, Danger, Vein
from playground.servers.game.cave import Step
from playground.servers.game.words import MOST_PLACED, gems, names, seconds, with_numbers

WORTH = ((75, "a treasure"), (50, "a chestful"), (25, "a bagful"), (0, "a pocketful"))
"""What so many gems of three caves are called. Half of all careful people bring more than 45."""

WIDEST = 77
"""Characters of a question: a terminal has 80, and some clients put a sign before what they show."""


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

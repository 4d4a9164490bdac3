"""What each word does. The dialogue's state has allowed it already."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from playground.servers.game import words
from playground.servers.game.cave import Choice
from playground.servers.game.effects import Limit, News, Show, Tell, TellState
from playground.servers.game.pictures import Touch
from playground.servers.game.scene import looked_at, seats_told
from playground.servers.game.seats import Seat, key_of

if TYPE_CHECKING:
    from playground.servers.game.dialogue import Talk
    from playground.servers.game.lantern import Lantern


def name(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``name ada``: a new player, who plays from the next cave on."""
    if _seat_taken(lantern, talk, rest):
        talk.machine.name()


def sit(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``sit ada``: a watcher joins, in the lobby only."""
    if lantern.is_under_way:
        lantern.refuse(talk, "game-on", words.only_watching(rest, under_way=True))
    elif _seat_taken(lantern, talk, rest):
        talk.machine.sit()


def _seat_taken(lantern: Lantern, talk: Talk, wanted: str) -> bool:
    if (why_not := lantern.seats.why_not(wanted)) is not None:
        rule, text = why_not
        taken = lantern.seats.get(wanted)
        if taken is not None and not taken.present:
            text = words.name_taken(wanted, lantern.expires_in(taken))
        lantern.refuse(talk, rule, text)
        return False
    seat, token = lantern.seats.add(wanted, talk.conn)
    talk.seat, talk.wrong_tokens = seat, 0
    late = lantern.game.state != "lobby"
    welcome = words.welcome(seat.name, token, late, lantern.game.is_last_cave)
    lantern.effects.append(Tell((talk.conn,), welcome, token))
    lantern.effects.append(News(words.sits_down(seat.name), but=talk.conn))
    if late:
        lantern.tell(talk, *looked_at(lantern.scene(), lantern.now()))
    elif others := [other.name for other in lantern.seats if other.present and other is not seat]:
        lantern.tell(talk, words.here_already(others))
    return True


def resume(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``resume TOKEN``: the seat's owner is back. The newest connection with the right token wins."""
    token = rest.rstrip(".,;")
    now = lantern.now()
    if lantern.guesses.too_many(talk.address, now):
        lantern.refuse(talk, "too-many-tokens", words.TOO_MANY_TOKENS)
        most = lantern.limits.tokens_per_address
        lantern.effects.append(Limit(talk.conn, "tokens_per_address", most, "wrong tokens from one address"))
        return
    seat = lantern.seats.holder(token)
    if seat is None:
        lantern.guesses.count(talk.address, now)
        talk.wrong_tokens += 1
        most = lantern.limits.tokens_per_connection
        third = 0 < most <= talk.wrong_tokens
        (talk.machine.third_bad_token if third else talk.machine.bad_token)()
        return
    if seat.present:
        lantern.unseat_older(seat)
    else:
        seat.conn = talk.conn
        seat.machine.resume()
    dealt = lantern.seats.hand_over(seat, token, talk.conn)
    talk.seat, talk.wrong_tokens, talk.resumed = seat, 0, True
    talk.machine.resume()
    carried = lantern.game.carried_by(seat)
    back = words.welcome_back(seat.name, dealt, carried, seat.chest)
    lantern.effects.append(Tell((talk.conn,), back, dealt))
    _where_we_are(lantern, talk, seat)


def _where_we_are(lantern: Lantern, talk: Talk, seat: Seat) -> None:
    """To who is back: what is waited for."""
    game = lantern.game
    if game.state == "lobby":
        lazy = [other.name for other in lantern.seats if other.present and not other.ready]
        lantern.tell(talk, words.not_ready(lazy) if seat.ready else words.SAY_READY)
    elif game.cave is not None and seat.name not in game.cave.pockets:
        lantern.tell(talk, f"* {_why_outside(lantern)}")
    elif game.cave is not None and (choice := game.cave.choices.get(seat.name)):
        lantern.tell(talk, words.chosen_before(choice))
    game.ask([seat])


def _why_outside(lantern: Lantern) -> str:
    return words.NEXT_GAME if lantern.game.is_last_cave else words.NEXT_CAVE


def watch(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``watch``: see the game, without a seat."""
    talk.machine.watch()
    lantern.tell(talk, words.watching(lantern.is_under_way))
    lantern.tell(talk, *looked_at(lantern.scene(), lantern.now()))


def leave(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``leave``: stand up and stay to talk."""
    seat = _seat(talk)
    seat.machine.leave()
    talk.seat = None
    talk.machine.leave()
    lantern.tell(talk, words.LEFT)
    lantern.vacate(seat)


def quit_(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``quit``: goodbye, and no coming back."""
    seat, talk.seat = talk.seat, None
    if seat is not None:
        seat.machine.quit()
    talk.machine.quit()
    if seat is not None:
        lantern.vacate(seat)


def ready(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``ready``: when all who are here have said it, the first cave opens."""
    seat = _seat(talk)
    if lantern.game.state != "lobby":
        lantern.refuse(talk, "game-on", words.GAME_ON)
        return
    lantern.tell(talk, "= ready")
    if not seat.ready:
        seat.ready = True
        present = [other for other in lantern.seats if other.present]
        lazy = [other.name for other in present if not other.ready]
        if len(present) > 1:
            lantern.effects.append(News(words.is_ready(seat.name, len(present) - len(lazy), lazy)))


def go(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``go``: deeper. ``go home`` is home, as everybody who reads the question may answer."""
    where = rest.lower().rstrip(".!")
    if where == "home":
        _choose(lantern, talk, "home")
    elif where in ("", "deeper"):
        _choose(lantern, talk, "go")
    else:
        lantern.refuse(talk, "go-where", words.GO_WHERE)


def home(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``home``: with what one carries."""
    _choose(lantern, talk, "home")


def _choose(lantern: Lantern, talk: Talk, choice: Choice) -> None:
    seat, game = _seat(talk), lantern.game
    if game.state == "lobby":
        lazy = [other.name for other in lantern.seats if other.present and not other.ready]
        lantern.refuse(talk, "no-cave", words.waits_for(lazy) if seat.ready else words.NO_CAVE)
    elif game.state == "between":
        lantern.refuse(talk, "no-cave", words.BETWEEN_CAVES)
    elif game.state != "choosing" or game.cave is None or seat.name not in game.cave.pockets:
        lantern.refuse(talk, "not-inside", _why_outside(lantern))
    else:
        lantern.tell(talk, f"= {choice}")
        game.choose(seat, choice)


def say(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``say hello``: everybody at the table and who watches reads it, without control characters."""
    seat, text = _seat(talk), words.plain(rest)
    if seat.key in map(key_of, words.TOKEN_LIKE.findall(text)):
        lantern.refuse(talk, "token-said", words.TOKEN_SAID)
    elif text:
        lantern.effects.append(News(words.says(seat.name, text)))
    else:
        lantern.refuse(talk, "nothing-said", words.NOTHING_SAID)


def help_(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``help``: ten lines."""
    lantern.effects += [Show(talk.conn, line) for line in words.HELP]


def look(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``look``: what is to be seen."""
    lantern.show(talk, looked_at)


def who(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``who``: the seats."""
    lantern.show(talk, seats_told)


def state(lantern: Lantern, talk: Talk, rest: str) -> None:
    """``state``: what is remembered where, as JSON."""
    lantern.effects.append(TellState(talk.conn))


def _seat(talk: Talk) -> Seat:
    if talk.seat is None:
        raise ValueError("a dialogue is seated, but has no seat")
    return talk.seat


TOUCHES: dict[str, Touch] = {
    "help": Touch.NOTHING,
    "look": Touch.NOTHING,
    "who": Touch.NOTHING,
    "state": Touch.NOTHING,
    "say": Touch.NOTHING,
    "ready": Touch.SEAT,
    "go": Touch.TABLE,
    "home": Touch.TABLE,
}
"""What a word changes of seats and table, unless a machine moves: any other word may change everything."""

DO: dict[str, Callable[[Lantern, Talk, str], None]] = {
    "name": name,
    "sit": sit,
    "resume": resume,
    "watch": watch,
    "leave": leave,
    "quit": quit_,
    "ready": ready,
    "go": go,
    "home": home,
    "say": say,
    "help": help_,
    "look": look,
    "who": who,
    "state": state,
}

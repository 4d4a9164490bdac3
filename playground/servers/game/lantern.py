"""The whole game without a socket, a clock or a thread: inputs go in, a list of effects comes out.

Nothing that an input causes happens before the core has finished with it, so
whoever carries the effects out may save :class:`Lantern` first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random

from playground.servers.game import commands, words
from playground.servers.game.dialogue import ALWAYS, MEANS, Talk
from playground.servers.game.effects import (
    Alarm,
    Answer,
    Close,
    Effect,
    News,
    Refuse,
    Rest,
    Show,
    SubjectStep,
    Tell,
    Wake,
)
from playground.servers.game.game import Game
from playground.servers.game.guesses import Guesses
from playground.servers.game.hearers import Hearers
from playground.servers.game.limits import GameLimits
from playground.servers.game.pictures import Pictures, Touch
from playground.servers.game.saved import Saved
from playground.servers.game.scene import Scene, scene_of
from playground.servers.game.seats import Seat, Seats
from playground.wire.memory import Subject


class Lantern:
    """Dialogues, seats and the table.

    ``random`` shuffles; ``tokens`` makes a new secret at each call; ``now`` is
    the reactor's clock in seconds, which must be seconds since 1970 where
    people are to read ``oil_until``.
    """

    def __init__(
        self, limits: GameLimits, random: Random, tokens: Callable[[], str], now: Callable[[], float]
    ) -> None:
        self.limits = limits
        self.now = now
        self.effects: list[Effect] = []
        self.seats = Seats(limits.seats, limits.grace, tokens, self.effects)
        self.game = Game(self.seats, limits, random, now, self.effects)
        self.guesses = Guesses(limits.tokens_per_address)
        self._talks: dict[str, Talk] = {}
        self._hearers = Hearers()
        self._alarms: dict[tuple[str, str], tuple[Alarm, float]] = {}
        self._serial = 0
        self.changes = 0
        """Inputs so far that may have changed what is to be saved."""
        self._changes_before = 0
        """How many they were when the line came that is being handled."""
        self.saved_scene: Callable[[], Scene | None] = self.scene
        """What there is to see of what is saved; None where nobody can say what is. Whoever saves sets it."""
        self._pictures = Pictures(self.seats, self.game, self.expires_in, now)

    # -- inputs from connections -------------------------------------------------------------

    def opened(self, conn: str, address: str) -> Talk:
        """A connection is there."""
        talk = self._talks[conn] = Talk(conn, address, self.limits, self.effects, self._hearers)
        return talk

    def greet(self, conn: str) -> list[Effect]:
        """It has not spoken first, so we do."""
        self.effects.append(Show(conn, words.GREETING))
        if (talk := self._talks.get(conn)) is not None:
            talk.expect_a_name()
        return self._finish(Touch.NOTHING)

    def line(self, conn: str, text: str) -> list[Effect]:
        """A whole line came."""
        talk = self._talks.get(conn)
        touched = Touch.NOTHING
        self._changes_before = self.changes
        if talk is not None and self._heard(talk, text):
            word, _, rest = text.strip().partition(" ")
            word = word.lower()
            if word in ALWAYS or word in MEANS.get(talk.state, ()):
                commands.DO[word](self, talk, rest.strip())
                touched = commands.TOUCHES.get(word, Touch.EVERYTHING)
            elif word:
                asked = self.game.is_asked(talk.seat)
                why_not = words.not_now(word, rest.strip(), talk.state, self.is_under_way, asked)
                self.refuse(talk, "not-now", why_not)
            elif talk.seat is not None:
                self.game.ask([talk.seat])
        return self._finish(touched, talk.seat if talk is not None else None)

    def not_text(self, conn: str) -> list[Effect]:
        """A line came that is not UTF-8."""
        talk = self._talks.get(conn)
        if talk is not None and self._heard(talk, ""):
            self.refuse(talk, "not-utf-8", words.NOT_UTF8)
        return self._finish(Touch.NOTHING)

    def line_too_long(self, conn: str) -> list[Effect]:
        """A line came, or does not end, that is longer than a line may be."""
        talk = self._talks.get(conn)
        if talk is not None and talk.state not in ("half-closed", "closed"):
            talk.machine.line_too_long()
        return self._finish(Touch.NOTHING)

    def http_request(self, conn: str, line: str) -> list[Effect]:
        """The first line is one of HTTP; nobody has been greeted yet, or just so."""
        talk = self._talks.get(conn)
        if talk is not None and talk.state == "greeting":
            talk.machine.other_protocol()
            self.effects.append(Refuse(conn, "http", "an HTTP request; this is Lantern", silent=True))
            self.effects.append(Answer(conn, words.http_answer(line)))
            self.effects.append(Close(conn, "server"))
        return self._finish(Touch.NOTHING)

    def tls_hello(self, conn: str) -> list[Effect]:
        """The first bytes are those of a TLS client."""
        talk = self._talks.get(conn)
        if talk is not None and talk.state == "greeting":
            talk.machine.other_protocol()
            self.effects.append(Refuse(conn, "tls", words.NO_TLS))
            self.effects.append(Close(conn, "server"))
        return self._finish(Touch.NOTHING)

    def ended(self, conn: str) -> list[Effect]:
        """The client has closed its half, and every line of it was handled."""
        talk = self._talks.get(conn)
        if talk is not None and talk.state not in ("half-closed", "closed"):
            talk.machine.end_of_input()
        return self._finish(Touch.NOTHING)

    def lost(self, conn: str, reason: str = "client") -> list[Effect]:
        """The socket is gone. ``reason`` is the journal's word for it."""
        talk = self._talks.pop(conn, None)
        if talk is None:
            return []
        talk.remembered()
        talk.lost = True
        self._hearers.discard(conn)
        self.effects += [Rest(Alarm("calm", conn)), Rest(Alarm("greeting", conn))]
        if talk.state == "half-closed" and reason == "client":
            talk.machine.flushed()
        elif talk.state != "closed":
            ending = {"idle": talk.machine.idle, "clogged": talk.machine.clogged}
            if talk.state == "half-closed":
                ending["idle"] = talk.machine.aborted
            ending.get(reason, talk.machine.aborted)()
        seat = talk.seat
        if seat is not None and seat.conn == conn:
            seat.machine.connection_lost()
            seat.conn = None
        del talk.machine  # it knows the talk, and the collector would have to find that out
        return self._finish(Touch.NOTHING if seat is None else Touch.EVERYTHING)

    # -- inputs from the clock and from the owner ----------------------------------------------

    def rings(self, alarm: Alarm) -> list[Effect]:
        """The time of ``alarm`` has come. One that was stopped or set anew meanwhile is not heard."""
        key = (alarm.kind, alarm.whose)
        if self._alarms.get(key, (None, 0.0))[0] != alarm:
            return []
        del self._alarms[key]
        if alarm.kind == "oil":
            self.game.machine.oil_out()
        elif alarm.kind == "low":
            self.game.warn()
        elif alarm.kind == "pause":
            self.game.machine.pause_over()
        elif alarm.kind == "grace":
            if (seat := self.seats.get(alarm.whose)) is not None:
                seat.machine.grace_over()
                self.vacate(seat)
        elif (talk := self._talks.get(alarm.whose)) is not None:
            if alarm.kind == "greeting" and talk.state == "greeting":
                talk.machine.unnamed()
            elif alarm.kind == "calm" and talk.state == "muted":
                talk.hear_all()
                talk.machine.calm()
        return self._finish(Touch.NOTHING if alarm.kind in ("low", "greeting", "calm") else Touch.EVERYTHING)

    def forget_connections(self) -> list[Effect]:
        """Nobody knows any more who is on which connection; the seats wait."""
        for talk in self._talks.values():
            seat, talk.seat, talk.wrong_tokens = talk.seat, None, 0
            if seat is not None:
                seat.machine.connection_forgotten()
                seat.conn = None
            if talk.state in ("watching", "seated", "muted"):
                self.effects.append(Rest(Alarm("calm", talk.conn)))
                talk.machine.forgotten()
                self.effects.append(Tell((talk.conn,), words.FORGOTTEN_CONNECTION))
        return self._finish()

    def forget_seats(self) -> list[Effect]:
        """There are no seats any more."""
        for talk in self._talks.values():
            if talk.seat is not None and talk.state in ("seated", "muted"):
                self.effects.append(Rest(Alarm("calm", talk.conn)))
                talk.machine.forgotten()
                self.effects.append(Tell((talk.conn,), words.FORGOTTEN_SEAT))
            talk.seat = None
        for seat in list(self.seats):
            seat.machine.forgotten()
            self.vacate(seat)
        return self._finish()

    def forget_table(self) -> list[Effect]:
        """There is no game any more; the seats stay, and what is in their chests."""
        self.game.machine.forgotten()
        self.effects.append(News(words.FORGOTTEN_TABLE))
        return self._finish()

    def put_back(self, saved: Saved, bound: Mapping[str, str], slept: float = 0.0) -> list[Effect]:
        """Seats and table are as they were ``saved``: at the start, or because the newest did not get saved.

        ``bound`` says which connection sat on which seat then; a dialogue that
        has come to a seat since then, or lost it, is back at the greeting.
        """
        self.effects.clear()
        self.game.orders.pending.clear()
        for seat in list(self.seats):
            self.effects.append(Rest(Alarm("grace", seat.name)))
            self.seats.remove(seat)
            self._pictures.drop(seat.subject)
        for one in saved.seats:
            talk = self._talks.get(bound.get(one.name, ""))
            sits = talk is not None and talk.state in ("seated", "muted") and talk.seat is not None
            seat = self.seats.put(one.name, talk.conn if talk and sits else None, one.key)
            seat.used_key, seat.ready, seat.chest = one.used_key, one.ready, one.chest
            if talk is not None and sits:
                talk.seat = seat
            else:
                self.effects.append(Wake(Alarm("grace", seat.name), self.limits.grace))
        for talk in self._talks.values():
            if talk.seat is not None and talk.seat.conn != talk.conn:
                talk.seat = None
            if talk.seat is not None and self.seats.get(talk.seat.name) is not talk.seat:
                talk.seat = None
            if talk.seat is None and talk.state in ("seated", "muted"):
                self.effects.append(Rest(Alarm("calm", talk.conn)))
                talk.machine.forgotten()
        self.game.put_back(saved, slept)
        return self._finish()

    # -- what the commands need --------------------------------------------------------------

    @property
    def is_under_way(self) -> bool:
        """Whether a game is, so that nobody can sit down by ``sit``."""
        return self.game.state != "lobby"

    def refuse(self, talk: Talk, rule: str, text: str) -> None:
        """Say no."""
        self.effects.append(Refuse(talk.conn, rule, text))

    def tell(self, talk: Talk, *lines: str) -> None:
        """Say something to one person."""
        self.effects += [Tell((talk.conn,), line) for line in lines]

    def show(self, talk: Talk, lines: Callable[[Scene, float], list[str]]) -> None:
        """Answer a question about the game by what is saved, so that the answer need not wait for a save.

        News of what is not saved come to everybody after it. But where the line itself has changed
        something (the first after a resume does), or nobody can say what is saved, the answer waits.
        """
        saved = self.saved_scene() if self.changes == self._changes_before else None
        if saved is None:
            self.tell(talk, *lines(self.scene(), self.now()))
        else:
            self.effects += [Show(talk.conn, line) for line in lines(saved, self.now())]

    def scene(self) -> Scene:
        """What there is to see now."""
        return scene_of(self.game)

    def vacate(self, seat: Seat) -> None:
        """That seat is gone."""
        self.effects.append(Rest(Alarm("grace", seat.name)))
        self.seats.remove(seat)
        self._pictures.drop(seat.subject)
        self.game.vacate(seat)

    def unseat_older(self, seat: Seat) -> None:
        """A newer connection takes ``seat``: the older one is told, and closed."""
        older = self._talks.get(seat.conn or "")
        seat.machine.takeover()
        if older is not None:
            older.seat = None
            self.effects.append(Rest(Alarm("calm", older.conn)))
            if older.state != "closed":
                older.machine.taken_over()

    # -- pictures ----------------------------------------------------------------------------

    def subjects(self) -> tuple[Subject, ...]:
        """What is held under ids and for everybody. Identical objects while nothing has changed."""
        return self._pictures.all()

    def subjects_of(self, talk: Talk) -> Iterator[Subject]:
        """The seat of whoever is, or was until just now, on that connection, and the table."""
        if talk.seat is not None and self.seats.get(talk.seat.name) is talk.seat:
            yield self._pictures.of_seat(talk.seat)
        yield from self._pictures.of_table()

    def expires_in(self, seat: Seat) -> float | None:
        """Seconds for which that seat is still kept; None while somebody sits there."""
        away = self._alarms.get(("grace", seat.name))
        return max(0.0, round(away[1] - self.now(), 3)) if away else None

    # -- inside ------------------------------------------------------------------------------

    def _heard(self, talk: Talk, text: str) -> bool:
        """Whether that line counts. Any line proves that a resumed player got the new token."""
        if talk.state in ("half-closed", "closed"):
            return False
        if talk.resumed and talk.seat is not None:
            talk.seat.used_key = None
            self.changes += 1
        talk.resumed = False
        if talk.state != "muted" and talk.too_fast(self.now()):
            talk.machine.flood()
        if talk.state != "muted":
            return talk.state != "closed"
        if text.strip().lower() == "quit":
            return True
        talk.lost_lines += 1
        if talk.lost_lines > self.limits.muted_lines:
            talk.machine.flood()
        else:
            self.effects.append(Refuse(talk.conn, "muted", words.MUTED, silent=True))
        return False

    def _finish(self, touched: Touch = Touch.EVERYTHING, seat: Seat | None = None) -> list[Effect]:
        """The input is done: let the table do what is due, and hand out what is wanted.

        ``touched`` says what it may have changed, ``seat`` whose input it was; where a machine has moved,
        everything may have changed.
        """
        self.game.settle()
        if any(isinstance(effect, SubjectStep) for effect in self.effects):
            touched = Touch.EVERYTHING
        self._pictures.touched(touched, seat)
        self.changes += touched is not Touch.NOTHING
        if not self.effects:
            return []
        done: list[Effect] = []
        for effect in self.effects:
            match effect:
                case News(text, but):
                    hearers = self._hearers.all()
                    if hearers and hearers != (but,):
                        done.append(Tell(hearers, text, but=but))
                case Wake(alarm, seconds):
                    self._serial += 1
                    alarm = Alarm(alarm.kind, alarm.whose, self._serial)
                    self._alarms[alarm.kind, alarm.whose] = (alarm, self.now() + seconds)
                    done.append(Wake(alarm, seconds))
                case Rest(alarm):
                    if known := self._alarms.pop((alarm.kind, alarm.whose), None):
                        done.append(Rest(known[0]))
                case _:
                    done.append(effect)
        self.effects.clear()
        return done

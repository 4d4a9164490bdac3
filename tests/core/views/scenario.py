"""The story of the first minute, as events: ada with HTTP, FTP and Lantern."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    JournalOpen,
    Json,
    Kept,
    Received,
    Refused,
    Sent,
    SessionStart,
    State,
)
from playground.views.text import TextView

GET = "GET {} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/8.5\r\nAccept: */*\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


class Story:
    """Makes events in order; ``at`` moves the clock, which stands still otherwise."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.time = datetime(2026, 11, 24, 14, 2, 7, tzinfo=UTC)
        self.cause: dict[str, int] = {}

    def at(self, clock: str) -> Story:
        hours, minutes, seconds = clock.split(":")
        whole, _, milliseconds = seconds.partition(".")
        self.time = self.time.replace(
            hour=int(hours), minute=int(minutes), second=int(whole), microsecond=int(milliseconds or 0) * 1000
        )
        return self

    def add(self, event: AnyEvent) -> int:
        event.seq, event.time = len(self.events) + 1, self.time
        self.events.append(event)
        return event.seq

    def opens(self, conn: str, port: int, **more: Any) -> None:
        self.add(
            ConnectionOpen(
                protocol=conn.split("-")[0],
                conn=conn,
                client_address="127.0.0.1",
                client_port=port,
                server_address="127.0.0.1",
                server_port=2121,
                **more,
            )
        )

    def says(self, conn: str, data: str, carried: dict[str, Json] | None = None) -> None:
        event = Received(
            protocol=conn.split("-")[0], conn=conn, size=len(data.encode()), data=data, carried=carried
        )
        self.cause[conn] = self.add(event)

    def hears(self, conn: str, data: str) -> None:
        self.add(
            Sent(
                protocol=conn.split("-")[0],
                conn=conn,
                cause=self.cause.get(conn),
                size=len(data.encode()),
                data=data,
            )
        )

    def changes(self, conn: str | None, held: int = 10, **changed: tuple[Json, Json]) -> None:
        """A change of a connection's memory."""
        self._state("connection", conn, held, changed)

    def session(self, subject: str, conn: str | None, held: int, /, **changed: tuple[Json, Json]) -> None:
        self._state("session", conn, held, changed, session=subject)

    def shared(self, subject: str, conn: str | None, held: int, /, **changed: tuple[Json, Json]) -> None:
        self._state("shared", conn, held, changed, shared=subject)

    def _state(
        self, where: Any, conn: str | None, held: int, changed: dict[str, Any], **subject: Any
    ) -> None:
        owner = conn or next(iter(subject.values()))
        self.add(
            State(
                protocol=owner.replace("/", "-").split("-")[0],
                conn=conn,
                where=where,
                cause=self.cause.get(conn or ""),
                changed=changed,
                remembers={path: after for path, (_, after) in changed.items()} if held else {},
                held=held,
                **subject,
            )
        )

    def refuses(self, conn: str, rule: str, text: str, source: str | None = None) -> None:
        self.add(
            Refused(
                protocol=conn.split("-")[0],
                conn=conn,
                cause=self.cause[conn],
                rule=rule,
                text=text,
                source=source,
            )
        )

    def closes(
        self, conn: str, reason: str, lifetime: float, kept: list[Kept] | None = None, **forgot: Json
    ) -> None:
        self.add(
            ConnectionClose(
                protocol=conn.split("-")[0],
                conn=conn,
                reason=reason,
                received_bytes=100,
                sent_bytes=200,
                received_messages=1,
                sent_messages=1,
                lifetime=lifetime,
                forgot=forgot,
                kept=kept or [],
            )
        )


def first_minute() -> list[AnyEvent]:
    story = Story()
    _http(story)
    _ftp(story)
    _game(story)
    return story.events


def _http(story: Story) -> None:
    servers = {"http": "tcp:8080", "ftp": "tcp:2121", "game": "tcp:4000"}
    story.add(JournalOpen(schema=1, run="r1", version="0.1.0", pid=4711, servers=servers))
    story.at("14:02:31.204").opens("http-1", 51544)
    story.says("http-1", GET.format("/state?name=ada"), carried={"name": "ada"})
    story.hears("http-1", OK + "x" * 132)
    story.closes("http-1", "client", 0.003)
    story.at("14:02:40.118").opens("http-2", 51550)
    story.says("http-2", GET.format("/state"))
    story.hears("http-2", OK + "x" * 121)
    story.closes("http-2", "client", 0.002)


def _ftp(story: Story) -> None:
    story.at("14:03:06.010").opens("ftp-1", 51580)
    story.hears("ftp-1", "220 Playground FTP. Try: USER ada\r\n")
    story.at("14:03:09.377").says("ftp-1", "USER ada\r\n")
    story.changes("ftp-1", 14, user=(None, "ada"))
    story.hears("ftp-1", "331 Username ok, send password.\r\n")
    story.at("14:03:12.602").says("ftp-1", "PASS ***\r\n")
    story.changes("ftp-1", 47, authenticated=(None, True), cwd=(None, "/"))
    story.hears("ftp-1", "230 Login successful.\r\n")
    story.says("ftp-1", "SYST\r\n")
    story.hears("ftp-1", "215 UNIX Type: L8\r\n")
    story.says("ftp-1", "FEAT\r\n")
    story.hears("ftp-1", "211-Features supported:\r\n EPRT\r\n211 End FEAT.\r\n")
    story.at("14:03:20.041").says("ftp-1", "CWD docs\r\n")
    story.changes("ftp-1", 51, cwd=("/", "/docs"))
    story.hears("ftp-1", '250 "/docs" is the current directory.\r\n')
    story.at("14:03:31.500").says("ftp-1", "QUIT\r\n")
    story.hears("ftp-1", "221 Goodbye.\r\n")
    story.closes("ftp-1", "server", 25.49, user="ada", authenticated=True, cwd="/docs")
    story.at("14:03:40.200").opens("ftp-2", 51592)
    story.at("14:03:44.019").says("ftp-2", "PWD\r\n")
    story.refuses("ftp-2", "not-logged-in", "Log in with USER and PASS first.")
    story.hears("ftp-2", "530 Log in with USER and PASS first.\r\n")


def _game(story: Story) -> None:
    story.at("14:05:10.001").opens("game-1", 51602)
    story.hears("game-1", "* Lantern. Say: name <you> | resume <token> | watch\n")
    story.at("14:05:13.412").says("game-1", "name ada\n")
    story.changes("game-1", 33, dialogue=(None, "seated"), seat=(None, "ada"))
    story.add(SessionStart(protocol="game", conn="game-1", cause=story.cause["game-1"], session="game/ada"))
    story.session("game/ada", "game-1", 61, name=(None, "ada"), seat=(None, "present"), pocket=(None, 0))
    story.shared("game/table", "game-1", 13, players=(0, 1))
    story.hears("game-1", "* welcome ada. Your token is #3f9c*****************. Say: ready\n")
    story.at("14:05:20.660").session("game/ada", "game-1", 58, seat=("present", "away"))
    kept = [
        Kept(where="session", name="game/ada", remembers={"seat": "away"}, expires_in=60.0),
        Kept(where="shared", name="game/table", remembers={"players": 1}),
    ]
    story.closes("game-1", "client", 10.659, kept, dialogue="seated", seat="ada")
    story.at("14:05:27.100").opens("game-2", 51610)
    story.at("14:05:31.250").says("game-2", "resume #3f9c*****************\n")
    story.session("game/ada", "game-2", 61, seat=("away", "present"))
    story.hears("game-2", "* welcome back ada. New token: #a71e*****************\n")


def shown(events: list[AnyEvent], width: int = 80, today: date | None = None) -> list[str]:
    """Return the log that these events make, line by line, without colours."""
    view = TextView(width, zone=UTC, today=today)
    lines = [line for event in events for line in view.feed(event)] + view.flush()
    return [line.plain for line in lines]

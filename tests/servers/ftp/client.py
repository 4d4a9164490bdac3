"""An FTP client that speaks in transcripts."""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

from playground.testing import Served, Talk


class Client:
    """One control connection."""

    def __init__(self, served: Served, talk: Talk, conn: str) -> None:
        self.served = served
        self.talk = talk
        self.conn = conn

    async def reply(self) -> str:
        """The next reply, with all its lines."""
        text = (await self.talk.line()).decode()
        code = text[:3]
        while not text.rpartition("\r\n")[0].rpartition("\r\n")[2].startswith(f"{code} "):
            text += (await self.talk.line()).decode()
        return text.removesuffix("\r\n")

    async def ask(self, command: str) -> str:
        """Send a command, return its (first) reply."""
        self.talk.say(command + "\r\n")
        return await self.reply()

    async def login(self, user: str = "ada") -> Client:
        """Log in."""
        await self.ask(f"USER {user}")
        assert (await self.ask(f"PASS {user}")).startswith("230 ")
        return self

    async def door(self, how: str = "PASV") -> int:
        """Ask for a passive data connection; returns the port."""
        numbers = [int(number) for number in re.findall("[0-9]+", (await self.ask(how))[3:])]
        return numbers[0] if how == "EPSV" else numbers[4] * 256 + numbers[5]

    async def data(self, how: str = "PASV") -> Talk:
        """Ask for a passive data connection, and open it."""
        return await self.call(await self.door(how))

    async def call(self, port: int) -> Talk:
        """Open a data connection."""
        reactor = self.served.playground.reactor
        talk: Talk = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), Talk(reactor))
        return talk

    async def get(self, name: str) -> bytes:
        """Retrieve a file."""
        data = await self.data()
        assert (await self.ask(f"RETR {name}"))[:3] in ("125", "150")
        content = await data.rest()
        assert await self.reply() == "226 Transfer complete."
        return content

    def remembers(self) -> dict[str, Any]:
        """What the journal says that the server remembers of this connection now."""
        states = self.events("state")
        return dict(states[-1].remembers) if states else {}

    def changes(self) -> list[dict[str, Any]]:
        """All changes so far."""
        return [{name: tuple(pair) for name, pair in state.changed.items()} for state in self.events("state")]

    def story(self) -> list[str]:
        """The journal of this connection, in the signs of the log."""
        return [tell(event) for event in self.events()]

    def events(self, kind: str | None = None) -> list[Any]:
        """The events of this connection, without those of its data connections."""
        words = [f"event:{kind}"] if kind else []
        return [event for event in self.served.events(*words) if event.conn == self.conn]


async def connect(served: Served) -> Client:
    """A new client, greeted."""
    number = 1 + len(served.events("event:connection.open"))
    children = len([event for event in served.events("event:connection.open") if event.parent])
    client = Client(served, await served.connect(), f"ftp-{number - children}")
    await client.reply()
    return client


def steps(served: Served) -> list[Any]:
    """The events in which the machine ``ftp`` has moved."""
    return [event for event in served.events("event:state") if event.machine and event.before != event.after]


def tell(event: Any) -> str:
    """One event as one line."""
    kind = type(event).__name__
    if kind in ("Received", "Sent"):
        return ("C: " if kind == "Received" else "S: ") + (event.data or "?").rstrip()
    if kind == "State":
        return "= " + ", ".join(f"{name} {was} -> {now}" for name, (was, now) in event.changed.items())
    if kind == "Refused":
        return f"refused {event.rule}"
    if kind == "LimitHit":
        return f"limit {event.limit}"
    return f"-- {kind}" + (f" {event.reason}" if kind == "ConnectionClose" else "")

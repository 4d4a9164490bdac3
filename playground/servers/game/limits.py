"""What Lantern's players may do at most, and how long things take."""

from __future__ import annotations

from dataclasses import dataclass

from playground.wire.limits import Limits, limit


@dataclass(frozen=True)
class GameLimits(Limits):
    """Times are seconds. The rules of the game itself (three caves, the cards) are no limits."""

    greeting: float = limit(120.0, "who has said no name by then is no player, and holds a place")
    idle: float = limit(900.0, "whoever watches only reads, and somebody may fetch tea between two caves")

    grace: float = limit(60.0, "a dropped network or a closed laptop is back within a minute, or not soon")
    oil: float = limit(12.0, "long enough to think, short enough that one sleeper does not spoil the evening")
    solo_oil: float = limit(60.0, "alone nobody waits for you")
    pause: float = limit(1.0, "time to read how a cave ended before the next one opens")

    seats: int = limit(100, "more names than this fit on no screen, and every line goes to each of them")
    line: int = limit(200, "bytes of a line: more than a screen's width and a half is no sentence")

    tokens_per_connection: int = limit(3, "a token is copied, not typed: two slips are plenty")
    tokens_per_address: int = limit(
        30, "wrong tokens a minute from one address: a classroom's slips, no search"
    )

    lines_per_second: float = limit(10.0, "nobody types faster; a script that plays may")
    lines_at_once: int = limit(30, "a whole game piped in at once is welcome")
    calm: float = limit(2.0, "a flooder is not heard for this long")
    muted_lines: int = limit(100, "lines that a flooder may lose before the connection is closed")

    save: float = limit(5.0, "a disk that has not taken a move by then is given up, and the move with it")

    hello: float = limit(
        0.2, "a browser or curl speaks first within this time, and must not get our greeting"
    )

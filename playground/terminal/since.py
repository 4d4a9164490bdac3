"""Points in time as people type them: ``10m``, ``14:02``, ``2026-11-24T14:02``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

_AGO = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?(s|sec|m|min|h|d)", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_UNITS: Final = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


class SinceError(ValueError):
    """Not a point in time. Its text is for the person who typed it."""


def parse_since(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """The moment that ``text`` means, as an aware time.

    ``now`` is aware; ``zone`` is the reader's time zone, by default the
    machine's. A clock time that is still to come today means yesterday's.
    """
    text = text.strip()
    try:
        if match := _AGO.fullmatch(text):
            return now - timedelta(seconds=float(match[1]) * _UNITS[match[2]])
        local = now.astimezone(zone)
        if match := _CLOCK.fullmatch(text):
            hour, minute, second = (int(part or 0) for part in match.groups())
            moment = local.replace(hour=hour, minute=minute, second=second, microsecond=0)
            return moment if moment <= local else moment - timedelta(days=1)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.astimezone() if zone is None else moment.replace(tzinfo=zone)
        return moment
    except (ValueError, OverflowError, OSError):
        raise SinceError(
            f"{text!r} is no point in time; say 10m, 2h, 14:02 or 2026-11-24T14:02 (this machine's time)"
        ) from None

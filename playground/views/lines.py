"""How a line of the log is laid out: time, connection, sign, text, note.

::

    14:03:20.041 ftp-1   C: CWD docs
                 ftp-1   =  cwd            / → /docs         connection
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from playground.views import hues
from playground.views.escape import cut, escape, pad

TIME_CELLS: Final = 12
CONN_CELLS: Final = 7
WIDEST_CONN: Final = 16
NOTE_AT: Final = 33
"""Cells from the start of the text to the note, on 80 columns."""
PAUSE: Final = timedelta(seconds=0.2)
"""After less than this the time is not printed again."""

_HUES: Final = {
    "C:": hues.CLIENT,
    "S:": hues.SERVER,
    "=": hues.CHANGE,
    "--": hues.LIFE,
    "!!": hues.WRONG,
    "": hues.LIFE,
}


class Layout:
    """Makes lines; prints the time where the connection changes or a pause was made.

    ``width`` is in terminal cells. ``zone`` is the time zone, by default the
    machine's own. ``note_at`` says where notes begin, counted from the start
    of the text; by default further right where there is room.
    """

    def __init__(self, width: int, zone: tzinfo | None = None, note_at: int | None = None) -> None:
        self.width = max(width, 50)
        self._note_at = note_at
        self._zone = zone
        self._conn_cells = CONN_CELLS
        self._conn: str | None = None
        self._told = datetime.min.replace(tzinfo=UTC)

    def local(self, time: datetime) -> datetime:
        """``time`` on the reader's clock."""
        return time.astimezone(self._zone)

    def clock(self, time: datetime) -> str:
        """``14:03:20.041``."""
        local = self.local(time)
        return f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}"

    @property
    def room(self) -> int:
        """Cells for text and note."""
        return self.width - TIME_CELLS - self._conn_cells - 5

    @property
    def note_at(self) -> int:
        """Where notes begin, counted from the start of the text."""
        return self._note_at or max(NOTE_AT, min(60, self.room - 30))

    def pause(self) -> None:
        """Print the time on the next line, whatever it is about."""
        self._conn = None

    def line(
        self,
        time: datetime,
        conn: str,
        sign: str,
        text: str,
        note: str | Sequence[str] = "",
        *,
        note_at: int = 0,
    ) -> Text:
        """One line. ``text`` and ``note`` must be escaped; of several notes the first that fits is taken."""
        conn = cut(escape(conn), WIDEST_CONN)
        self._conn_cells = max(self._conn_cells, cell_len(conn))
        clock = ""
        if conn != self._conn or abs(time - self._told) >= PAUSE:
            clock, self._conn, self._told = self.clock(time), conn, time
        made = Text(no_wrap=True)
        made.append(pad(clock, TIME_CELLS), hues.TIME)
        made.append(f" {pad(conn, self._conn_cells)} ")
        made.append(pad(sign, 2) + " ", _HUES[sign])
        self._text_and_note(made, sign, text, [note] if isinstance(note, str) else note, note_at)
        made.rstrip()
        return made

    def _text_and_note(self, made: Text, sign: str, text: str, notes: Sequence[str], note_at: int) -> None:
        room = self.room
        style = _HUES[sign] if sign in ("=", "!!", "--") else ""
        note_at = max(note_at or self.note_at, cell_len(text) + 2)
        note = next((note for note in notes if note_at + cell_len(note) <= room), notes[-1])
        if not note:
            made.append(cut(text, room), style)
            return
        note = cut(note, max(room // 2, room - cell_len(text) - 2))
        note_at = min(note_at, room - cell_len(note))
        made.append(pad(cut(text, note_at - 2), note_at), style)
        made.append(note, hues.WRONG if note.startswith("refused") else hues.NOTE)


def packed(sentences: Sequence[str], room: int) -> list[str]:
    """Sentences in few lines. One that is longer than a line is broken behind commas."""
    rows: list[str] = [""]
    for sentence in sentences:
        pieces = [sentence] if cell_len(sentence) <= room else re.split(r"(?<=,) ", sentence)
        for piece in pieces:
            if rows[-1] and cell_len(rows[-1]) + 1 + cell_len(piece) > room:
                rows.append("")
            rows[-1] = f"{rows[-1]} {piece}".lstrip()
    return rows

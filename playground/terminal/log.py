"""The body of ``playground log``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from playground.journal import wording
from playground.journal.events import AnyEvent, JournalOpen
from playground.journal.query import FilterError, Predicate, parse_filter
from playground.terminal.since import SinceError, parse_since
from playground.views.closing import Closing
from playground.views.escape import cut, escape, pad
from playground.views.jsonl import read_run
from playground.views.jsonl_follow import follow as follow_file
from playground.views.lines import NOTE_AT
from playground.views.runs import find_run, runs
from playground.views.text import TextView

PIPE_CELLS: Final = 200
"""Width where nobody looks at it: what is searched by another program is hardly cut."""
_LINES_AT_ONCE: Final = 200
_USAGE: Final = 2

_Step = tuple[bytes, AnyEvent] | None


def run_log(
    path: Path,
    filters: Sequence[str] = (),
    *,
    follow: bool = False,
    as_json: bool = False,
    conn: str | None = None,
    since: str | None = None,
    run: str | None = None,
    console: Console,
    errors: Console | None = None,
    now: Callable[[], float] = time.time,
    zone: tzinfo | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Show a journal; returns the exit code: 0, or 2 when it cannot be read or asked for like that.

    ``filters`` are the words of :mod:`playground.journal.query`. ``run`` is
    the name of a former run (or ``last``, or ``list``) in the folder ``runs``
    beside ``path``. With ``as_json`` the lines come as they stand in the file.
    With ``follow`` it goes on until Ctrl-C, or until ``stop()``.
    """
    errors = errors or Console(stderr=True, highlight=False, markup=False)
    try:
        if run == "list":
            return _list_runs(path, console, zone)
        moment = datetime.fromtimestamp(now(), UTC)
        wanted = _wanted(filters, conn, since, moment, zone)
        path = _file(path, run, follow)
        output = _Output(console)
        note = _noting(errors)
        width = console.width if console.is_terminal else PIPE_CELLS
        view = TextView(
            width,
            zone=zone,
            today=moment.astimezone(zone).date(),
            note_at=None if console.is_terminal else NOTE_AT,
        )
        whole = not (follow or filters or conn or since)
        # Closing a generator closes the files that it reads.
        with closing(follow_file(path, note, stop=stop) if follow else read_run(path, note)) as steps:
            if as_json:
                return _show_lines(steps, wanted, output)
            return _show_view(steps, wanted, view, output, errors, Closing() if whole else None)
    except _Usage as error:
        _complain(errors, str(error))
        return _USAGE
    except FileNotFoundError:
        _complain(errors, f"There is no journal {path}. Start one with: playground up")
        return _USAGE
    except BrokenPipeError:
        _silence(console)
        return 0
    except OSError as error:
        _complain(errors, f"The journal cannot be read: {error.strerror or error} ({path})")
        return _USAGE
    except KeyboardInterrupt:
        return 0


_NO_RUN = "There is no former run yet: the next start puts the present journal aside."


class _Usage(Exception):
    """Something was asked for that does not exist or has no meaning."""


def _complain(errors: Console, text: str) -> None:
    errors.print(Text(escape(text)), soft_wrap=True)


def _noting(errors: Console) -> Callable[[str], None]:
    return lambda text: _complain(errors, f"note: {text}")


def _wanted(
    filters: Sequence[str], conn: str | None, since: str | None, now: datetime, zone: tzinfo | None
) -> Predicate:
    try:
        by_words = parse_filter(filters)
        by_conn = parse_filter([f"conn:{conn}"]) if conn else None
        start = parse_since(since, now, zone) if since else None
    except (FilterError, SinceError) as error:
        raise _Usage(str(error)) from None

    def wanted(event: AnyEvent) -> bool:
        # Both are asked for every event: they remember which connections belong together.
        matches = by_words(event)
        if by_conn is not None:
            matches = by_conn(event) and matches
        return matches and (start is None or event.time >= start)

    return wanted


def _file(path: Path, run: str | None, follow: bool) -> Path:
    if run is None:
        return path
    if follow:
        raise _Usage("a former run gets no new lines: use --run or --follow, not both")
    found = find_run(path.parent / "runs", run)
    if found is None and run == "last":
        raise _Usage(_NO_RUN)
    if found is None:
        raise _Usage(
            f"There is no such former run, or several begin so: {run}. See: playground log --run list"
        )
    return found.path


def _list_runs(path: Path, console: Console, zone: tzinfo | None) -> int:
    output = _Output(console)
    known = runs(path.parent / "runs")
    for run in known:
        opening = run.opening
        began = f"{opening.time.astimezone(zone):%Y-%m-%d %H:%M:%S}" if opening else "unknown"
        servers = ", ".join(opening.servers) if opening else ""
        name = pad(cut(escape(run.name), 40), 24)
        row = f"{name}  {began:<19}  {wording.size(run.size):>8}  {escape(servers)}"
        output.add([Text(row.rstrip())])
    if not known:
        output.add([Text(_NO_RUN)])
    output.flush()
    return 0


def _show_lines(steps: Iterator[_Step], wanted: Predicate, output: _Output) -> int:
    for step in steps:
        if step is None:
            output.flush()
        elif wanted(step[1]):
            output.raw(step[0].decode("utf-8", "replace"))
    output.flush()
    return 0


def _show_view(
    steps: Iterator[_Step],
    wanted: Predicate,
    view: TextView,
    output: _Output,
    errors: Console,
    table: Closing | None,
) -> int:
    events = shown = 0
    try:
        for step in steps:
            if step is None:
                output.add(view.flush())
                output.flush()
                continue
            event = step[1]
            is_head = isinstance(event, JournalOpen)
            show = wanted(event) or is_head
            events += not is_head
            shown += show and not is_head
            if table is not None:
                table.note(event)
            output.add(view.feed(event, show=show))
    except KeyboardInterrupt:
        output.add(view.flush())
        output.flush()
        return 0
    output.add(view.flush())
    if table is not None and (lines := table.lines(view.width)):
        output.add([Text(), *lines])
    output.flush()
    if events and not shown:
        _complain(errors, f"None of {wording.count(events, 'event')} matches.")
    elif not events:
        _complain(errors, "Nothing has happened yet.")
    return 0


class _Output:
    """Collects lines and writes them many at a time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: list[Text] = []
        self._raw: list[str] = []

    def add(self, lines: list[Text]) -> None:
        self._lines += lines
        if len(self._lines) >= _LINES_AT_ONCE:
            self.flush()

    def raw(self, line: str) -> None:
        """A line of JSON. On a terminal what is unprintable in it is written as JSON's own ``\\u202e``."""
        if self._console.is_terminal and not line.isprintable():
            line = "".join(one if one.isprintable() else _json_escape(one) for one in line)
        self._raw.append(line)
        if len(self._raw) >= _LINES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        raw, self._raw = self._raw, []
        text = "".join(line + "\n" for line in raw)
        if lines and (self._console.color_system is None or self._console.no_color):
            text += "".join(line.plain + "\n" for line in lines)
        elif lines:
            with self._console.capture() as captured:
                self._console.print(Text("\n").join(lines), soft_wrap=True)
            text += captured.get()
        if text:
            self._write(text)

    def _write(self, text: str) -> None:
        file = self._console.file
        try:
            file.write(text)
        except UnicodeEncodeError:  # a terminal whose locale has no arrow
            encoding = getattr(file, "encoding", None) or "ascii"
            file.write(text.encode(encoding, "replace").decode(encoding))
        file.flush()


def _json_escape(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _silence(console: Console) -> None:
    """The reader of our output has gone; nothing more is written, not even at the program's end."""
    try:
        descriptor = console.file.fileno()
    except (OSError, ValueError, AttributeError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)

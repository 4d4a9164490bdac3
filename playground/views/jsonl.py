"""Events as JSON Lines: one JSON object a line, UTF-8, ``\\n``.

Reading is forgiving: a line that is torn (the program was killed), too long or
no event is passed over with a note, never with an exception. The JSON Schema
of a line ships as ``playground/journal/schema.json``; after a change in
``journal/events.py`` write it anew with ``python -m playground.views.jsonl``.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec

from playground.journal.broadcast import Broadcast
from playground.journal.events import SCHEMA_VERSION, AnyEvent, JournalOpen, Trouble

LONGEST_LINE: Final = 64 * 1024 * 1024
"""Bytes. A message of ``--capture full`` (16 MiB) fits, escaped; a file that is no journal does not."""
FEW_TOLD: Final = 30
"""Lines of a broadcast up to which each is encoded by itself."""
MOST_NOTES: Final = 20
"""Lines of one file that are complained of one by one."""
SCHEMA_PATH: Final = Path(__file__).parent.parent / "journal" / "schema.json"

_encoder = msgspec.json.Encoder(enc_hook=repr)
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)

Note = Callable[[str], None]
"""Is told, in a person's words, what was wrong with a file."""


def encode(event: AnyEvent) -> bytes:
    """One line, with its ``\\n``. Never fails: what JSON cannot say is written as text."""
    try:
        return _encoder.encode(event) + b"\n"
    except Exception:
        pass  # a lone surrogate, a number or a nesting beyond bounds, an object that cannot even be shown
    try:
        return _encoder.encode(_sayable(event)) + b"\n"
    except Exception as error:
        lost = f"an event {event.__struct_config__.tag} could not be written: {type(error).__name__}"
        return _encoder.encode(Trouble(seq=event.seq, time=event.time, text=lost)) + b"\n"


def encode_lines(events: Sequence[AnyEvent]) -> bytes:
    """The lines of many events, in a quarter of the time: 0.2 µs each."""
    try:
        return _encoder.encode_lines(events)
    except Exception:  # one of them cannot be said as it is
        return b"".join(map(encode, events))


def encode_broadcast(broadcast: Broadcast) -> bytes:
    """The lines of its events. They differ in two places only, so that of many no event need be made.

    For a hundred that takes 0.11 µs a line, and 0.14 by way of the events; for ten it would be 0.23.
    """
    if len(broadcast) < FEW_TOLD:
        return encode_lines(broadcast.events())
    first = msgspec.structs.replace(broadcast.message, conn="")
    before, seq, rest = encode(first).decode().partition(f'"seq":{first.seq},')
    between, conn, after = rest.partition('"conn":""')
    conns = "".join(broadcast.conns)
    if not (seq and conn and conns.isascii() and _encoder.encode(conns) == f'"{conns}"'.encode()):
        return encode_lines(broadcast.events())  # something in it has to be escaped, or cannot be said
    before, between, after = f'{before}"seq":', f',{between}"conn":"', f'"{after}'
    lines = [
        f"{before}{place}{between}{name}{after}" for place, name in enumerate(broadcast.conns, first.seq)
    ]
    return "".join(lines).encode()


def encode_all(events: Sequence[AnyEvent | Broadcast]) -> bytes:
    """The lines of many events, and of broadcasts among them."""
    if Broadcast not in set(map(type, events)):
        return encode_lines(cast("Sequence[AnyEvent]", events))
    parts: list[bytes] = []
    alone: list[AnyEvent] = []
    for event in events:
        if type(event) is Broadcast:
            parts += (encode_lines(alone), encode_broadcast(event))
            alone = []
        else:
            alone.append(event)
    return b"".join((*parts, encode_lines(alone)))


def _sayable(value: Any, depth: int = 0) -> Any:
    """``value`` with everything that has no place in JSON turned into text."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if depth > 20:
        return "…"
    if isinstance(value, msgspec.Struct):
        fields = {name: _sayable(getattr(value, name), depth) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    if isinstance(value, Mapping):
        return {_sayable(str(key)): _sayable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_sayable(item, depth + 1) for item in value]
    return value


def decode(line: bytes) -> AnyEvent:
    """The event of one line. Raises :class:`ValueError` with the reason when it is none."""
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def read_lines(
    source: str | PathLike[str] | IO[bytes],
    on_note: Note | None = None,
    *,
    longest: int = LONGEST_LINE,
) -> Iterator[tuple[bytes, AnyEvent]]:
    """Each line of a file as it stands there (without its end), with its event.

    ``on_note`` is told of lines that had to be passed over. Raises
    :class:`OSError` when the file cannot be opened or read.
    """
    if not isinstance(source, str | PathLike):
        yield from _read(
            source, _Notes(on_note, Path(str(getattr(source, "name", "the journal"))).name), longest
        )
        return
    with open(source, "rb") as file:
        yield from _read(file, _Notes(on_note, Path(source).name), longest)


def read_events(
    source: str | PathLike[str] | IO[bytes],
    on_note: Note | None = None,
    *,
    longest: int = LONGEST_LINE,
) -> Iterator[AnyEvent]:
    """The events of one file. See :func:`read_lines`."""
    return (event for _, event in read_lines(source, on_note, longest=longest))


class _Notes:
    """Complaints about one file, the first few one by one."""

    def __init__(self, on_note: Note | None, name: str) -> None:
        self._on_note = on_note
        self._name = name
        self._made = 0

    def say(self, text: str) -> None:
        self._made += 1
        if self._on_note is not None and self._made <= MOST_NOTES:
            self._on_note(f"{self._name}: {text}")

    def close(self) -> None:
        if self._on_note is not None and self._made > MOST_NOTES:
            self._on_note(f"{self._name}: {self._made - MOST_NOTES:,} more lines were passed over")


def _read(file: IO[bytes], notes: _Notes, longest: int) -> Iterator[tuple[bytes, AnyEvent]]:
    number = 0
    while line := file.readline(longest + 1):
        number += 1
        whole = line.endswith(b"\n")
        if not whole and len(line) > longest:
            notes.say(f"line {number} is longer than {longest:,} bytes; passed over")
            while (rest := file.readline(1024 * 1024)) and not rest.endswith(b"\n"):
                pass
            continue
        line = line.strip()
        if not line:
            continue
        try:
            event = decode(line)
        except ValueError as error:
            if whole:
                notes.say(f"line {number} is not an event; passed over ({error})")
            else:
                notes.say(f"the last line is torn after {len(line):,} bytes; passed over")
            continue
        yield line, event
    notes.close()


def rotated(path: Path, number: int) -> Path:
    """The name of an older part of a journal: ``playground.jsonl`` to ``playground.1.jsonl``."""
    return path.with_name(f"{path.stem}.{number}{path.suffix}")


def parts(path: Path) -> list[Path]:
    """The files of one run that exist, oldest first."""
    older: list[Path] = []
    for candidate in path.parent.glob(f"{_literal(path.stem)}.*{_literal(path.suffix)}"):
        number = candidate.name[len(path.stem) + 1 : len(candidate.name) - len(path.suffix)]
        if number.isdecimal() and number.isascii():
            older.append(candidate)
    older.sort(key=lambda part: int(part.name[len(path.stem) + 1 : len(part.name) - len(path.suffix)]))
    return [*reversed(older), *([path] if path.exists() else [])]


def _literal(text: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)


def read_run(path: Path, on_note: Note | None = None) -> Generator[tuple[bytes, AnyEvent], None, None]:
    """Lines and events of a whole run, over all its rotated parts.

    What a later part states again is passed over, for the earlier ones told
    it. Raises :class:`FileNotFoundError` when there is no such run.
    """
    with ExitStack() as stack:
        files: list[IO[bytes]] = []
        inodes: set[int] = set()
        for part in reversed(
            parts(path)
        ):  # newest first: a rotation meanwhile moves files to where we look next
            try:
                file: IO[bytes] = stack.enter_context(open(part, "rb"))
            except FileNotFoundError:
                continue
            inode = _inode(file)
            if inode not in inodes:
                inodes.add(inode)
                files.append(file)
        if not files:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        for index, part_file in enumerate(reversed(files)):
            for line, event in read_lines(part_file, on_note):
                if index == 0 or not event.again:
                    yield line, event


def _inode(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_ino


def run_of(path: Path) -> JournalOpen | None:
    """The opening line of a journal file, or None where it has none or cannot be read."""
    try:
        with open(path, "rb") as file:
            event = decode(file.readline(1024 * 1024))
    except (OSError, ValueError):
        return None
    return event if isinstance(event, JournalOpen) else None


def schema() -> dict[str, Any]:
    """The JSON Schema of one line, made from the event types."""
    made: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"One line of a Protocol Playground journal, version {SCHEMA_VERSION}",
    }
    made.update(msgspec.json.schema(AnyEvent))
    for definition in made["$defs"].values():
        if "description" in definition:
            # Python 3.13 removes a docstring's indentation itself; every version must make the same file.
            definition["description"] = inspect.cleandoc(definition["description"])
        time = definition.get("properties", {}).get("time")
        if time is not None:
            time["format"] = "date-time"
    return made


def schema_text() -> str:
    """What stands in ``playground/journal/schema.json``."""
    return json.dumps(schema(), indent=1) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")

"""What a person reads when the playground has started, and when it stops."""

from __future__ import annotations

import shlex
import shutil
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from playground.journal.events import Where

MEMORY_IN_WORDS: tuple[tuple[Where, str], ...] = (
    ("shared", "for everybody"),
    ("session", "after you hang up"),
    ("connection", "while you are connected"),
)

SEE_TLS = "see tls below"
"""Instead of a command, where that is too long for the table."""


class Row(NamedTuple):
    """One server of the start table."""

    name: str
    remembers_you: str
    try_it: str
    host: str
    port: int
    paths: Sequence[str] = ()
    """Those that remember more than the server itself."""


def remembers_in_words(memory: Iterable[Where]) -> str:
    """What a server says of its memory when it has no words of its own."""
    has = set(memory)
    return next((words for where, words in MEMORY_IN_WORDS if where in has), "not at all")


def command(template: str, host: str, port: int) -> str:
    """A ``try_it`` command as one types it."""
    if ":" in host:
        template = template.replace("{host}:{port}", "[{host}]:{port}")
    return template.replace("{host}", host).replace("{port}", str(port))


def start_text(
    *,
    version: str,
    rows: Iterable[Row],
    loopback: bool,
    accounts: Mapping[str, str],
    state_dir: Path,
    live: bool,
    tls: Iterable[tuple[str, str, int]] = (),
    authority: Path | None = None,
    metrics: tuple[str, int] | None = None,
    session_store: str = "memory",
    found: bool = True,
    log: Path | None = None,
) -> str:
    """The start table and what to do next. ``accounts`` are the demo people with their passwords.

    ``tls`` are the commands for servers that speak TLS, each with host and
    port; ``authority`` is what their clients must trust. ``session_store`` is
    the setting, without a password. ``found`` says whether the other commands
    find the state folder by themselves, ``log`` where the journal is, if not there.
    """
    reach = "Only this machine can reach it." if loopback else "Whoever reaches this machine can reach it."
    table = [("server", "remembers you", "type this in a second terminal")]
    rows = list(rows)
    for row in rows:
        note = ""
        if row.name == "ftp" and accounts:
            name, password = next(iter(accounts.items()))
            note = f"        ({name} / {password})"
        table.append((row.name, row.remembers_you, command(row.try_it, reachable(row.host), row.port) + note))
    widths = [max(len(line[column]) for line in table) for column in (0, 1)]
    lines = [f"Protocol Playground {version} is running. {reach}", ""]
    head, *below = [f"  {line[0]:{widths[0]}}  {line[1]:{widths[1]}}  {line[2]}".rstrip() for line in table]
    lines += [head, f"  {'-' * widths[0]}  {'-' * widths[1]}  {'-' * 36}"]
    for row, line in zip(rows, below, strict=True):
        lines.append(line)
        if row.paths:
            lines.append(f"  {'':{widths[0]}}  {_but(row.paths)}")
    me = own_command()
    people = [f"{name} / {password}" for name, password in accounts.items()]
    lines.append("")
    names = {row.name for row in rows}
    if "ftp" in names:
        people.append("anonymous (FTP, reads only)")
    if people and names & {"ftp", "http"}:
        lines.append(f"  accounts  {', '.join(people)}")
    there = "" if found else f" --state-dir {_typed(state_dir)}"
    journal = f" --log {_typed(log)}" if log else ""
    lines += [
        _fitting(f"  read      {me} log{there}{journal}", "     what changed, before → after"),
        _fitting(f"  ask       {me} state{there}", "    what is remembered right now"),
        _fitting(f"  wipe      {me} forget{there}", "   and see who notices"),
        f"  folder    {_short(state_dir)}     journal and FTP sandbox",
    ]
    if session_store != "memory":
        lines.append(f"  sessions  {session_store}: who has logged in at /session stays so over a restart")
    for template, host, port in tls:
        lines += _tls_lines(command(template, reachable(host), port), authority)
    if metrics is not None:
        lines.append(
            f"  metrics   {command('curl {host}:{port}/metrics', reachable(metrics[0]), metrics[1])}"
        )
    lines.append("")
    if live:
        lines.append("Live (Ctrl-C stops; --quiet hides this):")
    return "\n".join(lines)


def _fitting(typed: str, remark: str) -> str:
    """What is typed, with the remark where there is room for it."""
    return typed + remark if len(typed + remark) <= 80 else typed


def _but(paths: Sequence[str]) -> str:
    """Which paths remember something all the same."""
    *others, last = paths
    return f"but {', '.join(others)} and {last} do" if others else f"but {last} does"


def _tls_lines(typed: str, authority: Path | None) -> list[str]:
    """How to reach a server over TLS. A path is long, so what is typed goes over two lines."""
    if authority is None:
        return [f"  tls       {typed.replace('{authority}', 'CERTIFICATE')}"]
    first, _, rest = typed.partition("{authority} ")
    lines = [f"  tls       {first}{_typed(authority)} \\", f"              {rest}"]
    if rest.startswith("https:"):
        lines.append("            a browser: import that file as an authority, or accept its warning")
    return lines


def own_command() -> str:
    """How this program is called: ``playground`` where PATH has this very one, else its path."""
    here = Path(sys.executable).parent / "playground"
    found = shutil.which("playground")
    if found and Path(found).resolve() == here.resolve():
        return "playground"
    with suppress(ValueError):
        return str(here.relative_to(Path.cwd()))
    return str(here) if here.exists() else f"{sys.executable} -m playground"


def reachable(host: str) -> str:
    """The address to type for a server that listens on ``host``: for "all addresses", this machine's own."""
    if host not in ("0.0.0.0", "::"):
        return host
    family = socket.AF_INET6 if host == "::" else socket.AF_INET
    nowhere = "2001:db8::1" if host == "::" else "192.0.2.1"
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((nowhere, 9))  # sends nothing; the kernel only picks the way out
        return str(probe.getsockname()[0])
    return "::1" if host == "::" else "127.0.0.1"


def _typed(path: Path) -> str:
    """A path as one types it."""
    short = _short(path)
    return short if short == f"~/{shlex.quote(short[2:])}" else shlex.quote(str(path))


def _short(path: Path) -> str:
    with suppress(ValueError):
        return f"~/{path.relative_to(Path.home())}"
    return str(path)

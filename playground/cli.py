"""The command line: ``playground`` and its subcommands.

Each subcommand imports what it needs when it runs, so that asking is as quick
as it looks.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from playground import __version__
from playground.layers import SERVERS, SPECS, Layers, Places, SettingError, layers, places

COMMANDS = ("up", "log", "state", "forget", "metrics", "config")

EXIT_UNUSABLE = 2
"""A setting, a port or a folder cannot be used; the one line on stderr says what to do."""


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status."""
    _have_streams()
    words = list(arguments)
    if not words or (words[0] not in COMMANDS and words[0] not in ("-h", "--help", "--version")):
        if words and not words[0].startswith("-"):
            return complain(_no_command(words[0]))
        words.insert(0, "up")
    options = _parser().parse_args(words)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except SettingError as error:
        return complain(str(error))
    except BrokenPipeError:
        # Whoever read us (head, less) has seen enough; do not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _no_command(word: str) -> str:
    """What to say to somebody whose first word is none of ours."""
    from difflib import get_close_matches

    meant = get_close_matches(word, COMMANDS, 1)
    rest = f"Did you mean {meant[0]}?" if meant else f"There are: {', '.join(COMMANDS)}."
    return f"There is no command {word!r}. {rest}"


def _have_streams() -> None:
    """Make sure that the three streams exist and take any text.

    One that is closed would give its number to the next file that is opened.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, mode))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def complain(text: str) -> int:
    """One line to stderr; returns the exit status that goes with it."""
    print(f"playground: {text}", file=sys.stderr)
    return EXIT_UNUSABLE


# -- the options ------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="playground",
        description="Protocol Playground: see what HTTP, FTP and a netcat game remember about you.",
        epilog="Without a command it starts the servers: `playground` is `playground up`.",
    )
    parser.add_argument("--version", action="version", version=f"playground {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_up(commands)
    _add_log(commands)
    _add_state(commands)
    _add_forget(commands)
    metrics = _add(commands, "metrics", "numbers in Prometheus' text format", run_metrics)
    _add_settings(metrics, ("state_dir", "log"))
    config = _add(commands, "config", "the effective settings, and where each came from", run_config)
    _add_settings(config)
    return parser


def _add(commands: Any, name: str, help_text: str, run_it: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=help_text[0].upper() + help_text[1:] + "."
    )
    parser.set_defaults(run=run_it)
    return parser


def _add_settings(parser: argparse.ArgumentParser, keys: Sequence[str] = tuple(SPECS)) -> None:
    """The options of :data:`SPECS`. What is not given is absent, so that weaker layers may decide."""
    absent = argparse.SUPPRESS
    for key in keys:
        spec = SPECS[key]
        flag = "--" + key.replace("_", "-")
        help_text = spec.help + (f" (default: {spec.default})" if spec.default else "")
        if spec.kind == "flag":
            parser.add_argument(flag, action="store_true", default=absent, help=help_text)
        elif spec.kind in ("list", "pairs", "accounts"):
            metavar = {"pairs": "KEY=VALUE", "accounts": "NAME:PASSWORD"}.get(spec.kind, key.upper())
            parser.add_argument(flag, action="append", default=absent, metavar=metavar, help=help_text)
        else:
            metavar = "ENDPOINT" if key in SERVERS else key.rpartition("_")[2].upper()
            parser.add_argument(flag, default=absent, metavar=metavar, help=help_text)
    parser.add_argument(
        "--config", default=absent, metavar="FILE", help="settings in TOML, as playground.toml"
    )


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that were said on the command line."""
    return {key: value for key, value in vars(options).items() if key in SPECS or key == "config"}


def _places(options: argparse.Namespace) -> Places:
    given = {key: value for key, value in _given(options).items() if key in ("state_dir", "log", "config")}
    settled: Layers = layers(given, os.environ)
    return places(settled)


def _add_up(commands: Any) -> None:
    up = _add(commands, "up", "start the servers (the default command)", run_up)
    _add_settings(up)
    # For programs that start a playground: it ends when they close its standard input, even by dying.
    up.add_argument("--until-eof", action="store_true", help=argparse.SUPPRESS)


def _add_log(commands: Any) -> None:
    log = _add(commands, "log", "what happened on each connection, before → after", run_log)
    log.add_argument(
        "filter",
        nargs="*",
        metavar="FILTER",
        help="words, protocol:ftp, conn:ftp-3, event:state, changed, from:client, /regex/, not, or",
    )
    log.add_argument("-f", "--follow", action="store_true", help="go on with what happens")
    log.add_argument("--json", action="store_true", help="the journal's own lines")
    log.add_argument("--conn", metavar="ID", help="one connection, as in ftp-3")
    log.add_argument("--since", metavar="WHEN", help="10m, 14:02, or an ISO time")
    log.add_argument("--run", dest="which_run", metavar="R", help="an earlier run: its name, last, or list")
    log.add_argument("--file", metavar="FILE", help="a journal from elsewhere")
    _add_settings(log, ("state_dir", "log"))


def _add_state(commands: Any) -> None:
    state = _add(commands, "state", "what is remembered right now", run_state)
    state.add_argument("--json", action="store_true", help="the answer as JSON")
    _add_settings(state, ("state_dir", "log"))


def _add_forget(commands: Any) -> None:
    forget = _add(commands, "forget", "drop what is remembered; sockets stay open", run_forget)
    forget.add_argument(
        "where",
        nargs="*",
        type=_place,
        metavar="connection|session|shared",
        help="which memory (without a word: connection and session)",
    )
    forget.add_argument("--protocol", metavar="P", help="of one server only")
    forget.add_argument("--json", action="store_true", help="the answer as JSON")
    _add_settings(forget, ("state_dir", "log"))


def _place(word: str) -> str:
    if word not in ("connection", "session", "shared"):
        raise argparse.ArgumentTypeError(f"{word!r} is no memory; say connection, session or shared")
    return word


# -- the commands -----------------------------------------------------------------------------


def run_up(options: argparse.Namespace) -> int:
    """``playground up``."""
    # Until `up` heeds signals, Ctrl-C simply ends this. Python's KeyboardInterrupt may come in the middle of
    # an import, in a place that cannot raise, and then it is lost.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from playground.settings import load
    from playground.up import up

    return up(load(_given(options)), until_eof=options.until_eof)


def up_settings(words: Sequence[str]) -> Any:
    """The settings that the words after ``playground up`` make. Raises ``SettingError``."""
    from playground.settings import load

    return load(_given(_parser().parse_args(["up", *words])))


def run_log(options: argparse.Namespace) -> int:
    """``playground log``."""
    from pathlib import Path

    from rich.console import Console

    from playground.ask import ask_if_running
    from playground.terminal.log import run_log as show

    where = _places(options)
    if not options.file and not options.which_run:
        ask_if_running(where.state_dir, {"ask": "flush"})  # so that the last 100 ms are in the file
    return show(
        Path(options.file) if options.file else where.log,
        options.filter,
        follow=options.follow,
        as_json=options.json,
        conn=options.conn,
        since=options.since,
        run=options.which_run,
        console=Console(highlight=False, markup=False),
    )


def run_state(options: argparse.Namespace) -> int:
    """``playground state``."""
    from playground.views.memory import state_lines

    return _ask_and_show(options, {"ask": "state"}, state_lines)


def run_forget(options: argparse.Namespace) -> int:
    """``playground forget``."""
    from playground.views.memory import forget_lines

    request = {"ask": "forget", "where": options.where, "protocol": options.protocol}
    return _ask_and_show(options, request, forget_lines)


def run_metrics(options: argparse.Namespace) -> int:
    """``playground metrics``."""
    import msgspec

    from playground.ask import ControlError, ask
    from playground.metrics.families import Family
    from playground.metrics.text import exposition

    try:
        answer = ask(_places(options).state_dir, {"ask": "metrics"})
    except ControlError as error:
        return complain(str(error))
    print(exposition(msgspec.convert(answer["metrics"], list[Family])).decode(), end="")
    return 0


def _ask_and_show(options: argparse.Namespace, request: dict[str, Any], lines: Any) -> int:
    import json

    from playground.ask import ControlError, ask

    try:
        answer = ask(_places(options).state_dir, request)
    except ControlError as error:
        return complain(str(error))
    if options.json:
        print(json.dumps(answer))
    else:
        from rich.console import Console

        console = Console(highlight=False, markup=False)
        for line in lines(answer, console.width):
            console.print(line)
    return 0


def run_config(options: argparse.Namespace) -> int:
    """``playground config``."""
    from playground.settings import load

    given = _given(options)
    as_json = given.pop("json", False)
    rows = load(given, explain=True).effective
    if as_json:
        import json

        print(
            json.dumps(
                {key: {"value": value, "from": origin, "why": why} for key, value, origin, why in rows}
            )
        )
        return 0
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for key, value, origin, why in rows:
        print(f"{key:{widths[0]}}  {value:{widths[1]}}  {origin:{widths[2]}}  {why}".rstrip())
    return 0

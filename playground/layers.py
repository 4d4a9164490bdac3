"""Raw settings: what flags, environment and file say, each value with its origin.

Here a value is only brought into the form of its kind; what it means is
decided in :mod:`playground.settings`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

SERVERS = ("http", "ftp", "game", "waiter")
"""The servers with an option of their own: those of the catalogue, which is too dear to import here."""

SECURED = {"http": "https"}
"""Servers that listen with TLS besides, and the option that says where."""

Kind = Literal["text", "path", "flag", "list", "pairs", "accounts"]


class SettingError(Exception):
    """A setting that cannot be used. Its text is one line that tells a person what to do."""


class Spec(NamedTuple):
    """A setting that is known on the command line, in the environment and in the file."""

    kind: Kind
    help: str
    default: str = ""
    """How the default reads in ``playground config``."""


SPECS: dict[str, Spec] = {
    "host": Spec("text", "the address all servers listen on", "127.0.0.1"),
    **{name: Spec("text", f"{name}: a port, off, or a Twisted endpoint string") for name in SERVERS},
    "tls": Spec("text", "off; auto, for a certificate of its own; or a PEM file with key and chain", "off"),
    "https": Spec("text", "where http listens with TLS besides: as --http", "8443 with --tls"),
    "only": Spec("list", "start these servers only, as in http,ftp"),
    "endpoint": Spec("pairs", "NAME=STRING, for a server from a file or an installed package"),
    "set": Spec("pairs", "KEY=VALUE, any other setting: see `playground config`"),
    "server": Spec("list", "a Python file with a Server of your own"),
    "state_dir": Spec("path", "where the journal and the FTP sandbox are"),
    "log": Spec("path", "the journal's file", "STATE_DIR/playground.jsonl"),
    "ftp_root": Spec("path", "serve this folder over FTP", "a sandbox in STATE_DIR"),
    "ftp_write": Spec("flag", "let accounts write below --ftp-root", "off"),
    "ftp_tls": Spec("text", "TLS over FTP, where there is --tls: allowed, required, or off", "allowed"),
    "ftp_passive_ports": Spec("text", "ports for passive data connections, as 60000-60100", "any free one"),
    "ftp_masquerade": Spec("text", "the IPv4 address that PASV tells, where clients see another than we do"),
    "account": Spec("accounts", "NAME:PASSWORD, one more person who may log in"),
    "game_store": Spec("text", "where Lantern's game is kept: sqlite, or memory", "sqlite"),
    "session_store": Spec(
        "text",
        "where /session keeps who is logged in: memory, sqlite or redis://HOST:PORT/DATABASE",
        "memory",
    ),
    "game_seed": Spec("text", "a number that fixes the order of Lantern's cards", "a new one each time"),
    "capture": Spec("text", "what the journal keeps of each message: none, head (4 KiB) or full", "head"),
    "reveal": Spec("flag", "write secrets into the journal in clear", "off"),
    "functions": Spec("path", "a folder with functions of your own: NAME.py with handler(event, context)"),
    "metrics": Spec("text", "where Prometheus may ask: a port of this machine, or an endpoint string", "off"),
    "quiet": Spec("flag", "no live lines on the terminal", "off"),
    "json": Spec("flag", "print one JSON line when all is ready, and nothing else", "off"),
}
"""Keys as in the file. As a flag ``_`` is ``-``; in the environment upper case behind ``PLAYGROUND_``."""


class Given(NamedTuple):
    """A raw value and who gave it."""

    value: Any
    origin: str


class Layers:
    """Raw values by key, the strongest first."""

    def __init__(self, layers: Iterable[Mapping[str, Given]]) -> None:
        self._layers = list(layers)

    def get(self, key: str) -> Given | None:
        """The strongest value of a key."""
        return next((layer[key] for layer in self._layers if key in layer), None)

    def origin(self, key: str) -> str:
        """Who decided a key."""
        given = self.get(key)
        return given.origin if given else "default"

    def text(self, key: str, default: str = "") -> str:
        """A value as text."""
        given = self.get(key)
        return default if given is None else str(given.value)

    def path(self, key: str) -> Path | None:
        """A value as an absolute path."""
        text = self.text(key)
        return Path(text).expanduser().absolute() if text else None

    def flag(self, key: str) -> bool:
        """A value as yes or no."""
        given = self.get(key)
        return bool(given and given.value)

    def texts(self, key: str) -> list[str]:
        """A value as a list of texts."""
        given = self.get(key)
        return [str(item) for item in given.value] if given else []

    def address(self, server: str) -> Given | None:
        """What was said of where a server listens: by its own option, or by ``endpoint``."""
        for layer in self._layers:
            pairs = layer["endpoint"].value if "endpoint" in layer else {}
            if server in layer:
                return layer[server]
            if server in pairs:
                return Given(pairs[server], layer["endpoint"].origin)
        return None

    def merged(self, key: str) -> dict[str, Given]:
        """A value of pairs, each pair from the strongest layer that has it."""
        pairs: dict[str, Given] = {}
        for layer in reversed(self._layers):
            if key in layer:
                given = layer[key]
                pairs.update({name: Given(value, given.origin) for name, value in given.value.items()})
        return pairs


def layers(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Layers:
    """The three layers. Raises :class:`SettingError` for whatever is no setting or has the wrong form."""
    from_flags = {}
    for key, value in flags.items():
        flag = "--" + key.replace("_", "-")
        from_flags[key] = Given(parsed(key, value, flag), flag)
    from_environ = dict(_environment(environ))
    config = from_flags.pop("config", None) or from_environ.pop("config", None)
    from_file = dict(_file(Path(str(config.value)).expanduser())) if config else {}
    return Layers([from_flags, from_environ, from_file])


def _environment(environ: Mapping[str, str]) -> Iterator[tuple[str, Given]]:
    for name, text in environ.items():
        if name.startswith("PLAYGROUND_"):
            key = name.removeprefix("PLAYGROUND_").lower()
            _check_known(key, name, lambda known: f"PLAYGROUND_{known.upper()}")
            value: Any = text
            if key in SPECS and SPECS[key].kind in ("list", "pairs", "accounts"):
                value = [item for item in text.split(",") if item]
            yield key, Given(parsed(key, value, name), name)


def _file(path: Path) -> Iterator[tuple[str, Given]]:
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} is not valid TOML: {error}.") from error
    for key, value in content.items():
        _check_known(key, f"{path}: {key!r}", str)
        yield key, Given(parsed(key, value, f"{path}: {key}"), str(path))


def _check_known(key: str, shown: str, form: Callable[[str], str]) -> None:
    if key not in SPECS and key != "config":
        close = difflib.get_close_matches(key, [*SPECS, "config"], 1)
        hint = f"Did you mean {form(close[0])}?" if close else "`playground config` lists them."
        raise SettingError(f"{shown} is no setting. {hint}")


def parsed(key: str, value: Any, shown: str) -> Any:
    """A raw value of any layer in the form that its kind has."""
    kind = SPECS[key].kind if key in SPECS else "text"
    if kind == "flag":
        if isinstance(value, str):
            if value.lower() not in ("1", "yes", "true", "on", "0", "no", "false", "off", ""):
                raise SettingError(f"{shown} is yes or no, not {value!r}.")
            return value.lower() in ("1", "yes", "true", "on")
        if not isinstance(value, bool):
            raise SettingError(f"{shown} is true or false, not {value!r}.")
        return value
    if kind == "list":
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list):
            raise SettingError(f"{shown} is a list, not {value!r}.")
        return [part for item in items for part in str(item).split(",") if part] if key == "only" else items
    if kind in ("pairs", "accounts"):
        return _pairs(value, shown, ":" if kind == "accounts" else "=")
    if isinstance(value, (dict, list)):
        raise SettingError(f"{shown} is one value, not several.")
    return value


def _pairs(value: Any, shown: str, sign: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return dict(_flattened(value)) if sign == "=" else value
    pairs = {}
    for item in value if isinstance(value, list) else [value]:
        name, found, rest = str(item).partition(sign)
        if not (found and name):
            form = "NAME:PASSWORD" if sign == ":" else "KEY=VALUE"
            raise SettingError(f"{shown} wants {form}, not {str(item)!r}.")
        pairs[name] = {"password": rest} if sign == ":" else rest
    return pairs


def _flattened(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """``[set.http] idle = 30`` is ``http.idle``."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


class Places(NamedTuple):
    """Where a playground keeps what it writes."""

    state_dir: Path
    log: Path


def places(given: Layers) -> Places:
    """The state folder and the journal's file."""
    state_dir = given.path("state_dir") or default_state_dir()
    return Places(state_dir, given.path("log") or state_dir / "playground.jsonl")


def default_state_dir() -> Path:
    """The platform's folder for a user's state."""
    import platformdirs  # here, because most starts in tests name their own folder

    return Path(platformdirs.user_state_dir("playground", appauthor=False))

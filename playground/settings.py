"""Typed settings from flags, environment, file and defaults, each with its origin.

Precedence: a flag beats ``PLAYGROUND_*`` in the environment, which beats the
file of ``--config``, which beats the default. Limits and deadlines are not
declared here: they are frozen dataclasses that live beside the code that obeys
them, and this module only fills them.
"""

from __future__ import annotations

import difflib
import ipaddress
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from playground.journal.journal import CAPTURE_BYTES, Capture
from playground.journal.limits import JournalLimits
from playground.layers import SECURED, SPECS, Given, Layers, SettingError, layers, parsed, places
from playground.servers import Server
from playground.servers.catalogue import BUILT_IN, NoServer, catalogue
from playground.servers.function.limits import FunctionLimits
from playground.stores.accounts import Account, LoginLimits
from playground.stores.opening import NoStore, check_store, without_password
from playground.where import endpoint_of, is_loopback, metrics_of, said_of, tls_endpoints_of, tls_of
from playground.wire.limits import Limits

DEMO_PEOPLE = ("ada", "bob")
PERMISSIONS = "elradfmwMT"
"""Letters of what an account may do over FTP, as pyftpdlib has them."""


@dataclass(frozen=True)
class Settings:
    """What one start of the playground needs to know."""

    servers: Mapping[str, type[Server]]
    """Those that are on, in the order of the start table."""
    endpoints: Mapping[str, str]
    """Server to Twisted endpoint string."""
    options: Mapping[str, Limits]
    """Server to its limits and deadlines."""
    journal: JournalLimits
    login: LoginLimits
    accounts: tuple[Account, ...]
    demo_passwords: Mapping[str, str]
    """The demo accounts, whose passwords may be shown."""
    tls: str
    """``off``, ``auto``, or a PEM file."""
    tls_endpoints: Mapping[str, str]
    """Server to where it listens with TLS besides."""
    function: FunctionLimits
    functions: Path | None
    """The folder with functions of one's own."""
    metrics: str
    """Where Prometheus may ask; empty for nowhere."""
    loopback: bool
    """Whether only this machine can reach the servers."""
    state_dir: Path
    log: Path
    ftp_root: Path | None
    ftp_write: bool
    ftp_tls: str
    """``allowed``, ``off`` or ``required``."""
    ftp_passive_ports: range | None
    ftp_masquerade: str | None
    game_seed: int | None
    game_store: str
    """``memory`` or ``sqlite``."""
    session_store: str
    """``memory``, ``sqlite`` or ``redis://...``, which may hold a password."""
    capture: Capture
    reveal: bool
    quiet: bool
    json: bool
    effective: tuple[tuple[str, str, str, str], ...] = ()
    """(key, value, origin, reason) of everything, for ``playground config``."""

    def for_servers(self) -> dict[str, object]:
        """What servers find in ``playground.settings``."""
        return {
            "ftp_root": self.ftp_root,
            "ftp_write": self.ftp_write,
            "ftp_tls": self.ftp_tls,
            "ftp_passive_ports": self.ftp_passive_ports,
            "functions": self.functions,
            "ftp_masquerade": self.ftp_masquerade,
            "game_seed": self.game_seed,
            "game_store": self.game_store,
            "session_store": self.session_store,
        }


def load(
    flags: Mapping[str, Any], environ: Mapping[str, str] | None = None, *, explain: bool = False
) -> Settings:
    """Settle everything. ``flags`` has the keys of :data:`SPECS` that were given on the command line.

    With ``explain``, ``effective`` tells of every setting, those of servers that are off included.
    Raises :class:`SettingError` for whatever cannot be used.
    """
    given = layers(flags, os.environ if environ is None else environ)
    try:
        known = catalogue(Path(file).expanduser() for file in given.texts("server"))
        names = _names(given, known)
        servers = {name: known[name]() for name in names}
        named = {key.partition(".")[0] for key in given.merged("set")}
        # A server that is off is only imported when somebody speaks of it.
        settable = {name: load() for name, load in known.items() if explain or name in named | servers.keys()}
    except NoServer as error:
        raise SettingError(str(error)) from error
    host = given.text("host", "127.0.0.1")
    endpoints = {name: endpoint_of(given, name, server, host) for name, server in servers.items()}
    tls_endpoints = tls_endpoints_of(given, servers, host)
    state_dir, log = places(given)
    metrics = metrics_of(given)
    reached = (*endpoints.values(), *tls_endpoints.values(), *filter(None, [metrics]))
    loopback = all(map(is_loopback, reached))
    others = given.merged("account")
    demo = {
        name: name if loopback else secrets.token_urlsafe(6) for name in DEMO_PEOPLE if name not in others
    }
    options, tables = _options(given, settable)
    settings = Settings(
        servers=servers,
        endpoints=endpoints,
        options={name: options[name] for name in servers},
        journal=tables["journal"],
        login=tables["login"],
        function=tables["function"],
        accounts=tuple(_accounts(given, demo)),
        demo_passwords=demo,
        tls=tls_of(given),
        tls_endpoints=tls_endpoints,
        metrics=metrics,
        functions=_functions(given),
        loopback=loopback,
        state_dir=state_dir,
        log=log,
        ftp_root=given.path("ftp_root"),
        ftp_write=given.flag("ftp_write"),
        ftp_tls=_one_of(given, "ftp_tls", "allowed", "off", "required"),
        ftp_passive_ports=_passive_ports(given),
        ftp_masquerade=_masquerade(given),
        game_seed=_seed(given),
        game_store=_one_of(given, "game_store", "sqlite", "memory"),
        session_store=_session_store(given),
        capture=_capture(given),
        reveal=given.flag("reveal"),
        quiet=given.flag("quiet"),
        json=given.flag("json"),
    )
    return _with_effective(settings, given, options) if explain else settings


# -- what the values mean ---------------------------------------------------------------------


def _names(given: Layers, known: Mapping[str, Any]) -> list[str]:
    """The servers that are on."""
    for name in (*given.texts("only"), *given.merged("endpoint")):
        if name not in known:
            raise SettingError(f"There is no server {name!r}. There are: {', '.join(known)}.")
    wanted = given.texts("only") or list(known)
    names = [name for name in known if name in wanted and said_of(given, name).lower() != "off"]
    if not names:
        raise SettingError("Every server is off; nothing would be started.")
    return names


def _functions(given: Layers) -> Path | None:
    folder = given.path("functions")
    if folder is not None and not folder.is_dir():
        raise SettingError(f"--functions {folder} is no folder.")
    return folder


OTHER_LIMITS: Mapping[str, type[Any]] = {
    "journal": JournalLimits,
    "login": LoginLimits,
    "function": FunctionLimits,
}
"""Those that belong to no server."""


def _options(given: Layers, servers: Mapping[str, type[Server]]) -> tuple[dict[str, Limits], dict[str, Any]]:
    values: dict[str, dict[str, Any]] = {}
    for key, pair in given.merged("set").items():
        group, _, name = key.partition(".")
        table = OTHER_LIMITS.get(group)
        if group in servers:
            table = servers[group].Options
        if table is None or name not in (hints := get_type_hints(table)):
            settable = _settable(servers)
            close = difflib.get_close_matches(key, settable, 1)
            hint = f"Did you mean {close[0]}?" if close else "`playground config` lists them."
            raise SettingError(f"{key} is no setting. {hint}")
        values.setdefault(group, {})[name] = _value(key, pair.value, hints[name])
    options = {}
    for name, server in servers.items():
        try:
            options[name] = server.Options(**values.get(name, {}))
        except (TypeError, ValueError) as error:  # a server may check its settings itself
            raise SettingError(f"{name}: {error}") from error
    return options, {name: table(**values.get(name, {})) for name, table in OTHER_LIMITS.items()}


def _settable(servers: Mapping[str, type[Server]]) -> list[str]:
    groups = {name: server.Options for name, server in servers.items()} | dict(OTHER_LIMITS)
    return [f"{group}.{field.name}" for group, table in groups.items() for field in fields(table)]


def _value(key: str, raw: Any, wanted: Any) -> Any:
    if wanted is str:
        return str(raw)
    if wanted is bool:
        return parsed("quiet", raw, key)
    try:
        if isinstance(raw, bool) or (wanted is int and isinstance(raw, float)):
            raise ValueError
        number = wanted(raw)
    except (TypeError, ValueError) as error:
        kind = "a whole number" if wanted is int else "a number"
        raise SettingError(f"{key} is {kind}, not {raw!r}.") from error
    if not (math.isfinite(number) and number >= 0):
        raise SettingError(f"{key} cannot be {raw}; 0 switches it off.")
    return number


def _accounts(given: Layers, demo: Mapping[str, str]) -> Iterator[Account]:
    people = {name: Given({"password": password}, "default") for name, password in demo.items()}
    people |= given.merged("account")
    for name, person in people.items():
        table = person.value if isinstance(person.value, dict) else {}
        unknown = set(table) - {"password", "root", "permissions", "quota"}
        if unknown or not table.get("password"):
            what = f"has an unknown key {unknown.pop()!r}" if unknown else "needs a password"
            raise SettingError(f"{person.origin}: the account {name!r} {what}.")
        root, quota, permissions = table.get("root"), table.get("quota"), table.get("permissions")
        who = f"{person.origin}: the account {name!r}"
        if quota is not None and (isinstance(quota, bool) or not isinstance(quota, int) or quota < 0):
            raise SettingError(f"{who} may store a whole number of bytes, not {quota!r}.")
        if permissions is not None and not set(str(permissions)) <= set(PERMISSIONS):
            raise SettingError(f"{who} has permissions out of {PERMISSIONS}, not {permissions!r}.")
        yield Account(
            name,
            str(table["password"]),
            root=Path(str(root)).expanduser().absolute() if root else None,
            permissions=permissions,
            quota=quota,
        )


def _seed(given: Layers) -> int | None:
    text = given.text("game_seed")
    try:
        return int(text) if text else None
    except ValueError as error:
        raise SettingError(f"--game-seed is a whole number, not {text!r}.") from error


def _one_of(given: Layers, key: str, *choices: str) -> str:
    """The value of a setting with few values, the default first."""
    text = given.text(key, choices[0])
    if text not in choices:
        flag = f"--{key.replace('_', '-')}"
        raise SettingError(f"{flag} is {', '.join(choices[:-1])} or {choices[-1]}, not {text!r}.")
    return text


def _passive_ports(given: Layers) -> range | None:
    """The ports for passive data connections, where they are limited: ``60000-60100``, or one."""
    text = given.text("ftp_passive_ports").strip()
    if not text:
        return None
    found = re.fullmatch("([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1024 <= first <= last <= 65535:
        raise SettingError(f"--ftp-passive-ports is a range like 60000-60100, above 1023, not {text!r}.")
    return range(first, last + 1)


def _session_store(given: Layers) -> str:
    text = given.text("session_store", "memory")
    try:
        check_store(text)
    except NoStore as error:
        raise SettingError(f"--session-store {error}") from error
    return text


def _masquerade(given: Layers) -> str | None:
    """The address for PASV's answers."""
    text = given.text("ftp_masquerade").strip()
    try:
        return str(ipaddress.IPv4Address(text)) if text else None
    except ValueError as error:
        raise SettingError(f"--ftp-masquerade is an IPv4 address such as 192.0.2.7, not {text!r}.") from error


def _capture(given: Layers) -> Capture:
    text = given.text("capture", "head")
    if text not in CAPTURE_BYTES:
        raise SettingError(f"--capture is none, head or full, not {text!r}.")
    return text


def _with_effective(settings: Settings, given: Layers, options: Mapping[str, Limits]) -> Settings:
    """The same settings with the rows of ``playground config``."""
    import dataclasses

    rows: list[tuple[str, str, str, str]] = []
    for key, spec in SPECS.items():
        origin = given.origin(key)
        if key in ("set", "endpoint", "account"):
            continue
        if key in SECURED.values():
            ports = {SECURED.get(name, ""): endpoint for name, endpoint in settings.tls_endpoints.items()}
            value = ports.get(key, "off")
        elif key in settings.endpoints or key in BUILT_IN:
            said_where = given.address(key)
            origin = said_where.origin if said_where else "default"
            value = settings.endpoints.get(key, "off")
        else:
            value = _shown(getattr(settings, key, None) or given.text(key)) or spec.default
        if key == "session_store":
            value = without_password(value)
        rows.append((key, value, origin, spec.help))
    for name, endpoint in settings.endpoints.items():
        if name not in SPECS:
            said_where = given.address(name)
            rows.append((f"endpoint.{name}", endpoint, said_where.origin if said_where else "default", ""))
    people = given.merged("account")
    for account in settings.accounts:
        origin = people[account.name].origin if account.name in people else "default"
        rows.append((f"account.{account.name}", "password set", origin, "may log in over HTTP and FTP"))
    groups: dict[str, Any] = {
        **options,
        "journal": settings.journal,
        "login": settings.login,
        "function": settings.function,
    }
    said = given.merged("set")
    for group, table in groups.items():
        for field in fields(table):
            key = f"{group}.{field.name}"
            origin = said[key].origin if key in said else "default"
            rows.append((key, _shown(getattr(table, field.name)), origin, field.metadata.get("why", "")))
    return dataclasses.replace(settings, effective=tuple(rows))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, range):
        return f"{value[0]}-{value[-1]}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)

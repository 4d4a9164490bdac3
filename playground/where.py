"""Where servers listen, as the settings say: endpoint strings out of ports, options and defaults."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

from playground.layers import SECURED, Layers, SettingError
from playground.servers import Server


def said_of(given: Layers, name: str) -> str:
    """What was said about where a server listens, or nothing."""
    said = given.address(name)
    return str(said.value).strip() if said else ""


def endpoint_of(given: Layers, name: str, server: type[Server], host: str) -> str:
    """Where a server listens: a Twisted endpoint string."""
    return _settled(name, said_of(given, name) or server.endpoint, host)


def tls_of(given: Layers) -> str:
    """``off``, ``auto``, or the path of a PEM file."""
    text = given.text("tls", "off").strip()
    return text.lower() if text.lower() in ("off", "auto") else str(Path(text).expanduser().absolute())


def tls_endpoints_of(given: Layers, servers: Mapping[str, type[Server]], host: str) -> dict[str, str]:
    """Where servers listen with TLS besides."""
    found = {}
    for name, server in servers.items():
        option = SECURED.get(name)
        said = given.text(option).strip() if option else ""
        if tls_of(given) == "off":
            if said and said.lower() != "off":
                raise SettingError(f"--{option} needs a certificate. Try: --tls auto")
        elif server.tls_endpoint and said.lower() != "off":
            found[name] = _settled(option or name, said or server.tls_endpoint, host)
    return found


def metrics_of(given: Layers) -> str:
    """Where Prometheus may ask. A port alone is this machine's, whatever ``--host`` says."""
    text = given.text("metrics", "off").strip()
    return "" if text.lower() == "off" else _settled("metrics", text, "127.0.0.1")


def _settled(name: str, address: str, host: str) -> str:
    """An endpoint string, of a port or of one that may lack its interface."""
    if address.isdecimal() and address.isascii():
        if len(address) > 5 or int(address) > 65535:
            raise SettingError(f"{name}: {address} is no port; ports end at 65535.")
        address = f"tcp:{address}"
    elif ":" not in address:
        raise SettingError(
            f"{name}: {address!r} is no port, not off, and no endpoint string such as tcp:8080."
        )
    # An endpoint written in full is taken as it is; a port alone is bound to --host.
    if address.split(":")[0] in ("tcp", "udp") and address.count(":") == 1:
        address += ":interface=" + host.strip("[]").replace(":", r"\:")
    return address


def interface(endpoint: str) -> str:
    """The address that an endpoint string names; empty for none, which is every address."""
    kind, *rest = re.split(r"(?<!\\):", endpoint)
    found = ""
    if kind == "tcp" and len(rest) > 1 and "=" not in rest[1]:
        found = rest[1]  # tcp:8080:127.0.0.1 is allowed, too
    for part in rest:
        if part.startswith("interface="):
            found = part.removeprefix("interface=")
    return found.replace("\\", "")


def is_loopback(endpoint: str) -> bool:
    """Whether only this machine can reach it."""
    if endpoint.startswith("unix:"):
        return True
    address = interface(endpoint)
    try:
        return address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False  # a name, or none, which is every address

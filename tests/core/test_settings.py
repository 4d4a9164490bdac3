"""A flag beats the environment, that the file, that the default; and every mistake says what to do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from playground.layers import SettingError
from playground.settings import Settings, load

ONE_FILE_SERVER = '''
from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from playground.servers import Server
from playground.wire.limits import Limits, limit


class Parrot(LineOnlyReceiver):
    def lineReceived(self, line):
        self.sendLine(line)


@dataclass(frozen=True)
class ParrotLimits(Limits):
    words: int = limit(7, "nobody remembers more")

    def __post_init__(self):
        if self.words == 13:
            raise ValueError("parrots are superstitious")


class ParrotServer(Server):
    """Says what you say."""

    name = "parrot"
    endpoint = "tcp:4444"
    Options = ParrotLimits
    try_it = ("nc {host} {port}",)

    def service(self, playground, endpoint):
        return playground.listen(endpoint, Factory.forProtocol(Parrot))
'''


def settle(*, environ: dict[str, str] | None = None, toml: str = "", folder: Path, **flags: Any) -> Settings:
    """Settings from these three layers."""
    if toml:
        file = folder / "playground.toml"
        file.write_text(toml)
        flags["config"] = str(file)
    return load({"only": ["waiter"], "state_dir": str(folder)} | flags, environ or {})


def refused(**layers: Any) -> str:
    with pytest.raises(SettingError) as error:
        settle(**layers)
    text = str(error.value)
    assert "\n" not in text
    return text


# -- precedence -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "flag", "environ", "toml", "values"),
    [
        (
            "endpoints",
            {"waiter": "1"},
            {"PLAYGROUND_WAITER": "2"},
            "waiter = 3",
            [{"waiter": f"tcp:{port}:interface=127.0.0.1"} for port in (1, 2, 3, 4001)],
        ),
        ("capture", {"capture": "full"}, {"PLAYGROUND_CAPTURE": "none"}, "capture = 'head'",
         ["full", "none", "head", "head"]),
        ("ftp_root", {"ftp_root": "/flag"}, {"PLAYGROUND_FTP_ROOT": "/environ"}, "ftp_root = '/file'",
         [Path("/flag"), Path("/environ"), Path("/file"), None]),
        ("quiet", {"quiet": True}, {"PLAYGROUND_QUIET": "no"}, "quiet = true", [True, False, True, False]),
        ("game_seed", {"game_seed": "1"}, {"PLAYGROUND_GAME_SEED": "2"}, "game_seed = 3", [1, 2, 3, None]),
    ],
)  # fmt: skip  # a case is a line, two at most
def test_flag_environment_file_default(
    tmp_path: Path, field: str, flag: dict[str, Any], environ: dict[str, str], toml: str, values: list[Any]
):
    got = [
        getattr(settings, field)
        for settings in (
            settle(folder=tmp_path, environ=environ, toml=toml, **flag),
            settle(folder=tmp_path, environ=environ, toml=toml),
            settle(folder=tmp_path, toml=toml),
            settle(folder=tmp_path),
        )
    ]
    assert got == values


def test_limits_come_from_each_layer_one_by_one(tmp_path: Path):
    settings = settle(
        folder=tmp_path,
        set=["waiter.idle=1"],
        environ={"PLAYGROUND_SET": "waiter.idle=2,waiter.unsent=2"},
        toml="[set.waiter]\nidle = 3\nunsent = 3\nclogged = 3\n[set.journal]\nring = 3",
    )
    limits = settings.options["waiter"]
    assert (limits.idle, limits.unsent, limits.clogged, limits.connections) == (1.0, 2, 3.0, 1024)
    assert settings.journal.ring == 3


@pytest.mark.parametrize(
    ("flags", "environ", "toml", "port"),
    [
        ({"waiter": "1"}, {"PLAYGROUND_ENDPOINT": "waiter=2"}, "[endpoint]\nwaiter = '3'", 1),
        ({"endpoint": ["waiter=1"]}, {"PLAYGROUND_WAITER": "2"}, "waiter = 3", 1),
        ({}, {"PLAYGROUND_ENDPOINT": "waiter=2"}, "waiter = 3", 2),
        ({}, {}, "[endpoint]\nwaiter = '3'", 3),
    ],
)
def test_an_endpoint_by_either_name_comes_from_the_strongest_layer(
    tmp_path: Path, flags: dict[str, Any], environ: dict[str, str], toml: str, port: int
):
    settings = settle(folder=tmp_path, environ=environ, toml=toml, **flags)
    assert settings.endpoints == {"waiter": f"tcp:{port}:interface=127.0.0.1"}


def test_each_value_says_where_it_comes_from(tmp_path: Path):
    file = tmp_path / "playground.toml"
    file.write_text("quiet = true\n[set.waiter]\nidle = 3\n[account.carol]\npassword = 'secret words'")
    settings = load(
        {"only": ["waiter"], "game_seed": "7", "config": str(file)},
        {"PLAYGROUND_CAPTURE": "none"},
        explain=True,
    )
    rows = {key: (value, origin) for key, value, origin, _ in settings.effective}
    assert rows["game_seed"] == ("7", "--game-seed")
    assert rows["capture"] == ("none", "PLAYGROUND_CAPTURE")
    assert rows["quiet"] == ("on", str(file))
    assert rows["waiter.idle"] == ("3", str(file))
    assert rows["waiter.unsent"] == ("1048576", "default")
    assert rows["waiter"] == ("tcp:4001:interface=127.0.0.1", "default")
    assert rows["http"][0] == "off"
    assert rows["http.idle"][1] == "default"  # of a server that is off, too
    assert rows["account.carol"] == ("password set", str(file))
    assert "secret words" not in repr(settings)


# -- mistakes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ({"environ": {"PLAYGROUND_HTPP": "1"}}, "PLAYGROUND_HTPP is no setting. Did you mean PLAYGROUND_HTTP?"),  # noqa: E501  # a case is a line
        ({"environ": {"PLAYGROUND_ZZZ": "1"}}, "PLAYGROUND_ZZZ is no setting. `playground config` lists them."),  # noqa: E501  # a case is a line
        ({"toml": "captur = 'full'"}, "'captur' is no setting. Did you mean capture?"),
        ({"toml": "capture = "}, "is not valid TOML"),
        ({"set": ["waiter.idel=3"]}, "waiter.idel is no setting. Did you mean waiter.idle?"),
        ({"set": ["journal.rings=3"]}, "journal.rings is no setting. Did you mean journal.ring?"),
        ({"set": ["waiter.idle"]}, "--set wants KEY=VALUE, not 'waiter.idle'."),
        ({"set": ["waiter.idle=soon"]}, "waiter.idle is a number, not 'soon'."),
        ({"set": ["waiter.idle=-1"]}, "waiter.idle cannot be -1; 0 switches it off."),
        ({"set": ["waiter.idle=nan"]}, "waiter.idle cannot be nan"),
        ({"set": ["waiter.idle=inf"]}, "waiter.idle cannot be inf"),
        ({"set": ["waiter.unsent=1.5"]}, "waiter.unsent is a whole number, not '1.5'."),
        ({"toml": "[set.waiter]\nunsent = 1.5"}, "waiter.unsent is a whole number, not 1.5."),
        ({"toml": "[set.waiter]\nunsent = inf"}, "waiter.unsent is a whole number, not inf."),
        ({"toml": "[set.waiter]\nidle = true"}, "waiter.idle is a number, not True."),
        ({"toml": "[set.waiter]\nidle = [1]"}, "waiter.idle is a number, not [1]."),
        ({"toml": "quiet = 'perhaps'"}, "quiet is yes or no, not 'perhaps'."),
        ({"toml": "quiet = 3"}, "quiet is true or false, not 3."),
        ({"toml": "host = ['a', 'b']"}, "host is one value, not several."),
        ({"toml": "only = 3"}, "only is a list, not 3."),
        ({"environ": {"PLAYGROUND_REVEAL": "maybe"}}, "PLAYGROUND_REVEAL is yes or no, not 'maybe'."),
        ({"only": ["waiter,htp"]}, "There is no server 'htp'. There are: http, ftp, game, waiter."),
        ({"endpoint": ["dns=53"]}, "There is no server 'dns'."),
        ({"waiter": "off"}, "Every server is off"),
        ({"waiter": "65536"}, "waiter: 65536 is no port; ports end at 65535."),
        ({"waiter": "9" * 5000}, "is no port"),
        ({"waiter": "tomorrow"}, "waiter: 'tomorrow' is no port, not off, and no endpoint string"),
        ({"game_seed": "x"}, "--game-seed is a whole number, not 'x'."),
        ({"game_store": "x"}, "--game-store is sqlite or memory, not 'x'."),
        ({"ftp_tls": "x"}, "--ftp-tls is allowed, off or required, not 'x'."),
        ({"ftp_masquerade": "::1"}, "--ftp-masquerade is an IPv4 address such as 192.0.2.7, not '::1'."),
        ({"ftp_passive_ports": "x"}, "--ftp-passive-ports is a range like 60000-60100, above 1023, not 'x'."),
        ({"ftp_passive_ports": "60100-60000"}, "--ftp-passive-ports is a range like 60000-60100"),
        ({"ftp_passive_ports": "20-2000"}, "--ftp-passive-ports is a range like 60000-60100"),
        ({"capture": "all"}, "--capture is none, head or full, not 'all'."),
        ({"account": ["carol"]}, "--account wants NAME:PASSWORD, not 'carol'."),
        ({"account": ["carol:"]}, "--account: the account 'carol' needs a password."),
        ({"toml": "[account]\ncarol = 'x'"}, "the account 'carol' needs a password."),
        ({"toml": "[account.carol]\npasword = 'x'"}, "the account 'carol' has an unknown key 'pasword'."),
        ({"toml": "[account.carol]\npassword = 'x'\nquota = 'much'"}, "a whole number of bytes, not 'much'"),
        ({"toml": "[account.carol]\npassword = 'x'\npermissions = 'rwx'"}, "permissions out of elradfmwMT"),
        ({"server": ["/nowhere/parrot.py"]}, "/nowhere/parrot.py is no Python file that can be read."),
        ({"config": "/nowhere/playground.toml"}, "/nowhere/playground.toml cannot be read: No such file"),
    ],
)  # fmt: skip  # a case is a line, two at most
def test_a_mistake_is_one_line_that_says_what_to_do(tmp_path: Path, layers: dict[str, Any], text: str):
    assert text in refused(folder=tmp_path, **layers)


# -- servers and where they listen ------------------------------------------------------------


def test_all_built_in_servers_are_on_unless_somebody_says_otherwise(tmp_path: Path):
    assert list(load({"state_dir": str(tmp_path)}, {}).servers) == ["http", "ftp", "game", "waiter"]
    assert list(load({"http": "off", "game": "OFF"}, {}).servers) == ["ftp", "waiter"]
    assert list(load({"only": ["waiter", "ftp"]}, {}).servers) == ["ftp", "waiter"]
    assert list(load({"only": ["waiter,ftp"], "ftp": "off"}, {}).servers) == ["waiter"]
    assert list(load({}, {"PLAYGROUND_ONLY": "http,ftp"}).servers) == ["http", "ftp"]


@pytest.mark.parametrize(
    ("said", "host", "endpoint", "loopback"),
    [
        ("4001", "127.0.0.1", "tcp:4001:interface=127.0.0.1", True),
        ("0", "127.9.9.9", "tcp:0:interface=127.9.9.9", True),
        ("tcp:4001", "localhost", "tcp:4001:interface=localhost", True),
        ("4001", "::1", r"tcp:4001:interface=\:\:1", True),
        ("4001", "[::1]", r"tcp:4001:interface=\:\:1", True),
        ("4001", "0.0.0.0", "tcp:4001:interface=0.0.0.0", False),
        ("4001", "::", r"tcp:4001:interface=\:\:", False),
        ("4001", "::1234", r"tcp:4001:interface=\:\:1234", False),
        ("4001", "192.0.2.1", "tcp:4001:interface=192.0.2.1", False),
        ("4001", "127.example.org", "tcp:4001:interface=127.example.org", False),
        ("4001", "localhost.example.org", "tcp:4001:interface=localhost.example.org", False),
        # Written in full, it is taken as it is.
        ("tcp:4001:backlog=5", "127.0.0.1", "tcp:4001:backlog=5", False),
        ("tcp:4001:127.0.0.1", "0.0.0.0", "tcp:4001:127.0.0.1", True),
        ("tcp:4001:interface=127.0.0.1:backlog=5", "::", "tcp:4001:interface=127.0.0.1:backlog=5", True),
        (r"tcp:4001:backlog=5:interface=\:\:1", "::", r"tcp:4001:backlog=5:interface=\:\:1", True),
        ("ssl:443:privateKey=k.pem", "127.0.0.1", "ssl:443:privateKey=k.pem", False),
        ("unix:/run/waiter", "0.0.0.0", "unix:/run/waiter", True),
        ("systemd:domain=INET:index=0", "127.0.0.1", "systemd:domain=INET:index=0", False),
    ],
)
def test_where_a_server_listens(tmp_path: Path, said: str, host: str, endpoint: str, loopback: bool):
    settings = settle(folder=tmp_path, waiter=said, host=host)
    assert settings.endpoints == {"waiter": endpoint}
    assert settings.loopback is loopback


def test_one_open_server_makes_all_of_it_open():
    assert load({"http": "tcp:8080:interface=0.0.0.0"}, {}).loopback is False


# -- accounts ---------------------------------------------------------------------------------


def test_the_demo_people_have_easy_passwords_on_this_machine_only(tmp_path: Path):
    home = settle(folder=tmp_path)
    assert home.demo_passwords == {"ada": "ada", "bob": "bob"}
    abroad, again = (settle(folder=tmp_path, host="0.0.0.0").demo_passwords for _ in range(2))
    assert abroad.keys() == {"ada", "bob"}
    assert all(len(password) >= 8 for password in abroad.values())
    assert abroad["ada"] != abroad["bob"] != again["bob"]


def test_accounts_come_from_the_file_and_the_command_line(tmp_path: Path):
    settings = settle(
        folder=tmp_path,
        account=["dave:p:w", "ada:her own"],
        toml="[account.carol]\npassword = 'x'\nroot = '/srv/carol'\npermissions = 'elr'\nquota = 1000",
    )
    people = {account.name: account for account in settings.accounts}
    assert people.keys() == {"ada", "bob", "carol", "dave"}
    assert people["dave"].password == "p:w"
    carol = people["carol"]
    assert (carol.root, carol.permissions, carol.quota) == (Path("/srv/carol"), "elr", 1000)
    # A password that somebody chose is never shown.
    assert settings.demo_passwords == {"bob": "bob"}
    assert "her own" not in repr(settings.accounts)


# -- a server from a file ---------------------------------------------------------------------


def test_a_server_from_a_file_has_options_like_any_other(tmp_path: Path):
    file = tmp_path / "parrot.py"
    file.write_text(ONE_FILE_SERVER)
    settings = settle(
        folder=tmp_path, server=[str(file)], only=["parrot"], endpoint=["parrot=0"], set=["parrot.words=3"]
    )
    assert settings.endpoints == {"parrot": "tcp:0:interface=127.0.0.1"}
    assert asdict(settings.options["parrot"])["words"] == 3
    assert settle(folder=tmp_path, server=[str(file)], only=["parrot"]).endpoints == {
        "parrot": "tcp:4444:interface=127.0.0.1"
    }
    text = refused(folder=tmp_path, server=[str(file)], only=["parrot"], set=["parrot.words=13"])
    assert text == "parrot: parrots are superstitious"


def test_passive_ports_are_a_range_or_one(tmp_path: Path):
    assert settle(folder=tmp_path).ftp_passive_ports is None
    assert settle(folder=tmp_path, ftp_passive_ports="60000-60100").ftp_passive_ports == range(60000, 60101)
    one = load({"ftp_passive_ports": "60000", "state_dir": str(tmp_path)}, {}, explain=True)
    assert one.ftp_passive_ports == range(60000, 60001)
    shown = {key: value for key, value, *_ in one.effective}
    assert shown["ftp_passive_ports"] == "60000-60000"

"""The first thing a person reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.servers.catalogue import catalogue
from playground.terminal.start import Row, command, own_command, reachable, remembers_in_words, start_text

PEOPLE = {"ada": "ada", "bob": "bob"}


def built_in(host: str = "127.0.0.1") -> list[Row]:
    servers = [load() for load in catalogue().values()]
    return [
        Row(
            server.name,
            server.remembers_you or remembers_in_words(server.memory),
            server.try_it[0],
            host,
            int(server.endpoint.split(":")[1]),
            sorted(server.paths),
        )
        for server in servers
    ]


def text(rows: list[Row], *, accounts: dict[str, str] = PEOPLE, loopback: bool = True) -> str:
    return start_text(
        version="0.1.0",
        rows=rows,
        loopback=loopback,
        accounts=accounts,
        state_dir=Path.home() / ".local/state/playground",
        live=True,
    )


def test_it_fits_80_columns():
    lines = text(built_in()).splitlines()
    assert max(map(len, lines)) <= 80, max(lines, key=len)
    assert lines[0] == "Protocol Playground 0.1.0 is running. Only this machine can reach it."
    assert lines[-1] == "Live (Ctrl-C stops; --quiet hides this):"
    assert "folder    ~/.local/state/playground" in text(built_in())


def test_the_servers_stand_in_order_with_what_to_type():
    table = [line for line in text(built_in()).splitlines()[2:9] if not line.strip().startswith("but ")]
    assert table[0].split() == ["server", "remembers", "you", "type", "this", "in", "a", "second", "terminal"]
    assert [line.split()[0] for line in table[2:]] == ["http", "ftp", "game", "waiter"]
    assert "127.0.0.1 2121" in table[3]
    assert table[3].endswith("(ada / ada)")
    columns = {line.index(what) for line, what in zip(table[2:4], ("not at all", "while"), strict=True)}
    assert len(columns) == 1


@pytest.mark.parametrize(
    ("paths", "line"),
    [
        (["/notes"], "but /notes does"),
        (["/notes", "/ws"], "but /notes and /ws do"),
        (["/counter", "/notes", "/ws"], "but /counter, /notes and /ws do"),
    ],
)
def test_paths_that_remember_stand_beneath_their_server(paths: list[str], line: str):
    http, *others = [row._replace(paths=()) for row in built_in()]
    lines = text([http._replace(paths=paths), *others]).splitlines()
    assert lines[5].strip() == line
    assert [shown.index(what) for shown, what in zip(lines[4:6], ("not at all", line), strict=True)] == [
        10,
        10,
    ]
    assert len(lines) == len(text([http, *others]).splitlines()) + 1


def test_over_ipv6_the_commands_are_right_too():
    shown = text(built_in("::1"))
    assert "[::1]:8080" in shown
    assert "nc ::1 4000" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_off_loopback_it_says_so():
    shown = text(built_in("192.0.2.7"), loopback=False, accounts={"ada": "x1y2z3a4"})
    assert "Whoever reaches this machine can reach it." in shown
    assert "ada / x1y2z3a4" in shown


def test_without_ftp_nobody_is_told_of_accounts():
    shown = text([row for row in built_in() if row.name == "waiter"])
    assert "accounts" not in shown
    assert "ada" not in shown


def test_without_demo_people_anonymous_is_left():
    assert "accounts  anonymous (FTP, reads only)" in text(built_in(), accounts={})


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (set(), "not at all"),
        ({"connection"}, "while you are connected"),
        ({"connection", "session"}, "after you hang up"),
        ({"connection", "session", "shared"}, "for everybody"),
    ],
)
def test_memory_in_words(memory: set[str], words: str):
    assert remembers_in_words(memory) == words  # type: ignore[arg-type]  # parametrize knows no literals


def test_a_command_may_have_braces_of_its_own():
    assert command("curl {host}:{port} -d '{\"a\": {}}'", "::1", 80) == "curl [::1]:80 -d '{\"a\": {}}'"
    assert command("", "127.0.0.1", 80) == ""


def test_all_addresses_means_one_that_can_be_typed():
    assert reachable("127.0.0.1") == "127.0.0.1"
    assert reachable("0.0.0.0") not in ("", "0.0.0.0")
    assert reachable("::") not in ("", "::")


def test_what_to_type_names_the_folder_that_would_not_be_found_by_itself():
    def shown(folder: str, log: str | None = None) -> list[str]:
        text = start_text(
            version="0.1.0",
            rows=built_in(),
            loopback=True,
            accounts=PEOPLE,
            state_dir=Path(folder),
            live=False,
            found=False,
            log=Path(log) if log else None,
        )
        return [line for line in text.splitlines() if line.split()[:1] in (["read"], ["ask"], ["wipe"])]

    me = own_command()
    typed = [("read", "log"), ("ask", "state"), ("wipe", "forget")]
    for line, (why, word) in zip(shown("/s"), typed, strict=True):
        assert line.startswith(f"  {why:<8}  {me} {word} --state-dir /s")
        assert len(line) <= 80
    assert shown("/a place/" + "x" * 80)[2] == f"  wipe      {me} forget --state-dir '/a place/{'x' * 80}'"
    assert shown("/s", "/j.jsonl")[0].startswith(f"  read      {me} log --state-dir /s --log /j.jsonl")


def test_where_sessions_are_kept_is_said_when_they_outlive_the_process():
    def shown(store: str) -> str:
        return start_text(
            version="0.1.0",
            rows=built_in(),
            loopback=True,
            accounts=PEOPLE,
            state_dir=Path("/s"),
            live=False,
            session_store=store,
        )

    assert "sessions" not in shown("memory")
    assert "  sessions  sqlite: who has logged in at /session stays so over a restart" in shown("sqlite")
    assert max(map(len, shown("sqlite").splitlines())) <= 80

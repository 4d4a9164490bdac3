"""One change at a time, in the order in which a learner meets them."""

from __future__ import annotations

import json
import os

import pytest_twisted

from playground.testing import Served
from tests.servers.ftp.client import connect


@pytest_twisted.ensureDeferred
async def test_a_connection_begins_with_a_greeting_and_without_memory(ftp: Served):
    ada = await connect(ftp)
    assert ada.story() == ["-- ConnectionOpen", "S: 220 Playground FTP. Try: USER ada"]
    assert ada.remembers() == {}
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_logging_in_reads_said_changed_answered(ftp: Served):
    ada = await connect(ftp)
    await ada.login()
    assert ada.story()[2:] == [
        "C: USER ada",
        "= user None -> ada",
        "S: 331 Username ok, send password.",
        "C: PASS ***",
        "= authenticated None -> True, cwd None -> /",
        "S: 230 Login successful.",
    ]
    steps = [(state.machine, state.input, state.before, state.after) for state in ada.events("state")]
    assert steps == [
        ("ftp", "USER", "connected", "user-given"),
        ("ftp", "PASS", "user-given", "logged-in"),
    ]
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_clears_the_user_and_is_answered_late(ftp: Served):
    ada = await connect(ftp)
    await ada.ask("USER ada")
    ada.talk.say("PASS wrong!\r\nNOOP\r\n")  # the NOOP has to wait
    assert await ada.reply() == "530 Authentication failed."
    assert (await ada.reply()).startswith("200 ")
    assert ada.story()[5:] == [
        "C: PASS ******",
        "= user ada -> None, failed_logins None -> 1",
        "refused login",
        "S: 530 Authentication failed.",
        "C: NOOP",
        "S: 200 Nothing done, nothing changed.",
    ]
    passed = ftp.events("conn:ftp-1", "event:received")[1]
    answer = next(event for event in ftp.events("event:sent") if (event.data or "").startswith("530"))
    assert answer.cause == passed.seq
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_some_commands_depend_on_memory_and_change_none(ftp: Served):
    ada = await (await connect(ftp)).login()
    changes = len(ada.changes())
    assert await ada.ask("PWD") == '257 "/" is the current directory.'
    assert (await ada.ask("NOOP")).startswith("200 ")
    assert (await ada.ask("SYST")).startswith("215 ")
    assert (await ada.ask("FEAT")).endswith("211 End FEAT.")
    assert len(ada.changes()) == changes
    features = [event for event in ftp.events("event:sent") if "211-Features" in (event.data or "")]
    assert len(features) == 1  # a reply of many lines is one message
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_after_cwd_the_same_command_means_another_file(ftp: Served):
    ada = await (await connect(ftp)).login()
    assert await ada.get("a.txt") == b"I am /a.txt. There is another a.txt in docs.\r\n"
    here = os.getcwd()
    assert await ada.ask("CWD docs") == '250 "/docs" is the current directory.'
    assert (await ada.get("a.txt")).startswith(b"I am /docs/a.txt.")
    assert os.getcwd() == here
    assert {"cwd": ("/", "/docs")} in ada.changes()
    assert await ada.ask("CWD nowhere") == "550 No such file or directory."
    assert await ada.ask("CWD a.txt") == "550 Not a directory."
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_type_decides_whether_size_is_known(ftp: Served):
    ada = await (await connect(ftp)).login()
    assert await ada.ask("SIZE a.txt") == "550 SIZE not allowed in ASCII mode."
    await ada.ask("TYPE I")
    assert await ada.ask("SIZE a.txt") == "213 45"
    assert ada.changes()[-1] == {"type": (None, "I")}
    assert [event.rule for event in ftp.events("event:refused")] == ["needs-type-i"]
    assert (await ada.ask("TYPE A N")).startswith("200 ")
    assert "type" not in ada.remembers()
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_rnfr_is_remembered_until_rnto(ftp: Served):
    ada = await (await connect(ftp)).login()
    assert await ada.ask("RNTO b.txt") == "503 Bad sequence of commands: use RNFR first."
    await ada.ask("CWD docs")
    await ada.ask("RNFR a.txt")
    await ada.ask("NOOP")
    assert ada.remembers()["rename_from"] == "/docs/a.txt"
    assert await ada.ask("RNTO b.txt") == "250 Renaming ok."
    assert ada.changes()[-2:] == [
        {"rename_from": (None, "/docs/a.txt")},
        {"rename_from": ("/docs/a.txt", None)},
    ]
    last = ada.events("state")[-1]
    assert (last.before, last.input, last.after) == ("rename-pending", "RNTO", "logged-in")
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_second_pasv_replaces_the_first(ftp: Served):
    ada = await (await connect(ftp)).login()
    await ada.ask("PASV")
    first = ada.remembers()["data"]
    await ada.ask("PASV")
    assert ada.remembers()["data"].startswith("pasv-listening:")
    assert ada.changes()[-1] == {"data": (first, ada.remembers()["data"])}
    assert (await ada.ask("ABOR")).startswith("225 ")
    assert "data" not in ada.remembers()
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_rest_is_used_up_by_the_transfer_on_the_other_connection(ftp: Served):
    ada = await (await connect(ftp)).login()
    await ada.ask("TYPE I")
    assert await ada.ask("REST 6") == "350 Restarting at position 6."
    assert await ada.get("pub/ten.txt") == b"6789"
    assert [change["rest"] for change in ada.changes() if "rest" in change] == [(None, 6), (6, None)]
    (child,) = [event for event in ftp.events("event:connection.open") if event.parent]
    assert (child.parent, child.protocol) == ("ftp-1", "ftp")
    assert [event.data for event in ftp.events(f"conn:{child.conn}", "event:sent")] == ["6789"]
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_retr_without_a_data_connection_is_a_promise(ftp: Served):
    ada = await (await connect(ftp)).login()
    port = await ada.door("EPSV")
    assert (await ada.ask("RETR a.txt")).startswith("150 ")
    assert ada.remembers()["queued"] == "RETR"
    data = await ada.call(port)
    assert (await data.rest()).startswith(b"I am /a.txt")
    assert await ada.reply() == "226 Transfer complete."
    retr = next(event for event in ftp.events("event:received") if "RETR" in (event.data or ""))
    late = [event.data for event in ada.events("sent") if event.cause == retr.seq]
    assert [text[:3] for text in late] == ["150", "226"]
    assert "queued" not in ada.remembers()
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_epsv_all_forbids_pasv(ftp: Served):
    ada = await (await connect(ftp)).login()
    await ada.ask("EPSV ALL")
    assert ada.remembers()["epsv_all"] is True
    assert await ada.ask("PASV") == "501 PASV not allowed after EPSV ALL."
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_opts_mlst_chooses_facts(ftp: Served):
    ada = await (await connect(ftp)).login()
    await ada.ask("OPTS MLST size;type;")
    assert ada.remembers()["mlst_facts"] == "size;type"
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_rein_forgets_who_you_are_and_where(ftp: Served):
    ada = await (await connect(ftp)).login()
    await ada.ask("CWD docs")
    await ada.ask("TYPE I")
    assert await ada.ask("REIN") == "230 Ready for new user."
    assert ada.remembers() == {}
    assert await ada.ask("PWD") == "530 Log in with USER and PASS first."
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_quit_during_a_transfer_waits_for_it(ftp: Served):
    ada = await (await connect(ftp)).login()
    data = await ada.data()
    await ada.ask("STOR new.txt")
    data.say("half of it, ")
    await ftp.happens("event:state", "/transfer:STOR/")
    assert await ada.ask("QUIT") == "221 Goodbye."
    assert ada.remembers()["quit_pending"] is True
    data.say("and the other half").hang_up()
    assert await ada.reply() == "226 Transfer complete."
    assert await ada.talk.rest() == b""
    (closed,) = ada.events("connection.close")
    assert closed.reason == "server"


@pytest_twisted.ensureDeferred
async def test_two_connections_of_one_user_are_two_memories(ftp: Served):
    one = await (await connect(ftp)).login()
    two = await (await connect(ftp)).login()
    await one.ask("CWD docs")
    assert await one.ask("PWD") == '257 "/docs" is the current directory.'
    assert await two.ask("PWD") == '257 "/" is the current directory.'
    one.talk.hang_up()
    two.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_hanging_up_forgets_everything(ftp: Served):
    ada = await (await connect(ftp)).login()
    await ada.ask("CWD docs")
    ada.talk.hang_up()
    (closed,) = await ftp.happens("event:connection.close")
    assert closed.forgot == {"user": "ada", "authenticated": True, "cwd": "/docs"}
    assert closed.reason == "client"
    again = await connect(ftp)
    assert await again.ask("PWD") == "530 Log in with USER and PASS first."
    assert again.story()[2:] == ["C: PWD", "refused not-logged-in", "S: 530 Log in with USER and PASS first."]
    again.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_site_state_says_what_the_journal_says(ftp: Served):
    ada = await connect(ftp)

    async def asked() -> dict[str, object]:
        lines = (await ada.ask("SITE STATE")).split("\r\n")
        assert (lines[0][:4], lines[-1]) == ("211-", "211 End.")
        answer: dict[str, object] = json.loads(lines[1])
        return answer

    assert await asked() == {"connection": {}, "session": {}, "shared": {}, "carried": {}}
    await ada.login()
    for command in ("CWD docs", "TYPE I", "RNFR a.txt", "PASV", "REST 3", "EPSV ALL"):
        await ada.ask(command)
        assert (await asked())["connection"] == ada.remembers()
    ada.talk.hang_up()

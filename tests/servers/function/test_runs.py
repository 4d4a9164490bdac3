"""What becomes of a run: cold and warm, and every way in which a function can go wrong."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import gatherResults

from playground.wire.invoking import Invoked
from tests.reactor import until
from tests.servers.function.conftest import Open


def said(invoked: Invoked) -> Any:
    assert (invoked.status, invoked.rule) == (200, ""), invoked.text
    return json.loads(invoked.content)


def runs(invoked: Invoked) -> int:
    return int(said(invoked)["runs"])


# -- cold and warm ----------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_module_global_counts_in_one_warm_environment(house: Open):
    desk = await house()
    told = [await desk.ask("count") for _ in range(3)]
    assert [runs(one) for one in told] == [1, 2, 3]
    assert [one.start for one in told] == ["cold", "warm", "warm"]
    assert [one.environment for one in told] == ["count-1"] * 3
    assert [one.number for one in told] == [1, 2, 3]
    assert told[1].seconds < told[0].seconds
    (opened,) = desk.events("event:connection.open")
    states = [
        change.changed["state"][1] for change in desk.events("event:state") if "state" in change.changed
    ]
    assert states == ["working", "free"] * 3
    assert opened.server_address == "127.0.0.1"


@pytest_twisted.ensureDeferred
async def test_it_begins_anew_after_a_crash(house: Open):
    desk = await house()
    assert runs(await desk.ask("count")) == 1
    crashed = await desk.ask("count", b'{"exit": 3}')
    assert (crashed.status, crashed.rule, crashed.start) == (502, "crash", "warm")
    assert crashed.text == "count-1 has ended with status 3 while it ran the function."
    again = await desk.ask("count")
    assert (runs(again), again.start, again.environment) == (1, "cold", "count-2")
    assert crashed.text in [event.text for event in desk.events("event:trouble")]


@pytest_twisted.ensureDeferred
async def test_requests_at_the_same_time_meet_different_environments(house: Open):
    desk = await house()
    both = await gatherResults([desk.ask("count", b'{"sleep": 0.2}') for _ in range(2)])
    assert [runs(one) for one in both] == [1, 1]
    assert {one.environment for one in both} == {"count-1", "count-2"}
    assert len({said(one)["pid"] for one in both}) == 2
    (shared,) = desk.desk.subjects
    assert shared.remembers == {"environments": 2, "cold": 2, "warm": 0}


@pytest_twisted.ensureDeferred
async def test_a_function_that_raises_stays_warm(house: Open):
    desk = await house()
    failed = await desk.ask("count", b'{"raise": true}')
    assert (failed.status, failed.rule) == (502, "function-error")
    assert failed.text == "The function failed: LookupError: no such cat"
    again = await desk.ask("count")
    assert (runs(again), again.start) == (2, "warm")


@pytest_twisted.ensureDeferred
async def test_the_longest_idle_gives_way_and_too_many_are_sent_away(house: Open):
    desk = await house(environments=1)
    await desk.ask("count")
    assert (await desk.ask("tell")).environment == "tell-1"
    slow = desk.ask("count", b'{"sleep": 0.3}')
    refused = await desk.ask("count")
    assert (refused.status, refused.rule, refused.environment) == (429, "environments", "")
    assert runs(await slow) == 1
    reasons = [event.reason for event in desk.events("event:connection.close")]
    assert reasons == ["gave-way", "gave-way"]


@pytest_twisted.ensureDeferred
async def test_an_idle_environment_cools_down(house: Open):
    desk = await house(warm_seconds=0.2)
    await desk.ask("count")
    await until(lambda: desk.events("event:connection.close"))
    (closed,) = desk.events("event:connection.close")
    assert closed.reason == "idle"
    assert closed.forgot["runs"] == 1
    assert runs(await desk.ask("count")) == 1


@pytest_twisted.ensureDeferred
async def test_forget_ends_the_environments_and_says_what_went(house: Open):
    desk = await house()
    await desk.ask("count")
    (went,) = desk.playground.forget("connection")
    assert went.forgot == {"function": "count", "environment": "count-1", "state": "free", "runs": 1}
    assert runs(await desk.ask("count")) == 1
    (totals,) = desk.playground.forget("shared")
    assert totals.forgot["cold"] == 2
    assert desk.desk.subjects[0].remembers == {"environments": 1, "cold": 0, "warm": 0}


# -- what goes wrong --------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_who_takes_too_long_is_killed(house: Open):
    desk = await house(timeout=0.3)
    late = await desk.ask("count", b'{"sleep": 600}')
    assert (late.status, late.rule) == (504, "timeout")
    assert late.text == "count-1 took longer than 0.3 seconds, and is killed."
    (limit,) = desk.events("event:limit")
    assert (limit.limit, limit.value) == ("function.timeout", 0.3)
    await until(lambda: not desk.processes)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("ends", ["by itself", "killed", "stopped"])
async def test_what_it_has_started_ends_with_it(house: Open, ends: str):
    desk = await house(timeout=0.5, warm_seconds=0.2)
    event = b'{"wait": true}' if ends == "killed" else b"{}"
    await desk.ask("parent", event)
    (printed,) = [event.text for event in desk.events("event:trouble") if "child" in event.text]
    child = int(printed.split()[-1])
    if ends == "stopped":
        await desk.desk.close()
    await until(lambda: _is_gone(child))


def _is_gone(pid: int) -> bool:
    """Whether a process has ended. A zombie has: nobody here waits for a grandchild."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("name", "status", "rule", "text"),
    [
        ("broken", 502, "init-error", "No module named 'no_such_module'"),
        ("quits", 502, "crash", "quits-1 has ended with status 7 while it ran the function."),
        ("mute", 504, "init_seconds", "mute-1 did not start within 1 seconds, and is killed."),
        ("hungry", 502, "function-error", "The function failed: MemoryError"),
    ],
)
async def test_every_failure_is_told(house: Open, name: str, status: int, rule: str, text: str):
    desk = await house(init_seconds=1.0)
    failed = await desk.ask(name)
    assert (failed.status, failed.rule) == (status, rule)
    assert text in failed.text
    if rule != "function-error":
        assert failed.text in [event.text for event in desk.events("event:trouble")]


@pytest_twisted.ensureDeferred
async def test_an_answer_that_is_too_big(house: Open):
    desk = await house(payload=1000)
    assert len(said(await desk.ask("wide", b'{"size": 900}'))) == 900
    failed = await desk.ask("wide", b'{"size": 5000000}')
    assert (failed.status, failed.rule) == (502, "payload")
    assert failed.text == "The function's answer has 5000002 bytes, more than 1000."
    assert [event.limit for event in desk.events("event:limit")] == ["function.payload"]
    assert len(said(await desk.ask("wide", b'{"size": 10}'))) == 10


# -- what a function gets to know -------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_it_gets_the_variables_of_aws_and_none_of_ours(house: Open, folder: Path):
    os.environ["PLAYGROUND_SECRET"] = "s3cret"
    try:
        desk = await house(timeout=2.0)
        told = said(await desk.ask("tell", b'{"pet": "cat"}'))
    finally:
        del os.environ["PLAYGROUND_SECRET"]
    ours = {"PATH", "LANG", "LC_CTYPE", "TZ", "LAMBDA_TASK_ROOT", "_HANDLER"}
    assert [name for name in told["variables"] if not name.startswith("AWS_") and name not in ours] == []
    assert (told["name"], told["cwd"], told["event"]) == ("tell", str(folder), {"pet": "cat"})
    assert 0 < told["left"] <= 2000


@pytest_twisted.ensureDeferred
async def test_what_it_prints_is_in_the_journal_escaped_and_bounded(house: Open):
    desk = await house(output_lines=5, output_line=80)
    assert (await desk.ask("chatty")).status == 200
    await until(lambda: len(desk.events("event:trouble")) > 5)
    texts = [event.text for event in desk.events("event:trouble")]
    assert texts[:2] == ["chatty-1 prints: \\x1b[31mred\\x1b[0m", "chatty-1 prints: line 0"]
    assert texts[5:] == ["chatty-1 prints more than 5 lines; the rest is not shown."]


@pytest.mark.parametrize(
    "name", ["", "../count", "count.py", "__init__", "os", "COUNT", "a/b", "count\n", "."]
)
@pytest_twisted.ensureDeferred
async def test_only_names_in_the_folder_are_names(house: Open, name: str):
    desk = await house()
    refused = await desk.ask(name)
    assert (refused.status, refused.rule) == (404, "no-function")
    assert not desk.processes


@pytest_twisted.ensureDeferred
async def test_secrets_of_the_request_do_not_reach_the_journal(house: Open):
    desk = await house()
    event = b'{"body": "password=correct+horse", "cookies": ["id=abcdefgh"]}'
    told = said(await desk.ask("tell", event, secrets=(b"correct+horse",)))
    assert told["event"]["body"] == "password=correct+horse"
    assert len(desk.events("password=")) == 2
    assert not desk.events("correct+horse")
    assert not desk.events("abcdefgh")

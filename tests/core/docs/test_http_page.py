"""The page on HTTP says of everything what the server does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from docs._ext import http_reference
from playground.servers.http import HttpLimits
from playground.servers.http.endpoints import ALL
from playground.servers.http.problems import Problem
from playground.servers.http.states import TABLE, Input, State
from tests.core.http import test_message_rules

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def page() -> str:
    text = (DOCS / "http.md").read_text(encoding="utf-8")
    assert all(mark in text for mark in http_reference.MARKS)
    return http_reference.filled(text)


def test_each_path_stands_there_below_its_memory_class(page: str):
    for one in ALL:
        section = page.partition(http_reference.HEADINGS[one.memory])[2].partition("\n### ")[0]
        assert f"| `{one.path}` |" in section
        assert one.title.replace("|", "\\|") in section


def test_each_limit_stands_there_with_its_reason(page: str):
    for one in fields(HttpLimits):
        assert re.search(rf"\| `http\.{one.name}` \| [\d. ]+ \| {re.escape(one.metadata['why'])} \|", page)


def test_each_rule_stands_there(page: str):
    shown = {http_reference.refusal(wrong.whole).rule for wrong in http_reference.WRONG}
    assert all(f"| `{rule}` |" in page for rule in shown)
    assert shown == rules_that_the_tests_know()


def rules_that_the_tests_know() -> set[str]:
    """Those of ``test_message_rules.py``, but for limits, which have a table of their own."""
    tables = [value for name, value in vars(test_message_rules).items() if name.isupper()]
    sent = [
        row[0] for table in tables if isinstance(table, list) for row in table if isinstance(row[0], bytes)
    ]
    last = [step for data in sent for step in test_message_rules.read(data)[-1:]]
    return {step.rule for step in last if isinstance(step, Problem) and not step.limit}


def test_each_way_between_the_states_is_drawn(page: str):
    picture = page.partition("<svg")[2].partition("</svg>")[0]
    for state in State:
        assert f">{state}</text>" in picture
    between = {
        (before, after)
        for before, row in TABLE.items()
        for what, after in row.items()
        if what is not Input.LOST and before is not after
    }
    assert picture.count("marker-end") == len(between) + 1  # and the one to the end
    for what in set(Input) - {Input.LOST}:
        assert re.search(rf">(?:stays at: .*)?{what}(?:, .*)?</text>", picture)

"""For the tests of the file's writer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.views.jsonl_writer import JsonlWriter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "playground.jsonl"


@pytest.fixture
def writers() -> Iterator[list[JsonlWriter]]:
    made: list[JsonlWriter] = []
    yield made
    for writer in made:
        writer.close()

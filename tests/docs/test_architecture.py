"""The newcomer's hour names only things that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text()
NAMED = re.compile(r"`((?:cellsync|tests|protocol|docs)/[\w./-]+)`(?:,\s+`([\w.]+)`(?: and `(\w+)`)?)?")


def test_every_file_and_folder_that_it_names_is_there() -> None:
    named = {match[1] for match in NAMED.finditer(TEXT)}
    assert len(named) > 30
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("match", [match for match in NAMED.finditer(TEXT) if match[2]], ids=lambda match: match[2])
def test_every_function_stands_in_the_file_that_it_is_named_with(match: re.Match[str]) -> None:
    source = (ROOT / match[1]).read_text()
    for name in filter(None, (match[2], match[3])):
        for part in name.split("."):
            assert re.search(rf"^\s*(?:async )?(?:def|class) {part}\b", source, re.MULTILINE), (match[1], name)

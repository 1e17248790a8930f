"""What is changed in a question, and what is not."""

from __future__ import annotations

import re
from random import Random
from typing import Any

from cellsync.testing.mutation import MADE_UP, changed
from protocol.generate.vector import VECTORS

TEXT = (VECTORS.parent / "06-vectors.md").read_text()


def test_what_may_be_made_up_is_what_is_bold_in_the_text() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", TEXT, re.MULTILINE)
    bold = {part: tuple(re.findall(r"\*\*`(\w+)`\*\*", given)) for part, given in rows}
    assert {part: names for part, names in bold.items() if names} == MADE_UP


def test_nothing_else_is_changed() -> None:
    given: dict[str, Any] = {"circle": "00" * 32, "held": [["c0"]], "batch": ["9106", "9107"]}
    for seed in range(200):
        question = changed("batch", given, [given], Random(seed))
        assert question["circle"] == given["circle"]
        assert question["held"] == given["held"]
        assert len(question["batch"]) == 2
    assert given["batch"] == ["9106", "9107"]  # nor the vector itself


def test_entries_of_a_fold_are_changed_one_by_one() -> None:
    entry = {"id": "01" * 32, "shape": "9193" + "07a16cc0", "content": "00" * 16 + "91a161"}
    given = {"entries": [dict(entry), dict(entry)]}
    found = [changed("fold", given, [given], Random(seed))["entries"] for seed in range(50)]
    assert all(one["id"] == entry["id"] for entries in found for one in entries)
    assert any(one != entry != other for one, other in found)
    assert any(one == entry != other for one, other in found)

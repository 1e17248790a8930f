"""protocol/70-vault.md names every table, every kept value, and reads a snapshot as we write it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from cellsync.core import drawers
from cellsync.core.ids import CaseId
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from cellsync.store import layout
from tests.core.replicas import founded

TEXT: Final = (Path(__file__).parents[2] / "protocol" / "70-vault.md").read_text()
CASE: Final = CaseId(b"c" * 32)


def section(title: str) -> str:
    return re.split(r"^#+ ", TEXT.split(f" {title}\n")[1], flags=re.MULTILINE)[0]


def first_column(text: str) -> set[str]:
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(.+?)`", row)}


def test_every_table_is_described() -> None:
    assert first_column(section("Databases")) == set(re.findall(r"CREATE TABLE (\w+)", layout.SCHEMA))


def test_every_kept_value_is_described() -> None:
    names = {value for name, value in vars(drawers).items() if name.isupper()}
    assert first_column(section("Kept values")) == names | {"listings"}


def test_a_snapshot_has_the_parts_that_the_text_names() -> None:
    named = re.search(r"snapshot = \[3, (.+)\]", TEXT)
    assert named is not None
    ana = founded()
    ana.edit(
        CASE, Operation(0, "note", 1, None), Operation(1, "title", b"", "Bakery"), Operation(6, "calls", None, -300)
    )
    first = ana.edit(CASE, Operation(7, "log", b"s" * 16, "one"), Operation(99, "later", None, None))
    item = first[:8] + b"\0\0"
    ana.edit(
        CASE, Operation(8, "log", item, "two"), Operation(2, "tags", None, "new"), Operation(6, "calls", None, "no")
    )
    ana.replica.states.get(2)  # looks for the item that was named
    [[_, _, raw]] = ana.replica.states.snapshots(0)
    snapshot: list[Any] = codec.decode(raw, len(raw), Rule.CAP_KEPT)
    parts = dict(zip(named[1].split(", "), snapshot[1:], strict=True))
    assert parts["devices"] == ana.device
    assert parts["counted"] == [8]
    assert parts["creates"][1:4] == [0, ana.now, 2]
    assert codec.decode(parts["creates"][4], 100, Rule.CAP_KEPT) == ["note", 1]
    assert parts["counters"] == [["calls", (-300).to_bytes(2, "big", signed=True)]]
    [[name, appends, sources, corrections, retractions]] = parts["logs"]
    assert (name, appends[0], sources) == ("log", item, [b"s" * 16])
    assert corrections[1] == item
    assert retractions == [[], b""]
    assert [field for field, _, _ in parts["sets"]] == ["tags"]
    assert (parts["sought"], parts["maps"]) == (b"", [])
    assert parts["unknown"] == first[:8] + b"\0\1"
    assert len(parts["ill-typed"]) == 10

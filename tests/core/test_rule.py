"""The rules that bytes can break: the specification's list and ours are one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cellsync.core import errors
from cellsync.core.errors import CapExceeded, Malformed, PeerError
from cellsync.core.rule import Rule

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "protocol" / "05-rules.md").read_text()
OURS_ALONE = {Rule.KEPT, Rule.CAP_KEPT}  # about what this device keeps: no peer sends it


def test_the_specification_names_every_rule_once() -> None:
    named = re.findall(r"^\| `([a-z0-9.-]+)` \|", TEXT, re.MULTILINE)
    assert sorted(named) == sorted(rule.label for rule in Rule if rule not in OURS_ALONE)


def test_every_part_that_a_rule_names_is_there() -> None:
    parts = {path.name[:2] for path in (ROOT / "protocol").glob("[0-9]*.md")}
    rows = re.findall(r"^\| `[a-z0-9.-]+` \| .+ \| (\d\d) \|$", TEXT, re.MULTILINE)
    assert len(rows) == len(Rule) - len(OURS_ALONE)
    assert set(rows) <= parts


@pytest.mark.parametrize("rule", [rule for rule in Rule if rule is not Rule.VERSION], ids=lambda rule: rule.label)
def test_every_rule_is_kept_by_some_code(rule: Rule) -> None:
    code = "".join(path.read_text() for path in (ROOT / "cellsync").rglob("*.py") if path.name != "rule.py")
    assert f"Rule.{rule.name}" in code


def test_whatever_a_peer_breaks_has_a_rule() -> None:
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, PeerError)]
    without = {one for one in classes if not hasattr(one, "default_rule")}
    assert without == {
        PeerError,
        Malformed,
        CapExceeded,
        errors.WrongLink,
    }  # these are given theirs where they are raised
    with pytest.raises(AttributeError):
        Malformed()
    assert Malformed(Rule.MESSAGE).rule is Rule.MESSAGE
    assert str(Malformed(Rule.MESSAGE)) == "not a message of this protocol"
    assert errors.BadSignature().rule is Rule.SIGNATURE

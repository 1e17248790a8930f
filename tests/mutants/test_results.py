"""What is made of mutmut's files."""

from __future__ import annotations

import json
from pathlib import Path

from tests.mutants.results import Mutant, forget_the_living, mutants

MUTATED = """\
def x_twice__mutmut_orig(number):
    return (
        number * 2
    )
def x_twice__mutmut_1(number):
    return (
        number / 2
    )
def x_twice__mutmut_2(number):
    return (
        number * 3
    )
class Pair:
    def xǁPairǁsum__mutmut_orig(self):
        return self.a + self.b
    def xǁPairǁsum__mutmut_1(self):
        return self.a - self.b
"""
SPANS = {
    "x_twice__mutmut_orig": [1, 4], "x_twice__mutmut_1": [5, 8], "x_twice__mutmut_2": [9, 12],
    "xǁPairǁsum__mutmut_orig": [14, 15], "xǁPairǁsum__mutmut_1": [16, 17],
}  # fmt: skip
CODES = {"cellsync.core.two.x_twice__mutmut_1": 1, "cellsync.core.two.x_twice__mutmut_2": 0,
         "cellsync.core.two.xǁPairǁsum__mutmut_1": None}  # fmt: skip


def laid(folder: Path) -> Path:
    room = folder / "mutants" / "cellsync" / "core"
    room.mkdir(parents=True)
    (room / "two.py").write_text(MUTATED, encoding="utf-8")
    (room / "two.py.spans").write_text(json.dumps({"version": 1, "spans": SPANS}), encoding="utf-8")
    (room / "two.py.meta").write_text(json.dumps({"exit_code_by_key": CODES}), encoding="utf-8")
    (room / "none.py.meta").write_text(json.dumps({"exit_code_by_key": {}}), encoding="utf-8")
    return folder


def test_each_mutant_says_where_it_is_what_it_changes_and_what_became_of_it(tmp_path: Path) -> None:
    found = list(mutants(laid(tmp_path)))
    assert found == [
        Mutant("core.two:twice", "number * 2", "number / 2", True),
        Mutant("core.two:twice", "number * 2", "number * 3", False),
        Mutant("core.two:Pair.sum", "return self.a + self.b", "return self.a - self.b", None),
    ]
    assert str(found[0]) == "core.two:twice | number * 2 | number / 2"


def test_what_lives_is_tried_again_and_what_was_killed_is_not(tmp_path: Path) -> None:
    forget_the_living(laid(tmp_path))
    assert [mutant.killed for mutant in mutants(tmp_path)] == [True, None, None]

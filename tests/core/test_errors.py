"""Every error says what it is, by a stable code, and what helps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

import cellsync.cli.demo.child
import cellsync.cli.main
import cellsync.daemon.work  # noqa: F401  so that all errors are defined
from cellsync.api.contract.problems import Problem, Refusal, TooSoon
from cellsync.api.lookup import NotHere
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting.left_out import NothingLeaves
from cellsync.casework.importing.mapping import BadMapping
from cellsync.core.errors import CellsyncError, PeerError
from cellsync.core.rule import Rule
from cellsync.core.schema.fields import Sensitivity


def below(kind: type[CellsyncError]) -> Iterator[type[CellsyncError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from below(one)


ERRORS = [kind for kind in dict.fromkeys(below(CellsyncError)) if kind.__module__.startswith("cellsync.")]

GIVEN: dict[type[CellsyncError], tuple[Any, ...]] = {
    **{kind: (Rule.MESSAGE,) for kind in below(PeerError) if not hasattr(kind, "default_rule")},
    NothingLeaves: (Scope.PUBLIC, [Sensitivity.C0]),
    BadMapping: ("A line of the mapping.", "A hint."),
    TooSoon: (8.0,),
    NotHere: ("a4c1", "case"),
    Refusal: (Problem("code", "A message.", "A hint.", 1),),
}
COMMAND = re.compile("(^|: )cellsync [a-z -]+(?: [A-Z:]+)*$")


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_each_has_a_message_a_code_and_a_hint(kind: type[CellsyncError]) -> None:
    error = kind(*GIVEN.get(kind, ()))
    assert str(error)
    assert error.code
    assert error.hint.endswith((".", "?")) or COMMAND.search(error.hint), "a sentence, or a command to give"


def test_a_code_names_one_error() -> None:
    own = [kind.code for kind in ERRORS if "code" in vars(kind)]
    assert len(ERRORS) > 30
    assert len(own) == len(set(own))
    # what has no code of its own is an internal kind of its parent
    assert all("code" in vars(kind) for kind in ERRORS if kind.__module__ == "cellsync.core.errors")

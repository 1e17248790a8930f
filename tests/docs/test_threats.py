"""The threat model names tests that exist, and leaves nothing of its lists out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parent.parent.parent
TEXT: Final = (ROOT / "protocol" / "90-threats.md").read_text()
NAMED: Final = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`( \(long\))?")
LATER: Final = re.compile(r"not yet: issue (\d+)")


class Claim(NamedTuple):
    entry: str  # A1, B17, …
    holds: str
    proof: str  # the names of tests, or which issue brings it


def rows_of(section: str) -> list[list[str]]:
    """The rows of the tables in a section, without their headers."""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return [row for row in rows if set("".join(row)) != {"-"}][1:]


def sections(text: str, mark: str) -> dict[str, str]:
    """By the letter or number that its heading begins with."""
    found = re.split(rf"^{mark} ([A-D]\d*) · .*$", text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def claims(text: str) -> list[Claim]:
    lists = sections(text, "##")
    of_adversaries = [
        Claim(entry, *row) for entry, section in sections(lists["A"], "###").items() for row in rows_of(section)
    ]
    return of_adversaries + [
        Claim(row[0], row[2], row[3]) for letter in ("B", "C", "D") for row in rows_of(lists[letter])
    ]


def declared(text: str) -> dict[str, list[str]]:
    """What the document says of its lists: the names of all their entries."""
    found = re.findall(r"^\| ([A-D]) \| .+ \| \1(\d+) \| \1(\d+) \|$", text, re.MULTILINE)
    return {letter: [f"{letter}{number}" for number in range(int(a), int(b) + 1)] for letter, a, b in found}


@cache
def defined_in(path: str) -> dict[str, bool]:
    """The tests that a file defines, and whether a test runs in `make test-long` only."""
    if not (ROOT / path).exists():
        return {}
    tree = ast.parse((ROOT / path).read_text())
    return {
        node.name: any(ast.unparse(mark) == "pytest.mark.slow" for mark in node.decorator_list)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def missing_tests(text: str) -> list[str]:
    named = NAMED.findall(text)
    return [f"{path}::{test}" for path, test, _ in named if test not in defined_in(path)]


def unproved(text: str) -> list[Claim]:
    """Claims with neither a test nor an issue of those that the document lists."""
    issues = set(re.findall(r"^\| (\d+) \| .+ \|$", text, re.MULTILINE))
    return [
        claim
        for claim in claims(text)
        if not NAMED.search(claim.proof) and not (set(LATER.findall(claim.proof)) & issues)
    ]


CLAIMS: Final = claims(TEXT)


def test_every_test_that_it_names_exists() -> None:
    assert len(set(NAMED.findall(TEXT))) > 150
    assert missing_tests(TEXT) == []
    assert TEXT.count("::test_") == len(NAMED.findall(TEXT)), "one is written in another way"


def test_what_runs_in_the_long_run_only_is_said_to() -> None:
    long = {(path, test): bool(said) for path, test, said in NAMED.findall(TEXT)}
    assert long == {(path, test): defined_in(path)[test] for path, test in long}


def test_every_claim_has_a_test_or_the_issue_that_brings_it() -> None:
    assert len(CLAIMS) > 150
    assert unproved(TEXT) == []
    assert all(claim.holds for claim in CLAIMS if NAMED.search(claim.proof))


def test_nothing_is_left_to_no_issue_and_nothing_to_one_of_the_past() -> None:
    issues = {int(issue) for issue in re.findall(r"^\| (\d+) \| .+ \|$", TEXT, re.MULTILINE)}
    assert issues == {11, 12, 13}
    assert {int(issue) for issue in LATER.findall(TEXT)} == issues
    said = [where.group() for where in re.finditer(r"(?<!\")not yet(?!\")[^|\n]{0,12}", TEXT, re.IGNORECASE)]
    assert [one for one in said if not LATER.match(one)] == []


@pytest.mark.parametrize("letter", "ABCD")
def test_no_entry_of_a_list_is_missing(letter: str) -> None:
    entries = declared(TEXT)[letter]
    assert len(entries) >= 12
    in_order = list(dict.fromkeys(claim.entry for claim in CLAIMS if claim.entry.startswith(letter)))
    assert in_order == entries


def test_every_adversary_has_what_cannot_hold() -> None:
    adversaries = sections(sections(TEXT, "##")["A"], "###")
    assert list(adversaries) == declared(TEXT)["A"]
    assert [entry for entry, section in adversaries.items() if "\n*Cannot hold*: " not in section] == []


def test_what_is_wrong_is_found() -> None:
    def without(row: str) -> str:
        assert row in TEXT
        return TEXT.replace(row, "")

    a_test = CLAIMS[0].proof.split(",")[0]
    renamed = TEXT.replace(a_test, a_test.replace("::test_", "::test_no_"), 1)
    assert len(missing_tests(renamed)) == 1
    [b2] = [claim.entry for claim in unproved(TEXT.replace("stays | not yet: issue 11", "stays | "))]
    assert b2 == "B2"
    assert len(unproved(TEXT.replace("not yet: issue 12", "not yet: issue 9"))) == TEXT.count("not yet: issue 12")
    [b16] = [line for line in TEXT.splitlines() if line.startswith("| B16 |")]
    assert [claim.entry for claim in claims(without(b16 + "\n")) if claim.entry == "B16"] == []

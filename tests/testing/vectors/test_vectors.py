"""protocol/vectors: made from the text by generators that share no code with us, and answered by us."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Final

import pytest

from cellsync.testing.answers import answer
from cellsync.testing.answers.table import PARTS
from cellsync.testing.vectors.run import main
from protocol.generate import circles
from protocol.generate.everything import everything
from protocol.generate.vector import VECTORS, Vector, plain

PROTOCOL: Final = VECTORS.parent

LEAST: Final = {
    "batch": 60,
    "circle": 60,
    "codec": 40,
    "entry": 60,
    "fold": 30,
    "frontier": 12,
    "message": 20,
    "session": 100,
}  # of all others, one


@lru_cache
def made() -> list[Vector]:
    return list(everything())


def test_no_two_cases_are_in_one_file() -> None:
    assert [path for path, times in Counter(vector.path for vector in made()).items() if times > 1] == []


def test_the_files_are_what_the_generators_make() -> None:
    texts = {vector.path: vector.text for vector in made()}
    kept = {path for part in PARTS for path in (VECTORS / part).glob("*.json")}
    assert kept == set(texts), "python -m protocol.generate"
    assert [str(path) for path, text in texts.items() if path.read_text() != text] == []


@pytest.mark.parametrize("path", sorted((PROTOCOL / "generate").glob("*.py")), ids=lambda path: str(path.stem))
def test_the_generators_share_no_code_with_us(path: Path) -> None:
    assert not re.search(r"^\s*(import|from) cellsync", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_we_pass_them(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(VECTORS / part)]) == 0
    count = re.fullmatch(f"{part}: passed (\\d+), failed 0, unsupported 0\n", capsys.readouterr().out)
    assert count is not None
    assert int(count[1]) >= LEAST.get(part, 1)


def test_the_order_of_the_entries_changes_no_fold() -> None:
    for vector in (one for one in made() if one.part == "fold"):
        entries = plain(vector.given["entries"])
        for order in (entries[::-1], entries[1:] + entries[:1]):
            assert answer("fold", {"entries": order}).result == plain(vector.result), vector.name


def test_what_does_not_belong_to_it_and_the_order_change_no_digest() -> None:
    results = {vector.name: vector.result for vector in made() if vector.part == "circle"}
    plainly = {name: re.split(f"{circles.IN_ANOTHER_ORDER}|{circles.BESIDE}", name)[0] for name in results}
    again = {name: plain_name for name, plain_name in plainly.items() if name != plain_name}
    assert len(again) >= 8
    assert [name for name, plain_name in again.items() if results[name] != results[plain_name]] == []
    assert len({str(results[name]) for name in set(plainly.values())}) == len(results) - len(again)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_the_text_says_what_is_asked(part: str) -> None:
    assert re.search(rf"^\| `{part}` \|", (PROTOCOL / "06-vectors.md").read_text(), re.MULTILINE)


# --- rules --------------------------------------------------------------------------------------

BEYOND: Final = {
    "ack.late": "it is broken by time that passes, and by nothing that is said",
    "pairing.expired": "it is broken by time that passes, and by nothing that is said",
    "cap.unsent": "how much waits to be sent depends on how fast a peer reads; each build may have a cap of its own",
    "cap.proof": "a proof over its cap has more than 8 MiB, and nothing in it may be left out",
}
"""Rules that no vector can break, and why."""


def test_every_rule_that_bytes_can_break_is_broken_by_a_vector() -> None:
    text = (PROTOCOL / "05-rules.md").read_text()
    rules = set(re.findall(r"^\| `([a-z0-9.-]+)` \|", text, re.MULTILINE))
    broken = {vector.expect.removeprefix("fault:") for vector in made() if vector.expect.startswith("fault:")}
    errors = set(re.findall(r"\| `([a-z_]+)` \|$", (PROTOCOL / "70-vault.md").read_text(), re.MULTILINE))
    assert rules - broken == set(BEYOND)
    assert broken - rules <= errors

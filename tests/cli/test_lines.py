"""Narrow windows: text to be read aloud, typed or copied is never broken inside."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.cli.lines import columns, fitted
from cellsync.core.pairing.words import WORDS
from tests.cli.profiles import HERE, Profiles
from tests.cli.terminals import PASSPHRASE, Person

KEY: Final = "-".join(["ABCD"] * 13)
HINT: Final = (
    "  hint: Start it (cellsync daemon run) and open the cell (cellsync unlock); or give it: --passphrase-fd N"
)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("short", 40, ["short"]),
        ("", 40, [""]),
        ("Other device: cellsync join      Code: 7-orbit-maple-tulip", 40,
         ["Other device: cellsync join", "  Code: 7-orbit-maple-tulip"]),
        ("Code: " + "-".join(["ABCD"] * 8), 40, ["Code:", "-".join(["ABCD"] * 8)]),
        (f"Recovery key: {KEY}", 80, [f"Recovery key: {KEY}"]),
        (f"Recovery key: {KEY}", 70, ["Recovery key:", f"  {KEY}"]),
        (HINT, 80, ["  hint: Start it (cellsync daemon run) and open the cell (cellsync unlock); or",
                    "    give it: --passphrase-fd N"]),
        (HINT, 40, ["  hint: Start it (cellsync daemon run)", "    and open the cell",
                    "    (cellsync unlock); or give it:", "    --passphrase-fd N"]),
        ("● │ 4f2a parcel for Anton, status, notes      Ana  2026-03-01 09:58", 40,
         ["● │ 4f2a parcel for Anton, status,", "│ │   notes      Ana  2026-03-01 09:58"]),
    ],
)  # fmt: skip
def test_lines_are_broken_between_words(text: str, width: int, lines: list[str]) -> None:
    assert fitted(text, width).split("\n") == lines


WORD: Final = st.text("абв'abc.,:é漢", min_size=1, max_size=12)


@given(st.lists(st.lists(WORD, min_size=1).map(" ".join)).map("\n".join), st.integers(30, 100))
def test_nothing_is_lost_and_every_line_fits(text: str, width: int) -> None:
    found = fitted(text, width)
    assert found.split() == text.split()
    assert all(columns(line) < width for line in found.split("\n"))


@pytest.mark.parametrize("width", [28, 40, 60, 80])
def test_no_group_of_a_code_is_broken(width: int) -> None:
    longest = max(WORDS, key=len)
    for code in (KEY, f"99-{longest}-{longest}-{longest}", "-".join(["ABCD"] * 8)):
        lines = fitted(f"Code: {code}", width).split("\n")
        assert "".join(line.strip() for line in lines).replace("Code:", "").strip() == code
        assert all(line.rstrip().endswith(("-", ":")) for line in lines[:-1])
        if columns(code) < width:
            assert code in (line.strip().removeprefix("Code: ") for line in lines)


@pytest.mark.e2e
def test_an_invitation_in_a_narrow_window(profiles: Profiles) -> None:
    ana = profiles.cell()
    for width, drawn in (("40", True), ("33", False)):
        with Person("--profile", ana, "invite", COLUMNS=width) as inviter:
            inviter.answers("Passphrase:", PASSPHRASE)
            inviter.sees("one use")
            assert re.search(r"Code: \d+(-[a-z]+){3}$", inviter.text, re.MULTILINE)
            assert ("█" in inviter.text) == drawn
            assert ("too narrow for the QR" in " ".join(inviter.all.split())) != drawn
            assert inviter.gives_up() == 130


@pytest.mark.e2e
def test_nothing_typed_between_two_hidden_questions_is_shown(profiles: Profiles) -> None:
    with Person("--profile", profiles.empty("ana"), "init", "Mill Street", "--name", "Ana", *HERE) as person:
        person.sees("make one for me):")
        person.types(f"{PASSPHRASE}\r")
        person.types(f"\r{PASSPHRASE} pasted\r")
        person.sees("The same again:")
        person.gives_up()
        assert "pasted" not in person.all
        assert PASSPHRASE not in person.all

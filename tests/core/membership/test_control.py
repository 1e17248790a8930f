"""Names in control entries: which are at fault, and how the others are shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.errors import InvalidValue, Malformed
from cellsync.core.membership import control
from cellsync.core.membership.control import checked_name, claimed_name, harmless
from cellsync.core.rule import Rule

ODD = {
    "ana\n": "ana",
    " ana\u3000": "ana",
    "a\x00b": "a\ufffdb",
    "a\x1b[31mred": "a\ufffd[31mred",
    "\u202eana": "\ufffdana",
    "ana\u200b": "ana\ufffd",
    "a\u2028b": "a b",
    "e\u0301": "é",
    " ": "\ufffd",
    "\U00013439": "\ufffd",  # no character in Unicode 14, a format character since 15: Python 3.11 and 3.12 differ
    "\ue000": "\ufffd",
}


@pytest.mark.parametrize("name", [*ODD, "ана", "x" * caps.NAME, "я" * (caps.NAME // 2)])
def test_any_text_that_is_not_too_long_is_a_name(name: str) -> None:
    assert claimed_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * (caps.NAME + 1), "я" * (caps.NAME // 2 + 1), b"ana", None, 5, ["ana"]])
def test_nothing_else_is(name: object) -> None:
    with pytest.raises(Malformed) as caught:
        claimed_name(name)
    assert caught.value.rule is Rule.ENTRY_NAME


def test_no_verdict_depends_on_the_edition_of_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "unicodedata", None)
    monkeypatch.setattr(control, "shown", None)
    for name in ODD:
        assert claimed_name(name) == name


@pytest.mark.parametrize(("claimed", "seen"), ODD.items())
def test_names_are_harmless_where_people_see_them(claimed: str, seen: str) -> None:
    assert harmless(claimed) == seen
    assert harmless(seen) == seen


@given(st.text(min_size=1, max_size=90))
def test_a_harmless_name_can_be_written(claimed: str) -> None:
    seen = harmless(claimed)
    assert 0 < len(seen.encode()) <= caps.NAME
    assert not any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for letter in seen)
    assert checked_name(seen) == harmless(seen)


@pytest.mark.parametrize("name", [name for name in ODD if name not in ("ana\n", " ana\u3000", "e\u0301")])
def test_names_that_would_not_be_shown_are_not_written(name: str) -> None:
    with pytest.raises(InvalidValue):
        checked_name(name)


@pytest.mark.parametrize(("letter", "size"), [("x", 1), ("я", 2), ("€", 3)])
def test_a_long_name_is_cut_to_what_fits_and_no_further(letter: str, size: int) -> None:
    fitting = letter * (caps.NAME // size)
    assert checked_name(fitting) == harmless(fitting) == fitting
    assert harmless(fitting + letter) == fitting
    assert harmless("x" * (caps.NAME - 1) + "  yz") == "x" * (caps.NAME - 1)
    with pytest.raises(InvalidValue, match=r"^a name has 1 to 256 bytes and no control characters$"):
        checked_name(fitting + letter)


@pytest.mark.parametrize("name", ["", " ", "\n\t"])
def test_nothing_is_no_name(name: str) -> None:
    with pytest.raises(InvalidValue, match=r"^a name has 1 to 256 bytes and no control characters$"):
        checked_name(name)


def test_another_type_is_no_name_and_is_named() -> None:
    with pytest.raises(InvalidValue, match=r"^a name is a text \(str\), and no bytes$"):
        checked_name(b"ana")  # type: ignore[arg-type]

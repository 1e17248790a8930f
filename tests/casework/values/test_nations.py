"""Codes of languages: a code is itself, and a name is looked up."""

from __future__ import annotations

import pytest

from cellsync.casework.values import nations
from cellsync.casework.values.nations import language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ga", "ga"), ("yi", "yi"), ("Ga", "gaa"), ("Yi", "ii"), ("be", "be"), ("BE", "BE"), ("be_BY", "be"),
        ("be-tarask", "be-tarask"), ("беларуская", "be"), ("па-беларуску", "be"), ("Irish", "ga"), ("lao", "lo"),
        ("some words", None),
    ],
)  # fmt: skip
def test_a_code_is_itself_and_a_name_is_looked_up(text: str, code: str | None) -> None:
    assert language(text) == code


def test_names_are_not_read_for_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take as long as three hundred rows of a table."""
    monkeypatch.setattr(nations, "_languages", None)
    assert [language(text) for text in ("be", "ru", "be_BY")] == ["be", "ru", "be"]

"""The search for plaintext finds every form of it, anywhere in a file, and nothing that is not there."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cellsync.cli.demo.leaks import SHORTEST, Needles
from tests.core.noise import any_bytes

FILE = Path("file")
TEXTS = st.text(st.characters(codec="utf-8"), min_size=SHORTEST)
BYTES = st.binary(max_size=50)


@given(TEXTS, BYTES, BYTES, st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "cp1251"]))
def test_finds_a_text_in_any_encoding(text: str, before: bytes, after: bytes, encoding: str) -> None:
    leak = text.encode(encoding, "ignore")
    assume(leak.decode(encoding) == text)  # CP1251 cannot hold everything
    assert Needles([text]).search(before + leak + after, FILE)


@given(TEXTS, BYTES, BYTES)
def test_finds_a_text_inside_anything_that_is_base64(text: str, before: bytes, after: bytes) -> None:
    assert Needles([text]).search(b64encode(before + text.encode() + after), FILE)


@given(st.lists(TEXTS, max_size=5), any_bytes(300))
def test_agrees_with_looking_naively(texts: list[str], data: bytes) -> None:
    hits = {hit.text for hit in Needles(texts).search(data, FILE) if hit.form == "UTF-8"}
    assert hits == {text for text in texts if text.encode() in data}


def test_random_bytes_hold_nothing() -> None:
    assert Needles(["colony", "Курадымлін"]).search(os.urandom(100_000), FILE) == []


def test_looks_into_every_file_and_at_their_names(tmp_path: Path) -> None:
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "deep" / "down" / "a").write_text("… Мелешко …", "cp1251", errors="replace")
    (tmp_path / "Мелешко.db").write_bytes(b"")
    hits, files, size = Needles(["Мелешко"]).search_folder(tmp_path)
    assert sorted((hit.file.name, hit.form) for hit in hits) == [("a", "CP1251"), ("Мелешко.db", "UTF-8")]
    assert (files, size) == (2, 11)


def test_short_texts_are_left_out() -> None:
    assert Needles(["BY", "12345", "sixsix", "sixsix"]).texts == ["sixsix"]


def test_a_hit_does_not_show_what_was_found() -> None:
    [hit] = Needles(["secret text"]).search(b"secret text", FILE)
    assert "secret" not in repr(hit)


def test_self_check_passes_only_if_everything_planted_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needles = Needles(["Курадымлін", "lawyer visit", "sixsix"])
    assert needles.self_check(tmp_path / "one")
    assert not Needles([]).self_check(tmp_path / "two")

    whole = Needles.search
    monkeypatch.setattr(Needles, "search", lambda self, data, file: whole(self, data, file)[1:])
    assert not needles.self_check(tmp_path / "three")

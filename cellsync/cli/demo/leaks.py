"""Leaks: searches the vaults for plaintext, as a person who holds the disk could.

Every text is searched for in each form in which a program might have left it: UTF-8, both UTF-16s, CP1251, and the
base64 of UTF-8 at each of its three alignments. A search that finds nothing proves nothing unless it can find
something: `self_check` plants every form in a file and searches for it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

SHORTEST: Final = 6  # characters: shorter ones turn up in random bytes
_ANCHOR: Final = 6  # first bytes of a form, by which it is looked up; no form of a text is shorter


class Hit(NamedTuple):
    """A text in a file, in some form."""

    file: Path
    form: str
    text: str

    def __repr__(self) -> str:
        return f"<{self.form} in {self.file.name}>"  # without the text


class Needles:
    """The texts to look for; those shorter than six characters are left out."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = sorted({text for text in texts if len(text) >= SHORTEST})
        self._by_anchor: dict[bytes, list[tuple[bytes, str, str]]] = {}
        for text in self.texts:
            for form, pattern in forms(text):
                self._by_anchor.setdefault(pattern[:_ANCHOR], []).append((pattern, form, text))

    def search(self, data: bytes, file: Path) -> list[Hit]:
        """Each text and form that occurs in `data`, once."""
        last = len(data) - _ANCHOR + 1
        present = {window for at in range(last) if (window := data[at : at + _ANCHOR]) in self._by_anchor}
        return [
            Hit(file, form, text)
            for anchor in present
            for pattern, form, text in self._by_anchor[anchor]
            if pattern in data
        ]

    def search_folder(self, folder: Path) -> tuple[list[Hit], int, int]:
        """The hits in the files below a folder and in their names; the number of files, and of bytes."""
        hits, files, size = [], 0, 0
        for file in sorted(folder.rglob("*")):
            hits += self.search(str(file.relative_to(folder)).encode(), file)
            if file.is_file():
                data = file.read_bytes()
                hits += self.search(data, file)
                files, size = files + 1, size + len(data)
        return hits, files, size

    def self_check(self, folder: Path) -> bool:
        """Whether every text in every form is found again in files planted in `folder`."""
        folder.mkdir()
        wanted = set()
        for form in {form for text in self.texts for form, _ in forms(text)}:
            planted = [pattern for text in self.texts for name, pattern in forms(text) if name == form]
            (folder / form.replace(" ", "-")).write_bytes(b"\x00\xff".join(planted))
            wanted |= {(form, text) for text in self.texts if any(name == form for name, _ in forms(text))}
        found = {(hit.form, hit.text) for hit in self.search_folder(folder)[0]}
        return bool(wanted) and wanted <= found


def forms(text: str) -> Iterator[tuple[str, bytes]]:
    """The forms of a text, by name; CP1251 only if it can encode the text, and differently from UTF-8."""
    utf8 = text.encode()
    yield "UTF-8", utf8
    yield "UTF-16-LE", text.encode("utf-16-le")
    yield "UTF-16-BE", text.encode("utf-16-be")
    for skipped in range(3):
        yield f"base64 at {skipped}", _inner_base64(utf8, skipped)
    cp1251 = text.encode("cp1251", "replace")
    if cp1251 != utf8 and cp1251.decode("cp1251") == text:
        yield "CP1251", cp1251


def _inner_base64(data: bytes, skipped: int) -> bytes:
    """The base64 characters that do not depend on the bytes around `data`; it begins `skipped` bytes into a group."""
    encoded = b64encode(bytes(skipped) + data)
    first = -(-skipped * 8 // 6)
    after = (skipped + len(data)) * 8 // 6
    return encoded[first:after]

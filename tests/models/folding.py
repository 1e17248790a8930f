"""The plain version of folding: over the whole text, in the steps that `cellsync/core/folded.py` takes per letter."""

from __future__ import annotations

from unicodedata import combining, normalize

from cellsync.core.folded import REPLACED


def folded(text: str) -> str:
    # Apostrophes first: some would be taken apart into a blank and a mark. Twice: folding case may leave marks.
    text = normalize("NFKD", normalize("NFKD", text.translate(REPLACED)).casefold())
    text = "".join(letter for letter in text if not combining(letter))
    return " ".join(text.casefold().translate(REPLACED).split())

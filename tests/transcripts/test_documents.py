"""The documentation shows what really happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.transcripts.markdown import Block, Malformed, read
from tests.transcripts.runner import Differs, run
from tests.transcripts.transcript import parse

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),  # threads of others; the child execs at once
]

ROOT: Final = Path(__file__).parents[2]


def documents() -> Iterator[str]:
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if path.is_file() and has_transcript(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(ROOT))


def has_transcript(text: str) -> bool:
    try:
        return any(isinstance(part, Block) for part in read(text))
    except Malformed:
        return True  # its test says why


@pytest.mark.parametrize("document", list(documents()))
def test_document(document: str) -> None:
    # A short path: there will be sockets below it, whose names must not be longer than some hundred bytes.
    with TemporaryDirectory(prefix="cellsync-", ignore_cleanup_errors=True) as home:
        try:
            run(parse((ROOT / document).read_text(encoding="utf-8")), Path(home), document)
        except (Differs, Malformed) as error:
            pytest.fail(f"{document}: {error}" if isinstance(error, Malformed) else str(error), pytrace=False)

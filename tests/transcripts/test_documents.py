"""The documentation shows what really happens.

What everybody reads first is played with the program as it ships, the other documents with a key derivation that costs
nothing: it takes longer than all else that they show.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.cli.terminals import CHEAP
from tests.transcripts.markdown import Block, Malformed, read
from tests.transcripts.runner import Differs, run
from tests.transcripts.transcript import parse

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),  # threads of others; the child execs at once
]

ROOT: Final = Path(__file__).parents[2]
AS_IT_SHIPS: Final = "README.md"


def documents() -> Iterator[str]:
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if path.is_file() and has_transcript(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(ROOT))


def has_transcript(text: str) -> bool:
    try:
        return any(isinstance(part, Block) for part in read(text))
    except Malformed:
        return True  # its test says why


def cheap(folder: Path) -> Path:
    """A folder with a `cellsync` whose key derivation is cheap."""
    folder.mkdir()
    program = folder / "cellsync"
    program.write_text(f'#!/bin/sh\nexec {quote(sys.executable)} {quote(CHEAP)} "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("document", list(documents()))
def test_document(document: str) -> None:
    # A short path: there will be sockets below it, whose names must not be longer than some hundred bytes.
    with TemporaryDirectory(prefix="cellsync-", ignore_cleanup_errors=True) as home:
        try:
            programs = [] if document == AS_IT_SHIPS else [cheap(Path(home) / ".programs")]
            run(parse((ROOT / document).read_text(encoding="utf-8")), Path(home), document, programs=programs)
        except (Differs, Malformed) as error:
            pytest.fail(f"{document}: {error}" if isinstance(error, Malformed) else str(error), pytrace=False)

"""Exports are fetched piece by piece: neither side holds the whole, and nothing of it is left over."""

from __future__ import annotations

import base64
import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync.api import exports
from cellsync.api.operations import tables
from cellsync.casework import CaseFile, Consent
from cellsync.casework.documents.consent import Scope
from cellsync.core.errors import DiskFull, InvalidValue, NotFound
from cellsync.core.ids import CaseId
from cellsync.core.schema.schema import creation
from cellsync.core.wire.operations import Operation
from cellsync.store import scratch
from cellsync.store.scratch import Scratch
from tests.api.services import Asking, cell

BLOCK = 3 << 8
CASES = 40


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "BLOCK", BLOCK)


async def filled(ana: Asking) -> None:
    made = []
    for at in range(CASES):
        case = CaseId(at.to_bytes(2, "big") * 16)
        consent = [*creation(Consent, {"scope": Scope.INTERNAL}), Operation(2, "links", None, [case, "part_of"])]
        made += [
            (case, creation(CaseFile, {"title": f"Case {at}", "summary": "Ціхая"})),
            (CaseId(at.to_bytes(2, "little") * 15 + b"cc"), consent),
        ]
    await ana.service.cell.write(made)


async def fetched(ana: Asking, answer: dict[str, Any]) -> list[bytes]:
    pieces = [base64.b64decode(answer["content"])]
    following = answer["next"]
    while following:
        more = await ana("export.read", export=answer["export"], after=following)
        pieces.append(base64.b64decode(more["content"]))
        following = more["next"]
    return pieces


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_the_pieces_are_the_whole(tmp_path: Path, autojump_clock: MockClock, form: str) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await filled(ana)
        answer = await ana("export", format=form)
        pieces = await fetched(ana, answer)
        assert len(pieces) > 3
        assert {len(piece) for piece in pieces[:-1]} == {BLOCK}
        whole = b"".join(pieces).decode()
        assert whole.count("Ціхая") == CASES == len(answer["cases"])
        if form == "json":
            assert len(json.loads(whole)["cases"]) == CASES
        noted = {one["name"]: one for one in (await ana("case.show", case=answer["record"]))["fields"]}
        said = noted["manifest"]["values"][0]["value"]
        assert said == {"hex": _digest(b"".join(pieces))}
        with pytest.raises(NotFound):  # it was fetched
            await ana("export.read", export=answer["export"], after="1")


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=32).hexdigest()


async def test_an_answer_names_some_and_counts_all(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_NAMED", 3)
    async with cell(tmp_path, "ana") as [ana]:
        await filled(ana)
        stay = [(CaseId(bytes([at, 255]) * 16), creation(CaseFile, {"title": "alone"})) for at in range(5)]
        await ana.service.cell.write(stay)
        answer = await ana("export", format="json")
        assert (answer["leaving"], answer["staying"]) == (CASES, 5)
        assert answer["cases"] == [CaseId(at.to_bytes(2, "big") * 16).hex() for at in range(3)]
        assert answer["refused"] == [case.hex() for case, _ in stay[:3]]
        [left] = answer["left_out"]
        assert (left["reason"], left["count"], left["cases"]) == ("no_consent", 5, answer["refused"])
        assert left["text"].startswith("5 cases left out")


async def test_what_is_small_is_there_at_once(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await filled(ana)
        answer = await ana("export", cases=["Case 1"])
        assert (answer["export"], answer["next"]) == ("", "")
        assert b"Case 1" in base64.b64decode(answer["content"])


async def test_few_wait_and_none_outlives_the_open_cell(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Scratch] = []
    close = Scratch.close

    def noted(self: Scratch) -> None:
        if self._file is not None:
            closed.append(self)
        close(self)

    monkeypatch.setattr(Scratch, "close", noted)
    async with cell(tmp_path, "ana") as [ana]:
        await filled(ana)
        made = [await ana("export", format="json") for _ in range(exports.KEPT + 2)]
        assert len(closed) == 2
        for old in made[:2]:
            with pytest.raises(NotFound):
                await ana("export.read", export=old["export"], after="1")
        for wrong in ("99999", "-1", "x", "²"):
            with pytest.raises(InvalidValue):
                await ana("export.read", export=made[-1]["export"], after=wrong)
        assert (await ana("export.read", export=made[-1]["export"], after="2"))["next"] == "3"
        assert (await ana("export.read", export=made[-1]["export"]))["content"] == made[-1]["content"]
        await ana.service.lock()
        assert len(closed) == exports.KEPT + 2


async def test_what_fails_leaves_nothing_and_is_not_noted(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull

    async with cell(tmp_path, "ana") as [ana]:
        await filled(ana)
        monkeypatch.setattr(Scratch, "_seal", full)
        with pytest.raises(DiskFull):
            await ana("export", format="json")
        assert (await ana("case.list", kind="export"))["cases"] == []
        assert ana.service.exports._waiting == {}

"""Forks over the local API: none, one that is named by the beginning of its id, and a proof that proves nothing."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from trio.testing import MockClock

from cellsync.core.errors import InvalidValue, NotFound, ProvesNothing
from tests.api.services import cell
from tests.core.history.test_fork_proof import forked


async def test_where_nothing_forked(tmp_path: Path, autojump_clock: MockClock) -> None:
    _, _, _, strange = forked(2)
    async with cell(tmp_path, "ana") as [ana]:
        assert (await ana("forks"))["forks"] == []
        with pytest.raises(NotFound):
            await ana("fork.proof", fork="4f2a")
        for proof in (b"", b"\x90", bytes(300), strange.encode()):  # the last one is of another cell
            with pytest.raises(ProvesNothing):
                await ana("fork.check", proof=base64.b64encode(proof).decode())
        with pytest.raises(InvalidValue):
            await ana("fork.check", proof="not base64!")

"""Clocks over the API: differences are told beside the words, in status and in syncs, and entries still arrive."""

from __future__ import annotations

from pathlib import Path

import pytest
from trio.testing import MockClock

from cellsync.testing import MemoryNetwork
from tests.api.services import PASSPHRASE, pair, services
from tests.cell.cells import DAY


@pytest.mark.parametrize("skew", [3 * DAY, -3 * DAY])
async def test_a_joiner_whose_clock_is_days_off(tmp_path: Path, autojump_clock: MockClock, skew: float) -> None:
    net = MemoryNetwork()
    net.device("ben").home = net.device("ben").with_clock(skew).home
    async with services(tmp_path, "ana", "ben", net=net) as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await ana("unlock", passphrase=PASSPHRASE)
        await ana("case.new", kind="case", set={"title": "before anybody came"})
        invite, join = await pair(ana, ben, "Ben")
        assert invite["clock_ahead"] == pytest.approx(skew, abs=1)
        assert join["clock_ahead"] == pytest.approx(-skew, abs=1)
        job = await ben.until("sync.show", await ben("sync"), "done", "failed")
        assert job["state"] == "done"
        assert [row["title"] for row in (await ben("case.list"))["cases"]] == ["before anybody came"]
        status = await ana("status")
        assert status["others_ahead"] is None  # one other alone proves nothing
        assert [peer["clock"]["ahead"] for peer in status["peers"]] == pytest.approx([skew], abs=1)

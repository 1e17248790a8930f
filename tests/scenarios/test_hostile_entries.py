"""Whatever valid entries a member writes, another device's growth is bounded. In a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.hostile import GROWTH, Victim, attempt
from cellsync.testing.hostile.bombs import BOMBS

BYTES = 3 << 20
FEW_BYTES = 1 << 19  # of what takes long: small operations are many


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    return Victim.made(tmp_path_factory.mktemp("victim"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is counted anew on Linux only")
@pytest.mark.parametrize("attack", BOMBS)
def test_one_member_does_not_fill_the_memory_of_another(attack: str, victim: Victim, tmp_path: Path) -> None:
    small = attack.startswith(("200 ", "100,000 ", "131,072 ", "1,000 ", "100 ", "cases ", "what "))
    phases = attempt(attack, victim, tmp_path, FEW_BYTES if small else BYTES)
    assert len(phases) == 13
    grown = {one["phase"]: one["growth"] for one in phases if one["growth"] > GROWTH}
    assert grown == {}

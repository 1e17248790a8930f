from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.searches import __main__ as program
from tests.searches import attempts, sums, worker
from tests.searches.properties import properties
from tests.searches.registry import SEARCHES, Search
from tests.searches.run import Reached


@pytest.mark.parametrize("name", SEARCHES)
def test_a_seed_passes_and_is_the_same_each_time(name: str) -> None:
    first, again = worker.attempt(name, 0), worker.attempt(name, 0)
    assert not first.counterexample
    assert first.histories >= 1
    assert first == again


def test_every_property_has_its_turn() -> None:
    assert len(properties()) > 80


def test_an_attempt_that_fails_is_told_with_its_example() -> None:
    def attempt(seed: int) -> int:
        raise AssertionError(f"seed {seed}")

    tried = worker.bounded(attempt, 3)
    assert tried.histories == 0
    assert "AssertionError: seed 3" in tried.counterexample


@pytest.mark.e2e
def test_minutes_are_shared_and_the_sums_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No time at all is enough for a few seeds of each."""
    document = tmp_path / "search.md"
    document.write_text(sums.write(sums.DOCUMENT.read_text(encoding="utf-8"), {}), encoding="utf-8")
    monkeypatch.setattr(sums, "DOCUMENT", document)
    monkeypatch.setattr(worker, "attempt", attempts.of_a_search_that_passes)
    chosen: list[Search] = [SEARCHES["codec"], SEARCHES["store"]]
    assert program.share(chosen, 0) == 0
    once = sums.read(document.read_text(encoding="utf-8"))
    assert list(once) == ["store", "codec"], "in the order of the registry"
    capsys.readouterr()
    assert program.share(chosen, 0) == 0
    said = capsys.readouterr().out
    twice = sums.read(document.read_text(encoding="utf-8"))
    for name, one in once.items():
        after = twice[name]
        assert (one.found, one.fails, after.found, after.fails) == (0, False, 0, False)
        assert 0 < one.next < after.next
        assert 0 < one.histories < after.histories
        assert f"{name}: {after.histories - one.histories:,} histories in " in said
        assert f"seeds {one.next} to {after.next - 1}; {after.histories:,} in all runs" in said


def test_a_run_that_is_killed_keeps_what_it_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "search.md"
    document.write_text(sums.write(sums.DOCUMENT.read_text(encoding="utf-8"), {}), encoding="utf-8")
    monkeypatch.setattr(sums, "DOCUMENT", document)
    clock = [1000.0]
    monkeypatch.setattr(program, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def search(_: object, first: int, *, until: float) -> Reached:
        if first == 30:
            raise KeyboardInterrupt  # stands for a kill
        clock[0] = until
        return Reached(first, 10, 70)

    monkeypatch.setattr(program, "search", search)
    with pytest.raises(KeyboardInterrupt):
        program.share([SEARCHES["codec"]], 60)
    kept = sums.read(document.read_text(encoding="utf-8"))["codec"]
    assert (kept.next, kept.histories) == (30, 210)
    assert clock[0] == 1000 + 3 * program.STRETCH


@pytest.mark.e2e
def test_a_counterexample_is_told_with_the_way_to_repeat_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker, "attempt", attempts.of_a_search_that_fails)
    before = dict(os.environ)
    assert program.main(["codec", "--seed", "5"]) == 1
    assert dict(os.environ) == before
    said = capsys.readouterr().out
    assert "what seed 5 found" in said
    assert "python -m tests.searches codec --seed 5\n" in said

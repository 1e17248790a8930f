"""What peers have told, as it is kept, and when it is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from cellsync.core.history.store import Store
from cellsync.core.history.withholding import Withheld
from cellsync.core.ids import CaseId, CircleId, DeviceId
from cellsync.core.membership.editions import OURS, Edition
from cellsync.core.membership.standing import DeviceStatus
from cellsync.core.replica.hearing import Conclusion, hear, is_withholding, joined
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.operations import Operation
from cellsync.ledger import hearsay
from cellsync.ledger.hearsay import IN_VAIN, Hearsay
from tests.core.replica.test_hearing import apart, remove, told
from tests.core.replicas import MemoryReplica, pass_on, three

EVA = DeviceId(b"e" * 32)


def opened(bea: MemoryReplica) -> Hearsay:
    return Hearsay(bea.replica.circle.id, bea.store, OURS, bea.device)


def tell(heard: Hearsay, ana: MemoryReplica, bea: MemoryReplica, peer: DeviceId = EVA) -> list[list[int] | None]:
    return [heard.take(batch, bea.replica.plan(batch).refused, peer) for batch in told(ana, bea)]


def is_removed(heard: Hearsay, bea: MemoryReplica) -> bool:
    statuses = None if heard.replica is None else heard.replica.court.ruling.decision.statuses
    return statuses is not None and statuses[bea.device] is DeviceStatus.REMOVED


def test_it_is_kept_until_it_is_held() -> None:
    ana, bea, eva = apart()
    heard = opened(bea)
    assert not heard
    assert all(refused == [] for refused in tell(heard, ana, bea))
    assert is_removed(heard, bea)
    heard = opened(bea)
    assert is_removed(heard, bea), "it is kept"
    pass_on(eva, bea)
    heard.renew()
    assert not heard
    assert heard.replica is None
    assert not opened(bea)


def test_of_whoever_is_active_by_it_nothing_is_kept_when_it_is_opened_again() -> None:
    ana, bea, eva = three()
    eva.edit(CaseId(b"c" * 32), Operation(1, "title", b"", "withheld, and nobody knows why"))
    pass_on(eva, ana)
    heard = opened(bea)
    tell(heard, ana, bea)
    assert heard
    assert not opened(bea)


def test_what_was_told_already_is_taken_and_not_kept_twice() -> None:
    ana, bea, _ = apart()
    heard = opened(bea)
    tell(heard, ana, bea)
    kept = bea.store.kept("told")
    assert all(refused == [] for refused in tell(heard, ana, bea, DeviceId(b"f" * 32)))
    assert bea.store.kept("told") == kept


def test_whoever_tells_nothing_new_again_and_again_is_not_heard_any_more() -> None:
    ana, bea, _ = apart()
    heard = opened(bea)
    tell(heard, ana, bea)
    heard._vain[EVA] = IN_VAIN - 1
    first, *rest = told(ana, bea)
    other = [joined([first, *rest]), joined([joined([first, rest[0]]), *rest[1:]])]
    assert [heard.take(batch, [], EVA) for batch in other] == [[], None]


def suspended() -> tuple[MemoryReplica, list[Batch], list[Batch]]:
    """Bea; and what Ana tells her whose word is in dispute: outlines of cases, and control entries that are whole."""
    ana, bea, _ = apart()
    batches = told(ana, bea, Withheld.CASES)
    return bea, [one for one in batches if is_withholding(one)], [one for one in batches if not is_withholding(one)]


def test_control_entries_that_are_whole_are_heard_after_what_the_same_peer_told() -> None:
    bea, outlines, whole = suspended()
    heard = opened(bea)

    def take(batches: list[Batch], peer: DeviceId = EVA) -> list[list[int] | None]:
        return [heard.take(batch, bea.replica.plan(batch).refused, peer) for batch in batches]

    assert len(whole) == 2
    assert take(whole) == [None, None], "nothing was told that they could build on"
    assert not heard.tellers
    assert take(outlines) == [[]] * len(outlines)
    assert take(whole, DeviceId(b"f" * 32)) == [None, None], "from a device that told nothing they are refused as ever"
    assert take(whole) == [[], []]
    assert is_removed(heard, bea)
    assert bea.replica.circle.is_active(bea.device), "what is told is not held"


def test_whole_entries_that_build_on_nothing_are_refused_and_soon_not_heard(hearings: list[int]) -> None:
    """A hostile peer tells a little, and then sends what never attaches."""
    bea, outlines, whole = suspended()
    heard = opened(bea)
    heard.take(outlines[0], [0], EVA)
    hearings.clear()
    assert [heard.take(whole[1], [0], EVA) for _ in range(IN_VAIN)] == [[0]] * IN_VAIN
    assert heard.take(whole[1], [0], EVA) is None
    assert len(hearings) == IN_VAIN
    assert len(heard._told) == 1


def test_a_batch_that_has_cases_and_withholds_nothing_is_not_told() -> None:
    """A device that holds of a case only that it was told of it would acknowledge what nobody can read here."""
    ana, bea, _ = apart()
    heard = opened(bea)
    tell(heard, ana, bea)
    ana.edit(CaseId(b"c" * 32), Operation(1, "title", b"", "whole"))
    batch = told(ana, bea, Withheld.NOTHING)[-1]
    assert heard.take(batch, bea.replica.plan(batch).refused, EVA) is None


@pytest.fixture
def hearings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much was heard, each time."""
    found: list[int] = []

    def counted(circle: CircleId, store: Store, edition: Edition, batches: Iterable[Batch]) -> Conclusion:
        batches = list(batches)
        found.append(sum(len(batch.entries) for batch in batches))
        return hear(circle, store, edition, batches)

    monkeypatch.setattr(hearsay, "hear", counted)
    return found


def test_what_is_told_as_before_is_not_heard_again(hearings: list[int]) -> None:
    """Each session begins with it."""
    ana, bea, _ = apart()
    heard = opened(bea)
    tell(heard, ana, bea)
    hearings.clear()
    assert all(refused == [] for _ in range(IN_VAIN) for refused in tell(heard, ana, bea, DeviceId(b"f" * 32)))
    assert hearings == []
    assert heard.tellers == {EVA, DeviceId(b"f" * 32)}


def test_hearing_costs_what_is_new(hearings: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that brings little is not worth hearing all of it again; nor is a little that is told."""
    ana, bea, _ = apart()
    heard = opened(bea)
    tell(heard, ana, bea)
    size = heard._size
    monkeypatch.setattr(hearsay, "SHARE", 1)
    monkeypatch.setattr(hearsay, "_EACH", 1)
    hearings.clear()
    steps = 0
    while not heard.changes(99):
        assert heard.is_behind
        steps += 1
    assert steps == (size - 1) // 100
    heard.renew()
    assert not heard.is_behind
    ana.edit(CaseId(b"c" * 32), Operation(1, "title", b"", "one more"))
    remove(ana, EVA)
    little = told(ana, bea)[-1]
    hearings.clear()
    attempts = 1
    while heard.take(little, [0], EVA) is None:
        attempts += 1
    assert (attempts > 3, len(hearings)) == (True, 1)


@pytest.mark.parametrize("limit", ["FROM_ONE", "FROM_ALL"])
def test_only_so_much_is_kept(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bea, _ = apart()
    heard = opened(bea)
    monkeypatch.setattr(hearsay, limit, 1_000)
    assert None in tell(heard, ana, bea)
    assert len(bea.store.kept("told") or b"") < 2_000


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-1], lambda raw: b"\xc1", lambda raw: raw.replace(b"\x04", b"\x05", 1)]
)
def test_what_cannot_be_read_is_forgotten(damage: Callable[[bytes], bytes]) -> None:
    ana, bea, _ = apart()
    tell(opened(bea), ana, bea)
    bea.store.keep("told", damage(bea.store.kept("told") or b""))
    assert not is_removed(opened(bea), bea)


def test_it_is_heard_anew_when_what_is_held_changes() -> None:
    ana, bea, _ = apart()
    heard = opened(bea)
    tell(heard, ana, bea)
    before = heard.replica
    remove(bea, bea.device)  # she leaves by herself
    heard.renew()
    assert heard.replica is not before
    assert is_removed(heard, bea)

"""A device that is not admitted after all is told why, and nobody who has only the code is."""

from __future__ import annotations

import pytest

from cellsync.core.errors import (
    AlreadyIn,
    CellsyncError,
    CircleFull,
    DiskFull,
    Interrupted,
    NeverBack,
    TooManyDevices,
)
from cellsync.core.pairing import refusal
from cellsync.core.pairing.inviter import Agreed, InvitingFailed
from cellsync.core.pairing.joiner import JoiningFailed
from cellsync.core.pairing.messages import PairingRefusal
from tests.core.pairing.pairs import Pair


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AlreadyIn(), AlreadyIn),
        (NeverBack(), NeverBack),
        (CircleFull(), CircleFull),
        (TooManyDevices(), TooManyDevices),
        (DiskFull(), Interrupted),
    ],
)
def test_both_are_told_why(error: CellsyncError, told: type[CellsyncError]) -> None:
    pair = Pair()
    pair.ask()
    pair.joiner.confirm(True, 0.0)
    pair.pump()
    assert not any(isinstance(event, JoiningFailed) for event in pair.joined)
    pair.invited += pair.inviter.confirm(True, 0.0)
    assert isinstance(pair.invited[-1], Agreed)
    [failed] = pair.inviter.refuse(error, 0.0)
    assert failed == InvitingFailed(error, burnt=True)
    pair.pump()
    [ended] = [event for event in pair.joined if isinstance(event, JoiningFailed)]
    assert type(ended.error) is told
    assert pair.inviter.over
    assert pair.joiner.over


def test_a_reason_of_a_later_build_is_some_reason() -> None:
    assert isinstance(refusal.error_of(200), Interrupted)
    assert "ask for a new one" in refusal.error_of(200).hint


def test_a_refusal_before_both_have_agreed_ends_it_as_any_message_out_of_turn() -> None:
    pair = Pair()
    pair.ask()
    pair.inviter._send(PairingRefusal(2))
    pair.pump()
    [ended] = [event for event in pair.joined if isinstance(event, JoiningFailed)]
    assert not isinstance(ended.error, NeverBack)

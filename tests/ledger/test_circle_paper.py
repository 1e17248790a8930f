"""The recovery key in an open circle that an earlier build founded: its paper signs, and opens nothing."""

from __future__ import annotations

import pytest

from cellsync.cell import paper
from cellsync.cell.founding import RecoveryKey
from cellsync.core.crypto.primitives import signing_public
from cellsync.core.errors import WrongPaper
from cellsync.core.history.entry import entry_id, founding_prefix
from cellsync.core.ids import NO_ID, CaseId, CircleId, EntryId, MemberId, Millis, RecoverySecret, SigningSecret
from cellsync.core.membership import control
from cellsync.core.membership.control import DeviceKeys, FirstRotation, Found, Role
from cellsync.core.membership.recovery import RecoveryKeys
from cellsync.core.replica import founding
from cellsync.core.replica.founding import Founding
from cellsync.core.replica.planner import Intention
from cellsync.core.wire.tags import Kind
from cellsync.testing import MemoryNetwork
from tests.cell.cells import founded_as_before
from tests.core.replicas import drawn_secrets

_found = founding.found


def found_as_before(circle_name: str, name: str, keys: DeviceKeys, now: Millis, entropy: bytes) -> Founding:
    """A circle whose recovery key is an Ed25519 key alone, which is on paper as it is."""
    made = _found(circle_name, name, keys, now, entropy)
    said = control.decode(Kind.FOUND, made.intention.shape, made.intention.content)
    assert isinstance(said, Found)
    signs = RecoveryKeys(signing_public(SigningSecret(made.recovery.reveal())), None)
    older = said._replace(recovery=signs, rotation=FirstRotation(*said.rotation[:3]))
    shape, content = control.encode_found(older, bytes(16))
    prefix = founding_prefix(made.incarnation)
    circle = entry_id(prefix, 1, EntryId(NO_ID), 1, now, Kind.FOUND, CaseId(NO_ID), shape, content, b"")
    return made._replace(circle=CircleId(circle), intention=Intention(Kind.FOUND, CaseId(circle), shape, content))


async def test_the_paper_of_an_older_circle_decides_as_well(
    memory_network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        monkeypatch.setattr(founding, "found", found_as_before)
        founded_as_before(monkeypatch)
        circle, secret = await ana.ledger.found("an older circle")
        assert [keys.seal for keys in circle.replica.recovery_keys()] == [None]
        mallory = await circle.admit(ana.secrets.signing, drawn_secrets(b"m" * 96).public, "mallory", Role.COORDINATOR)
        with pytest.raises(WrongPaper):
            await paper.use(circle, RecoveryKey(RecoverySecret(bytes(32))), remove=[MemberId(mallory)])
        await paper.use(circle, RecoveryKey(secret), remove=[MemberId(mallory)])
        assert not circle.replica.circle.is_active(mallory)
        assert circle.replica.floor == 2, "the paper required it as well"

"""Operations of edition 2 for tests: drawn at random, and values that nearly are of their forms."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from hypothesis import strategies as st

from cellsync.core.ids import Day, DeviceId, EntryId, EpochId, MemberId, Wrap
from cellsync.core.membership.control import WRAP_BYTES, DeviceKeys, Role
from cellsync.core.membership.endorsement import Endorse
from cellsync.core.membership.floor import Require
from cellsync.core.membership.link import LinkDevice
from cellsync.core.membership.recovery import Recovery, RecoveryKeys, Replaced
from cellsync.core.membership.release import Release
from cellsync.core.membership.removal import Leave, Remove
from cellsync.core.membership.role_change import SetRole
from cellsync.core.membership.rotation import Reject, Rewrap, Rotation
from cellsync.core.membership.seal_key import SealKey
from cellsync.core.membership.settings import CircleSettings
from cellsync.core.wire.tags import Kind
from tests.core.replicas import drawn_secrets

IDS: Final = st.binary(min_size=32, max_size=32)
WRAPS: Final = st.integers(0, 255).map(lambda byte: Wrap(bytes([byte]) * WRAP_BYTES))


@cache
def keys(number: int) -> DeviceKeys:
    return drawn_secrets(bytes([number]) * 96).public


KEYS: Final = st.integers(0, 3).map(keys)


def several(least: int, most: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.sets(IDS, min_size=least, max_size=most).map(lambda found: tuple(sorted(found)))


ROTATIONS: Final = st.builds(
    Rotation,
    IDS,
    st.integers(0, (1 << 32) - 1).map(Day),
    st.dictionaries(IDS.map(DeviceId), st.none() | WRAPS, min_size=1, max_size=5),
    st.dictionaries(IDS.map(EntryId), WRAPS, max_size=3),
)
OPERATIONS: Final[dict[Kind, st.SearchStrategy[Any]]] = {
    Kind.LINK: st.builds(LinkDevice, KEYS, st.text(min_size=1, max_size=64)),
    Kind.SET_ROLE: st.builds(SetRole, IDS.map(MemberId), st.sampled_from(Role)),
    Kind.REMOVE: st.builds(
        lambda targets, count, disputed, begun: Remove(targets, targets[:count], disputed, begun),
        several(1, 6),
        st.integers(0, 6),
        several(0, 4),
        st.none() | ROTATIONS,
    ),
    Kind.ENDORSE: st.builds(Endorse, several(1, 6)),
    Kind.ROTATE: ROTATIONS,
    Kind.REWRAP: st.builds(Rewrap, IDS.map(EpochId), st.dictionaries(IDS.map(DeviceId), WRAPS, min_size=1, max_size=4)),
    Kind.REJECT: st.builds(Reject, IDS.map(EpochId)),
    Kind.SEAL_KEY: KEYS.map(lambda each: SealKey(each.seal)),
    Kind.RELEASE: st.builds(Release, several(1, 6), several(0, 4)) | st.builds(Release, st.just(()), several(1, 4)),
    Kind.LEAVE: st.just(Leave()),
    Kind.REQUIRE: st.builds(Require, st.integers(1, 255)),
    Kind.RECOVERY: st.builds(
        lambda own, replaced: Recovery(RecoveryKeys(own.signing, own.seal), replaced),
        KEYS,
        several(0, 4).map(lambda ids: tuple(Replaced(one, one * 2) for one in ids)),
    ),
    Kind.SETTINGS: st.builds(
        CircleSettings,
        st.dictionaries(st.integers(1, 255), st.integers(0, (1 << 32) - 1), min_size=1, max_size=16),
    ),
}
"""By kind: operations that can be written."""

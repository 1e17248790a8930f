"""Versions: the vectors of protocol/20-wire.md, and that both sides always choose the same version."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.errors import PeerNewer, PeerOlder
from cellsync.core.versions import SPOKEN, UNSAID, Versions, decode

spoken = st.lists(st.integers(1, 255), min_size=2, max_size=2).map(lambda pair: Versions(*sorted(pair)))


@given(spoken, spoken)
def test_both_sides_come_to_the_same(one: Versions, other: Versions) -> None:
    both = {*range(one.lowest, one.highest + 1)} & {*range(other.lowest, other.highest + 1)}
    assert one.common(other) == other.common(one) == max(both, default=None)
    if both:
        assert one.apart(other) is other.apart(one) is None
    else:  # each tells its person of the same program
        assert {type(one.apart(other)), type(other.apart(one))} == {PeerOlder, PeerNewer}
        assert isinstance(one.apart(other), PeerOlder) is (other.highest < one.lowest)


@given(spoken, st.integers(0, 509))
def test_what_is_said_is_read(versions: Versions, padding: int) -> None:
    assert decode(versions.encode() + bytes(padding)) == versions


def test_this_build() -> None:
    assert SPOKEN.common(UNSAID) is None, "what was spoken before versions were negotiated is not spoken any more"
    assert isinstance(SPOKEN.apart(Versions(2, 2)), PeerOlder), "nor what was spoken before entries had marks"
    assert SPOKEN.common(SPOKEN) == SPOKEN.highest == 3

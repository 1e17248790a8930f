"""Offers: tags of one side of one session say nothing as the other side's, or in another session."""

from __future__ import annotations

import pytest

from cellsync.core.wire import messages
from tests.core.replicas import MemoryReplica, pair
from tests.core.session.pairs import circles_of
from tests.core.session.pumps import End, answerer, caller, recorded


def offering(ana: MemoryReplica, bea: MemoryReplica, seed: int = 1) -> tuple[End, End, list[bytes]]:
    """Bea has called Ana and made her offer: both ends, and its tags. Ana has not heard it yet."""
    one, other = caller(bea, ana, seed), answerer(ana, seed + 1)
    other.take(one.give(), 0)
    with recorded() as said:
        one.take(other.give(), 0)
        one.give()
    offer = messages.decode(said[0])
    assert isinstance(offer, messages.Offer)
    return one, other, offer.tags


def offer_as(callee: End, to: End, tags: list[bytes]) -> None:
    """What the callee's program says in its place: any offer, under the right key."""
    transport = callee.session._connection.transport
    assert transport is not None
    to.take(transport.encrypt_frame(messages.encode_offer(tags)), 0)


def heard(end: End) -> set[bytes]:
    return {bytes(circle) for circle in circles_of(end.session).peer_tags}


def test_tags_that_are_sent_back_name_no_circle() -> None:
    """A colleague who sends mine back would learn which of them are of circles, and how many of those I am in."""
    ana, bea = pair()
    one, other, tags = offering(ana, bea)
    offer_as(other, one, tags)
    assert heard(one) == set()
    assert circles_of(one.session).exchanges.keys() <= {
        circles_of(one.session).own_tags[ana.id][:8]  # the hinted one, in which a caller introduces itself
    }
    assert not one.error


@pytest.mark.parametrize("role", [b"caller", b"callee"])
def test_tags_of_another_session_name_no_circle(role: bytes) -> None:
    ana, bea = pair()
    one, other, _ = offering(ana, bea)
    _, earlier, before = offering(ana, bea, 7)
    if role == b"callee":
        circles = circles_of(earlier.session)
        before = [circles.tag(key, role, ana.id) for key in ana.session_keys()]
        before = sorted([*before, *(bytes([fill]) * 16 for fill in range(32 - len(before)))])
    offer_as(other, one, before)
    assert heard(one) == set()


def test_the_right_tag_names_it() -> None:
    ana, bea = pair()
    one, other, _ = offering(ana, bea)
    tag = circles_of(one.session).tag(ana.session_keys()[0], b"callee", ana.id)
    offer_as(other, one, sorted([tag, *(bytes([fill]) * 16 for fill in range(31))]))
    assert heard(one) == {ana.id}

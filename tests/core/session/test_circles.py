"""Which circles a session is about: offers that are sent back or repeated, and a peer that is no member any more."""

from __future__ import annotations

import pytest

from cellsync.core import caps
from cellsync.core.errors import PeerError
from cellsync.core.ids import Incarnation
from cellsync.core.membership.control import Role
from cellsync.core.rule import Rule
from cellsync.core.wire import frontiers, messages
from cellsync.core.wire.places import Frontier
from tests.core.attacks import Draft, anew, forge
from tests.core.replicas import MemoryReplica, admitted, founded, pair, pass_on
from tests.core.session.pairs import CASE, agree, circles_of, write
from tests.core.session.pumps import End, answerer, caller, recorded, run, sync


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


# --- a member that is none any more ----------------------------------------------------------------


def fallen() -> tuple[MemoryReplica, MemoryReplica, End, End]:
    """In the middle of a session with Cy, Ana gets what makes Cy no member: who admitted her is an equivocator."""
    ana = founded()
    mo = admitted(ana, "mo", 2, Role.COORDINATOR)
    pass_on(ana, mo)
    cy = admitted(mo, "cy", 3)
    pass_on(mo, cy)
    pass_on(mo, ana)
    one, other = sync(ana, cy)
    assert agree(ana, cy)
    for number in range(caps.BRANCHES + 1):
        ana.receive(forge(anew(mo, Incarnation(number.to_bytes(8, "big")), ana), [Draft()])[0])
    assert not ana.replica.circle.is_active(cy.device)
    return ana, cy, one, other


def test_a_session_serves_nothing_to_whom_it_has_just_ceased_to_know() -> None:
    """Rights are looked at when a batch is made: what is written right after a removal stays here."""
    ana, cy, one, other = fallen()
    held = cy.replica.held.entries()
    write(ana, 3)
    with recorded() as said:
        run(one, other)
    assert [payload for payload in said if payload != messages.PING_BYTES] == []
    assert cy.replica.held.entries() == held
    assert CASE in ana.replica.held.cases


@pytest.mark.parametrize("question", ["digest", "frontier", "empty frontier"])
def test_whom_it_has_just_ceased_to_know_may_not_ask(question: str) -> None:
    ana, cy, one, other = fallen()
    write(ana, 3)
    transport, [name] = other.session._connection.transport, one.session._exchanges
    assert transport is not None
    asked = {
        "digest": [messages.encode_digest(name, bytes(32))],
        "frontier": frontiers.encode_frontier(name, cy.frontier(), 60_000),
        "empty frontier": frontiers.encode_frontier(name, Frontier(frozenset()), 60_000),
    }[question]
    one.take(transport.encrypt_frame(asked[0]), 0)
    assert one.give() == b""
    assert isinstance(one.error, PeerError)
    assert one.error.rule is Rule.CIRCLE_ACTIVE

"""Several circles: one session serves all that two devices share, and a guest in one learns nothing of the others."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import pytest

from cellsync.core.crypto.channel import Transport
from cellsync.core.ids import CaseId, DeviceId, EpochId, Incarnation
from cellsync.core.membership.control import Role
from cellsync.core.replica.founding import ENTROPY as FOUND_ENTROPY
from cellsync.core.replica.founding import DeviceSecrets, found, secrets_of_one_more
from cellsync.core.session.circles import SharedCircles
from cellsync.core.session.connection import CALLER, HANG_UP_ENTROPY, hang_up_at
from cellsync.core.session.session import Session
from cellsync.core.wire import messages
from cellsync.core.wire.operations import Operation
from tests.core.replicas import START, MemoryReplica, founded, pass_on
from tests.core.session.pairs import agree, circles_of, write
from tests.core.session.pumps import CARRIER, End, entropy, run

CASE: Final = CaseId(b"k" * 32)
WORDS: Final = b"harbour at dawn"


def beside(device: MemoryReplica, name: str, seed: int) -> MemoryReplica:
    """One more circle, which a device founds beside its first: the same keys to sign and to talk, another to open."""
    source = random.Random(seed)
    secrets = again(device, seed)
    founding = found(name, "ana", secrets.public, START, source.randbytes(FOUND_ENTROPY))
    circle = MemoryReplica(founding.circle, secrets, DeviceId(founding.circle), founding.incarnation, seed)
    circle.write(founding.intention)
    circle.epochs.add(EpochId(founding.circle), founding.branches)
    return circle


def again(device: MemoryReplica, seed: int) -> DeviceSecrets:
    return secrets_of_one_more(device.secrets.signing, device.secrets.session, random.Random(seed).randbytes(32))


def admitted(sponsor: MemoryReplica, secrets: DeviceSecrets, name: str, seed: int) -> MemoryReplica:
    """A device, with these keys, that has been admitted and holds what its sponsor holds."""
    identity = sponsor.admit(secrets.public, name, Role.COORDINATOR)
    incarnation = Incarnation(random.Random(seed).randbytes(8))
    device = MemoryReplica(sponsor.replica.circle.id, secrets, identity, incarnation, seed)
    device.epochs.add(sponsor.epochs.newest, sponsor.epochs.today(sponsor.now))
    device.sponsor = sponsor.device, sponsor.public.session
    pass_on(sponsor, device)
    return device


class Cell(NamedTuple):
    """Ana coordinates two circles. Bea is in both, Lea only in the second: she is a lawyer, say."""

    ana: list[MemoryReplica]
    bea: list[MemoryReplica]
    lea: MemoryReplica


def cell() -> Cell:
    mill = founded("ana", 1)
    lawyers = beside(mill, "Lawyers", 11)
    bea_mill = admitted(mill, founded("bea", 2).secrets, "bea", 2)
    bea_lawyers = admitted(lawyers, again(bea_mill, 12), "bea", 12)
    lea = admitted(lawyers, founded("lea", 3).secrets, "lea", 13)
    pass_on(lawyers, bea_lawyers)
    return Cell([mill, lawyers], [bea_mill, bea_lawyers], lea)


def calls(circles: Sequence[MemoryReplica], hinted: MemoryReplica, callee: MemoryReplica, seed: int = 101) -> End:
    peer = callee.device, callee.public.session
    session = Session.call(
        circles, hinted.id, peer, hinted.secrets.session, CARRIER, entropy(seed), 0.0, clock=hinted.now
    )
    return End(session, *circles)


def answers(circles: Sequence[MemoryReplica], seed: int = 102) -> End:
    hang_up = hang_up_at(random.Random(seed).randbytes(HANG_UP_ENTROPY), 0.0)
    secret, now = circles[0].secrets.session, circles[0].now
    return End(Session.answer(circles, secret, CARRIER, entropy(seed), 0.0, hang_up, clock=now), *circles)


# --- one session for all of them ---------------------------------------------------------------------


@pytest.mark.parametrize("hinted", [0, 1])
def test_one_session_serves_all_circles_that_both_are_in(hinted: int) -> None:
    ana, bea, _ = cell()
    for circle in (*ana, *bea):
        write(circle, 20)
    one, other = calls(bea, bea[hinted], ana[hinted]), answers(ana)
    run(one, other)
    assert all(agree(*pair) for pair in zip(ana, bea, strict=True))
    assert not agree(*ana)
    for circle in (*ana, *bea):  # and goes on
        circle.edit(CASE, Operation(7, "log", None, WORDS))
    run(one, other)
    assert all(agree(*pair) for pair in zip(ana, bea, strict=True))
    assert (one.error, other.error) == (None, None)


def test_a_circle_is_shared_whose_admission_only_the_caller_has_heard_of() -> None:
    """Ana has admitted Cy to the lawyers; Bea knows him from the other circle, and has not heard of it."""
    ana, bea, _ = cell()
    mill = admitted(ana[0], founded("cy", 4).secrets, "cy", 4)
    pass_on(ana[0], bea[0])
    lawyers = admitted(ana[1], again(mill, 14), "cy", 14)
    for circle in (mill, lawyers):
        write(circle, 5)
    one, other = calls([mill, lawyers], lawyers, bea[1]), answers(bea)
    run(one, other)
    assert agree(mill, bea[0])
    assert agree(lawyers, bea[1])
    assert other.opened


def test_who_is_unknown_in_the_hinted_circle_is_known_by_key_in_the_others() -> None:
    """Cy has been admitted to the lawyers and holds nothing of them yet: so he cannot introduce himself. In the other
    circle Bea knows him, and both are in step there all the same; of the lawyers he learns nothing."""
    ana, bea, _ = cell()
    mill = admitted(ana[0], founded("cy", 4).secrets, "cy", 4)
    pass_on(ana[0], bea[0])
    secrets = again(mill, 14)
    identity = ana[1].admit(secrets.public, "cy", Role.COORDINATOR)
    lawyers = MemoryReplica(ana[1].replica.circle.id, secrets, identity, Incarnation(b"cy" * 4), 14)
    lawyers.epochs.add(ana[1].epochs.newest, ana[1].epochs.today(ana[1].now))
    lawyers.sponsor = bea[1].device, bea[1].public.session
    for circle in (mill, bea[0], bea[1]):
        write(circle, 5)
    one, other = calls([mill, lawyers], lawyers, bea[1]), answers(bea)
    run(one, other)
    assert agree(mill, bea[0])
    assert not lawyers.replica.held.chains
    assert other.opened  # as the one whom it knows there
    assert (one.error, other.error) == (None, None)


# --- a guest -------------------------------------------------------------------------------------------


class Said(NamedTuple):
    at: float
    by: str
    payload: bytes


@contextmanager
def noted(now: Callable[[], float], ours: End) -> Iterator[list[Said]]:
    """Every message of a session, with its moment."""
    said: list[Said] = []
    encrypt = Transport.encrypt_frame

    def note(self: Transport, payload: bytes) -> bytes:
        said.append(Said(now(), "us" if self is ours.session._connection.transport else "guest", payload))
        return encrypt(self, payload)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "encrypt_frame", note)
        yield said


def visit(ours: Sequence[MemoryReplica], lea: MemoryReplica, *, guest_calls: bool) -> tuple[list[Said], bytes, End]:
    """A quarter of an hour, while much happens in the other circle: what was said, all bytes to the guest, our end."""
    shared = ours[-1]
    us, guest = answers(ours), calls([lea], lea, shared)
    if not guest_calls:
        us, guest = calls(ours, shared, lea), answers([lea])
    clock = 0.0
    one, other = (guest, us) if guest_calls else (us, guest)
    with noted(lambda: clock, us) as said:
        run(one, other)
        for second in range(900):
            clock = float(second)
            if second % 100 == 50:
                shared.edit(CASE, Operation(7, "log", None, WORDS))
            if second % 7 == 3:
                for circle in ours[:-1]:
                    write(circle, 3)
                    us.session.grew(circle.id, circle.replica.held.chains, clock)
            for end in (one, other):
                end.handle(end.session.tick(clock))
            run(one, other, clock)
    assert agree(shared, lea)
    assert (us.ended, guest.ended) == (False, False)
    return said, bytes(us.sent), us


@pytest.mark.parametrize("guest_calls", [True, False])
def test_a_guest_hears_as_many_messages_as_in_a_cell_with_one_circle(guest_calls: bool) -> None:
    """As long, at the same moments, and as many bytes: so neither number nor timing shows that there are others."""
    two, one = cell(), cell()
    said, sent, _ = visit(two.ana, two.lea, guest_calls=guest_calls)
    alone, sent_alone, _ = visit(one.ana[1:], one.lea, guest_calls=guest_calls)
    assert [(each.at, each.by, len(each.payload), each.payload[:2]) for each in said] == [
        (each.at, each.by, len(each.payload), each.payload[:2]) for each in alone
    ]
    assert len(sent) == len(sent_alone)
    assert len(said) > 50  # entries, and signs of life


@pytest.mark.parametrize("guest_calls", [True, False])
def test_a_guest_hears_no_id_key_name_or_tag_of_another_circle(guest_calls: bool) -> None:
    ana, bea, lea = cell()
    mill, lawyers = ana
    said, _, us = visit(ana, lea, guest_calls=guest_calls)
    told = b"\0".join(each.payload for each in said if each.by == "us")
    assert bytes(lawyers.device) in told  # it would be seen
    assert us.session.hinted == lawyers.id
    assert not [secret for secret in secrets_of(mill, bea[0], us) if secret in told]
    [offer] = [message for each in said if each.by == "us" and isinstance(message := decoded(each), messages.Offer)]
    assert len(offer.tags) == 32
    assert list(circles_of(us.session).own_tags) == [lawyers.id]


def decoded(said: Said) -> object:
    return messages.decode(said.payload)


def secrets_of(circle: MemoryReplica, colleague: MemoryReplica, us: End) -> list[bytes]:
    """What would show that this circle is there."""
    replica = circle.replica
    held = [
        circle.entry_id(chain.number, sequence)
        for chain in replica.held.chains.values()
        for sequence in range(chain.first, chain.length + 1)
    ]
    keys = circle.session_keys()
    return [
        circle.id,
        *(entry for entry in held if entry is not None),
        *(device.secrets.public.seal for device in (circle, colleague)),
        *(part for device in (circle, colleague) for part in (device.device, device.line[1])),
        *(grant.keys.seal for grant in replica.circle.active()),
        replica.digest(),
        b"Mill Street",
        *(key.key.psk.reveal() for key in keys),
        *(circles_of(us.session).tag(key, role, circle.id) for key in keys for role in (b"caller", b"callee")),
        circle.epochs.today(START).discovery.reveal(),
    ]  # fmt: skip


def test_a_guest_who_has_stolen_the_keys_of_a_circle_learns_nothing_of_it() -> None:
    """With them she makes the tag by which it is offered. But she is no member of it: to her nobody offers it."""
    heard: list[list[int]] = []
    offer = SharedCircles.offer
    for stolen in (False, True):
        ana, _, lea = cell()
        guest, us = calls([lea], lea, ana[1]), answers(ana)

        def offering(self: SharedCircles, stolen: bool = stolen, ana: list[MemoryReplica] = ana) -> None:
            if not stolen or self._connection.role != CALLER:
                return offer(self)
            known = ana if stolen else ana[1:]
            self.own_tags = {each.id: self.tag(each.session_keys()[0], CALLER, each.id) for each in known}
            filled = [*self.own_tags.values(), *(bytes([fill]) * 16 for fill in range(32 - len(known)))]
            return self._connection.send(messages.encode_offer(filled))

        with pytest.MonkeyPatch.context() as patch, noted(lambda: 0.0, us) as said:
            patch.setattr(SharedCircles, "offer", offering)
            run(guest, us)
        named = {bytes(circle) for circle in circles_of(us.session).peer_tags}
        assert named == {bytes(each.id) for each in (ana if stolen else ana[1:])}
        assert [exchange.view.id for exchange in us.session._exchanges.values()] == [ana[1].id]
        heard.append([len(each.payload) for each in said if each.by == "us"])
    assert heard[0] == heard[1]

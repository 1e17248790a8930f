"""Rules 10 and 13 to 15: what labels mean for devices, roles, case entries, epochs and vaults."""

from __future__ import annotations

from collections.abc import Mapping

from tests.histories.forms import Device, Entry, Id, Kind, Label, Member, Role, Status
from tests.models import freezes, paper
from tests.models.facts import Facts, Judge, State, is_demotion, is_grant, is_removal

Labels = Mapping[Id, Label]


def statuses(facts: Facts, labels: Labels) -> dict[Device, Status]:
    """10 Status: removed if its introduction is OUT or an IN removal hits it; suspended if its introduction or
    coordinator role is UNDECIDED, or an UNDECIDED strike hits it and its member authored an UNDECIDED strike; else
    active.
    """
    held = frozenset(labels)
    undecided = [each for each in facts.strikes(held) if labels[each.id] is Label.UNDECIDED]
    removals = [each for each in facts.strikes(held) if is_removal(each) and labels[each.id] is Label.IN]
    authors = {facts.author(each) for each in undecided}

    def status(device: Device, introduction: Label) -> Status:
        member = facts.owners[device]
        if introduction is Label.OUT or any(facts.hits(each, device) for each in removals):
            return Status.REMOVED
        if introduction is Label.UNDECIDED or is_half_a_coordinator(facts, labels, member):
            return Status.SUSPENDED
        if member in authors and any(facts.hits(each, device) for each in undecided):
            return Status.SUSPENDED
        return Status.ACTIVE

    return {device: status(device, labels[name]) for device, name in facts.introductions.items() if name in labels}


def role(facts: Facts, labels: Labels, member: Member, *, least: Label = Label.IN) -> Role | None:
    """Role = greatest IN grant, capped by every IN demotion that it did not see. `least`: UNDECIDED grants as well."""
    held = frozenset(labels)
    wanted = {Label.IN, least}

    def capped(grant: Entry) -> Role:
        assert grant.role is not None
        caps = (each for each in facts.demotions(grant, held) if labels[each.id] is Label.IN)
        return min([grant.role, *(each.role for each in caps if each.role is not None)])

    grants = (each for each in facts.of(held) if is_grant(each) and each.role is not None)
    return max(
        (capped(each) for each in grants if facts.subject(each) == member and labels[each.id] in wanted), default=None
    )


def is_half_a_coordinator(facts: Facts, labels: Labels, member: Member) -> bool:
    """Whether the coordinator role is UNDECIDED: the grant is. (An UNDECIDED demotion is an UNDECIDED strike, and takes
    no role: else one who demotes everybody would suspend everybody.)
    """
    if role(facts, labels, member) is Role.COORDINATOR:
        return False
    return role(facts, labels, member, least=Label.UNDECIDED) is Role.COORDINATOR


def quarantined(facts: Facts, labels: Labels) -> frozenset[Id]:
    """13 Quarantine: case entries not IN and not released. release by a coordinator; release adds, never removes.

    With a head, what comes before it in its chain.
    """
    released: set[Id] = set()
    for each in facts.of(frozenset(labels)):
        if each.kind is Kind.RELEASE and labels[each.id] is Label.IN:
            released |= each.entries
            for head in each.heads & set(labels):
                released.update(facts.chain(head))
    writes = {each.id for each in facts.of(frozenset(labels)) if each.kind is Kind.WRITE}
    return frozenset(each for each in writes - released if labels[each] is not Label.IN)


def epoch(facts: Facts, state: State, ids: Mapping[Id, bytes]) -> Id | None:
    """14 Epoch: the greatest usable (height, id); None: rotate before sealing."""
    held = facts.of(frozenset(state.labels))
    usable = [each for each in held if each.to is not None and is_usable(facts, each, state)]
    return max(usable, key=lambda each: (each.height, ids[each.id])).id if usable else None


def is_usable(facts: Facts, rotation: Entry, state: State) -> bool:
    """rho is usable if IN, its author active, its recipients = the active devices whose introduction it saw, it saw
    every strike that makes a device inactive (it may be that strike), and every introduction that is not IN.

    Recipients of two members who `reject` it make it unusable; one does, if it is for at most two members. (By IN ones,
    so that the removed cannot deny an epoch; a `rewrap` makes nobody a recipient. A recovery key is an active author as
    long as what it wrote is IN.)
    """
    labels, states = state.labels, state.statuses
    held = frozenset(labels)
    seen = rotation.past | {rotation.id}
    if rotation.kind is Kind.REWRAP or labels[rotation.id] is not Label.IN:
        return False
    if rotation.device is not None and states[rotation.device] is not Status.ACTIVE:
        return False
    known = {each for each, name in facts.introductions.items() if name in seen}
    if rotation.to != frozenset(each for each in known if states[each] is Status.ACTIVE):
        return False
    if any(_silences(facts, each, state) and each.id not in seen for each in facts.strikes(held)):
        return False
    introductions = (name for name in facts.introductions.values() if name in held)
    if any(labels[each] is not Label.IN and each not in seen for each in introductions):
        return False
    rejects = (each for each in facts.of(held) if each.kind is Kind.REJECT and rotation.id in each.entries)
    recipients = rotation.to or frozenset()
    against = {facts.author(each) for each in rejects if labels[each.id] is Label.IN and each.device in recipients}
    return len(against) < (2 if len({facts.owners[each] for each in recipients}) > 2 else 1)


def _silences(facts: Facts, strike: Entry, state: State) -> bool:
    """Whether it makes a device inactive: an IN removal, or an UNDECIDED strike on one that is suspended."""
    if is_demotion(strike) and state.labels[strike.id] is Label.IN:
        return False
    wanted = {Label.IN: Status.REMOVED, Label.UNDECIDED: Status.SUSPENDED}.get(state.labels[strike.id])
    return any(status is wanted and facts.hits(strike, device) for device, status in state.statuses.items())


def final(judge: Judge, labels: Labels) -> frozenset[Id]:
    """15 Final: a removal with two electors' words, each seen by another elector's entry, or the recovery key.

    (An IN `remove`. Electors of its past; those whom it hits neither say a word nor see one.)
    """
    facts = judge.facts
    held = frozenset(labels)

    def is_final(removal: Entry) -> bool:
        votes = facts.votes(removal, held)
        if any(paper.spoke(judge, each, held) for each in votes):
            return True
        among = judge.electors(removal.past) - facts.hit(removal)
        words = set()
        for vote in votes:
            author = facts.author(vote)
            seen = (
                each for each in facts.marks(held) if vote.id in each.past and facts.author(each) in among - {author}
            )
            if author in among and not freezes.by_fork(judge, vote, held) and any(seen):
                words.add(author)
        return len(words) >= 2

    removals = (each for each in facts.of(held) if each.kind is Kind.REMOVE and labels[each.id] is Label.IN)
    return frozenset(each.id for each in removals if is_final(each))

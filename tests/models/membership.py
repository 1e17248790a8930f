"""The naive model of membership: the rules of protocol/40-membership.md, each a function under its sentence.

It judges histories of `tests/histories`: sets of named entries, without bytes. It takes sets and recursion as the
sentences do, remembers what it has worked out, and is in no hurry.

    facts         who wrote what, whom a strike hits, who voted: whoever judges
    membership    1 to 6 and 11: the labels
    electorate    7 and 8: whose votes count, and what they weigh
    freezes       9 and 9b: what may have been made up afterwards
    paper         12: recovery keys
    standings     10 and 13 to 15: what labels mean

Order: state(S) asks for state(past(o)) of each o in S and for state(past(r) & past(s)) of strikes r, s: all strictly
smaller than S, so the recursion ends. What is frozen, who is an elector and what weighs how much are then constants of
S, and the labels are the least fixpoint of rules 2 to 6: monotone, so order-free.

What the sentences leave open is decided in the docstrings, in parentheses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from tests.histories.forms import Device, Entry, History, Id, Kind, Label, Member, Role, Status
from tests.models import electorate, freezes, paper, standings
from tests.models.facts import (
    NOBODY,
    Facts,
    Held,
    State,
    all_of,
    any_of,
    is_demotion,
    is_grant,
    is_removal,
    is_strike,
    opposite,
)


class Verdict(NamedTuple):
    """What a replica shows that holds these entries, in the words of `tests.histories.forms.Expected`."""

    labels: Mapping[Id, Label]
    devices: Mapping[Device, Status]
    roles: Mapping[Member, Role | None]
    epoch: Id | None
    quarantined: frozenset[Id]
    final: frozenset[Id]
    keys: frozenset[Id]
    electors: frozenset[Member]


class Membership:
    """What the rules say of sets of entries of one history."""

    def __init__(self, history: History) -> None:
        self.facts: Final = Facts(history)
        self._states: dict[Held, State] = {}
        self._electors: dict[tuple[Held, frozenset[Member]], frozenset[Member]] = {}
        self._papers: dict[Held, Mapping[Id, Label]] = {}
        self._verdicts: dict[Held, Verdict] = {}

    def verdict(self, held: Held, ids: Mapping[Id, bytes]) -> Verdict:
        """`ids`: those that the entries have. Only which of several usable rotations is chosen depends on them."""
        if held not in self._verdicts:
            self._verdicts[held] = self._without_ids(held)
        return self._verdicts[held]._replace(epoch=standings.epoch(self.facts, self.state(held), ids))

    def _without_ids(self, held: Held) -> Verdict:
        state = self.state(held)
        brought = (each.id for each in self.facts.of(held) if each.kind in (Kind.FOUND, Kind.RECOVERY))
        return Verdict(
            state.labels,
            state.statuses,
            state.roles,
            None,
            standings.quarantined(self.facts, state.labels),
            standings.final(self, state.labels),
            frozenset(each for each in brought if paper.in_force(self, each, held) is Label.IN),
            self.electors(held),
        )

    def state(self, held: Held) -> State:
        if held not in self._states:
            self._states[held] = _Labelling(self, held).state()
        return self._states[held]

    def electors(self, held: Held, parties: frozenset[Member] = NOBODY) -> frozenset[Member]:
        if (held, parties) not in self._electors:
            self._electors[held, parties] = electorate.electors(self, held, parties)
        return self._electors[held, parties]

    def papers(self, held: Held) -> Mapping[Id, Label]:
        if held not in self._papers:
            self._papers[held] = paper.papers(self, held)
        return self._papers[held]


class _Labelling:
    """The labels of one set, while they are worked out."""

    def __init__(self, judge: Membership, held: Held) -> None:
        self.judge = judge
        self.facts = judge.facts
        self.held = held
        self.strikes = self.facts.strikes(held)
        self.frozen = {
            each.id
            for each in self.facts.of(held)
            if freezes.by_fork(judge, each, held) or freezes.by_anchors(judge, each, held)
        }
        self.constant = {each.id: label for each in self.facts.of(held) if (label := self._of_paper(each)) is not None}
        self.forced: set[Id] = set()
        self.weights: dict[tuple[Id, Id], electorate.Weight] = {}
        self.labels: dict[Id, Label] = {}
        self.striking: dict[Id, Label] = {}  # of strikes, as far as they void something

    def state(self) -> State:
        """11 Zero: no coordinator active or suspended: force the causally last IN strikes on coordinators to at most
        UNDECIDED, relabel, repeat.

        (Strikes of a recovery key are never forced: while there is paper, the circle has somebody who can act. A strike
        is on a coordinator if it hits one whose role no demotion that it saw had taken.)
        """
        facts = self.facts
        while True:
            self._label()
            statuses = standings.statuses(facts, self.labels)
            if any(
                status is not Status.REMOVED and self._coordinates(facts.owners[d]) for d, status in statuses.items()
            ):
                break
            last = [
                each
                for each in self.strikes
                if self.labels[each.id] is Label.IN and each.id not in self.constant
                if any(self._was_coordinator(member, each) for member in facts.hit(each))
            ]
            if not last:
                break
            self.forced |= {each.id for each in last if not any(each.id in other.past for other in last)}
        members = {each.member for each in facts.of(self.held) if each.member is not None}
        return State(
            dict(self.labels), statuses, {each: standings.role(facts, self.labels, each) for each in sorted(members)}
        )

    def _coordinates(self, member: Member) -> bool:
        return standings.role(self.facts, self.labels, member, least=Label.UNDECIDED) is Role.COORDINATOR

    def _was_coordinator(self, member: Member, strike: Entry) -> bool:
        grants = (each for each in self.facts.of(self.held) if is_grant(each) and each.role is Role.COORDINATOR)

        def is_taken(grant: Entry) -> bool:
            seen = (each for each in self.facts.demotions(grant, self.held) if each.id in strike.past)
            return any(self.labels[each.id] is Label.IN for each in seen)

        own = (each for each in grants if self.facts.subject(each) == member and self.labels[each.id] is not Label.OUT)
        return any(not is_taken(each) for each in own)

    def _label(self) -> None:
        """Labels: every op gets IN, OUT or UNDECIDED: the least fixpoint, all start UNDECIDED, an op turns IN (OUT)
        only when that is certain.

        (What could be IN only if it were IN already is OUT: puppets who second each other's admissions, say. Without
        that they are UNDECIDED, and so is everything that they strike: one hostile coordinator suspends a circle.)
        """
        self.labels = dict.fromkeys((each.id for each in self.facts.of(self.held)), Label.UNDECIDED)
        self.striking = self.labels
        while True:
            while settled := {
                name: label for name in self._open() if (label := self._judged(name)) is not Label.UNDECIDED
            }:
                self.labels |= settled
            groundless = self._groundless()
            if not groundless:
                break
            self.labels |= dict.fromkeys(groundless, Label.OUT)

    def _open(self) -> list[Id]:
        return [name for name, label in self.labels.items() if label is Label.UNDECIDED]

    def _groundless(self) -> set[Id]:
        """What cannot be IN even if no UNDECIDED strike is, because it rests on nothing but such as itself."""
        labels = self.labels
        groundless = set(self._open())
        self.striking = labels | dict.fromkeys(groundless, Label.OUT)
        self.labels = dict(self.striking)
        while grounded := {name for name in groundless if self._judged(name) is not Label.OUT}:
            groundless -= grounded
            self.labels |= dict.fromkeys(grounded, Label.IN)
        self.labels = self.striking = labels
        return groundless

    def _judged(self, name: Id) -> Label:
        entry = self.facts.entries[name]
        if entry.id in self.constant:
            return self.constant[entry.id]
        if entry.id in self.frozen:
            return Label.OUT
        label = any_of(self._adopted(entry), all_of(self._caused(entry), opposite(self._struck(entry))))
        return all_of(label, Label.UNDECIDED) if entry.id in self.forced else label

    def _of_paper(self, entry: Entry) -> Label | None:
        """12: what a recovery key wrote, and what brought one in."""
        if entry.kind in (Kind.FOUND, Kind.RECOVERY):
            return self.judge.papers(self.held)[entry.id]
        return None if entry.key is None else paper.acted(self.judge, entry, self.held)

    def _caused(self, entry: Entry) -> Label:
        """2 Cause: o counts only if past(o) holds the grants that give its author the role it needs. Those grants must
        be IN (UNDECIDED makes o UNDECIDED, OUT makes it OUT).

        1 Names: device = its introducing op; member = its admit or found op.

        (A strike needs no `link`, which gives no right: whoever hits the one that linked the author's device hits the
        author, so rule 6 weighs that. Else a removal by two words rests on a link that a puppet's strike can void,
        and the puppet on an admission that the removal voids: UNDECIDED for ever.)
        """
        assert entry.device is not None
        needed = self.facts.needed(entry)
        roles = [
            all_of(self.labels[each.id], opposite(self._demoted(each, entry, needed)))
            for each in self.facts.rights(entry)
            if each.role is not None and each.role >= needed
        ]
        if not is_strike(entry):
            return all_of(self.labels[self.facts.introductions[entry.device]], any_of(*roles))
        *_, first = self.facts.lineage(entry.device)
        own = all_of(self.labels[self.facts.introductions[first]], any_of(*roles))
        if needed is not Role.COORDINATOR or not roles:
            return own
        return any_of(own, *(self._seconded(entry, vote) for vote in self.facts.seconds(entry, self.held)))

    def _seconded(self, strike: Entry, vote: Entry) -> Label:
        """2: for a strike the right of another member who voted for it is enough, if no strike on that member applies
        to it by rule 6, the vote being in its place; and a grant in its past made its author a coordinator.
        """
        facts = self.facts
        if vote.id in self.constant:
            return self.constant[vote.id]
        if vote.id in self.frozen or vote.device is None:
            return Label.OUT
        *_, first = facts.lineage(vote.device)
        bearing = [
            k
            for k in self.strikes
            if k.id != strike.id and facts.hits_author(k, vote) and self._bears(k, strike, said_in=vote)
        ]
        taken = {
            grant.id: any_of(*(self.striking[k.id] for k in facts.demotions(grant, self.held) if k in bearing))
            for grant in facts.rights(vote)
        }
        right = any_of(
            *(
                all_of(self.labels[each.id], opposite(taken[each.id]))
                for each in facts.rights(vote)
                if each.role is Role.COORDINATOR
            )
        )
        struck = any_of(*(self.striking[k.id] for k in bearing if is_removal(k)))
        return all_of(self.labels[facts.introductions[first]], right, opposite(struck))

    def _demoted(self, grant: Entry, entry: Entry, needed: Role) -> Label:
        """3: a demotion voids only what needs the lost role and rests on a grant that did not see k."""
        return any_of(
            *(
                self.striking[k.id]
                for k in self.facts.demotions(grant, self.held)
                if k.id != entry.id and k.role is not None and k.role < needed and self._bears(k, entry)
            )
        )

    def _struck(self, entry: Entry) -> Label:
        """3 Strike: an IN strike k that hits o's author voids o if k did not see o. UNDECIDED k makes o UNDECIDED.

        4 Any cut: a non-strike o stands against removals that did not see it if an IN removal of its author saw it.
        """
        removals = [k for k in self.strikes if is_removal(k) and k.id != entry.id and self.facts.hits_author(k, entry)]
        struck = any_of(*(self.striking[k.id] for k in removals if self._bears(k, entry)))
        if is_strike(entry):
            return struck
        seen = any_of(*(self.labels[k.id] for k in removals if entry.id in k.past))
        return all_of(struck, opposite(seen))

    def _bears(self, k: Entry, o: Entry, said_in: Entry | None = None) -> bool:
        """6 Dispute between strikes k and o, k hitting o's author, rule 3 applies only if
        k did not see o, or k answers o (o hits k's author, another member), and W(k|o) >= W(o|k), and is not zero; or
        k names o as disputed, and W(k|o) > W(o|k), or W(o|k) is zero.
        """
        facts, said = self.facts, said_in or o
        if not is_strike(o):
            return o.id not in k.past
        answers = facts.hits_author(o, k) and facts.author(said) != facts.author(k)
        if (said.id not in k.past or answers) and self._weight(k, o) >= max(self._weight(o, k), (False, 1)):
            return True
        weight, against = self._weight(k, o), self._weight(o, k)
        return o.id in k.disputes and (weight > against or against == (False, 0))

    def _weight(self, k: Entry, o: Entry) -> electorate.Weight:
        if (k.id, o.id) not in self.weights:
            self.weights[k.id, o.id] = electorate.weight(self.judge, k, o, self.held)
        return self.weights[k.id, o.id]

    def _adopted(self, entry: Entry) -> Label:
        """5 Adopt: a grant whose author had the right in its own past is IN if an IN endorse of it exists.

        (Not a demotion, which is a strike. The right was beyond doubt: the author was active, and had the role.)
        """
        if not is_grant(entry) or is_demotion(entry) or entry.device is None or not entry.past:
            return Label.OUT
        votes = [each for each in self.facts.votes(entry, self.held) if each.id != entry.id]
        if not votes:
            return Label.OUT
        before = self.judge.state(entry.past)
        role = before.roles[self.facts.owners[entry.device]]
        if before.statuses[entry.device] is not Status.ACTIVE or role is None or role < self.facts.needed(entry):
            return Label.OUT
        return any_of(*(self.labels[each.id] for each in votes))

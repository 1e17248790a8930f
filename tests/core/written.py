"""A history of `tests/histories`, written down: real entries, with keys and signatures, that a whole replica takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cellsync.core.crypto.primitives import blake2b, signing_public
from cellsync.core.history.entry import Standing
from cellsync.core.ids import (
    NO_ID,
    CaseId,
    CircleId,
    Day,
    DeviceId,
    EntryId,
    EpochId,
    Incarnation,
    MemberId,
    RecoverySecret,
    SealPublic,
    Signature,
    SigningSecret,
    Wrap,
)
from cellsync.core.membership import control, recovery
from cellsync.core.membership.control import WRAP_BYTES, Admit, DeviceKeys, FirstRotation, Found, Role
from cellsync.core.membership.editions import SECOND, Edition
from cellsync.core.membership.endorsement import Endorse
from cellsync.core.membership.link import LinkDevice
from cellsync.core.membership.recovery import Recovery, RecoveryKeys, RecoverySecrets, Replaced, from_paper
from cellsync.core.membership.release import Release
from cellsync.core.membership.removal import Leave, Remove
from cellsync.core.membership.role_change import SetRole
from cellsync.core.membership.rotation import Reject, Rewrap, Rotation
from cellsync.core.membership.seal_key import SealKey
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.core.replica.replica import Replica
from cellsync.core.wire.batches import Batch, BatchChain
from cellsync.core.wire.tags import Kind
from cellsync.store.sqlite import SqliteStore
from cellsync.testing.hostile.forging import SHAPE, Forgery, Writer, content, forge
from tests.core.deeds import KINDS
from tests.core.replicas import drawn_secrets
from tests.histories import forms
from tests.histories.forms import Device, Entry, History, Id, Member
from tests.models.membership import Verdict

_WRAP = Wrap(bytes(WRAP_BYTES))
_CASE = CaseId(b"c" * 32)
_LABELS = {
    Standing.IN: forms.Label.IN,
    Standing.VOID: forms.Label.OUT,
    Standing.OUT: forms.Label.OUT,
    Standing.UNDECIDED: forms.Label.UNDECIDED,
}


class _Place(NamedTuple):
    """Where an entry stands, for those that cite it."""

    device: DeviceId
    incarnation: Incarnation
    sequence: int
    id: EntryId
    height: int


class Written:
    """The entries of a history as batches of one entry each. `seed` gives them other ids."""

    def __init__(self, history: History, seed: int = 0) -> None:
        self.history, self._seed = history, seed
        self.batches: dict[Id, Batch] = {}
        self._places: dict[Id, _Place] = {}
        self._renewed = 0
        for entry in history.entries.values():
            self._write(entry)

    @property
    def circle(self) -> CircleId:
        return CircleId(next(iter(self._places.values())).id)

    def device(self, of: Device) -> DeviceId:
        return DeviceId(self._places[self.history.introductions[of]].id)

    def member(self, of: Member) -> MemberId:
        [came] = [
            entry.id
            for entry in self.history.entries.values()
            if entry.member == of and entry.kind in (forms.Kind.FOUND, forms.Kind.ADMIT)
        ]
        return MemberId(self._places[came].id)

    # --- keys ------------------------------------------------------------------------------------

    @staticmethod
    def _secrets(of: str) -> DeviceSecrets:
        return drawn_secrets(blake2b(b"cs1 test", of.encode()) * 3)

    @staticmethod
    def _paper(brought_by: Id) -> RecoverySecrets:
        return from_paper(RecoverySecret(blake2b(b"cs1 test", b"paper " + brought_by.encode())))

    def _paper_keys(self, brought_by: Id) -> RecoveryKeys:
        keys = self._secrets(f"paper {brought_by}").public
        return RecoveryKeys(signing_public(self._paper(brought_by).signing), keys.seal)

    # --- entries ---------------------------------------------------------------------------------

    def _write(self, entry: Entry) -> None:
        kind, found = KINDS[entry.kind], entry.kind is forms.Kind.FOUND
        shape, said = (SHAPE, content(entry.id)) if kind == Kind.CASE else self._operation(kind, entry)
        secret, author = self._author(entry)
        before = None if entry.previous is None else self._places[entry.previous]
        incarnation = self._incarnation(entry) if before is None else before.incarnation
        seen = set() if entry.previous is None else {entry.previous, *self.history.entries[entry.previous].past}
        parents = [self._places[name] for name in sorted(entry.parents - seen)]
        rows = [BatchChain(place.device, place.incarnation, place.sequence + 1, place.id, None) for place in parents]
        first = 1 if before is None else before.sequence + 1
        writer = Writer(
            CircleId(NO_ID) if found else self.circle, author, incarnation, secret, first,
            EntryId(NO_ID) if before is None else before.id, 0 if before is None else before.height,
        )  # fmt: skip
        case = CaseId(NO_ID) if found else CaseId(self.circle)
        draft = Forgery(
            [(row, 1, place.id, place.height) for row, place in enumerate(parents, 1)], kind=kind,
            case=_CASE if kind == Kind.CASE else case, shape=shape, content=said,
        )  # fmt: skip
        batch, [identity] = forge(writer, [draft], rows)
        if found:
            author = DeviceId(identity)
            batch.chains, batch.cases = [batch.chains[0]._replace(device=author)], [CaseId(identity)]
        self._places[entry.id] = _Place(author, incarnation, first, identity, entry.height)
        self.batches[entry.id] = batch

    def _incarnation(self, entry: Entry) -> Incarnation:
        """A fork at the beginning of a chain is another incarnation."""
        return Incarnation(blake2b(b"cs1 test", f"{entry.id} {entry.device}".encode())[:8])

    def _author(self, entry: Entry) -> tuple[SigningSecret, DeviceId]:
        if entry.key is not None:
            keys = self._paper_keys(entry.key)
            return self._paper(entry.key).signing, recovery.device(keys.signing)
        assert entry.device is not None
        secret = self._secrets(entry.device).signing
        return secret, DeviceId(NO_ID) if entry.kind is forms.Kind.FOUND else self.device(entry.device)

    def _operation(self, kind: int, entry: Entry) -> tuple[bytes, bytes]:
        salt = blake2b(b"cs1 test", f"{entry.id} {self._seed}".encode())[:16]
        match self._said(entry):
            case Found() as found:
                return control.encode_found(found, salt)
            case Admit() as admit:
                return control.encode_admit(admit, salt)
            case operation:
                return SECOND.kinds[kind].encode(operation, salt)

    def _said(self, entry: Entry) -> object:
        entries = tuple(self._places[name].id for name in entry.entries)
        match entry.kind:
            case forms.Kind.FOUND:
                rotation = FirstRotation(bytes(32), Day(0), _WRAP, _WRAP)
                return Found(self._paper_keys(entry.id), self._keys(entry.introduces), rotation, "circle", "founder")
            case forms.Kind.ADMIT:
                assert entry.role is not None
                return Admit(Role(entry.role), self._keys(entry.introduces), str(entry.member))
            case forms.Kind.LINK:
                return LinkDevice(self._keys(entry.introduces), str(entry.introduces))
            case forms.Kind.SET_ROLE:
                [member] = entry.members
                assert entry.role is not None
                return SetRole(self.member(member), Role(entry.role))
            case forms.Kind.REMOVE:
                members = {self.member(one) for one in entry.members}
                devices = [one for one in map(self.device, entry.devices) if MemberId(one) not in members]
                alone = tuple(one for one in devices if MemberId(one) in self._members)
                disputed = tuple(self._places[name].id for name in entry.disputes)
                return Remove((*members, *devices), alone, disputed, self._rotation(entry))
            case forms.Kind.LEAVE:
                return Leave()
            case forms.Kind.ENDORSE:
                return Endorse(entries)
            case forms.Kind.SEAL_KEY:
                self._renewed += 1
                return SealKey(
                    SealPublic(self._secrets(f"{self.history.name} {self._renewed % 8} {entry.device}").public.seal)
                )
            case forms.Kind.ROTATE:
                return self._rotation(entry)
            case forms.Kind.REWRAP:
                return Rewrap(EpochId(*entries), {self.device(one): _WRAP for one in entry.to or ()})
            case forms.Kind.REJECT:
                return Reject(EpochId(*entries))
            case forms.Kind.RELEASE:
                return Release(entries, tuple(self._places[name].id for name in entry.heads))
            case forms.Kind.RECOVERY:
                new = self._paper_keys(entry.id)
                return Recovery(new, tuple(self._replaced(one, entry, new) for one in sorted(entry.replaces)))
        raise AssertionError(entry.kind)

    def _replaced(self, old: Id, entry: Entry, new: RecoveryKeys) -> Replaced:
        row = recovery.replace(self.circle, self._places[old].id, self._paper(old).signing, new)
        return row if entry.signed else row._replace(signature=Signature(bytes(64)))

    def _keys(self, device: Device | None) -> DeviceKeys:
        return self._secrets(str(device)).public

    def _rotation(self, entry: Entry) -> Rotation | None:
        if not entry.to:
            return None
        return Rotation(bytes(32), Day(0), {self.device(one): _WRAP for one in entry.to}, {})

    @property
    def _members(self) -> set[MemberId]:
        came = (forms.Kind.FOUND, forms.Kind.ADMIT)
        entries = (self.history.entries[name] for name in self._places)
        return {MemberId(self._places[entry.id].id) for entry in entries if entry.kind in came}

    # --- a replica that holds it -------------------------------------------------------------------

    @property
    def ids(self) -> dict[Id, bytes]:
        return {name: place.id for name, place in self._places.items()}

    def replica(
        self, order: Iterable[Id], edition: Edition = SECOND, *, twice: bool = False
    ) -> tuple[Replica, SqliteStore]:
        """One that took these entries in this order. What nobody wrote who was ever introduced it refuses.

        `twice`: each step is planned twice, and nothing comes of the first plan.
        """
        store = SqliteStore.in_memory()
        replica = Replica(self.circle, store, edition)
        for name in order:
            plan = replica.plan(self.batches[name])
            if twice:
                plan = replica.plan(self.batches[name])
            store.write(plan.commit)
            replica.advance(plan)
        return replica, store

    def matters(self, replica: Replica, store: SqliteStore, order: Iterable[Id]) -> list[Id]:
        """What the rules look at, and case entries: what is neither refused nor void, nor a key on which nothing
        depends."""
        standings = {
            one.id: one
            for chain in replica.held.chains.values()
            for one in store.standings(chain.number, chain.first, chain.length)
        }
        return [
            name
            for name in order
            if (one := standings.get(self._places[name].id)) is not None
            and one.standing & ~Standing.RELEASED != Standing.VOID
            and (not one.kind or replica.circle.bit(one.id) is not None)
        ]

    def verdict(self, replica: Replica, store: SqliteStore, held: Iterable[Id]) -> Verdict:
        """What a replica shows, in the names of the history."""
        decision, shown = replica.court.ruling.decision, [self.history.entries[name] for name in held]
        names = {self._places[entry.id].id: entry.id for entry in shown}
        entries = {
            names[entry.id]: entry
            for chain in replica.held.chains.values()
            for entry in store.chain_slice(chain.number, chain.first, chain.length)
            if entry.id in names
        }
        members = {entry.member for entry in shown if entry.member is not None}
        statuses = {
            entry.introduces: decision.statuses.get(self.device(entry.introduces))
            for entry in shown
            if entry.introduces is not None
        }
        roles = {
            member: decision.role(self.member(member)) if replica.circle.bit(EntryId(self.member(member))) is not None
            else None for member in members
        }  # fmt: skip
        return Verdict(
            {
                entry.id: _LABELS[entries[entry.id].standing & ~Standing.RELEASED]
                if entry.id in entries else forms.Label.OUT for entry in shown
            },
            {
                device: forms.Status.REMOVED if status is None else forms.Status(status.value)
                for device, status in statuses.items()
            },
            {member: None if role is None else forms.Role(role) for member, role in roles.items()},
            None if decision.epoch is None else names[decision.epoch],
            frozenset(name for name, entry in entries.items() if entry.in_quarantine),
            frozenset(
                entry.id for entry in shown
                if replica.circle.bit(self._places[entry.id].id) is not None
                and decision.is_final(self._places[entry.id].id)
            ),
            frozenset(names[entry] for entry in decision.papers),
            frozenset(member for member in members if self.member(member) in decision.electors),
        )  # fmt: skip

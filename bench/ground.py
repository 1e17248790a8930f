"""The ground of a measurement: a founded circle, its devices, and a receiver that holds nothing yet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import trio

from cellsync.cell.cell import Cell
from cellsync.cell.home import Home
from cellsync.core import drawers
from cellsync.core.ids import (
    INCARNATION_BYTES,
    CaseId,
    CircleId,
    DatabaseKey,
    DeviceId,
    EpochId,
    Incarnation,
    Millis,
    Passphrase,
    SessionSecret,
    SigningSecret,
)
from cellsync.core.membership.control import Admit, Role, encode_admit
from cellsync.core.replica import founding
from cellsync.core.replica.founding import DeviceSecrets, device_secrets
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.wire.operations import SALT_BYTES
from cellsync.core.wire.places import Line
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.circles import OpenCircles
from cellsync.ledger.surroundings import REAL, Surroundings
from cellsync.node.node import Node
from cellsync.store.header import Identity, Kdf
from cellsync.store.sqlite import SqliteStore
from cellsync.store.vault import Vault


@dataclass(frozen=True)
class Seat:
    """A device of the circle, with its secrets."""

    secrets: DeviceSecrets
    device: DeviceId
    incarnation: Incarnation

    @property
    def line(self) -> Line:
        return self.device, self.incarnation


class Ground:
    """A circle in its founder's store. Devices are admitted without pairing, which is not measured."""

    def __init__(self, store: SqliteStore, authors: int, began: Millis, source: Random) -> None:
        self.store = store
        self.began = began
        self.random = source
        secrets = device_secrets(source.randbytes(founding.KEYS_ENTROPY))
        self._founding = founding.found(
            "Mill Street", "founder", secrets.public, began, source.randbytes(founding.ENTROPY)
        )
        self.circle: CircleId = self._founding.circle
        self.replica = Replica(self.circle, store)
        founder = Seat(secrets, DeviceId(self.circle), self._founding.incarnation)
        self.authors = [founder]
        self._prepare(store, founder)
        self._write(self._founding.intention)
        self.authors += [self._admit(f"author {number}") for number in range(1, authors)]
        self.receiver = self._admit("receiver")

    @property
    def founder(self) -> Seat:
        return self.authors[0]

    def keep(self, plan: Plan) -> Plan:
        """Make a step durable in the founder's store, and take it in."""
        self.store.write(plan.commit)
        self.store.flush()
        self.replica.advance(plan)
        return plan

    def seat_receiver(self, path: Path, key: DatabaseKey) -> None:
        """Make the receiver's database."""
        self.seat(self.receiver, path, key)

    def seat(self, seat: Seat, path: Path, key: DatabaseKey) -> None:
        """Make the database of an admitted device that knows only the founder."""
        store = SqliteStore.create(path, key)
        self._prepare(store, seat)
        store.flush()
        store.close()

    def job(self, seat: Seat, path: Path, key: DatabaseKey) -> dict[str, Any]:
        """The job of a child that is to be this device."""
        return {
            "path": str(path),
            "key": key.reveal().hex(),
            "circle": self.circle.hex(),
            "founder": self.founder.device.hex(),
            "session": seat.secrets.session.reveal().hex(),
            "signing": seat.secrets.signing.reveal().hex(),
        }

    def _prepare(self, store: SqliteStore, seat: Seat) -> None:
        sponsor = None if seat is self.founder else (self.founder.device, self.founder.secrets.public.session)
        branches, epoch = self._founding.branches, EpochId(self.circle)
        OpenCircle.prepare(store, seat.device, seat.incarnation, epoch, branches, self.circle, sponsor)
        store.keep(drawers.SEAL_SECRET, seat.secrets.seal.reveal())

    def _admit(self, name: str) -> Seat:
        secrets = device_secrets(self.random.randbytes(founding.KEYS_ENTROPY))
        admit = Admit(Role.WRITER, secrets.public, name)
        shape, content = encode_admit(admit, self.random.randbytes(SALT_BYTES))
        plan = self._write(Intention(Kind.ADMIT, CaseId(self.circle), shape, content))
        incarnation = Incarnation(self.random.randbytes(INCARNATION_BYTES))
        return Seat(secrets, DeviceId(plan.commit.entries[0].id), incarnation)

    def _write(self, intention: Intention) -> Plan:
        founder = self.founder
        plan = self.replica.plan_writes(founder.line, founder.secrets.signing, [intention], self.began)
        return self.keep(plan)


@dataclass
class Device:
    """A child's view of its job: the open circle and the keys of one device."""

    store: SqliteStore
    circle: OpenCircle
    session: SessionSecret
    signing: SigningSecret
    founder: DeviceId

    @classmethod
    def open(cls, job: Mapping[str, Any], surroundings: Surroundings = REAL) -> Device:
        store = SqliteStore.open(Path(job["path"]), DatabaseKey(bytes.fromhex(job["key"])))
        return cls(
            store,
            OpenCircle(CircleId(bytes.fromhex(job["circle"])), store, surroundings),
            SessionSecret(bytes.fromhex(job["session"])),
            SigningSecret(bytes.fromhex(job["signing"])),
            DeviceId(bytes.fromhex(job["founder"])),
        )

    @contextmanager
    def cell(self, node: Node, nursery: trio.Nursery) -> Iterator[Cell]:
        """The whole cell around the device, with a vault from which nothing is read here."""
        identity = Identity(self.signing, self.session, "receiver")
        with (
            tempfile.TemporaryDirectory() as folder,
            Vault.create(Path(folder) / "vault", Passphrase(b"throw-away"), identity, kdf=Kdf.CHEAP) as vault,
        ):
            vault.create_circle(self.circle.id).close()  # a cell sorts its circles by the vault's list
            circles = OpenCircles(vault, self.circle.surroundings)
            circles.hold(self.circle, self.store)
            cell = Cell(circles, node, nursery, Home(vault.path))
            try:
                yield cell
            finally:
                cell.close()

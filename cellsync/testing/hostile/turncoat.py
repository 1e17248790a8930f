"""A turncoat: whoever has the keys of a member's device, and does with them what they like.

Turncoat.of(circle, secrets, victim)     with the vault of that device
await Turncoat.admitted(cell, entropy)   without a vault: `cell` admits its keys
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from cellsync.cell.cell import Cell
from cellsync.core.errors import NotFound
from cellsync.core.history.entry import chain_of, sequence_of
from cellsync.core.ids import CaseId, DeviceId, Incarnation, Millis, SessionPublic
from cellsync.core.membership.control import Role
from cellsync.core.membership.epochs import SessionKey
from cellsync.core.replica.founding import DeviceSecrets, device_secrets
from cellsync.core.wire.batches import BatchChain
from cellsync.core.wire.places import Frontier
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle
from cellsync.testing.hostile.forging import Root, Writer


class Turncoat:
    """Its keys, and what it knows of the circle and of the device that it turns against."""

    def __init__(self, circle: OpenCircle, device: DeviceId, secrets: DeviceSecrets, victim: DeviceId) -> None:
        """`circle`: as anybody holds it who has heard of both devices. Raises NotFound if it knows either of them not.

        All that is needed of it is taken now.
        """
        key = circle.key_of(victim)
        if key is None:
            raise NotFound("nobody has introduced that device")
        self.circle = circle.id
        self.device = device
        self.secrets = secrets
        self.victim: tuple[DeviceId, SessionPublic] = victim, key
        self.now: Callable[[], Millis] = circle.surroundings.now
        self.key: SessionKey = circle.session_keys()[0]
        self.root = root(circle, device)
        self.held: Frontier = circle.frontier()
        [founding] = circle.replica.held.controls(circle.store, {Kind.FOUND})
        self.found = founding.shape, founding.content
        chain = max(circle.replica.held.of_device(DeviceId(bytes(circle.id))), key=lambda chain: chain.length)
        self.founder = Root(BatchChain(*chain.line, chain.length + 1, chain.head, None), chain.height)

    @classmethod
    def of(cls, circle: OpenCircle, secrets: DeviceSecrets, victim: DeviceId) -> Self:
        """The device whose vault this is."""
        return cls(circle, circle.device, secrets, victim)

    @classmethod
    async def admitted(cls, cell: Cell, entropy: bytes, role: Role = Role.WRITER) -> Self:
        """A device that `cell`, which it turns against, has just admitted, without pairing. `entropy`: 96 bytes."""
        secrets = device_secrets(entropy)
        name = f"turncoat {entropy[:2].hex()}"
        circle = cell.circle().circle
        device = await circle.admit(cell.secrets.signing, secrets.public, name, role)
        return cls(circle, device, secrets, cell.device)

    @property
    def own_case(self) -> CaseId:
        """The case of control entries."""
        return CaseId(bytes(self.circle))

    def writer(self, incarnation: bytes) -> Writer:
        """It begins a chain."""
        return Writer(self.circle, self.device, Incarnation(incarnation), self.secrets.signing, root=self.root)


def root(circle: OpenCircle, device: DeviceId) -> Root:
    """What introduces a device. Raises NotFound."""
    for entry in circle.replica.held.controls(circle.store, {Kind.FOUND, Kind.ADMIT}):
        if bytes(entry.id) == device:
            line = circle.replica.held.chains[chain_of(entry.slot)].line
            return Root(BatchChain(*line, sequence_of(entry.slot) + 1, entry.id, None), entry.height)
    raise NotFound("what introduces this device has not arrived here yet")

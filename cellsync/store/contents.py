"""What the header of a vault says, while the vault is unlocked: whose it is, and where its circles rest."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from cellsync.core.errors import CircleLocked, Closed, NotFound
from cellsync.core.ids import CircleId, DatabaseKey, MasterKey
from cellsync.store import header, seals
from cellsync.store.files import replace_private
from cellsync.store.header import CircleFile, Header, Identity, Slot, SlotKind
from cellsync.store.seals import CircleKey, Entropy
from cellsync.store.wipe import HEADER_NAME, NEW_NAME


class VaultContents:
    """The header in memory; it follows only what is on disk."""

    def __init__(
        self,
        path: Path,
        lock: int,
        entropy: Entropy,
        master: MasterKey,
        slots: tuple[Slot, ...],
        profile: int,
        identity: Identity,
        circles: list[CircleFile],
    ) -> None:
        self._path = path
        self._lock: int | None = lock
        self._entropy = entropy
        self._master = master
        self._slots = slots
        self._profile = profile
        self._identity = identity
        self._circles = circles
        self._unlocked: dict[CircleId, CircleKey] = {}
        self._writing = Lock()  # the header, which threads may

    # --- what it holds ---------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        return self._path

    @property
    def identity(self) -> Identity:
        return self._identity

    @property
    def circles(self) -> tuple[CircleId, ...]:
        """The circles, in the order of joining; those that are locked, too."""
        return tuple(row.circle for row in self._circles)

    @property
    def locked(self) -> tuple[CircleId, ...]:
        """Those that have a passphrase of their own and were not unlocked."""
        return tuple(row.circle for row in self._circles if row.lock is not None and row.circle not in self._unlocked)

    # --- for a copy of it ------------------------------------------------------------------------

    def circle_file(self, circle: CircleId) -> CircleFile:
        """Where a circle rests, and the key to it. Raises NotFound, CircleLocked."""
        row = self._row(circle)
        if row.lock is None:
            return row
        key = self._unlocked.get(circle)
        opened = None if key is None else seals.open_lock(row, self._profile, key)
        if opened is None:
            raise CircleLocked
        return row._replace(key=opened)

    def locked_file(self, circle: CircleId) -> CircleFile:
        """Where a circle rests, without the key if it is locked. Raises NotFound."""
        return self._row(circle) if circle in self.locked else self.circle_file(circle)

    def header_of(self, circles: list[CircleFile]) -> bytes:
        """A header that opens with the same passphrases, for a vault of these circles."""
        self._check_open()
        return self._sealed(circles, self._slots, self._master)

    def _row(self, circle: CircleId) -> CircleFile:
        self._check_open()
        for row in self._circles:
            if row.circle == circle:
                return row
        raise NotFound

    # --- helpers ---------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._lock is None:
            raise Closed

    def _other_slots(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self._slots if slot.kind != SlotKind.PASSPHRASE)

    def _save(self, circles: list[CircleFile], slots: tuple[Slot, ...], master: MasterKey | None = None) -> None:
        """Write the header; the vault in memory follows only what is on disk."""
        master = self._master if master is None else master
        replace_private(self._path / HEADER_NAME, self._path / NEW_NAME, self._sealed(circles, slots, master))
        locked = [row._replace(key=None) if row.lock is not None else row for row in circles]
        self._circles, self._slots, self._master = locked, slots, master

    def _sealed(self, circles: list[CircleFile], slots: tuple[Slot, ...], master: MasterKey) -> bytes:
        body, nonce = header.encode_body(self._identity, circles), self._entropy(header.NONCE_BYTES)
        sealed = seals.seal_body(body, self._profile, slots, nonce, master)
        return header.encode(Header(self._profile, slots, nonce, sealed))


def key_of(row: CircleFile) -> DatabaseKey:
    """Raises CircleLocked."""
    if row.key is None:
        raise CircleLocked
    return row.key

"""Backups, taken and put back."""

from __future__ import annotations

from cellsync.api.contract.shapes.base import Answer, Count, Folder, OfCell, Secret, Takes


class BackUp(Takes, kw_only=True, frozen=True):
    """`to`: the absolute path of a folder that is not there yet, in one that is."""

    to: Folder


class BackedUp(Answer, kw_only=True, frozen=True):
    """`at`: the copy holds all that was here then. `size`: bytes. `locked`: how many circles were locked with a
    passphrase of their own; they are in it as they lay there, neither read nor counted."""

    at: str
    changes: Count
    size: Count
    locked: Count


class Restore(Takes, kw_only=True, frozen=True):
    """`source`: the absolute path of a backup, or of a profile that was copied while it was closed."""

    source: Folder
    passphrase: Secret


class Restored(OfCell, kw_only=True, frozen=True):
    """`at`: when the backup was taken."""

    at: str
    changes: Count
    locks_in: float | None

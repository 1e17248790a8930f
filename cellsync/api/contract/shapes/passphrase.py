"""The passphrase of the vault, and the keys behind it."""

from __future__ import annotations

from typing import Literal

from cellsync.api.contract.shapes.base import Answer, Count, Error, OfCell, Secret, Takes


class Passphrase(Takes, kw_only=True, frozen=True):
    """Each call is a guess, as `unlock` is: after three wrong ones the next has to wait."""

    passphrase: Secret


class Opens(OfCell, kw_only=True, frozen=True):
    """It opens the vault, which stays as it is. A new one is too easy to guess if it is made of these names.

    `cell`: "" if it could not be read."""


class ChangePassphrase(Takes, kw_only=True, frozen=True):
    """Earlier copies of the vault still open with the old one; see `rekey`."""

    old: Secret
    new: Secret


class Rekey(Takes, kw_only=True, frozen=True):
    """`passphrase`: today's, which stays. An open cell is closed meanwhile, and what is going on in it ends."""

    passphrase: Secret


class Rekeying(Answer, kw_only=True, frozen=True):
    """`done`, `total`: bytes of databases; a total of 0 is not known yet. When it has failed, nothing has changed."""

    job: str
    step: int
    state: Literal["running", "done", "failed"]
    done: Count
    total: Count
    error: Error | None

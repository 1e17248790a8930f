"""Forks and their proofs."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from cellsync.api.contract.shapes.base import Answer, Id, Takes


class Fork(Struct, kw_only=True, frozen=True):
    """Two entries of one device in one place, both signed and both kept. It blames nobody: a vault that was put back or
    copied makes one. `fork`: an id. `equivocator`: the device has so many that only what others cite of it counts."""

    fork: str
    device: str
    author: str
    sequence: int
    equivocator: bool


class Forks(Answer, kw_only=True, frozen=True):
    """The oldest first."""

    forks: list[Fork]


class ForkRef(Takes, kw_only=True, frozen=True):
    fork: Id


class ForkProof(Answer, kw_only=True, frozen=True):
    """`proof`: base64. It shows to whoever is in this cell that the device signed both, and not what."""

    fork: Fork
    proof: str


class CheckFork(Takes, kw_only=True, frozen=True):
    """`proof`: base64."""

    proof: Annotated[str, Meta(max_length=11_184_812)]


class CheckedFork(Answer, kw_only=True, frozen=True):
    """It holds. `held`: both sides are here, too."""

    fork: Fork
    held: bool

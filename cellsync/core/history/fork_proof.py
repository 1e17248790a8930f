"""The proof of a fork: two entries of one device in one place, each up to its next signature.

    proof    = [1, circle, device, incarnation, sequence, previous, [side, side]]
    side     = [[outline, …], signature]
    outline  = [height, clock, kind, H(shape), H(content), length of shape, length of content, [parent, …]]

Anyone who knows the device's signing key can check it, without the history and without learning what was written.
Only the device, or a thief of its key, can make one; a mere frontier that claims a fork proves nothing.
(protocol/30-history.md, The proof of a fork)
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.errors import BadSignature, Malformed
from cellsync.core.history.entry import Outline, chain_prefix, founding_prefix, verify
from cellsync.core.ids import (
    ID_BYTES,
    INCARNATION_BYTES,
    CircleId,
    DeviceId,
    EntryId,
    Incarnation,
    Signature,
    SigningPublic,
)
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.tags import Kind

FORM: Final = 1
_NUMBER_END: Final = 1 << 63


class Side(NamedTuple):
    """One of the two: entries from the fork on, the last of them signed."""

    outlines: list[Outline]
    signature: Signature


class ForkProof(NamedTuple):
    """Proof that a device signed two entries in one place."""

    circle: CircleId
    device: DeviceId
    incarnation: Incarnation
    sequence: int  # of the two
    previous: EntryId  # of both
    sides: tuple[Side, Side]  # ordered by the id of their first entry

    def __repr__(self) -> str:
        return f"<proof of a fork of {self.device.hex()[:8]}>"

    def ids(self, side: Side) -> list[EntryId]:
        """The ids of a side's entries."""
        prefix = chain_prefix(self.circle, self.device, self.incarnation)
        previous, found = self.previous, []
        for sequence, outline in enumerate(side.outlines, start=self.sequence):
            own = founding_prefix(self.incarnation) if outline.kind == Kind.FOUND else prefix
            previous = outline.identity(own, sequence, previous)
            found.append(previous)
        return found

    def encode(self) -> bytes:
        sides = [[[[*line[:-1], list(line.parents)] for line in side.outlines], side.signature] for side in self.sides]
        return codec.encode([FORM, *self[:-1], sides])


def decode(raw: bytes) -> ForkProof:
    """Raises Malformed or CapExceeded. Checks the form only; see `check`."""
    match codec.decode(raw, caps.FORK_PROOF, Rule.CAP_PROOF):
        case [form, bytes(circle), bytes(device), bytes(incarnation), sequence, bytes(previous), [left, right]]:
            sized = len(circle) == len(device) == len(previous) == ID_BYTES and len(incarnation) == INCARNATION_BYTES
            if sized and type(form) is int and form == FORM and _is_number(sequence) and sequence >= 1:
                return ForkProof(
                    CircleId(circle), DeviceId(device), Incarnation(incarnation), sequence, EntryId(previous),
                    (_side(left), _side(right)),
                )  # fmt: skip
    raise Malformed(Rule.PROOF_FORM)


def check(proof: ForkProof, key: SigningPublic) -> None:
    """Raises BadSignature if a signature does not verify under the device's key, Malformed if the two do not differ."""
    left, right = (proof.ids(side) for side in proof.sides)
    if not left[0] < right[0]:
        raise Malformed(Rule.PROOF_SIDES)
    for side, ids in zip(proof.sides, (left, right), strict=True):
        if not verify(key, side.signature, ids[-1]):
            raise BadSignature


def _side(raw: Any) -> Side:
    match raw:
        case [[_, *_] as outlines, bytes(signature)] if len(signature) == 64:
            return Side([_outline(outline) for outline in outlines], Signature(signature))
    raise Malformed(Rule.PROOF_FORM)


def _outline(raw: Any) -> Outline:
    match raw:
        case [*numbers, bytes(shape), bytes(content), shape_length, content_length, [*parents]] if len(numbers) == 3:
            hashes = len(shape) == len(content) == 32
            if hashes and all(map(_is_number, (*numbers, shape_length, content_length))) and numbers[2] < 256:
                fits = shape_length + content_length <= caps.ENTRY and len(parents) <= caps.PARENTS
                if fits and all(type(parent) is bytes and len(parent) == ID_BYTES for parent in parents):
                    height, clock, kind = numbers
                    return Outline(height, clock, kind, shape, content, shape_length, content_length, tuple(parents))
    raise Malformed(Rule.PROOF_FORM)


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value < _NUMBER_END

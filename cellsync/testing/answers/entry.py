"""`entry`: one entry by itself, its form and its id."""

from __future__ import annotations

from typing import Final

from cellsync.core import caps
from cellsync.core.errors import BadSignature, CapExceeded, Malformed
from cellsync.core.history.entry import chain_prefix, entry_id, founding_prefix, verify
from cellsync.core.ids import NO_ID, CaseId, CircleId, DeviceId, EntryId, Incarnation, Signature, SigningPublic
from cellsync.core.membership import editions
from cellsync.core.rule import Rule
from cellsync.core.wire import operations
from cellsync.core.wire.tags import Kind
from cellsync.testing.answers.question import Answer, BadQuestion, Given, ok

_CLOCK_END: Final = 1 << 63


def answer(given: Given) -> Answer:
    kind, clock = given.number("kind"), given.number("clock")
    circle, case = CircleId(given.raw("circle", 32)), CaseId(given.raw("case", 32))
    shape, content, parents = given.raw("shape"), given.raw("content"), given.raws("parents", 32)
    if len(shape) + len(content) > caps.ENTRY:
        raise CapExceeded(Rule.CAP_ENTRY)
    if len(parents) > caps.PARENTS:
        raise CapExceeded(Rule.CAP_PARENTS)
    if not 0 <= clock < _CLOCK_END:
        raise Malformed(Rule.ENTRY_CLOCK)
    if len(set(parents)) < len(parents):
        raise Malformed(Rule.ENTRY_TWICE)
    if kind and bytes(case) != circle:
        raise Malformed(Rule.ENTRY_CASE)
    if kind:
        editions.OURS.decode(kind, shape, content)
    else:
        operations.decode(shape, content)
    identity = _id(given, kind, clock, circle, case, shape, content, parents)
    if given.has("signature"):
        key, signature = SigningPublic(given.raw("signing", 32)), Signature(given.raw("signature"))
        if not verify(key, signature, identity):
            raise BadSignature
    return ok(id=identity, opaque=operations.is_opaque(shape, content))


def _id(
    given: Given, kind: int, clock: int, circle: CircleId, case: CaseId, shape: bytes, content: bytes,
    parents: list[bytes],
) -> EntryId:  # fmt: skip
    incarnation, device = Incarnation(given.raw("incarnation", 8)), DeviceId(given.raw("device", 32))
    sequence, height = given.number("sequence"), given.number("height")
    if not (0 < sequence < 1 << 40 and 0 < height < 1 << 63 and 0 <= kind < 256):
        raise BadQuestion("a number is out of range")
    prefix = chain_prefix(circle, device, incarnation)
    if kind == Kind.FOUND:
        prefix, case = founding_prefix(incarnation), CaseId(NO_ID)
    previous = EntryId(given.raw("previous", 32))
    return entry_id(prefix, sequence, previous, height, clock, kind, case, shape, content, b"".join(sorted(parents)))

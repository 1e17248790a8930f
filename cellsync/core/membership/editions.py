"""Editions: the sets of kinds of entries that builds know (protocol/20-wire.md, What is frozen, and what grows).

`found` and `admit` are frozen: without their form an entry is at fault. Every other kind may be new to a build. It is
void where it is unknown, in any form that an unknown kind may have; and where it is known, void if it lacks the kind's
form. Never at fault: devices of earlier editions hold it, and hand it on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.membership import (
    control,
    endorsement,
    floor,
    link,
    recovery,
    release,
    removal,
    role_change,
    rotation,
    rules,
    seal_key,
    settings,
)
from cellsync.core.membership.control import Role
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.operations import after_salt, is_opaque
from cellsync.core.wire.tags import Kind


class KnownKind(NamedTuple):
    """A kind of entry that grew: the role that it requires of its author, and its form."""

    needs: Role
    read: Callable[[object, object], object | None]  # decoded shape and content -> the operation, None if not of it
    encode: Callable[[Any, bytes], tuple[bytes, bytes]]  # the operation and a salt -> shape and content
    of_own: Role | None = None  # what suffices for an entry about nobody but its author


GRANTS_ALONE: Final = frozenset({int(Kind.FOUND), int(Kind.ADMIT)})


class Edition(NamedTuple):
    """What builds of one edition know."""

    number: int
    kinds: Mapping[int, KnownKind]
    ruled: frozenset[int] = GRANTS_ALONE  # the kinds on which the labels of others may depend
    paper: frozenset[int] = frozenset()  # the kinds that a recovery key may write, without a grant

    @property
    def needs(self) -> dict[int, Role]:
        """Rule 2, second half: the role that each kind of entry requires of its author."""
        return {**rules.NEEDS, **{kind: known.needs for kind, known in self.kinds.items()}}

    @property
    def known(self) -> frozenset[int]:
        """The kinds of control entries that it knows."""
        return frozenset({Kind.FOUND, Kind.ADMIT, *self.kinds})

    def knows(self, kind: int) -> bool:
        return kind in rules.NEEDS or kind == Kind.FOUND or kind in self.kinds

    def decode(self, kind: int, shape: bytes, content: bytes, *, held: bool = False) -> object | None:
        """The operation of a control entry; None if it is void: of an unknown kind, or without its kind's form.

        `held`: it is here already (`control.decode`). Raises Malformed or CapExceeded.
        """
        if kind in (Kind.FOUND, Kind.ADMIT):
            return control.decode(kind, shape, content, held=held)
        if is_opaque(shape, content):
            return None
        fields = codec.decode(shape, caps.ENTRY, Rule.CAP_ENTRY)
        said = codec.decode(after_salt(content), caps.ENTRY, Rule.CAP_ENTRY)
        known = self.kinds.get(kind)
        return None if known is None else known.read(fields, said)


FIRST: Final = Edition(
    1,
    {
        Kind.REQUIRE: KnownKind(Role.COORDINATOR, floor.read, floor.encode),
        Kind.RECOVERY: KnownKind(Role.COORDINATOR, recovery.read, recovery.encode),
    },
)
ANY: Final = Role.READER
"""What a kind requires that every member may write."""
SECOND: Final = Edition(
    2,
    {
        **FIRST.kinds,
        Kind.LINK: KnownKind(ANY, link.read, link.encode),
        Kind.SET_ROLE: KnownKind(Role.COORDINATOR, role_change.read, role_change.encode),
        Kind.REMOVE: KnownKind(Role.COORDINATOR, removal.read, removal.encode, of_own=ANY),
        Kind.ENDORSE: KnownKind(Role.COORDINATOR, endorsement.read, endorsement.encode),
        Kind.ROTATE: KnownKind(ANY, rotation.read, rotation.encode),
        Kind.REWRAP: KnownKind(ANY, rotation.read_rewrap, rotation.encode_rewrap),
        Kind.REJECT: KnownKind(ANY, rotation.read_reject, rotation.encode_reject),
        Kind.SEAL_KEY: KnownKind(ANY, seal_key.read, seal_key.encode),
        Kind.RELEASE: KnownKind(Role.COORDINATOR, release.read, release.encode),
        Kind.LEAVE: KnownKind(ANY, removal.read_leave, removal.encode_leave),
        Kind.SETTINGS: KnownKind(Role.COORDINATOR, settings.read, settings.encode),
    },
    frozenset(int(kind) for kind in Kind if kind != Kind.CASE),
    recovery.WRITES,
)
"""Its forms; what they do is not in force yet."""
OURS: Final = SECOND
"""The edition of this build."""

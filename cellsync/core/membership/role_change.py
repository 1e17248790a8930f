"""A member's new role (protocol/40-membership.md, Edition 2).

set_role   shape [member, role]        content salt ‖ nil
"""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core.ids import MemberId
from cellsync.core.membership.control import Role, is_role
from cellsync.core.membership.rows import is_id
from cellsync.core.wire import codec


class SetRole(NamedTuple):
    """The operation of a `set_role` entry."""

    member: MemberId
    role: Role

    def __repr__(self) -> str:
        return f"<set_role {self.role.name}>"


def encode(change: SetRole, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `set_role` entry."""
    return codec.encode([change.member, int(change.role)]), salt + codec.encode(None)


def read(shape: object, content: object) -> SetRole | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match shape, content:
        case [bytes(member), int(role)], None if is_id(member) and is_role(role):
            return SetRole(MemberId(member), Role(role))
    return None

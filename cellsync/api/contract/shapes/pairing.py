"""Invitations and joins."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cellsync.api.contract.shapes.base import (
    Answer,
    Error,
    HostName,
    Id,
    LanMode,
    Name,
    Port,
    PortOrAny,
    RequestKey,
    Secret,
    Takes,
    Words,
)
from cellsync.api.contract.shapes.people import Member

RoleName = Literal["reader", "writer", "coordinator"]


class OpenInvite(Takes, kw_only=True, frozen=True):
    """`circle`: into which; "": into the only one. `after_custody`: the name, or the beginning of the id, of a member
    who was removed and comes back: as a `reader`, under the name that they had."""

    role: RoleName = "writer"
    circle: Words = ""
    after_custody: Words = ""
    short_code: bool = True
    key: RequestKey | None = None


class FormerMember(Struct, kw_only=True, frozen=True):
    """`by`: who removed them; "" with the recovery key. `left`: they left by themselves."""

    name: str
    by: str
    left: bool


class Invite(Answer, kw_only=True, frozen=True):
    """An invitation into `circle`; of a further device of one's own, if `link` is what that will be called. `code`,
    `short_code` and `qr` (drawn for a terminal) are secret. When it has failed: `error`. With the words comes
    `clock_ahead`: by how many seconds the other clock is ahead of this one; and `namesakes`: members whose name could
    be taken for the guest's; and `former`: the same of those who were removed or have left. `not_in`: circles of this
    device in which a linked one is not: each takes a link of its own. `hidden_by`: who wants that this device is shown
    on no network, not even now, the members of a circle or its settings; then who joins has to give one of the
    addresses where it `listens`."""

    job: str
    step: int
    state: Literal["waiting", "verify_words", "joined", "failed"]
    role: str
    circle: str
    code: str
    short_code: str | None
    qr: str
    expires_in: float
    name: str
    words: list[str]
    clock_ahead: float | None
    namesakes: list[Member]
    former: list[FormerMember]
    link: str
    device: str | None
    not_in: list[str]
    hidden_by: Literal["members", "device"] | None
    listens: list[str]
    error: Error | None


class Invites(Answer, kw_only=True, frozen=True):
    invites: list[Invite]


class Join(Takes, kw_only=True, frozen=True):
    """Join a circle: with a vault, one more, under the name that this device has; `name`, `passphrase` and how it is
    shown to networks are then given already, and not taken. `host` and `to_port`: where the inviting device listens,
    for networks without multicast. Without `name` and `passphrase` the state `matched` comes once the code has turned
    out to be right: then introduce."""

    code: Secret
    name: Name | None = None
    passphrase: Secret | None = None
    host: HostName | None = None
    to_port: Port | None = None
    timeout: Annotated[float, Meta(gt=0, le=600)] = 60.0
    lan: LanMode = "asked"
    interfaces: list[str] = []
    port: PortOrAny = 0


class Introduce(Takes, kw_only=True, frozen=True):
    """Who joins: what the others will call them, and the passphrase of the new vault. Within five minutes."""

    job: Id
    name: Name
    passphrase: Secret


class Joining(Answer, kw_only=True, frozen=True):
    """A join. When it has failed: `error`. With the words comes `clock_ahead`, as in an invitation. `matched`: the code
    is right, and the join waits for who it is that joins. `circle`: the id of that which was joined."""

    job: str
    step: int
    state: Literal["connecting", "matched", "verify_words", "joined", "failed"]
    words: list[str]
    clock_ahead: float | None
    circle: str
    error: Error | None


class Confirm(Takes, kw_only=True, frozen=True):
    """Whether the words are the same on both devices. A person has to say so."""

    job: Id
    same: bool

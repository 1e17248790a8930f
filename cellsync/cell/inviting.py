"""Inviting: a code for one device, good for ten minutes and one use; a person compares the words."""

from __future__ import annotations

import io
from typing import final

import segno
import trio

from cellsync.cell.confirming import Asked, Confirm, ask
from cellsync.cell.member import Member, members
from cellsync.core.errors import CellsyncError, InvalidValue, InviteExpired, NotPermitted
from cellsync.core.founding import DeviceSecrets
from cellsync.core.ids import DeviceId
from cellsync.core.membership.control import Role
from cellsync.core.pairing import code, inviter
from cellsync.core.pairing.code import Invitation
from cellsync.core.pairing.inviter import Admit, Failed, Finished, Inviter, Knocked
from cellsync.core.pairing.messages import Welcome
from cellsync.node.circle import OpenCircle
from cellsync.node.node import CARRIER, Node
from cellsync.node.pairing import Pairing


@final
class Invite:
    """An open invitation. Show `code` or `qr()` to the one person it is for, on no channel that others read."""

    def __init__(
        self, circle: OpenCircle, node: Node, secrets: DeviceSecrets, invitation: Invitation, confirm: Confirm
    ) -> None:
        self._circle = circle
        self._node = node
        self._secrets = secrets
        self._invitation = invitation
        self._confirm = confirm
        self._scope = trio.CancelScope(deadline=invitation.expires)
        self._asking = trio.CancelScope()
        self._talking = trio.CancelScope()
        self._used = False
        self._until = circle.surroundings.now() + round(code.LIFETIME * 1000)
        self._ended = trio.Event()
        self._failure: Exception | None = None
        self._member: Member | None = None

    def __repr__(self) -> str:
        return "<Invite>"  # the code is a secret

    @property
    def code(self) -> str:
        """Eight groups of four letters and digits. Secret."""
        return self._invitation.code

    def qr(self) -> str:
        """The code as a QR for a terminal, 17 lines of half blocks. Secret."""
        drawn = io.StringIO()
        segno.make(self._invitation.qr_payload, error="m", micro=False).terminal(drawn, compact=True, border=2)
        return drawn.getvalue()

    async def joined(self) -> Member:
        """Wait until the device has joined.

        Raises InviteExpired, Declined (you said no), WordsDiffer (they did), Interrupted, or another error with its
        hint; then nobody was added unless the hint says so. What `confirm` raised counts as a no, and comes out here.
        """
        await self._ended.wait()
        if self._failure is not None:
            raise self._failure
        if self._member is None:
            raise InviteExpired
        return self._member

    def cancel(self) -> None:
        """Take the invitation back. A conversation that has begun is broken off."""
        self._scope.cancel()
        self._talking.cancel()

    async def run(self) -> None:
        """Wait for the device. `Cell.create_invite` starts this."""
        guest = self._node.guest(self._is_for_us, self._welcome, code.beacon_key(self._invitation.secret))
        try:
            with self._scope:
                async with guest:
                    await self._ended.wait()
        finally:
            self._ended.set()

    def _is_for_us(self, header: bytes) -> bool:
        # By the calendar as well: the other clock stands still while a laptop sleeps.
        expired = self._circle.surroundings.now() > self._until
        return not self._used and not expired and code.matches(self._invitation, header)

    async def _welcome(self, stream: trio.abc.Stream, already: bytes) -> None:
        entropy = self._circle.surroundings.entropy(inviter.ENTROPY)
        machine = Inviter(self._invitation, entropy, trio.current_time(), CARRIER)
        self._used = True  # a code serves one conversation, however it ends

        async def handle(event: inviter.Event) -> None:
            match event:
                case inviter.Asked(name, words, _):
                    self._scope.deadline = float("inf")  # from here on the machine keeps the time
                    with self._asking:
                        yes = await self._ask(Asked(name, words))
                    if not self._asking.cancelled_caught:
                        await pairing.step(machine.confirm(yes, trio.current_time()))
                case Admit(name, keys):
                    device = await self._circle.admit(self._secrets.signing, keys, name, self._invitation.role)
                    self._member = next(member for member in members(self._circle) if member.device == device)
                    await pairing.step(machine.welcome(self._welcome_for(device), trio.current_time()))
                case Finished():
                    self._ended.set()
                case Failed(error, _):
                    self._fail(error)
                case Knocked():
                    pass

        pairing = Pairing(machine, stream, handle)
        try:
            with self._talking:
                await pairing.run(already)
        finally:
            for event in machine.lost(trio.current_time()):  # taken back, or the cell closes
                if isinstance(event, Failed):
                    self._fail(event.error)
            self._ended.set()

    async def _ask(self, asked: Asked) -> bool:
        try:
            return await ask(self._confirm, asked)
        except Exception as error:
            self._failure = error
            return False

    def _fail(self, error: CellsyncError) -> None:
        self._failure = self._failure or error
        self._asking.cancel()  # nobody needs to answer any more
        self._ended.set()

    def _welcome_for(self, device: DeviceId) -> Welcome:
        circle = self._circle
        today = circle.epochs.today(circle.surroundings.now())
        return Welcome(circle.id, device, circle.epochs.newest, today, circle.device, self._secrets.public.session)


def open_invite(circle: OpenCircle, node: Node, secrets: DeviceSecrets, role: str, confirm: Confirm) -> Invite:
    """A new invitation, to be run. Raises NotPermitted, or InvalidValue for what is no role."""
    if circle.replica.circle.current_role(circle.device) is not Role.COORDINATOR:
        raise NotPermitted
    if role.upper() not in Role.__members__:
        raise InvalidValue("a role is reader, writer or coordinator")
    invitation = code.invite(Role[role.upper()], circle.surroundings.entropy(code.SECRET_BYTES), trio.current_time())
    return Invite(circle, node, secrets, invitation, confirm)

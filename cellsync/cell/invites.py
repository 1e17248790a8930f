"""Invites: a code for one device, good for ten minutes and one use; a person compares the words.

The code has a long form (text, QR), and a short one to be said aloud. Using either form uses up both. Who comes in by
it, and by whose right, is the intake's part.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import ExitStack
from typing import final

import segno
import trio

from cellsync.cell.confirmation import Asked, Confirm, ask, checked_confirm
from cellsync.cell.intake import Intake
from cellsync.cell.member import Member, members
from cellsync.cell.short_codes import ShortCodes
from cellsync.core.errors import CellsyncError, CodeBurnt, InviteExpired
from cellsync.core.ids import DeviceId
from cellsync.core.membership.clocks import Difference
from cellsync.core.pairing import code, exchange, inviter, short
from cellsync.core.pairing.code import Invitation
from cellsync.core.pairing.inviter import Agreed, Finished, Inviter, InvitingFailed, Knocked
from cellsync.core.pairing.messages import Welcome
from cellsync.core.pairing.short import ShortCode
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.core.session.connection import HANG_UP_ENTROPY, hang_up_at
from cellsync.node.node import Node
from cellsync.node.pairing import Pairing


@final
class Invite:
    """An open invitation. Show `code`, `qr()` or `short_code` only to the one person it is for."""

    def __init__(
        self, intake: Intake, node: Node, secrets: DeviceSecrets, invitation: Invitation, confirm: Confirm,
        codes: ShortCodes, shown: ShortCode | None, alarm: Callable[[], None],
    ) -> None:  # fmt: skip
        self._intake = intake
        self._circle = intake.circle
        self._node = node
        self._secrets = secrets
        self._invitation = invitation
        self._confirm = confirm
        self._codes = codes
        self._short = shown
        self._alarm = alarm
        self._scope = trio.CancelScope(deadline=invitation.expires)
        self._asking = trio.CancelScope()
        self._talking = trio.CancelScope()
        self._used = False
        self._admitting = False  # what the hint says of a device must be so when somebody reads it
        self._until = self._circle.surroundings.now() + round(code.LIFETIME * 1000)
        self._ended = trio.Event()
        self._failure: Exception | None = None
        self._member: Member | None = None

    def __repr__(self) -> str:
        return "<Invite>"  # the code is a secret

    @property
    def code(self) -> str:
        """Eight groups of four letters and digits. Secret."""
        return self._invitation.code

    @property
    def short_code(self) -> str | None:
        """A number and three words, to be said aloud; None if there is none. Secret, and good for one guess."""
        return None if self._short is None else self._short.text

    def qr(self) -> str:
        """The code as a QR for a terminal, 17 lines of half blocks. Secret."""
        drawn = io.StringIO()
        segno.make(self._invitation.qr_payload, error="m", micro=False).terminal(drawn, compact=True, border=2)
        return drawn.getvalue()

    async def joined(self) -> Member:
        """Wait until the device has joined.

        Raises InviteExpired, CodeBurnt (a wrong guess at the short code), Declined (you said no), WordsDiffer (they
        did), PeerOlder or PeerNewer (one of the two has to be updated first), Interrupted, or another error with its
        hint; nobody was added unless the hint says so. An error of `confirm` counts as a no, and is raised here.
        """
        await self._ended.wait()
        if self._failure is not None:
            raise self._failure
        if self._member is None:
            raise InviteExpired
        return self._member

    def cancel(self) -> None:
        """Withdraw the invitation. A conversation that has begun is broken off."""
        self._scope.cancel()
        self._talking.cancel()

    async def run(self) -> None:
        """Wait for the device. `Cell.create_invite` starts this."""
        try:
            with self._scope, ExitStack() as guests:
                key = code.beacon_key(self._invitation.secret)
                guests.enter_context(self._node.guest(self._has_code, self._welcome, key))
                if self._short is not None:
                    key = short.beacon_key(self._short.number)
                    guests.enter_context(self._node.guest(self._knocks, self._hear_guess, key))
                await self._ended.wait()
        finally:
            self._ended.set()
            if self._short is not None:
                self._codes.release(self._short)

    def _has_code(self, header: bytes) -> bool:
        return self._is_open() and code.matches(self._invitation, header)

    def _knocks(self, header: bytes) -> bool:
        return self._short is not None and self._is_open() and exchange.knocks(self._short, header)

    def _is_open(self) -> bool:
        # By wall-clock time as well: the monotonic clock stands still while a laptop sleeps.
        return not self._used and self._circle.surroundings.now() <= self._until

    async def _welcome(self, stream: trio.abc.Stream, already: bytes, hang_up: float) -> None:
        self._used = True  # a code serves one conversation, however it ends
        with self._talking:
            await self._converse(self._invitation, stream, already, hang_up)

    async def _hear_guess(self, stream: trio.abc.Stream, already: bytes, _: float) -> None:
        """The caller knows the number. It has one guess at the words: a wrong one ends the invitation."""
        if self._short is None:
            return
        self._used = True
        try:
            with self._talking:
                entropy = self._circle.surroundings.entropy
                secret = await self._codes.check(self._short, stream, already, entropy, self._alarm)
                hang_up = hang_up_at(
                    entropy(HANG_UP_ENTROPY), trio.current_time()
                )  # it has proved that it has the code
                await self._converse(self._invitation._replace(secret=secret), stream, b"", hang_up)
        except CodeBurnt as error:
            self._fail(error)
        finally:
            self._ended.set()

    async def _converse(self, invitation: Invitation, stream: trio.abc.Stream, already: bytes, hang_up: float) -> None:
        surroundings = self._circle.surroundings
        entropy, clock = surroundings.entropy(inviter.ENTROPY), surroundings.now()
        machine = Inviter(
            invitation,
            entropy,
            trio.current_time(),
            self._node.network.carrier,
            hang_up,
            clock=clock,
            versions=self._node.versions,
        )
        difference: Difference | None = None

        async def handle(event: inviter.Event) -> None:
            nonlocal difference
            match event:
                case inviter.Introduced(name, words, _, difference):
                    self._scope.deadline = float("inf")  # from here on the state machine keeps the time
                    with self._asking:
                        namesakes, former = self._intake.namesakes(name), await self._intake.former(name)
                        yes = await self._ask(Asked(name, words, difference.ahead / 1000, namesakes, former))
                    if not self._asking.cancelled_caught:
                        await pairing.step(machine.confirm(yes, trio.current_time()))
                case Agreed(name, keys):
                    self._admitting = True
                    try:
                        device = await self._intake.bring_in(keys, name)
                    except CellsyncError as refused:
                        await pairing.step(machine.refuse(refused, trio.current_time()))
                        return
                    finally:
                        self._admitting = False
                    if difference is not None:  # note it before the device's first call
                        self._circle.clocks.note(device, difference)
                    self._member = next(member for member in members(self._circle) if member.device == device)
                    await pairing.step(machine.welcome(self._welcome_for(device), trio.current_time()))
                case Finished():
                    self._ended.set()
                case InvitingFailed(error, _):
                    self._fail(error)
                case Knocked():
                    pass

        pairing = Pairing(machine, stream, handle)
        try:
            await pairing.run(already)
        finally:
            for event in machine.lost(trio.current_time()):  # withdrawn, or the cell closes
                if isinstance(event, InvitingFailed):
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
        self._asking.cancel()  # no answer is needed any more
        if not self._admitting:
            self._ended.set()

    def _welcome_for(self, device: DeviceId) -> Welcome:
        circle = self._circle
        today = circle.epochs.today(circle.surroundings.now())
        return Welcome(circle.id, device, circle.epochs.newest, today, circle.device, self._secrets.public.session)


async def open_invite(
    intake: Intake, node: Node, secrets: DeviceSecrets, confirm: Confirm, codes: ShortCodes,
    alarm: Callable[[], None], *, short_code: bool,
) -> Invite:  # fmt: skip
    """A new invitation; call its `run`. `alarm`: called when somebody may be guessing at short codes.

    Raises as the intake's `prepare`.
    """
    checked_confirm(confirm)
    await intake.prepare()
    entropy = intake.circle.surroundings.entropy
    invitation = code.invite(entropy(code.SECRET_BYTES), trio.current_time())
    shown = codes.draw(entropy) if short_code else None
    return Invite(intake, node, secrets, invitation, confirm, codes, shown, alarm)

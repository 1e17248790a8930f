"""Pairing over the API: invitations and joins are jobs, and a person answers whether the words are the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal, TypeVar, final

import trio

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import Cancelled
from cellsync.api.jobs import A, Job
from cellsync.api.operations.job_handlers import cancelling, showing
from cellsync.api.operations.membership import removed_member
from cellsync.api.operations.people import member_shape
from cellsync.api.service import Service
from cellsync.cell import newcomers
from cellsync.cell.cell import Cell
from cellsync.cell.circle import CellCircle
from cellsync.cell.confirmation import Asked, Introduction
from cellsync.cell.home import Home
from cellsync.cell.invites import Invite
from cellsync.cell.member import Member
from cellsync.cell.newcomers import join, join_introduced
from cellsync.core.errors import InvalidValue, InviteExpired, VaultExists
from cellsync.core.ids import CircleId
from cellsync.core.pairing.code import LIFETIME
from cellsync.profile.profile import Settings, checked

B = TypeVar("B", Literal["waiting"], Literal["connecting"])


class _Words(Job[A]):
    """A job in which a person compares words."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Asked | None = None
        self._answered = trio.Event()
        self._same = False

    async def confirm(self, asked: Asked) -> bool:
        self.asked = asked
        self.move()
        await self._answered.wait()
        return self._same

    def answer(self, same: bool) -> None:
        """What the person says. Only the first answer counts. Raises InvalidValue if nobody was asked."""
        if self.asked is None:
            raise InvalidValue("there are no words to compare yet", hint="Wait for the state verify_words.")
        if not self._answered.is_set():
            self._same = same
            self._answered.set()

    def state(self, first: B) -> B | Literal["verify_words", "joined", "failed"]:
        if self.over:
            return "failed" if self.error else "joined"
        return first if self.asked is None else "verify_words"

    @property
    def words(self) -> list[str]:
        return list(self.asked.words) if self.asked else []


@final
class InviteJob(_Words[shapes.Invite]):
    """One invitation: into a role, or of a further device of one's own, which will be called `link`."""

    def __init__(self, cell: Cell, circle: CellCircle, role: str, link: str = "") -> None:
        super().__init__()
        self._cell = cell
        self.circle = circle
        self.role = role
        self.link = link
        self.invite: Invite
        self._member: Member | None = None
        self._expires = trio.current_time() + LIFETIME

    async def run(self) -> None:
        try:
            self._member = await self.invite.joined()
        except InviteExpired:
            raise self.cancellation() if self.cancelled else InviteExpired from None

    def end(self) -> None:
        self.invite.cancel()  # the other device is told

    def _without(self) -> list[CellCircle]:
        """The circles in which a device that was linked is not."""
        return self._cell.circles_without(self._member.device) if self.link and self._member else []

    def cancellation(self) -> Cancelled:
        return Cancelled("The invitation was taken back. Nobody was added.", hint="Make a new one.")

    def show(self) -> shapes.Invite:
        return shapes.Invite(
            job=self.id,
            step=self.step,
            state=self.state("waiting"),
            role=self.role,
            circle=self.circle.id.hex(),
            code=self.invite.code,
            short_code=self.invite.short_code,
            qr=self.invite.qr(),
            expires_in=max(0.0, self._expires - trio.current_time()),
            name=self._member.name if self._member else self.asked.name if self.asked else "",
            words=self.words,
            clock_ahead=self.asked.clock_ahead if self.asked else None,
            namesakes=[member_shape(member) for member in self.asked.namesakes] if self.asked else [],
            former=[
                shapes.FormerMember(name=one.name, by=one.by, left=one.left)
                for one in (self.asked.former if self.asked else ())
            ],
            link=self.link,
            device=self._member.device.hex() if self._member else None,
            not_in=[one.id.hex() for one in self._without()],
            hidden_by=self._cell.node.hidden_by,
            listens=[address.text for address in self._cell.node.listens()],
            error=self.shown_error(),
        )


@final
class JoinJob(_Words[shapes.Joining]):
    """One attempt to join."""

    def __init__(self, home: Home, who: Introduction | None) -> None:
        super().__init__()
        self._home = home
        self._who = who
        self._joined: CircleId | None = None
        self._introduced = trio.Event()
        self._matched = False

    async def run_as_well(self, service: Service, ask: shapes.Join) -> None:
        """Join one more circle."""
        circle = await service.cell.join(
            ask.code, confirm=self.confirm, address=_address(ask), timeout=ask.timeout
        )  # fmt: skip
        self._joined = circle.id
        service.tell("circle.added", circle=circle.id.hex())

    async def run(self, service: Service, ask: shapes.Join, settings: Settings) -> None:
        """Join with a new vault."""
        address = _address(ask)
        if self._who is not None:
            name, passphrase = self._who
            await join(
                self._home, ask.code, name=name, passphrase=passphrase, confirm=self.confirm, address=address,
                timeout=ask.timeout,
            )  # fmt: skip
        else:
            await join_introduced(
                self._home, ask.code, introduce=self._introduce, confirm=self.confirm, address=address,
                timeout=ask.timeout,
            )  # fmt: skip
        with trio.CancelScope(shield=True):  # it has joined: too late to be broken off
            service.settings = settings
            service.profile.save(settings)
            if self._who is not None:
                self._joined = (await service.unlock(self._who.passphrase)).first.id

    async def _introduce(self) -> Introduction:
        self._matched = True
        self.move()
        await self._introduced.wait()
        if self._who is None:
            raise Cancelled
        return self._who

    def introduce(self, who: Introduction) -> None:
        """Who joins. Only the first counts. Raises InvalidValue if nobody was asked, or it cannot be used."""
        if not self._matched:
            raise InvalidValue("the code has not matched yet", hint="Wait for the state matched.")
        newcomers.checked(self._home, who)
        if self._who is None:
            self._who = who
            self.move()
            self._introduced.set()

    @property
    def stands(self) -> Literal["connecting", "matched", "verify_words", "joined", "failed"]:
        state = self.state("connecting")
        return "matched" if state == "connecting" and self._matched and self._who is None else state

    def cancellation(self) -> Cancelled:
        return Cancelled("The join was broken off.", hint="Join again with a new code.")

    def show(self) -> shapes.Joining:
        return shapes.Joining(
            job=self.id,
            step=self.step,
            state=self.stands,
            words=self.words,
            clock_ahead=self.asked.clock_ahead if self.asked else None,
            circle="" if self._joined is None else self._joined.hex(),
            error=self.shown_error(),
        )


def _address(ask: shapes.Join) -> tuple[str, int] | None:
    return None if ask.host is None or ask.to_port is None else (ask.host, ask.to_port)


# --- operations ------------------------------------------------------------------------------------------


async def open_invite(service: Service, ask: shapes.OpenInvite) -> shapes.Invite:
    circle = service.cell.circle(ask.circle or None)
    back = None
    if ask.after_custody:
        if ask.role == "coordinator":
            raise InvalidValue("Who comes back is a reader first.", hint="A second coordinator gives them more.")
        back = removed_member(await circle.membership.roster(), ask.after_custody).member
    job = InviteJob(service.cell, circle, ask.role if back is None else "reader")
    job.invite = await service.cell.create_invite(
        ask.role, confirm=job.confirm, short_code=ask.short_code, circle=circle, after_custody=back
    )
    return _wait_for(service, job)


async def open_link(service: Service, ask: shapes.OpenLink) -> shapes.Invite:
    circle = service.cell.circle(ask.circle or None)
    role = "" if circle.role is None else circle.role.name.lower()
    job = InviteJob(service.cell, circle, role, ask.name)
    job.invite = await service.cell.create_link(ask.name, confirm=job.confirm, short_code=ask.short_code, circle=circle)
    return _wait_for(service, job)


def _wait_for(service: Service, job: InviteJob) -> shapes.Invite:
    """For the device that comes with the code."""
    inside = service.inside  # none any more, if the cell closes just now
    service.jobs.add(job)
    inside.start_soon(_run, service, job, "invite.state")
    return job.show()


async def _run(service: Service, job: InviteJob, event: str) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_tell, service, job, event)
        await job.watch(job.run)


async def _tell(service: Service, job: InviteJob | JoinJob, event: str) -> None:
    """Tell followers of every step; without the code."""
    step = 0
    while not job.over:
        await job.moved(step, 3600)
        step = job.step
        service.tell(event, job=job.id, state=job.show().state)


async def show_invites(service: Service, _: shapes.Nothing) -> shapes.Invites:
    return shapes.Invites(invites=[job.show() for job in service.jobs.all(InviteJob)])


async def start_join(service: Service, ask: shapes.Join) -> shapes.Joining:
    if service.profile.exists:
        if ask.name is not None or ask.passphrase is not None:
            raise VaultExists
        inside = service.inside
        as_well = JoinJob(service.profile.home(service.settings), None)
        return service.jobs.begin(as_well, partial(as_well.run_as_well, service, ask), inside)
    settings = checked(Settings(ask.lan, tuple(ask.interfaces) or "all", ask.port, service.settings.service_type))
    service.profile.make_folders()
    home = service.profile.home(settings)
    if ask.name is None or ask.passphrase is None:
        if ask.name is not None or ask.passphrase is not None:
            raise InvalidValue(
                "a name or a passphrase is missing", hint="Give both, or both once the code has matched."
            )
        job = JoinJob(home, None)
    else:
        job = JoinJob(home, Introduction(ask.name, ask.passphrase))
    return service.jobs.begin(job, partial(job.run, service, ask, settings), service.nursery)


async def introduce(service: Service, ask: shapes.Introduce) -> shapes.Joining:
    job = service.jobs.find(JoinJob, ask.job)
    job.introduce(Introduction(ask.name, ask.passphrase))
    return job.show()


def _confirming(kind: type[_Words[A]]) -> Callable[[Service, shapes.Confirm], Awaitable[A]]:
    """Takes what a person says of the words."""

    async def confirm(service: Service, ask: shapes.Confirm) -> A:
        job = service.jobs.find(kind, ask.job)
        job.answer(ask.same)
        return job.show()

    return confirm


show_invite, confirm_invite, cancel_invite = showing(InviteJob), _confirming(InviteJob), cancelling(InviteJob)
show_join, confirm_join, cancel_join = showing(JoinJob), _confirming(JoinJob), cancelling(JoinJob)

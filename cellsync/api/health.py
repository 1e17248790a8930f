"""The profile itself: founding, opening, closing, and whether anything is wrong."""

from __future__ import annotations

from typing import Final

from cellsync import __version__
from cellsync.api import shapes
from cellsync.api.people import time_text
from cellsync.api.profile import Profile, Settings, checked
from cellsync.api.service import Service
from cellsync.cell.cell import Cell
from cellsync.core.errors import VaultDamaged
from cellsync.core.versions import SPOKEN
from cellsync.doctor import OtherDevice, Subject
from cellsync.doctor import examine as examine_subject

CHECKED: Final = 256_000_000  # bytes: what is read in a second, while edits wait


async def health(service: Service, _: shapes.Nothing) -> shapes.Health:
    return shapes.Health(state=service.state, version=__version__)


async def init(service: Service, ask: shapes.Init) -> shapes.Founded:
    settings = checked(Settings(ask.lan, tuple(ask.interfaces) or "all", ask.port, service.settings.service_type))
    key = await service.found(ask.cell, ask.name, ask.passphrase, settings)
    return shapes.Founded(cell=ask.cell, name=ask.name, recovery_key=key.text)


async def unlock(service: Service, ask: shapes.Unlock) -> shapes.Unlocked:
    cell = await service.unlock(ask.passphrase, ask.idle)
    name, copied = cell.name_of(cell.device), time_text(cell.copied_at)
    return shapes.Unlocked(cell=cell.name, name=name, locks_in=service.locks_in, copied=copied)


async def lock(service: Service, _: shapes.Nothing) -> shapes.Done:
    await service.lock()
    return shapes.Done()


async def panic(service: Service, _: shapes.Nothing) -> shapes.Done:
    service.panic()
    return shapes.Done()


async def examine(service: Service, _: shapes.Nothing) -> shapes.Findings:
    """The machine, the folders and the network; with an open cell, also whether the others can be reached."""
    cell = service.cell if service.state == "open" else None
    found = await findings(service.profile, service.settings, cell, runs=True)
    return shapes.Findings(findings=found if cell is None else [*found, await _pages(cell)])


async def _pages(cell: Cell) -> shapes.Finding:
    """Whether all of an open vault can be read, also what nobody has looked at for long."""
    try:
        read = await cell.check(CHECKED)
    except VaultDamaged as error:
        return shapes.Finding(check="vault_pages", grade="bad", text="The vault is damaged.", hint=error.hint)
    if not read:
        text, hint = "This vault is large, so not all of it was read.", "cellsync backup TO reads all of it."
        return shapes.Finding(check="vault_pages", grade="unknown", text=text, hint=hint)
    return shapes.Finding(check="vault_pages", grade="good", text="Every page of the vault can be read.", hint="")


async def audit(service: Service, _: shapes.Nothing) -> shapes.Audited:
    return shapes.Audited(entries=await service.cell.audit())


async def findings(profile: Profile, settings: Settings, cell: Cell | None, *, runs: bool) -> list[shapes.Finding]:
    others = (
        []
        if cell is None
        else [
            OtherDevice(
                peer.name, peer.connected, cell.addresses_of(peer.device), peer.clock, cell.node.spoken(peer.device)
            )
            for peer in cell.peers()
        ]
    )
    subject = Subject(
        profile.folder,
        profile.vault,
        runs,
        settings.interfaces,
        settings.lan,
        settings.service_type,
        others,
        None if cell is None else cell.others_ahead,
        SPOKEN if cell is None else cell.node.versions,
    )
    return [
        shapes.Finding(check=one.check, grade=one.grade.value, text=one.text, hint=one.hint)
        for one in await examine_subject(subject)
    ]

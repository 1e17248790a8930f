"""The examination of the machine, the folders and the network: in a daemon, or without one, and then the vault stays
closed."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import trio

from cellsync.api.contract import shapes
from cellsync.api.service import Service
from cellsync.cell.cell import Cell
from cellsync.core.errors import VaultDamaged
from cellsync.core.versions import SPOKEN
from cellsync.doctor import OtherDevice, Subject
from cellsync.doctor import examine as examine_subject
from cellsync.profile.profile import Profile, Settings, UnreadableSettings

CHECKED: Final = 256_000_000  # bytes: what is read in a second, while edits wait


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


def examine_here(profile: Profile, *, silent: bool) -> dict[str, Any]:
    """`silent`: something holds the profile and does not answer."""
    found: list[shapes.Finding] = []
    try:
        settings = profile.settings()
    except UnreadableSettings as error:
        found.append(shapes.Finding(check="settings", grade="bad", text=str(error), hint=error.hint))
        settings = Settings()

    async def examine() -> list[shapes.Finding]:
        return await findings(profile, settings, None, runs=silent)

    if silent:
        text = "Something holds this profile and does not answer."
        found.append(shapes.Finding(check="daemon", grade="bad", text=text, hint="cellsync panic"))
    found += trio.run(examine)
    made: dict[str, Any] = msgspec.to_builtins(shapes.Findings(findings=found))
    return made


async def findings(profile: Profile, settings: Settings, cell: Cell | None, *, runs: bool) -> list[shapes.Finding]:
    others = (
        []
        if cell is None
        else [
            OtherDevice(
                peer.name,
                peer.connected,
                cell.addresses_of(peer.device),
                peer.clock,
                cell.node.others.spoken(peer.device),
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
        cell is not None and cell.node.hidden_by == "members",
    )
    return [
        shapes.Finding(check=finding.check, grade=finding.grade.value, text=finding.text, hint=finding.hint)
        for finding in await examine_subject(subject)
    ]

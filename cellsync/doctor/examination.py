"""The examination: all checks concurrently, each within its time limit, whatever happens to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from cellsync.doctor.clock import clock, other_clocks
from cellsync.doctor.copies import copied_folder
from cellsync.doctor.daemons import daemon
from cellsync.doctor.disk import disk_space
from cellsync.doctor.files import profile_folder, vault_folder
from cellsync.doctor.finding import Finding, unknown
from cellsync.doctor.lan import local_network
from cellsync.doctor.machine import REAL, Machine
from cellsync.doctor.memory import core_dumps, memory
from cellsync.doctor.mounts import file_system
from cellsync.doctor.network import network, vpn
from cellsync.doctor.shown import shown
from cellsync.doctor.subject import Subject, Visit
from cellsync.doctor.swap import swap
from cellsync.doctor.vault import vault_header
from cellsync.doctor.versions import versions

LISTEN_SECONDS: Final = 5.0
MORE_SECONDS: Final = 3.0  # for a check, in addition to listening

Look = Callable[[Visit], Awaitable[list[Finding]]]


def _in_thread(look: Callable[[Visit], list[Finding]]) -> Look:
    """A network file system whose server is gone hangs for ever, and so does any thread that touches it."""

    async def looked(visit: Visit) -> list[Finding]:
        limiter = trio.CapacityLimiter(1)  # its own: a hanging check takes no thread from others
        return await trio.to_thread.run_sync(look, visit, abandon_on_cancel=True, limiter=limiter)

    return looked


CHECKS: Final[tuple[tuple[str, Look], ...]] = (
    ("profile_folder", _in_thread(profile_folder)),
    ("vault_folder", _in_thread(vault_folder)),
    ("vault", _in_thread(vault_header)),
    ("file_system", _in_thread(file_system)),
    ("copied_folder", _in_thread(copied_folder)),
    ("disk_space", _in_thread(disk_space)),
    ("clock", _in_thread(clock)),
    ("other_clocks", _in_thread(other_clocks)),
    ("versions", _in_thread(versions)),
    ("swap", _in_thread(swap)),
    ("core_dumps", _in_thread(core_dumps)),
    ("memory", _in_thread(memory)),
    ("daemon", _in_thread(daemon)),
    ("network", _in_thread(network)),
    ("vpn", _in_thread(vpn)),
    ("shown", _in_thread(shown)),
    ("lan_blocked", local_network),  # and "multicast" and "device", from the same evidence
)


async def examine(
    subject: Subject, *, redact: bool = True, listen_seconds: float = LISTEN_SECONDS, machine: Machine = REAL
) -> list[Finding]:
    """All findings, in the order of the checks, after at most `listen_seconds` and three more.

    Never raises: a failed check is a finding too. Without `redact` the texts hold the subject's folders, this device's
    addresses and the labels of other devices.
    """
    visit = Visit(subject, machine, redact, listen_seconds)
    found: list[list[Finding]] = [[] for _ in CHECKS]
    async with trio.open_nursery() as nursery:
        for place, (check, look) in enumerate(CHECKS):
            nursery.start_soon(_note, check, look, visit, found[place])
    return [finding for several in found for finding in several]


async def _note(check: str, look: Look, visit: Visit, found: list[Finding]) -> None:
    try:
        with trio.fail_after(visit.seconds + MORE_SECONDS):
            found += await look(visit)
    except Exception as error:
        # Only the type: a message may hold a path.
        found.append(unknown(check, f"This could not be checked: {check} ({type(_first(error)).__name__})."))


def _first(error: BaseException) -> BaseException:
    """The first leaf of an exception group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

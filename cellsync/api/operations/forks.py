"""Forks: shown, proved, and checked when somebody else shows one."""

from __future__ import annotations

import base64
import binascii

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import Ambiguous
from cellsync.api.service import Service
from cellsync.cell.forks import Fork
from cellsync.core.errors import InvalidValue, NotFound


async def show_forks(service: Service, _: shapes.Nothing) -> shapes.Forks:
    return shapes.Forks(forks=[_shape_of(fork) for fork in await service.cell.forks()])


async def show_proof(service: Service, ask: shapes.ForkRef) -> shapes.ForkProof:
    found = [fork for fork in await service.cell.forks() if fork.id.hex().startswith(ask.fork)]
    if not found:
        raise NotFound("No fork here begins like that.", hint="cellsync fork list shows them.")
    if len(found) > 1:
        raise Ambiguous("Several forks begin like that.")
    proof = await service.cell.fork_proof(found[0])
    return shapes.ForkProof(fork=_shape_of(found[0]), proof=base64.b64encode(proof).decode())


async def check_proof(service: Service, ask: shapes.CheckFork) -> shapes.CheckedFork:
    try:
        proof = base64.b64decode(ask.proof, validate=True)
    except (ValueError, binascii.Error):
        raise InvalidValue("the proof is not in base64") from None
    shown = await service.cell.check_fork_proof(proof)
    places = {(fork.device, fork.sequence) for fork in await service.cell.forks()}
    return shapes.CheckedFork(fork=_shape_of(shown), held=(shown.device, shown.sequence) in places)


def _shape_of(fork: Fork) -> shapes.Fork:
    return shapes.Fork(
        fork=fork.id.hex(), device=fork.device.hex(), author=fork.author, sequence=fork.sequence,
        equivocator=fork.equivocator,
    )  # fmt: skip

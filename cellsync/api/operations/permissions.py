"""Permissions: whether this device may do something now, asked before a person is asked anything."""

from __future__ import annotations

from cellsync.api.contract import shapes
from cellsync.api.service import Service
from cellsync.core.errors import InvalidValue


async def check(service: Service, ask: shapes.Intended) -> shapes.Done:
    """Raises what doing it would raise, as far as that is known before."""
    cell, circle = service.cell, service.cell.circle(ask.circle or None)
    vault = cell.ledger.vault
    match ask.deed:
        case "circle.passphrase":
            pass  # any circle that is open
        case "circle.own_passphrase":
            if not vault.has_own_passphrase(circle.id):
                raise InvalidValue("It has no passphrase of its own.", hint="cellsync circle passphrase set NAME")
        case _:
            await circle.membership.check(ask.deed)
    return shapes.Done()

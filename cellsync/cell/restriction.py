"""Restriction: what may be written into one circle about the cases of another.

A circle is *restricted*, compared with another one, if every device that is active in it is active in the other as
well. So all of its readers know the other circle and may read the case there; nobody learns anything from a link
between the two but those who made it theirs. The other way round a link would tell people of a case that is kept from
them, and nobody could take that back.

What is looked at is every value of 32 bytes, wherever it stands in an entry, and not only links; who is active is what
this device knows now. Of an id that is in none of its circles it knows nothing, and refuses nothing. Whoever is
admitted to the restricted circle alone, later, reads its old links too: 32 bytes that lead nowhere there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cellsync.core.errors import LinkLeaks
from cellsync.core.ids import ID_BYTES, CaseId, SessionPublic
from cellsync.core.membership.control import harmless
from cellsync.core.wire.operations import Operation
from cellsync.ledger.circle import OpenCircle


def is_restricted(one: OpenCircle, other: OpenCircle) -> bool:
    """Whether everyone who is in `one` is in `other`."""
    return _keys(one) <= _keys(other)


def _keys(circle: OpenCircle) -> set[SessionPublic]:
    """What a device has in all circles that it is in."""
    return {grant.keys.session for grant in circle.replica.circle.active()}


def check_told(circles: Iterable[OpenCircle], to: OpenCircle, written: list[Operation]) -> None:
    """Check operations that are to be written into the circle `to`. Raises LinkLeaks."""
    others = [circle for circle in circles if circle is not to]
    if not others:
        return
    for value in ids_in(operation.plain for operation in written):
        if value in to.replica.held.cases:
            continue
        about = [circle for circle in others if value in circle.replica.held.cases]
        if about and not any(is_restricted(to, circle) for circle in about):
            other = _called(about[0])
            raise LinkLeaks(f"That is a case of {other}, and not everybody in {_called(to)} is in {other}.")


def _called(circle: OpenCircle) -> str:
    found = circle.replica.circle.found
    return f'"{harmless(found.circle_name)}"' if found is not None else "another circle"


def ids_in(values: Iterable[Any]) -> Iterator[CaseId]:
    """What may be ids of cases among these values."""
    for value in values:
        match value:
            case bytes() if len(value) == ID_BYTES:
                yield CaseId(value)
            case Mapping():
                yield from ids_in(value.keys())
                yield from ids_in(value.values())
            case list() | tuple():
                yield from ids_in(value)

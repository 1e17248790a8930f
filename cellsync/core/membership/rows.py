"""Rows: ids and tables in shapes of control entries. They are ascending and all different, so that each has one form.

(protocol/40-membership.md)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeGuard

from cellsync.core.ids import ID_BYTES, EntryId


def is_id(value: object) -> TypeGuard[bytes]:
    return type(value) is bytes and len(value) == ID_BYTES


def ids(value: object, least: int, most: int) -> tuple[EntryId, ...] | None:
    """So many ids; None if the value is anything else."""
    match value:
        case [*found] if least <= len(found) <= most:
            each = [EntryId(one) for one in found if is_id(one)]
            return tuple(each) if len(each) == len(found) and _is_ascending(each) else None
    return None


def table(
    value: object, is_key: Callable[[object], bool], fits: Callable[[object], bool], least: int, most: int
) -> dict[Any, Any] | None:
    """So many rows of a key and what fits behind it; None if the value is anything else."""
    match value:
        case [*rows] if least <= len(rows) <= most:
            pairs = [(row[0], row[1]) for row in rows if type(row) is list and len(row) == 2]
            keys = [key for key, _ in pairs]
            if len(pairs) == len(rows) and all(map(is_key, keys)) and _is_ascending(keys):
                return dict(pairs) if all(fits(found) for _, found in pairs) else None
    return None


def _is_ascending(keys: Sequence[Any]) -> bool:
    return all(one < other for one, other in pairwise(keys))

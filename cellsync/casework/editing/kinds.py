"""Kinds: the schema that is meant by "case", "person", "support task" or "cellsync.task"."""

from __future__ import annotations

import re
from typing import Final

from cellsync.casework import SCHEMAS
from cellsync.casework.values.choices import chosen, offer
from cellsync.core.errors import InvalidValue
from cellsync.core.schema.schema import Schema, kind_of


def schema_named(text: str) -> type[Schema]:
    """The schema with this kind or short name. Raises InvalidValue."""
    name = chosen(text, _NAMES) or chosen(re.sub(r"[\s_-]+", "", text), _NAMES)
    if name is None:
        raise InvalidValue("there is no such kind of case here", hint=offer(text.rpartition(".")[2], _SHORT))
    return _NAMES[name]


def _short(schema: type[Schema]) -> str:
    return kind_of(schema).rpartition(".")[2]


_SHORT: Final = [_short(schema) for schema in SCHEMAS]
_NAMES: Final[dict[str, type[Schema]]] = {
    name: schema for schema in SCHEMAS for name in (kind_of(schema), _short(schema), schema.__name__)
}

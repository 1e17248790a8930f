"""The tables of protocol/37-casework.md: kinds and fields, out of the schemas of casework themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from cellsync.casework import SCHEMAS
from cellsync.core.schema.fields import Field, Register, Sensitivity
from cellsync.core.schema.schema import Schema, fields_of, kind_of, version_of

PATH: Final = Path(__file__).parent.parent / "protocol" / "37-casework.md"
_BLOCK: Final = re.compile(r"(<!-- (\w+): made by `make reference` -->\n).*?(<!-- end of \w+ -->\n)", re.DOTALL)
_COMMENT: Final = re.compile(r"^    (\w+): .+?  # (.+)$", re.MULTILINE)
_TYPES: Final = {
    "str": "text", "int": "integer", "bool": "boolean", "float": "float", "bytes": "binary", "date": "date",
    "moment": "moment",
}  # fmt: skip


def with_kinds() -> str:
    """The part, with the tables between its marks made anew."""
    return _BLOCK.sub(lambda match: f"{match[1]}\n{_MADE[match[2]]()}\n{match[3]}", PATH.read_text())


def kinds() -> str:
    """A table of fields for each kind."""
    return "\n\n".join("\n".join(_kind(schema)) for schema in SCHEMAS)


def values() -> str:
    """Values of several parts."""
    rows = [f"| {name} | {_parts(described)} |" for name, described in sorted(_found("parts", "name").items())]
    return "\n".join(["| value | parts, with the defaults of those that may be missing |", "|---|---|", *rows])


def choices() -> str:
    """Enumerations, with the texts that are stored."""
    found = _found("values", "enum")
    rows = [f"| {name} | {' '.join(f'`{value}`' for value in one['values'])} |" for name, one in sorted(found.items())]
    return "\n".join(["| enumeration | values |", "|---|---|", *rows])


_MADE: Final[dict[str, Callable[[], str]]] = {"kinds": kinds, "values": values, "choices": choices}


# --- inside -----------------------------------------------------------------------------------------


def _kind(schema: type[Schema]) -> Iterator[str]:
    yield f"### `{kind_of(schema)}`, version {version_of(schema)}\n"
    yield "| field | type | value | unwritten | compartment | |"
    yield "|---|---|---|---|---|---|"
    notes = _notes(schema)
    for name, own in fields_of(schema).items():
        described = own.describe()
        value = ", ".join(map(_value, described.get("values", ())))
        row = f"`{name}`", described["type"], value, _unwritten(own), described["sensitivity"], notes.get(name, "")
        yield f"| {' | '.join(row)} |"


def _notes(schema: type[Schema]) -> dict[str, str]:
    """What is said beside a field in its declaration."""
    found: dict[str, str] = {}
    for base in reversed(schema.__mro__[: schema.__mro__.index(Schema)]):
        found |= {
            name: note.replace("None", "nil").replace("->", "→")
            for name, note in _COMMENT.findall(inspect.getsource(base))
        }
    return found


def _unwritten(own: Field) -> str:
    if not isinstance(own, Register):
        return ""
    return "(given)" if own.required else _plain(own.kinds[0].encode(own.default))


def _plain(value: Any) -> str:
    """A stored value, as the text writes it."""
    match value:
        case None:
            return "nil"
        case bool():
            return str(value).lower()
        case str():
            return f"`{value}`" if value else "empty"
        case b"":
            return "empty"
        case list():
            return f"[{', '.join(map(_plain, value))}]"
    return str(value)


def _value(described: Any) -> str:
    if isinstance(described, str):
        return _TYPES[described]
    if "optional" in described:
        return f"{_value(described['optional'])} or nil"
    if "list" in described:
        return f"array of {_value(described['list'])}"
    return _named(described.get("enum") or described["name"])


def _named(name: str) -> str:
    """The name of a type in words: `PartialDate` is a partial date."""
    if name == Sensitivity.__name__:
        return "compartment"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _parts(described: Any) -> str:
    def one(name: str, value: Any) -> str:
        default = described["defaults"].get(name, ...)
        return f"`{name}` {_value(value)}" + ("" if default is ... else f" = {_plain(default)}")

    return "; ".join(one(name, value) for name, value in described["parts"].items())


def _found(marked: str, named: str) -> dict[str, Any]:
    """All descriptions of values that have `marked`, anywhere in a schema, by their name."""
    found: dict[str, Any] = {}

    def visit(described: Any) -> None:
        if isinstance(described, dict):
            if marked in described:
                found[_named(described[named])] = described
            for inner in (*described.get("parts", {}).values(), described.get("optional"), described.get("list")):
                visit(inner)

    for schema in SCHEMAS:
        for own in fields_of(schema).values():
            for described in own.describe().get("values", ()):
                visit(described)
    return found

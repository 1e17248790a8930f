"""A mapping in a file: TOML or JSON. An error names the line of the mistake."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from cellsync.casework.importing.mapping import BadMapping, Mapping
from cellsync.core import strict_json
from cellsync.core.errors import InvalidValue

_AT_LINE: Final = re.compile(r"at line (\d+)")
_BARE_KEY: Final = re.compile(r"\s*([^\"'#=\[]*[^\"'#=\[\sA-Za-z0-9_.-][^\"'#=\[]*?)\s*=")
_SHAPE: Final = 'Write lines as "Nr" = "external_id".'


def load(path: Path) -> dict[str, Any]:
    """The columns and where they go, for `Mapping.of`. Raises InvalidValue, BadMapping."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError:
        raise InvalidValue("the mapping file cannot be opened", hint="Check its name and permissions.") from None
    except UnicodeDecodeError:
        raise InvalidValue("the mapping file is not UTF-8", hint="Save it as UTF-8.") from None
    columns = _json(text) if path.suffix.lower() == ".json" else _toml(text)
    try:
        Mapping.of(columns)
    except BadMapping as bad:
        where = _line_of(bad.column, text)
        raise BadMapping(f"{where}{bad}", hint=bad.hint, column=bad.column) from None
    return columns


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        wrong = text.splitlines()[line - 1] if 0 < line <= len(text.splitlines()) else ""
        hint = _SHAPE
        if key := _BARE_KEY.match(wrong):
            hint = f'Names with other characters than A-Z, digits, - and _ need quotes: "{key[1].strip()}" = …'
        raise InvalidValue(f"the mapping file is neither TOML nor JSON: look at line {line}", hint=hint) from None


def _json(text: str) -> dict[str, Any]:
    try:
        columns = strict_json.read_text(text)
    except strict_json.NotStrict as error:
        raise InvalidValue(f"the mapping file {error}", hint='Write {"Nr": "external_id", "ФИО": "name"}.') from None
    if not isinstance(columns, dict):
        raise InvalidValue("the mapping file is not a list of columns", hint=_SHAPE)
    return columns


def _line_of(column: str, text: str) -> str:
    """ "line 3: ", for the first line that names this column; "" if none does."""
    for number, line in enumerate(text.splitlines(), 1):
        if column and column in line.partition("=")[0].partition(":")[0]:
            return f"line {number}: "
    return ""

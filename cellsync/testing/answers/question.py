"""A question, read field by field: what is missing, or has another type, makes it none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_MISSING: Final = object()


class BadQuestion(Exception):
    """A question that is not of the form that its part has."""


class Answer(NamedTuple):
    """A verdict, and what was read or computed."""

    expect: str
    result: Mapping[str, Any] | None = None


def ok(**result: Any) -> Answer:
    return Answer("ok", result or None)


class Given:
    """What a question gives."""

    def __init__(self, fields: object) -> None:
        if not isinstance(fields, dict):
            raise BadQuestion("what is given is no object")
        self._fields: dict[str, Any] = fields

    def has(self, name: str) -> bool:
        return name in self._fields

    def number(self, name: str, otherwise: int | None = None) -> int:
        value = self._field(name, otherwise)
        if type(value) is str:
            try:
                return int(value)
            except ValueError:
                raise BadQuestion(f"{name} is no number") from None
        if type(value) is not int:
            raise BadQuestion(f"{name} is no number")
        return value

    def raw(self, name: str, size: int | None = None) -> bytes:
        return _bytes(name, self._field(name), size)

    def raws(self, name: str, size: int | None = None) -> list[bytes]:
        return [_bytes(name, value, size) for value in self.values(name)]

    def values(self, name: str) -> list[Any]:
        value = self._field(name)
        if type(value) is not list:
            raise BadQuestion(f"{name} is no array")
        return value

    def each(self, name: str) -> list[Given]:
        return [Given(value) for value in self.values(name)]

    def text(self, name: str) -> str:
        value = self._field(name)
        if type(value) is not str:
            raise BadQuestion(f"{name} is no text")
        return value

    def truth(self, name: str) -> bool:
        value = self._field(name)
        if type(value) is not bool:
            raise BadQuestion(f"{name} is neither true nor false")
        return value

    def one_of(self, name: str, known: Mapping[str, Any]) -> Any:
        value = self.text(name)
        if value not in known:
            raise BadQuestion(f"{name} is none that there is")
        return known[value]

    def _field(self, name: str, otherwise: object = None) -> Any:
        value = self._fields.get(name, _MISSING)
        if value is _MISSING and otherwise is None:
            raise BadQuestion(f"{name} is missing")
        return otherwise if value is _MISSING else value


def _bytes(name: str, value: object, size: int | None) -> bytes:
    if type(value) is not str or value != value.lower() or not value.isascii() or " " in value:
        raise BadQuestion(f"{name} is not hexadecimal")
    try:
        found = bytes.fromhex(value)
    except ValueError:
        raise BadQuestion(f"{name} is not hexadecimal") from None
    if size is not None and len(found) != size:
        raise BadQuestion(f"{name} has not {size} bytes")
    return found

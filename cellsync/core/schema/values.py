"""Value types: how a Python type of a schema is stored, and how stored values that do not fit it are treated.

A `ValueType` turns a value into a plain one (nil, bool, int, float, str, bytes, list: see protocol/35-cases.md,
Schemas) and back. Both directions raise `Misfit`. When writing, that becomes an InvalidValue that names the field; when
reading, the value is left out of the typed view and shown raw: a newer version or another client wrote it, and it
is not ours to judge.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, InvalidValue, TooLarge
from cellsync.core.wire import codec

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INT_BITS: Final = 63
LARGEST: Final = caps.ENTRY - 1024  # bytes of a value: the rest of the entry is left for its shape
DEEPEST: Final = caps.NESTING - 2  # nested containers in a value
ELEMENTS: Final = caps.VALUE_ELEMENTS - 2  # of a value: two are left for the pair of a key and its value


_SCALARS: Final = frozenset({str, int, bool, bytes, float, type(None)})


class Misfit(Exception):
    """A value does not fit a type. Says nothing about the value."""


class Nothing:
    """The type of `NOTHING`, which marks the lack of an empty value."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = Nothing()


class ValueType(NamedTuple):
    """How one Python type is stored."""

    description: Any  # plain, for clients in other languages
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    empty: Any = NOTHING  # the value of an unwritten field without a declared default


def moment(clock: int) -> datetime:
    """A clock reading in ms as a UTC time; a claim beyond the calendar reads as its end."""
    try:
        return _EPOCH + timedelta(milliseconds=clock)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if clock > 0 else datetime.min.replace(tzinfo=UTC)


def value_type(annotation: Any) -> ValueType:
    """The value type of a Python type. Raises TypeError if such values cannot be stored."""
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _choice({"literal": list(arguments)}, {argument: argument for argument in arguments})
    if origin in (Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        if len(inner) != 1 or len(arguments) != 2:
            raise TypeError(f"{annotation} cannot be stored: of unions, only `T | None`")
        return _optional(value_type(inner[0]))
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _list(value_type(arguments[0]))
    if isinstance(annotation, type):
        if issubclass(annotation, Enum):
            choices = {choice: choice.value for choice in annotation}
            return _choice({"enum": annotation.__name__, "values": list(choices.values())}, choices)
        if issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
            return _parts(annotation, annotation._fields, annotation._field_defaults)  # type: ignore[attr-defined]
        if dataclasses.is_dataclass(annotation):
            if not annotation.__dataclass_params__.frozen:  # type: ignore[attr-defined]
                raise TypeError(f"{annotation.__name__} cannot be stored: values never change, so make it frozen=True")
            fields = dataclasses.fields(annotation)
            defaults = {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}
            return _parts(annotation, tuple(field.name for field in fields), defaults)
    raise TypeError(f"values of type {annotation} cannot be stored")


def store(kind: ValueType, field: str, value: Any) -> Any:
    """The plain form of a value to be written.

    Raises InvalidValue or TooLarge, which name the field, the type it takes and the type given, never the value.
    """
    try:
        plain = kind.encode(value)
        raw = codec.encode(plain)
    except UnicodeEncodeError:
        raise InvalidValue(f"{field!r}: a text with half of a surrogate pair in it is no Unicode") from None
    except (Misfit, TypeError, ValueError, OverflowError):
        what = f"{field!r} takes {named(kind.description)}; this {type(value).__name__} does not fit"
        raise InvalidValue(what) from None
    if too_large := _too_large(plain, raw):
        raise TooLarge(f"{field!r}: {too_large}") from None
    return plain


def _too_large(plain: Any, raw: bytes) -> str:
    """The limit that an encoded value exceeds; "" if none."""
    if len(raw) > LARGEST:
        return f"one value has at most {LARGEST >> 10} KiB, and this one has {-(-len(raw) // 1024)} KiB"
    if not isinstance(plain, (list, tuple, dict)):
        return ""
    if type(plain) is list and len(plain) < ELEMENTS and _SCALARS.issuperset(map(type, plain)):
        return ""  # the common case, which need not be counted
    if codec.nesting(raw) > DEEPEST:
        return f"in one value at most {DEEPEST} lists and maps stand inside one another"
    try:
        if codec.elements(raw, caps.VALUE_ELEMENTS, caps.VALUE_ELEMENTS) <= ELEMENTS:
            return ""
    except CapExceeded:
        pass
    return f"one value has at most {ELEMENTS} elements"


def named(description: Any) -> str:
    """The values that a type takes, described for programmers."""
    if isinstance(description, str):
        return _NAMED[description]
    if "optional" in description:
        return f"{named(description['optional'])} or None"
    if "list" in description:
        return f"a tuple, each item {named(description['list'])}"
    if "parts" in description:
        return f"a {description['name']}"
    choices = description["values"] if "enum" in description else description["literal"]
    return f"{'a ' + description['enum'] + ', ' if 'enum' in description else ''}one of {', '.join(map(repr, choices))}"


def fits(kind: ValueType, plain: Any) -> bool:
    try:
        kind.decode(plain)
    except Misfit:
        return False
    return True


# --- the types --------------------------------------------------------------------------------------


def _exactly(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise Misfit
        return value

    return check


def _encode_str(value: Any) -> str:
    if not isinstance(value, str):
        raise Misfit
    return str.__str__(value) if type(value) is str else str.__str__(value)[:]


def _encode_int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Misfit
    return _decode_int(int(value))


def _decode_int(value: Any) -> int:
    if type(value) is not int or not -(1 << _INT_BITS) <= value < 1 << _INT_BITS:
        raise Misfit
    return value


def _encode_float(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise Misfit
    return _decode_float(float(value))


def _decode_float(value: Any) -> float:
    if type(value) is not float or not math.isfinite(value):
        raise Misfit
    return value


def _encode_date(value: Any) -> str:
    if type(value) is not date:  # a datetime is a date to Python, not to people
        raise Misfit
    return value.isoformat()


def _decode_date(value: Any) -> date:
    try:
        if type(value) is str and len(value) == 10:
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise Misfit


def _encode_moment(value: Any) -> int:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Misfit
    return (value - _EPOCH) // timedelta(milliseconds=1)


def _decode_moment(value: Any) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=_decode_int(value))
    except OverflowError:
        raise Misfit from None


def _plain(value: Any) -> Any:
    return value


_SIMPLE: Final[Mapping[Any, ValueType]] = {
    str: ValueType("str", _encode_str, _exactly(str), ""),
    int: ValueType("int", _encode_int, _decode_int, 0),
    bool: ValueType("bool", _exactly(bool), _exactly(bool), False),
    float: ValueType("float", _encode_float, _decode_float, 0.0),
    bytes: ValueType("bytes", _exactly(bytes), _exactly(bytes), b""),
    date: ValueType("date", _encode_date, _decode_date),
    datetime: ValueType("moment", _encode_moment, _decode_moment),
    Any: ValueType("any", _plain, _plain, None),
}

_NAMED: Final = {
    "str": "a text (str)",
    "int": "a whole number (int) of at most 63 bits",
    "bool": "True or False",
    "float": "a finite number (float)",
    "bytes": "bytes",
    "date": "a date (datetime.date)",
    "moment": "a datetime with a time zone",
    "any": "plain values: None, bool, int of at most 64 bits, float, str, bytes, lists and dicts of these by str",
}
PLAIN: Final = _SIMPLE[Any]


def _choice(description: Any, choices: Mapping[Any, Any]) -> ValueType:
    """One of a few values; 1, True and "1" are three different values."""
    if not all(type(plain) in (str, int) for plain in choices.values()):
        raise TypeError("enumerations and literals are stored by value: str or int")
    values = {(type(plain), plain): value for value, plain in choices.items()}

    def encode(value: Any) -> Any:
        for choice, plain in choices.items():
            if choice is value or (type(choice) is type(value) and choice == value):
                return plain
        raise Misfit

    def decode(plain: Any) -> Any:
        if type(plain) not in (str, int) or (type(plain), plain) not in values:
            raise Misfit
        return values[type(plain), plain]

    return ValueType(description, encode, decode)


def _optional(inner: ValueType) -> ValueType:
    def encode(value: Any) -> Any:
        return None if value is None else inner.encode(value)

    def decode(plain: Any) -> Any:
        return None if plain is None else inner.decode(plain)

    return ValueType({"optional": inner.description}, encode, decode, None)


def _list(inner: ValueType) -> ValueType:
    def encode(value: Any) -> Any:
        if not isinstance(value, (tuple, list)):
            raise Misfit
        return [inner.encode(element) for element in value]

    def decode(plain: Any) -> Any:
        if type(plain) is not list:
            raise Misfit
        return tuple(inner.decode(element) for element in plain)

    return ValueType({"list": inner.description}, encode, decode, ())


def _parts(made: type, names: tuple[str, ...], defaults: Mapping[str, Any]) -> ValueType:
    """A value with named parts (NamedTuple or frozen dataclass), stored as the array of them."""
    hints = get_type_hints(made)
    kinds = [value_type(hints[name]) for name in names]
    required = sum(name not in defaults for name in names)

    def encode(value: Any) -> Any:
        if type(value) is not made:
            raise Misfit
        return [kind.encode(getattr(value, name)) for name, kind in zip(names, kinds, strict=True)]

    def decode(plain: Any) -> Any:
        if type(plain) is not list or len(plain) < required:
            raise Misfit
        parts = {name: kind.decode(part) for name, kind, part in zip(names, kinds, plain, strict=False)}
        try:
            return made(**parts)
        except Exception:  # the type's own checks refuse it, by whatever exception
            raise Misfit from None

    by_name = dict(zip(names, kinds, strict=True))
    parts = {name: kind.description for name, kind in by_name.items()}
    try:
        left_out = {name: by_name[name].encode(value) for name, value in defaults.items()}
    except Misfit:
        raise TypeError(f"{made.__name__}: a default does not fit the part that it stands for") from None
    return ValueType({"parts": parts, "defaults": left_out, "name": made.__name__}, encode, decode)

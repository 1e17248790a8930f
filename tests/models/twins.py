"""A twin of each type: it behaves the same under another name, with tags of its own. Only tests know the twins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final, TypeVar

from cellsync.core.crdt.row import CrdtType, Pen
from cellsync.core.crdt.types import BY_TAG, TYPES, enter
from cellsync.core.schema.fields import Counter, Field, Log, Map, Register, Set

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

FURTHER: Final = 100
_TAGGED: Final = ("record", "fold", "replace", "remove")


class _TwinPen:
    """The same pen, with the tags of the twin."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._pen, name)
        return (lambda tag, *given, **more: own(tag + FURTHER, *given, **more)) if name in _TAGGED else own


def _edit(original: Callable[..., None]) -> Callable[..., None]:
    return lambda pen, *given: original(_TwinPen(pen), *given)


def _twin(row: CrdtType) -> CrdtType:
    return row._replace(
        name=f"{row.name}-twin",
        acts={tag + FURTHER: act for tag, act in row.acts.items()},
        edits={verb: _edit(edit) for verb, edit in row.edits.items()},
        meanwhile=None,
        apart=False,
    )


class TwinRegister(Register[T]):
    crdt: ClassVar[str] = "register-twin"


class TwinSet(Set[T]):
    crdt: ClassVar[str] = "set-twin"


class TwinMap(Map[K, V]):
    crdt: ClassVar[str] = "map-twin"


class TwinCounter(Counter):
    crdt: ClassVar[str] = "counter-twin"


class TwinLog(Log[T]):
    crdt: ClassVar[str] = "log-twin"


def fields(name: str) -> Iterator[tuple[Field, Field]]:
    """Pairs of fields, one of each type and one of its twin, with names that begin with `name`."""
    pairs: list[tuple[Field, Field, tuple[Any, ...]]] = [
        (Register[str](default=""), TwinRegister[str](default=""), (str,)),
        (Set[str](), TwinSet[str](), (str,)),
        (Map[str, str](), TwinMap[str, str](), (str, str)),
        (Counter(), TwinCounter(), ()),
        (Log[str](), TwinLog[str](), (str,)),
    ]
    for original, twin, kinds in pairs:
        original.bind(f"{name}_{original.crdt}", kinds)
        twin.bind(f"{name}_{original.crdt}_twin", kinds)
        yield original, twin


@contextmanager
def registered() -> Iterator[None]:
    rows = [_twin(row) for row in TYPES.values()]
    for row in rows:
        enter(row)
    try:
        yield
    finally:
        for row in rows:
            del TYPES[row.name]
            for tag in row.acts:
                del BY_TAG[tag]

"""Borrowed: copy-on-access for the many fields of a state.

A member may write 131,072 fields into a case, of which a draft touches one. The original must not change any more: a
state with so many fields is far heavier than any that is kept and folded further (`states`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

MANY: Final = 32_768  # fields of one type


class Borrowed(dict[str, Any]):
    """Behaves like a dict of all fields; the dict itself holds only copied and new ones."""

    __slots__ = ("_theirs",)

    def __init__(self, theirs: Mapping[str, Any]) -> None:
        super().__init__()
        self._theirs = theirs

    def __missing__(self, name: str) -> Any:
        state = self[name] = self._theirs[name].copy()
        return state

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._theirs

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._theirs if not super(Borrowed, self).__contains__(name))
        yield from super().__iter__()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def keys(self) -> Any:
        return iter(self)

    def values(self) -> Any:
        """Read-only."""
        return (state for _, state in self.items())

    def items(self) -> Any:
        """Read-only."""
        yield from ((name, log) for name, log in self._theirs.items() if not super(Borrowed, self).__contains__(name))
        yield from super().items()


def copied(states: dict[str, Any]) -> dict[str, Any]:
    """A copy of the fields of one type."""
    if len(states) > MANY:
        return Borrowed(states)
    return {name: state.copy() for name, state in states.items()}

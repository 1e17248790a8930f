"""The confirmation of a pairing: the questions people answer before a device is added."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from cellsync.cell.member import FormerMember, Member
from cellsync.core.errors import InvalidValue


class Asked(NamedTuple):
    """Compare these words with those on the other device, by voice or side by side."""

    name: str  # of the person who wants to join, as they call themselves; "" on the joining device
    words: tuple[str, ...]
    clock_ahead: float = 0.0  # seconds by which the other device's clock is ahead of this one's; negative: behind
    namesakes: tuple[Member, ...] = ()  # members whose name could be mistaken for this one: is it the same person?
    former: tuple[FormerMember, ...] = ()  # the same of those who were removed or have left: should they come back?

    def __repr__(self) -> str:
        return "<asked>"  # no name, no words


Confirm = Callable[[Asked], bool | Awaitable[bool]]
"""Asks a person; True only if the words are the same on both devices, and the person is the one expected."""


class Introduction(NamedTuple):
    """The person who joins: their name for the others, and the passphrase of the new vault."""

    name: str
    passphrase: str

    def __repr__(self) -> str:
        return "<introduction>"


Introduce = Callable[[], Introduction | Awaitable[Introduction]]
"""Asks a person who they are, once the code has turned out to be right."""


def checked_confirm(confirm: Confirm) -> None:
    """Raises InvalidValue for anything that cannot be called: found out only at the words, it would cost the code."""
    if not callable(confirm):
        raise InvalidValue(f"`confirm` is a function that asks a person, and no {type(confirm).__name__}")


async def introduction(introduce: Introduce) -> Introduction:
    answer = introduce()
    return await answer if inspect.isawaitable(answer) else answer


async def ask(confirm: Confirm, asked: Asked) -> bool:
    answer = confirm(asked)
    return await answer if inspect.isawaitable(answer) else answer

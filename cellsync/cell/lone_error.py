"""A lone error: a nursery puts even one into a group; a program that calls this library catches the error itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def the_only(error: BaseException) -> BaseException:
    """The one exception in a group of one, however deep; a group of several stays as it is."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


@contextmanager
def unwrapped() -> Iterator[None]:
    """Around a nursery, or what has one inside: its only error comes out as it is."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise the_only(group) from None

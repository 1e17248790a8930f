"""A lone error: nurseries wrap even a single one in a group; callers of this library catch the error itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def the_only(error: BaseException) -> BaseException:
    """The only exception in a group, however deep; a group of several stays as it is."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


@contextmanager
def unwrapped() -> Iterator[None]:
    """Wrap this around a nursery, or code with one inside, to raise a lone error without its group."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise the_only(group) from None

"""How errors of the operating system are named."""

from __future__ import annotations

import errno

import pytest

from cellsync.core.errors import DiskFull, StorageFailed
from cellsync.store.files import ReadOnlyDisk, file_errors


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.ENOSPC, DiskFull, "full"),
        (errno.EDQUOT, DiskFull, "full"),
        (errno.EROFS, ReadOnlyDisk, "read-only"),
        (errno.EIO, StorageFailed, "could not be read or written"),
    ],
)
def test_errors_of_the_system_have_names(number: int, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as caught, file_errors():
        raise OSError(number, "a path that nobody should read", "/home/ana")
    assert "ana" not in str(caught.value)

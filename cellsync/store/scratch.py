"""Scratch: data too large for memory, which must not be left on a disk, in a sealed file without a name.

1. Every block is sealed under a key that is drawn with the first write and held only in this process's memory. Once the
   process has ended, nobody can read what the disk still holds.
2. The file has no name, so nothing is left over after a crash.
3. Data that fits into one block never reaches the disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Final, Self

from cellsync.core.crypto.primitives import KEY_BYTES, NONCE_BYTES, TAG_BYTES, Aead
from cellsync.core.errors import Malformed, StorageFailed
from cellsync.store.files import file_errors

BLOCK: Final = 3 << 17  # bytes; a multiple of three, so that blocks in base64 can be put together


class Scratch:
    """Written from the beginning to the end, then read block by block. It may be closed while a thread reads."""

    def __init__(self, folder: Path, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._folder = folder
        self._entropy = entropy
        self._file: IO[bytes] | None = None
        self._open = Lock()
        self.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def clear(self) -> None:
        """Discard everything written. A nonce is the number of a block, so there is a new key."""
        self.close()
        self._aead: Aead | None = None
        self._sealed = 0  # blocks
        self._rest = bytearray()  # the last block
        self._hash = blake2b(digest_size=32)

    def close(self) -> None:
        """Free the disk space."""
        with self._open:
            if self._file is not None:
                self._file.close()
                self._file = None

    @property
    def blocks(self) -> int:
        """At least one, which may be empty."""
        return self._sealed + 1

    @property
    def digest(self) -> bytes:
        """BLAKE2b-256 of everything written."""
        return self._hash.digest()

    def write(self, piece: bytes) -> None:
        """Raises DiskFull, StorageFailed."""
        self._hash.update(piece)
        self._rest += piece
        while len(self._rest) > BLOCK:
            self._seal(bytes(self._rest[:BLOCK]))
            del self._rest[:BLOCK]

    def _seal(self, block: bytes) -> None:
        with self._open, file_errors():
            if self._file is None or self._aead is None:
                self._file = TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 (`close`)
                self._aead = Aead(self._entropy(KEY_BYTES))
            sealed = memoryview(self._aead.seal(_nonce(self._sealed), block))
            os.lseek(self._file.fileno(), _place(self._sealed), os.SEEK_SET)
            while sealed:
                sealed = sealed[os.write(self._file.fileno(), sealed) :]
        self._sealed += 1

    def read(self, number: int) -> bytes:
        """A block, counted from 0. Raises IndexError, StorageFailed."""
        if not 0 <= number <= self._sealed:
            raise IndexError
        if number == self._sealed:
            return bytes(self._rest)
        with self._open, file_errors():
            if self._file is None or self._aead is None:
                raise StorageFailed("It is not there any more.")
            os.lseek(self._file.fileno(), _place(number), os.SEEK_SET)
            sealed = os.read(self._file.fileno(), BLOCK + TAG_BYTES)
        try:
            return self._aead.open(_nonce(number), sealed)
        except Malformed:
            raise StorageFailed("The disk has not kept what was written to it.") from None


def _place(number: int) -> int:
    return number * (BLOCK + TAG_BYTES)


def _nonce(number: int) -> bytes:
    return number.to_bytes(NONCE_BYTES, "little")

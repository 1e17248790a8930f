"""The connection to a circle's database: its key, its lock, and how durable and how forgetful it is.

(protocol/70-vault.md, Databases)
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

import apsw

from cellsync.core.errors import StorageFailed
from cellsync.core.ids import DatabaseKey
from cellsync.store.edge import meaning
from cellsync.store.files import file_errors

PAGE_BYTES: Final = 8_192  # measured: 4 KiB costs 7 % more per entry in bulk, 16 KiB 20 % more per single edit
_KEY_BYTES: Final = 32
_CIPHER: Final = "chacha20"  # named, because defaults move between releases
_PLAINTEXT_MAGIC: Final = b"SQLite format 3\0"


def connect(path: Path, key: DatabaseKey, cache_bytes: int) -> apsw.Connection:
    """A keyed connection that holds the file's lock. Raises VaultDamaged, VaultInUse or StorageFailed."""
    _check_key(key)
    connection = None
    try:
        # As URI, so that a copy can be made under another key; an absolute path is none itself.
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
        connection = apsw.Connection(os.fspath(path.absolute()), flags=flags)
        _unlock(connection, key)
        _configure(connection, cache_bytes)
        return connection
    except apsw.Error as error:
        failure = meaning(error)
    if connection is not None:
        connection.close()
    raise failure


def keyed(path: Path, key: DatabaseKey) -> str:
    """The name by which `VACUUM INTO` makes a database with this key. It holds the key."""
    _check_key(key)
    return f"file:{quote(os.fsencode(path.absolute()))}?cipher={_CIPHER}&key=raw:{key.reveal().hex()}"


def _check_key(key: DatabaseKey) -> None:
    if len(key.reveal()) != _KEY_BYTES:
        raise ValueError("a database key has 32 bytes")  # SQLite would take another length for a passphrase


def _unlock(connection: apsw.Connection, key: DatabaseKey) -> None:
    connection.pragma("cipher", _CIPHER)
    statement = f"PRAGMA key = 'raw:{key.reveal().hex()}'"
    if connection.execute(statement, can_cache=False).get != "ok":
        connection.close()
        raise StorageFailed("This SQLite has no encryption; nothing was written.")


def _configure(connection: apsw.Connection, cache_bytes: int) -> None:
    connection.pragma("page_size", PAGE_BYTES)  # has effect on a new file only
    connection.pragma("locking_mode", "exclusive")  # before the first read, so that no shared memory is made
    if connection.pragma("journal_mode", "wal") != "wal":
        raise apsw.CantOpenError
    connection.pragma("synchronous", "full")
    connection.pragma("fullfsync", True)  # macOS: to the platters; elsewhere it is what fsync does
    connection.pragma("checkpoint_fullfsync", True)
    connection.pragma("secure_delete", True)
    connection.pragma("temp_store", "memory")
    connection.pragma("mmap_size", 0)
    connection.pragma("cache_size", -(cache_bytes >> 10))
    connection.execute("BEGIN EXCLUSIVE; COMMIT")  # takes the lock now, and reads the first page


def check_encrypted(path: Path) -> None:
    """A misspelt pragma silently leaves a plaintext file, so check."""
    with file_errors(), path.open("rb") as file:
        beginning = file.read(len(_PLAINTEXT_MAGIC))
    if len(beginning) < len(_PLAINTEXT_MAGIC) or beginning == _PLAINTEXT_MAGIC:
        raise StorageFailed("The database was not encrypted; it is not used.")

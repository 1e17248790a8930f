"""Floors: code for the fewest steps with which any program could keep the same promises.

Chained floor. Two processes; the receiver reads frames from a socket, decrypts ChaCha20-Poly1305, decodes msgpack,
hashes each entry and chains it (two hashes), verifies one signature per batch, and inserts one row per entry into an
encrypted SQLite file, one FULL commit per batch. It leaves out everything that is particular to cellsync: headers with
heights and parents, the check that bytes are canonical, caps, membership, the fold with its snapshots, heads of cases
and chains, the order of arrival, acknowledgements, the handshake.

Commit floor. One row of an entry's size, one FULL commit, the same kind of file.
"""

from __future__ import annotations

import gc
import os
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO, Final

import apsw
import msgpack
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from nacl.signing import SigningKey, VerifyKey

from bench.children import Child, tell
from cellsync.core.ids import DatabaseKey
from cellsync.store.sqlite import SqliteStore

BATCH: Final = 3_500  # entries: 1 MB, as large as cellsync's
FRAME: Final = 65_519  # bytes of plaintext
_LENGTH: Final = struct.Struct(">I")
_FACTS: Final = struct.Struct(">QqB")
_TABLE: Final = """
CREATE TABLE entries (
    number INTEGER PRIMARY KEY, id BLOB, case_number INTEGER, clock INTEGER, kind INTEGER, shape BLOB, content BLOB
)
"""

Said = tuple[int, int, int, bytes, bytes]
"""The parts of an entry that must reach the other side: case, clock, kind, shape, content."""


class Database:
    """An encrypted file with a single table, and nothing that is particular to cellsync."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._db = apsw.Connection(os.fspath(path))
        self._db.pragma("cipher", "chacha20")
        self._db.execute(f"PRAGMA key = 'raw:{key.hex()}'")
        self._db.pragma("page_size", 8192)
        self._db.pragma("locking_mode", "exclusive")
        self._db.pragma("journal_mode", "wal")
        self._db.pragma("synchronous", "full")
        self._db.pragma("cache_size", -(32 << 10))
        self._db.execute(_TABLE)
        self._count = 0

    def insert(self, rows: Sequence[tuple[bytes, int, int, int, bytes, bytes]]) -> None:
        """One durable commit."""
        self._db.execute("BEGIN IMMEDIATE")
        numbered = ((number, *row) for number, row in enumerate(rows, start=self._count))
        self._db.executemany("INSERT INTO entries VALUES (?,?,?,?,?,?,?)", numbered)
        self._db.execute("COMMIT")
        self._count += len(rows)

    def commit_seconds(self, size: int) -> float:
        """The seconds that it takes to make one row of `size` bytes durable."""
        row = os.urandom(32), 0, 0, 0, b"", os.urandom(size)
        began = perf_counter()
        self.insert([row])
        return perf_counter() - began

    def close(self) -> None:
        self._db.close()


def chained(source: Path, source_key: DatabaseKey, target: Path) -> float:
    """Entries per second of the chained floor, for the entries of a store."""
    key = os.urandom(32).hex()
    job = {"path": str(source), "source key": source_key.reveal().hex(), "key": key, "target": str(target)}
    with Child("floor", "give", job) as giver:
        hello = giver.hear()
        with Child("floor", "take", {**job, **hello}) as taker:
            return float(taker.hear()["rate"])


# --- the giver ----------------------------------------------------------------------------------


def give(job: Mapping[str, Any]) -> None:
    store = SqliteStore.open(Path(job["path"]), DatabaseKey(bytes.fromhex(job["source key"])))
    signer = SigningKey(bytes.fromhex(job["key"]))
    cipher = ChaCha20Poly1305(bytes.fromhex(job["key"]))
    gc.disable()
    with socket.create_server(("127.0.0.1", 0)) as server:
        verifier = signer.verify_key.encode().hex()
        entries = sum(chain.length for chain in store.chains())
        tell({"port": server.getsockname()[1], "verifier": verifier, "entries": entries})
        connection, _ = server.accept()
    rows = (
        (entry.case, entry.clock, entry.kind, entry.shape, entry.content)
        for chain in store.chains()
        for at in range(1, chain.length + 1, BATCH)
        for entry in store.chain_slice(chain.number, at, min(at + BATCH - 1, chain.length))
    )
    nonce = 0
    head = bytes(32)
    with connection, connection.makefile("wb") as out:
        while batch := list(islice(rows, BATCH)):
            for said in batch:
                head = chain_on(head, said)
            plain = msgpack.packb([signer.sign(head).signature, batch])
            frames = [plain[at : at + FRAME] for at in range(0, len(plain), FRAME)]
            for frame in frames:
                sealed = cipher.encrypt(nonce.to_bytes(12, "little"), frame, None)
                out.write(_LENGTH.pack(len(sealed) << 1 | (frame is frames[-1])) + sealed)
                nonce += 1
            out.flush()
    store.close()


# --- the receiver -------------------------------------------------------------------------------


def take(job: Mapping[str, Any]) -> None:
    verifier = VerifyKey(bytes.fromhex(job["verifier"]))
    database = Database(Path(job["target"]), bytes.fromhex(job["key"]))
    gc.disable()
    head, count = bytes(32), 0
    began = perf_counter()
    with socket.create_connection(("127.0.0.1", job["port"])) as connection, connection.makefile("rb") as source:
        for plain in _batches(source, ChaCha20Poly1305(bytes.fromhex(job["key"]))):
            signature, batch = msgpack.unpackb(plain)
            rows = []
            for said in batch:
                head = chain_on(head, said)
                rows.append((head, *said))
            verifier.verify(head, signature)
            database.insert(rows)
            count += len(rows)
    seconds = perf_counter() - began
    assert count == job["entries"]
    database.close()
    tell({"rate": count / seconds})


def chain_on(head: bytes, said: Said) -> bytes:
    """The two hashes per entry: that of its content, and that of everything else together with the previous hash."""
    case, clock, kind, shape, content = said
    inner = blake2b(content, digest_size=32).digest()
    return blake2b(head + _FACTS.pack(case, clock, kind) + shape + inner, digest_size=32).digest()


def _batches(source: BinaryIO, cipher: ChaCha20Poly1305) -> Iterator[bytes]:
    nonce = 0
    parts: list[bytes] = []
    while header := source.read(_LENGTH.size):
        length, last = divmod(_LENGTH.unpack(header)[0], 2)
        parts.append(cipher.decrypt(nonce.to_bytes(12, "little"), source.read(length), None))
        nonce += 1
        if last:
            yield b"".join(parts)
            parts = []

"""Hashes of protocol/10-crypto.md, and bytes that mean nothing."""

from __future__ import annotations

from hashlib import blake2b


def h(label: str, data: bytes = b"", key: bytes = b"", size: int = 32) -> bytes:
    """H_size(label, data, key = key)."""
    return blake2b(data, digest_size=size, key=key, person=label.encode()).digest()


def invented(name: str, size: int = 32) -> bytes:
    """Bytes without meaning, the same on every run."""
    blocks = (blake2b(f"{name} {number}".encode()).digest() for number in range(size // 64 + 1))
    return b"".join(blocks)[:size]

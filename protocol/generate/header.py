"""The header of an entry, its id and its signature (protocol/30-history.md, Entry)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from nacl.signing import SigningKey

from protocol.generate.hashes import h

ZEROS: Final = bytes(32)
FOUND: Final = 1


@dataclass(frozen=True)
class Entry:
    """All that goes into a header. In a `found`, circle, device and case are its own id, and zeros are hashed."""

    circle: bytes
    device: bytes
    incarnation: bytes
    sequence: int
    previous: bytes
    height: int
    clock: int
    kind: int
    case: bytes
    shape: bytes
    content: bytes
    parents: tuple[bytes, ...] = ()

    @cached_property
    def header(self) -> bytes:
        hashed = replace(self, circle=ZEROS, device=ZEROS, case=ZEROS) if self.kind == FOUND else self
        prefix = b"\x01" + hashed.circle + hashed.device + self.incarnation
        numbers = struct.pack(">Q32sQQB", self.sequence, self.previous, self.height, self.clock, self.kind)
        hashes = h("cs1 shape", hashed.case + self.shape) + h("cs1 content", self.content)
        lengths = struct.pack(">IIB", len(self.shape), len(self.content), len(self.parents))
        return prefix + numbers + hashes + lengths + b"".join(sorted(self.parents))

    @cached_property
    def id(self) -> bytes:
        return h("cs1 entry", self.header)

    def signed(self, key: SigningKey) -> bytes:
        return key.sign(b"cellsync/1 entry signature\0" + self.id).signature

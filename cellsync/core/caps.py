"""The caps: what is larger is refused with the cap's name, before it is decoded (00-conventions.md)."""

from __future__ import annotations

from typing import Final

FRAME: Final = 65_535  # bytes of one frame's ciphertext
BATCH: Final = 1 << 20  # bytes of the entries in one batch
ENTRY: Final = 63 << 10  # bytes of one entry's shape and content together: with its row it fits into a frame
ENTRY_ELEMENTS: Final = 4_096  # elements of one entry's shape and content together; what has more is opaque
VALUE_ELEMENTS: Final = 1_024  # elements of one value of it
CASE_OPERATIONS: Final = 1 << 17  # operations of one device that a case shows
PARENTS: Final = 64  # parents of one entry
NESTING: Final = 8  # containers inside one another, in one message, shape or content
ELEMENTS: Final = 65_536  # elements of one message
NAME: Final = 256  # bytes of a display name, NFC, without control characters
BRANCHES: Final = 16  # of one device, over all its incarnations; beyond them only what others cite counts
WARN_BRANCHES: Final = 12  # of this device: from here on its owner is told
DEVICES: Final = 48  # devices of one circle
DETACHED: Final = 16  # detached entries of one author
DEVICES_PER_MEMBER: Final = 4  # devices of one member
CHAINS: Final = 16_384  # branches of one circle, rows of one frontier or batch: 48 honest devices have at most 768
RESERVED: Final = DEVICES * (BRANCHES + 1)  # of these: not for equivocators', but for those that prove what they are
SURPLUS: Final = 256  # branches of one equivocator that nothing cites, on one peer's word
CIRCLES: Final = 32  # circles of one vault
ADDRESSES: Final = 8  # of one device in a message of whereabouts, which has DEVICES rows
UNACKNOWLEDGED: Final = 2  # batches in flight, each way
CLOCK_SKEW: Final = 24 * 3600 * 1000  # ms; a clock further ahead is flagged
EPHEMERALS: Final = 1_024  # handshakes accepted per day of one device, and of all that are not known together
FORK_PROOF: Final = 8 << 20  # bytes of the proof of a fork
PAIRING: Final = 2 << 10  # bytes of one message of a pairing
RATCHET_DAYS: Final = 4_000  # days that a branch is ratcheted forward at once

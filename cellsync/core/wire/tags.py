"""Every type number of the protocol, in one file, so no two things share one (protocol/20-wire.md)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

ENTRY_VERSION: Final = 1  # in the header of every entry; that of a conversation is negotiated (core/versions)


class Kind(IntEnum):
    """The kind of an entry, in its header. `CASE` carries operations on one case; the rest are control operations.

    Those from `LINK` to `LEAVE` and `SETTINGS` are reserved for a later edition, and unknown in this one
    (membership/editions).
    """

    CASE = 0
    FOUND = 1
    ADMIT = 2
    LINK = 3
    SET_ROLE = 4
    REMOVE = 5
    ENDORSE = 6
    ROTATE = 7
    REWRAP = 8
    REJECT = 9
    SEAL_KEY = 10
    RELEASE = 11
    LEAVE = 12
    REQUIRE = 13
    RECOVERY = 14
    SETTINGS = 15


class Op(IntEnum):
    """The operations of a case entry. Each belongs to one CRDT type, so unknown fields fold without a schema."""

    CREATE = 0  # the case exists; field = its kind, detail = schema version
    SET = 1  # Register: value replaces the refs in detail
    ADD = 2  # Set: value is added; detail = nil
    DISCARD = 3  # Set: the refs in detail are removed; value = nil
    PUT = 4  # Map: value = [key, value] replaces the refs in detail
    DELETE = 5  # Map: the refs in detail are removed; value = nil
    COUNT = 6  # Counter: value = signed increment
    APPEND = 7  # Log: value = item; detail = nil, or a source key (bytes) so that imported items show once
    CORRECT = 8  # Log: value = item, replaces the item whose ref is detail
    RETRACT = 9  # Log: hides the item whose ref is detail; value = reason or nil


class Message(IntEnum):
    """The messages of a session."""

    OFFER = 1
    DIGEST = 2
    FRONTIER = 3
    BATCH = 4
    ACK = 5
    PING = 6
    PONG = 7
    PATH = 8
    WHEREABOUTS = 10
    CLOCK = 11
    DETACHED = 12
    WANTED = 13
    STATES = 14


class PairingMessage(IntEnum):
    """The messages of a pairing conversation."""

    HELLO = 1
    NONCE = 2
    REVEAL = 3
    VERDICT = 4
    WELCOME = 5
    DONE = 6
    REFUSAL = 7

"""A reader of DNS messages that accounts for every byte: each is form, or a value that is handed out.

Its own, because a library's reader leaves out what it has no use for.
"""

from __future__ import annotations

import re
import struct
from typing import Final, NamedTuple

A, PTR, TXT, AAAA, SRV, NSEC = 1, 12, 16, 28, 33, 47
RANDOM: Final = re.compile(r"[0-9a-f]{16}")  # a label of 64 random bits

Name = tuple[str, ...]


class Record(NamedTuple):
    """One record, or a question if it has no time to live."""

    name: Name
    kind: int
    flags: int  # its class
    ttl: int | None
    target: Name = ()  # of PTR, SRV and NSEC
    port: int = 0
    host: bytes = b""
    text: bytes = b""
    rest: bytes = b""  # what is the same in all

    @property
    def form(self) -> tuple[object, ...]:
        """Everything but its values."""
        sizes = len(self.host), len(self.text)
        return (
            masked(self.name),
            self.kind,
            self.flags,
            self.ttl,
            masked(self.target),
            bool(self.port),
            sizes,
            self.rest,
        )


class Message(NamedTuple):
    header: bytes  # id and flags
    records: list[Record]

    @property
    def is_question(self) -> bool:
        return not self.header[2] & 0x80


def masked(name: Name) -> Name:
    return tuple("*" if RANDOM.fullmatch(label) else label for label in name)


def read(raw: bytes) -> Message:
    """Raises ValueError if a byte is left over."""
    questions, *sections = struct.unpack(">4H", raw[4:12])
    at, records = 12, []
    for number in range(questions + sum(sections)):
        name, at = _name(raw, at)
        kind, flags = struct.unpack_from(">HH", raw, at)
        at += 4
        if number < questions:
            records.append(Record(name, kind, flags, None))
            continue
        ttl, length = struct.unpack_from(">IH", raw, at)
        at += 6
        records.append(_record(Record(name, kind, flags, ttl), raw, at, length))
        at += length
    if at != len(raw):
        raise ValueError("bytes are left over")
    return Message(raw[:4], records)


def _record(record: Record, raw: bytes, at: int, length: int) -> Record:
    data = raw[at : at + length]
    match record.kind:
        case 1 | 28:
            return record._replace(host=data)
        case 12:
            return record._replace(target=_name(raw, at)[0])
        case 16:
            return record._replace(rest=data[:3], text=data[3:])  # length, "t=", beacon
        case 33:
            port = int.from_bytes(data[4:6], "big")
            return record._replace(rest=data[:4], port=port, target=_name(raw, at + 6)[0])
        case 47:
            name, end = _name(raw, at)
            return record._replace(target=name, rest=raw[end : at + length])
    raise ValueError("a record of another type")


def _name(raw: bytes, at: int) -> tuple[Name, int]:
    """A name, and where it ends."""
    labels: list[str] = []
    end = 0
    while length := raw[at]:
        if length >= 0xC0:
            end = end or at + 2
            at = int.from_bytes(raw[at : at + 2], "big") & 0x3FFF
        else:
            labels.append(raw[at + 1 : at + 1 + length].decode())
            at += 1 + length
    return tuple(labels), end or at + 1

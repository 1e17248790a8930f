"""Canonical msgpack written by hand, each value with a note that says what it is (protocol/20-wire.md)."""

from __future__ import annotations

from protocol.generate.conversation import Piece, Pieces


def array(length: int, note: str) -> Piece:
    return (bytes([0x90 + length]) if length < 16 else b"\xdc" + length.to_bytes(2, "big")), note


def integer(value: int, note: str) -> Piece:
    """The shortest form of a number from 0 on."""
    if value < 128:
        return bytes([value]), note
    sizes = ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8))
    head, size = next((head, size) for head, size in sizes if value < 1 << 8 * size)
    return bytes([head]) + value.to_bytes(size, "big"), note


def boolean(value: bool, note: str) -> Piece:
    return (b"\xc3" if value else b"\xc2"), note


def nil(note: str) -> Piece:
    return b"\xc0", note


def text(value: str, note: str) -> Piece:
    data = value.encode()
    head = bytes([0xA0 + len(data)]) if len(data) < 32 else b"\xd9" + bytes([len(data)])
    return head + data, note


def binary(data: bytes, note: str) -> Piece:
    head = b"\xc4" + bytes([len(data)]) if len(data) < 256 else b"\xc5" + len(data).to_bytes(2, "big")
    return head + data, note


def numbers(values: list[int], note: str) -> Pieces:
    """An array of small numbers, on one line."""
    parts = [array(len(values), note), *(integer(value, "") for value in values)]
    return [(b"".join(part for part, _ in parts), note)]

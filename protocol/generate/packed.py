"""Canonical msgpack (protocol/20-wire.md), of values that it has."""

from __future__ import annotations

from typing import Any

import msgpack


def packed(value: Any) -> bytes:
    encoding: bytes = msgpack.packb(value, use_bin_type=True)
    return encoding

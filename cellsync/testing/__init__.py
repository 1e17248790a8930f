"""What tests of cellsync, and of programs built on it, need: a simulated network in virtual time."""

from __future__ import annotations

from cellsync.testing.confirmation import accept_any
from cellsync.testing.network import MemoryHost, MemoryNetwork

__all__ = ["MemoryHost", "MemoryNetwork", "accept_any"]

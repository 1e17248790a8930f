"""What tests of cellsync, and of programs built on it, need: devices and a network, simulated in virtual time."""

from __future__ import annotations

from cellsync.testing.confirmation import accept_any
from cellsync.testing.device import SimulatedDevice, level
from cellsync.testing.network import MemoryHost, MemoryNetwork
from cellsync.testing.simulation import Happening, World, schedule, simulate

__all__ = [
    "Happening",
    "MemoryHost",
    "MemoryNetwork",
    "SimulatedDevice",
    "World",
    "accept_any",
    "level",
    "schedule",
    "simulate",
]  # fmt: skip

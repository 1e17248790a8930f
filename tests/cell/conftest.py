from __future__ import annotations

from cellsync.testing.fixtures import cell_pair, memory_network

__all__ = ["cell_pair", "memory_network"]

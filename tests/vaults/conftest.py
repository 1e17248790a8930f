from __future__ import annotations

from cellsync.testing.fixtures import memory_network

__all__ = ["memory_network"]

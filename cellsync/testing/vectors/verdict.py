"""What came of a vector, if it did not pass."""

from __future__ import annotations


class Failed(Exception):
    """This implementation answers otherwise than the vector says."""


class Unsupported(Exception):
    """The vector needs something that this implementation does not have."""

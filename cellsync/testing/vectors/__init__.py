"""Test vectors, run against this implementation: `python -m cellsync.testing.vectors PATH…`."""

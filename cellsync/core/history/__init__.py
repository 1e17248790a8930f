"""Entries and the chains they form; what is held of them, and which come next for a peer (protocol/30-history.md)."""

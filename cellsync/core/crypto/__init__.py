"""Primitives, handshakes, ratchets and seals (protocol/10-crypto.md). Every label stands in `labels`."""

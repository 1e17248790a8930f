"""Bytes: the codec, messages, operations, and every number of the protocol (protocol/20-wire.md)."""

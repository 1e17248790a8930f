"""The sans-IO core: bytes, `now` and `entropy` come in; bytes, events and deadlines go out.

Nothing here imports trio, sockets, clocks, randomness or files (import-linter enforces it), so every state machine in
this package can run back to back in memory, in virtual time, from a seed. docs/architecture.md shows its floors.
"""

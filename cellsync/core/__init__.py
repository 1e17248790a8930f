"""The sans-IO core: bytes, `now` and `entropy` come in; bytes, events and deadlines go out.

Nothing here imports trio, sockets, clocks, randomness or files (import-linter holds it), so every
machine in this package can be run back to back in memory, in virtual time, from a seed.

Floors, lowest first; an import goes down only, neighbours do not know each other:

    0  errors  ids  caps
    1  crypto/  wire/  crdt/
    2  history/  ports
    3  membership/  session
    4  case/
    5  replica  pairing
"""

"""Drawers: the names under which a circle's database keeps small values (protocol/70-vault.md, Kept values)."""

from __future__ import annotations

from typing import Final

# What this device is in the circle.
DEVICE: Final = "device"
INCARNATION: Final = "incarnation"
SEAL_SECRET: Final = "seal secret"
EPOCHS: Final = "epochs"
SPONSOR: Final = "sponsor"  # who admitted it; for the time until the circle's history has come
SPONSOR_KEY: Final = "sponsor key"

# What is set when a store is copied (Copies).
RENEWAL_DUE: Final = "renewal due"  # this store is a copy, or was put back from one
LIFE: Final = "life"  # what tells this store's order of arrival from that of every other

# What it has noted of its history.
SURPLUS: Final = "surplus"  # on whose word branches of equivocators were taken
REFOLDED: Final = "refolded"  # the newest arrival that took back what had counted before it
FLAGS: Final = "flags"
KEYED_EDITS: Final = "keyed edits"  # which edits of the local API came with a key

# What it remembers of the others.
CLOCKS: Final = "clocks"
ADDRESSES: Final = "addresses"
REACHED: Final = "reached"  # what they hold, and when they were heard
VERSIONS: Final = "versions"  # of the protocol, that they spoke
SITES: Final = "sites"  # where this device was, and its ports there

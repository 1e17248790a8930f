"""Drawers: the names under which a circle's database keeps small values (protocol/70-vault.md, Kept values)."""

from __future__ import annotations

from typing import Final

# The identity of this device in the circle.
DEVICE: Final = "device"
INCARNATION: Final = "incarnation"
SEAL_SECRET: Final = "seal secret"  # until the first step with control entries, on a device that joined
EPOCHS: Final = "epochs"
OLDER_EPOCHS: Final = "older epochs"  # kept for devices that are not known to hold a newer one
HOLDERS: Final = "holders"  # the newest epoch that each device is known to hold
SEAL_SECRETS: Final = "seal secrets"
SPONSOR: Final = "sponsor"  # the device that admitted it; needed until the circle's history arrives
SPONSOR_KEY: Final = "sponsor key"

HEEDED: Final = "heeded removals"  # of this device, for which it has locked
COUNTDOWN: Final = "wipe ahead"  # which removal wipes it, and how long that has been known here
WAIVED: Final = "waived floor"  # of the circle, below which its user carries on
EDITION: Final = "edition"  # with which its entries were last judged, if that was not the first

# Set when a store is copied (Copies).
RENEWAL_DUE: Final = "renewal due"  # this store is a copy, or was put back from one
LIFE: Final = "life"  # distinguishes this store's order of arrival from that of every other

BACKED_UP: Final = "backed up"  # when this device last made a backup of it

COUNTERPART: Final = "counterpart"  # the file that a re-key puts this one in the place of, or in its place (Re-key)

# Notes on its history.
SURPLUS: Final = "surplus"  # on whose word branches of equivocators were taken
DETACHED: Final = "detached"  # and the id of an author: detached entries that have come
TOLD: Final = "told"  # what peers have told of who is a member, and what is not held
TELLING: Final = "telling"  # members who are to be told that they were removed
REFOLDED: Final = "refolded"  # the newest arrival that took back what had counted before it
FLAGS: Final = "flags"
KEYED_EDITS: Final = "keyed edits"  # edits of the local API that came with a key

# Memory of other devices.
CLOCKS: Final = "clocks"
ADDRESSES: Final = "addresses"
REACHED: Final = "reached"  # what they hold, and when they were last heard
VERSIONS: Final = "versions"  # of the protocol that they speak
SITES: Final = "sites"  # where this device was, and its ports there

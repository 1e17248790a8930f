"""Every domain-separation string of the protocol, in one place (protocol/10-crypto.md, table of labels).

A label is the `person` parameter of BLAKE2b (16 bytes), or the prefix of a signed message. No two uses share
one.
"""

from __future__ import annotations

from typing import Final

# history (protocol/30-history.md)
ENTRY: Final = b"cs1 entry"
SHAPE: Final = b"cs1 shape"
CONTENT: Final = b"cs1 content"
FRONTIER: Final = b"cs1 frontier"
CASE: Final = b"cs1 case"
SIGN_ENTRY: Final = b"cellsync/1 entry signature\0"

# epochs (protocol/40-membership.md)
COMMITMENT: Final = b"cs1 commitment"
ENDS: Final = b"cs1 ends"
BRANCH_SESSION: Final = b"cs1 session"
BRANCH_SPOOL: Final = b"cs1 spool"
BRANCH_DISCOVERY: Final = b"cs1 discovery"
BRANCH_BUNDLE: Final = b"cs1 bundle"
RATCHET: Final = b"cs1 ratchet"
RECOVERY: Final = b"cs1 recovery"
SIGN_RECOVERY: Final = b"cellsync/1 recovery\0"
WRAP: Final = b"cellsync/1 epoch wrap\0"

# sessions (protocol/50-sync.md)
PSK: Final = b"cs1 psk"
HINT_KEY: Final = b"cs1 hint key"
HINT: Final = b"cs1 hint"
MASK: Final = b"cs1 mask"
FRAME_KEY: Final = b"cs1 frame key"
FRAME_MASK: Final = b"cs1 frame mask"
OFFER: Final = b"cs1 offer"
SILENCE: Final = b"cs1 silence"
PROLOGUE: Final = b"cellsync/1 noise\0"

# pairing (protocol/55-pairing.md)
PAIRING_PSK: Final = b"cs1 pair psk"
PAIRING_HINT: Final = b"cs1 pair hint"
PAIRING_TAG: Final = b"cs1 pair tag"
PAIRING_COMMIT: Final = b"cs1 pair commit"
PAIRING_CHECK: Final = b"cs1 pair check"
PAIRING_PROOF: Final = b"cellsync/1 pairing proof\0"
WORDS: Final = b"cs1 words"
SHORT_NUMBER: Final = b"cs1 short number"
SHORT_TAG: Final = b"cs1 short tag"
SHORT_HINT: Final = b"cs1 short hint"
SHORT_MASK: Final = b"cs1 short mask"
SHORT_PROOF: Final = b"cs1 short proof"
SHORT_SECRET: Final = b"cs1 short secret"
SHORT_CODE: Final = b"cellsync/1 short code\0"

# finding each other on a LAN (protocol/60-lan.md)
DISCOVERY_TAG: Final = b"cs1 tag"
BEACON: Final = b"cs1 beacon"
SITE: Final = b"cs1 site"

# vault (protocol/70-vault.md)
VAULT_CHECK: Final = b"cs1 vault check"
VAULT_KEY: Final = b"cs1 vault key"
VAULT_BODY: Final = b"cellsync/1 vault body\0"
VAULT_SLOT: Final = b"cellsync/1 vault slot\0"
VAULT_CIRCLE: Final = b"cellsync/1 vault circle\0"

# state digests, shown to people and compared in tests
STATE: Final = b"cs1 state"

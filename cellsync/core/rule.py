"""The rules that bytes of a peer can break, as protocol/05-rules.md names them.

Every PeerError says which rule was broken, so that two implementations can be compared by more than "refused", and
every refusal can be looked up. The list is closed: a test holds it equal to the one in the specification.
"""

from __future__ import annotations

from enum import Enum


class Rule(Enum):
    """A rule: its name in the specification, and what is said of bytes that break it."""

    CODEC_MSGPACK = "codec.msgpack", "not msgpack"
    CODEC_CANONICAL = "codec.canonical", "not canonical msgpack"

    ENTRY_CONTENT = "entry.content", "an entry's shape and content do not fit together"
    ENTRY_OPERATIONS = "entry.operations", "an entry without operations"
    ENTRY_OPERATION = "entry.operation", "an operation's tag, field or detail has the wrong form"
    ENTRY_PARENTS = "entry.parents", "an entry's parents have the wrong form"
    ENTRY_OWN_CHAIN = "entry.own-chain", "an entry cites its own chain"
    ENTRY_TWICE = "entry.twice", "an entry cites a parent twice"
    ENTRY_CLOCK = "entry.clock", "a clock is out of range"
    ENTRY_CASE = "entry.case", "a control entry outside the circle's own case"
    ENTRY_CONTROL = "entry.control", "a control entry has the wrong form"
    ENTRY_ROLE = "entry.role", "an `admit` entry names no role"
    ENTRY_KEYS = "entry.keys", "a device's keys have the wrong form"
    ENTRY_NAME = "entry.name", "a display name has the wrong form"
    ENTRY_MARK = "entry.mark", "a mark whose form may not stand there"
    ENTRY_FORM = "entry.form", "an entry that is not full, and does not have the form that its mark says"
    ENTRY_FOUND = "entry.found", "a `found` entry of another circle, or in another device's chain"
    SIGNATURE = "signature", "a signature does not verify"

    BATCH_CHAIN = "batch.chain", "a chain of a batch has the wrong form"
    BATCH_CASE = "batch.case", "a case id has the wrong form"
    BATCH_ENTRY = "batch.entry", "an entry has the wrong form"
    BATCH_SIGNATURE = "batch.signature", "a row with a signature and no entries, or with entries and no signature"
    BATCH_PREVIOUS = "batch.previous", "nothing comes before the first entry of a chain"

    FORM_CIRCLE = "form.circle", "a circle's name has the wrong form"
    FORM_DEVICE = "form.device", "a device's id has the wrong form"
    FORM_INCARNATION = "form.incarnation", "an incarnation has the wrong form"
    FORM_PLACE = "form.place", "a place in a chain has the wrong form"

    MESSAGE = "message", "not a message of this protocol"
    FRONTIER_ROW = "frontier.row", "a frontier has the wrong form"
    FRONTIER_TWICE = "frontier.twice", "a frontier names something twice"
    DETACHED = "detached", "a detached entry has the wrong form"
    PATH = "path", "a path has the wrong form"
    WHEREABOUTS_ROW = "whereabouts.row", "whereabouts have the wrong form"
    WHEREABOUTS_TWICE = "whereabouts.twice", "whereabouts name a device twice"
    WHEREABOUTS_OFTEN = "whereabouts.often", "whereabouts too often"
    CLOCK_TWICE = "clock.twice", "a clock, told twice"
    OFFER_ORDER = "offer.order", "the tags of an offer are not ascending"
    OFFER_TWICE = "offer.twice", "an offer too many"
    DIGEST_TWICE = "digest.twice", "a digest, told twice"
    CIRCLE_SHARED = "circle.shared", "a circle that we do not share"
    CIRCLE_ACTIVE = "circle.active", "a question about a circle in which the peer is not active"
    ACK_ORDER = "ack.order", "the rows of an acknowledgement are not ascending"
    ACK_NOTHING = "ack.nothing", "an acknowledgement of nothing"
    ACK_ROW = "ack.row", "a branch was refused that was not sent"
    ACK_LATE = "ack.late", "a batch was not acknowledged in time"

    HANDSHAKE = "handshake", "the other side did not prove that it is the device we called"
    HANDSHAKE_LENGTH = "handshake.length", "a handshake message of impossible length"
    HANDSHAKE_EARLY = "handshake.early", "bytes before the answer"
    HANDSHAKE_VERSIONS = "handshake.versions", "versions in no possible order"
    VERSION = "version", "no version of the protocol in common"
    FRAME_LENGTH = "frame.length", "a frame of impossible length"
    FRAME_PAYLOAD = "frame.payload", "a payload longer than its frame"
    FRAME_CLASS = "frame.class", "a frame in another size class than the smallest that fits"
    FRAME_PADDING = "frame.padding", "a frame whose padding is not of zeros"
    KEY_X25519 = "key.x25519", "not an X25519 key, or one of low order"
    KEY_ML_KEM = "key.ml-kem", "not an ML-KEM-768 key or ciphertext"
    KEY_X_WING = "key.x-wing", "not an X-Wing key"
    OPENS = "opens", "sealed bytes do not open"

    PAIRING_MESSAGE = "pairing.message", "not a message of a pairing"
    PAIRING_CLOCK = "pairing.clock", "a clock of a pairing has the wrong form"
    PAIRING_TURN = "pairing.turn", "a message out of turn"
    PAIRING_EXPIRED = "pairing.expired", "the invitation has expired"
    PAIRING_COMMITMENT = "pairing.commitment", "a nonce other than the one committed to"
    PAIRING_PROOF = "pairing.proof", "a signing key that is not the other device's own"
    PAIRING_KEYS_TAKEN = "pairing.keys-taken", "its keys are those of a device that is here"
    SHORT_ELEMENT = "short.element", "not an element of the group, or one that does not fit"

    EPOCH_COMMITMENT = "epoch.commitment", "a rotation does not open to what it committed to"
    EPOCH_OFTEN = "epoch.often", "an epoch wanted too often"
    EPOCH_UNASKED = "epoch.unasked", "states of an epoch that nobody wanted"
    EPOCH_BRANCHES = "epoch.branches", "not the branch states of an epoch"
    PROOF_FORM = "proof.form", "not the proof of a fork"
    PROOF_SIDES = "proof.sides", "not the proof of a fork: its two sides are not two, or not in order"
    KEPT = "kept", "a kept value has the wrong form"  # of our own database

    CAP_FRAME = "cap.frame", "over the cap: frame"
    CAP_NESTING = "cap.nesting", "over the cap: nesting"
    CAP_ENTRY = "cap.entry", "over the cap: entry"
    CAP_PARENTS = "cap.parents", "over the cap: parents"
    CAP_BATCH = "cap.batch", "over the cap: batch"
    CAP_CASES = "cap.cases", "over the cap: cases"
    CAP_CHAINS = "cap.chains", "over the cap: chains"
    CAP_PATHS = "cap.paths", "over the cap: paths"
    CAP_WHEREABOUTS = "cap.whereabouts", "over the cap: whereabouts"
    CAP_UNACKNOWLEDGED = "cap.unacknowledged", "more batches than were acknowledged"
    CAP_UNSENT = "cap.unsent", "over the cap: unsent bytes"
    CAP_MESSAGES = "cap.messages", "over the cap: messages under one key"
    CAP_PAIRING = "cap.pairing", "over the cap: pairing message"
    CAP_PROOF = "cap.proof", "over the cap: proof of a fork"
    CAP_KEPT = "cap.kept", "over the cap: a kept value"  # of our own database

    def __init__(self, label: str, says: str) -> None:
        self.label = label
        self.says = says

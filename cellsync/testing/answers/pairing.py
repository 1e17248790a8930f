"""`code` and `short`: the two forms of an invitation's code. `pairing`: the messages of the conversation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cellsync.core import caps
from cellsync.core.crypto import primitives
from cellsync.core.errors import HandshakeFailed, Malformed, MalformedCode
from cellsync.core.ids import DeviceId, MemberId, SealPublic, SessionPublic, SigningPublic
from cellsync.core.membership import rules
from cellsync.core.membership.control import DeviceKeys
from cellsync.core.membership.rules import KnownDevice
from cellsync.core.pairing import code as long
from cellsync.core.pairing import commitment, messages, short
from cellsync.core.pairing.code import Invitation
from cellsync.core.pairing.exchange import InvitersExchange, JoinersExchange
from cellsync.core.pairing.messages import Done, Hello, Nonce, PairingRefusal, PairingVerdict, Reveal, Welcome
from cellsync.core.pairing.short import ShortCode
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.testing.answers import json_form
from cellsync.testing.answers.question import Answer, BadQuestion, Given, ok

_TURNS: Final = {
    "hello": Hello,
    "nonce": Nonce,
    "reveal": Reveal,
    "verdict": PairingVerdict,
    "welcome": Welcome,
    "done": Done,
    "refusal": PairingRefusal,
}


def code(given: Given) -> Answer:
    try:
        secret = long.parse(given.text("code"))
    except MalformedCode:
        return ok(secret=None, written=None, qr=None, psk=None, beacon_key=None)
    made = Invitation(secret, 0.0)
    psk, beacon_key = long.pairing_key(secret).psk.reveal(), long.beacon_key(secret)
    return ok(secret=secret.reveal(), written=made.code, qr=made.qr_payload, psk=psk, beacon_key=beacon_key)


def short_code(given: Given) -> Answer:
    shown = _shown(given)
    joiner = JoinersExchange(shown, given.raw("x", 64))
    inviter = InvitersExchange(shown, joiner.knock, given.raw("y", 64) + bytes(32))
    proof = joiner.prove(inviter.answer)
    _, reply = inviter.check(proof)
    keys = {"number_key": short.number_key(shown.number), "beacon_key": short.beacon_key(shown.number)}
    said = {"knock": joiner.knock, "answer": inviter.answer, "proof": proof, "reply": reply}
    return ok(**keys, **said, secret=joiner.accept(reply).reveal())


def knock(given: Given) -> Answer:
    inviter = InvitersExchange(_shown(given), given.raw("knock"), given.raw("y", 64) + bytes(32))
    return ok(answer=inviter.answer)


def _shown(given: Given) -> ShortCode:
    try:
        shown = short.parse(given.text("code"))
    except MalformedCode:
        shown = None
    if not isinstance(shown, ShortCode):
        raise BadQuestion("no short code")
    return shown


def message(given: Given) -> Answer:
    raw, due = given.raw("message"), given.one_of("turn", _TURNS)
    said = messages.decode(raw)
    if not isinstance(said, due):
        raise Malformed(Rule.PAIRING_TURN)
    if isinstance(said, Hello) and given.has("taken") and not rules.rule_1_names(said.keys.known, _taken(given)):
        raise Malformed(Rule.PAIRING_KEYS_TAKEN)
    value = json_form.value(codec.decode(raw, caps.PAIRING, Rule.CAP_PAIRING))
    return ok(value=value, words=_words(given, said)) if isinstance(said, Reveal) else ok(value=value)


def _taken(given: Given) -> Iterator[KnownDevice]:
    """Devices that are there already."""
    for bit, row in enumerate(given.values("taken")):
        keys = Given({"keys": row}).raws("keys")
        if len(keys) != len(DeviceKeys._fields):
            raise BadQuestion("a device has three keys")
        signing, session, seal = keys
        known = DeviceKeys(SigningPublic(signing), SessionPublic(session), SealPublic(seal)).known
        yield KnownDevice(bit, MemberId(bytes(32)), DeviceId(bytes(32)), known, "")


def _words(given: Given, reveal: Reveal) -> list[str]:
    """The words that both show, if the joiner has kept to its commitment and proved its key."""
    handshake_hash, raw, nonce = given.raw("hash", 64), given.raw("hello"), given.raw("nonce", 32)
    hello = messages.decode(raw)
    if not isinstance(hello, Hello):
        raise BadQuestion("the message before is no HELLO")
    if not commitment.opens(hello.commitment, handshake_hash, reveal.nonce):
        raise HandshakeFailed(Rule.PAIRING_COMMITMENT)
    if not primitives.verify(hello.keys.signing, reveal.signature, commitment.claim(handshake_hash, raw)):
        raise HandshakeFailed(Rule.PAIRING_PROOF)
    return list(commitment.matching_words(handshake_hash, nonce, reveal.nonce, raw))

"""The parts of the protocol about which questions are answered here, and the answer to one question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cellsync.core.errors import PeerError
from cellsync.testing.answers import (
    batch,
    beacon,
    channel,
    codec,
    detached,
    entry,
    fold,
    frontier,
    keys,
    membership,
    message,
    name,
    pairing,
    serving,
    session,
    tags,
    vault,
)
from cellsync.testing.answers.json_form import plain
from cellsync.testing.answers.question import Answer, Given

PARTS: Final[dict[str, Callable[[Given], Answer]]] = {
    "codec": codec.answer,
    "message": message.answer,
    "name": name.answer,
    "entry": entry.answer,
    "control": membership.control,
    "detached": detached.answer,
    "frontier": frontier.answer,
    "proof": frontier.proof,
    "batch": batch.answer,
    "telling": batch.telling,
    "serving": serving.answer,
    "allowance": serving.allowance,
    "circle": batch.circle,
    "fold": fold.answer,
    "case": tags.case,
    "signature": keys.signature,
    "key": keys.key,
    "epoch": keys.epoch,
    "wrap": keys.wrap,
    "recovery": keys.recovery,
    "rotation": membership.rotate,
    "states": membership.states,
    "settings": membership.in_force,
    "vault": vault.answer,
    "beacon": beacon.answer,
    "versions": channel.versions,
    "agreement": channel.agreement,
    "header": channel.header,
    "opening": channel.opening,
    "call": channel.call,
    "frame": channel.frame,
    "offer": tags.offer,
    "session": session.answer,
    "code": pairing.code,
    "short": pairing.short_code,
    "knock": pairing.knock,
    "pairing": pairing.message,
}


def answer(part: str, given: object) -> Answer:
    """Our answer. Raises BadQuestion."""
    try:
        if part not in PARTS:
            return Answer("unsupported")
        expect, result = PARTS[part](Given(given))
    except PeerError as error:
        return Answer(f"fault:{error.rule.label}")
    return Answer(expect, None if result is None else plain(result))

"""Recovery keys at the edges: as the text computes them, and how many others one may replace."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import pytest

from cellsync.core.crypto import primitives
from cellsync.core.ids import CircleId, EntryId, RecoverySecret, Signature, SigningSecret
from cellsync.core.membership.recovery import MOST_REPLACED, Recovery, RecoveryKeys, Replaced, from_paper, read, replace

PAPER = RecoverySecret(bytes(range(32)))
SECRETS = from_paper(PAPER)
KEYS = RecoveryKeys(primitives.signing_public(SECRETS.signing), primitives.xwing_public(SECRETS.seal))
ROW = [bytes(32), bytes(64)]


def test_both_keys_are_hashes_of_their_use_under_the_secret_on_paper() -> None:
    for secret, use in ((SECRETS.signing, b"sign"), (SECRETS.seal, b"seal")):
        said = blake2b(use, digest_size=32, key=PAPER.reveal(), person=b"cs1 recovery").digest()
        assert secret.reveal() == said


@pytest.mark.parametrize("new", [KEYS, KEYS._replace(seal=None)])
def test_a_key_gives_way_by_its_signature_over_circle_entry_and_the_new_keys(new: RecoveryKeys) -> None:
    circle, entry, secret = CircleId(b"c" * 32), EntryId(b"e" * 32), SigningSecret(b"s" * 32)
    said = b"cellsync/1 recovery\0" + circle + entry + new.signing + (new.seal or b"")
    assert replace(circle, entry, secret, new) == Replaced(entry, primitives.sign(secret, said))


def test_one_may_replace_sixteen_others() -> None:
    rows = [[bytes([number]) * 32, bytes(64)] for number in range(MOST_REPLACED + 1)]
    replaced = tuple(Replaced(EntryId(entry), Signature(signature)) for entry, signature in rows[:-1])
    assert read([list(KEYS), rows[:-1]], None) == Recovery(KEYS, replaced)
    assert read([list(KEYS), rows], None) is None


@pytest.mark.parametrize(
    "row", [[bytes(31), bytes(64)], [bytes(32), bytes(63)], [bytes(32)], [*ROW, 1], None, bytes(32)]
)
def test_other_rows_lack_the_form(row: Any) -> None:
    assert read([list(KEYS), [ROW]], None) is not None
    assert read([list(KEYS), [row]], None) is None
    assert read([list(KEYS), [ROW, ROW]], None) is None


def test_no_key_shows() -> None:
    assert repr(Recovery(KEYS)) == "<recovery>"

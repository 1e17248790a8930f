"""Entry ids and frontier digests: every field in turn, from those of the vectors on."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core.history import frontier
from cellsync.core.history.entry import chain_prefix, entry_id, founding_prefix, sign, verify
from cellsync.core.ids import (
    NO_ID,
    CaseId,
    CircleId,
    DeviceId,
    EntryId,
    Incarnation,
    Signature,
    SigningPublic,
    SigningSecret,
)
from cellsync.core.wire.places import Head
from tests.vectors import vectors

hexed = bytes.fromhex


SIGNED = vectors("entry", "signed")
(CITING,) = vectors("entry", "two parents")


def identify(vector: dict[str, Any]) -> EntryId:
    incarnation = Incarnation(hexed(vector["incarnation"]))
    case = CaseId(hexed(vector["case"]))
    prefix = chain_prefix(CircleId(hexed(vector["circle"])), DeviceId(hexed(vector["device"])), incarnation)
    if vector["kind"] == 1:
        prefix, case = founding_prefix(incarnation), CaseId(NO_ID)
    parents = b"".join(sorted(map(hexed, vector["parents"])))
    return entry_id(
        prefix, vector["sequence"], EntryId(hexed(vector["previous"])), vector["height"], vector["clock"],
        vector["kind"], case, hexed(vector["shape"]), hexed(vector["content"]), parents,
    )  # fmt: skip


@pytest.mark.parametrize("vector", SIGNED, ids=lambda vector: str(vector["name"]))
def test_a_signature_is_of_one_id(vector: dict[str, Any]) -> None:
    identity = identify(vector)
    assert identity.hex() == vector["id"]
    public, signature = SigningPublic(hexed(vector["signing"])), Signature(hexed(vector["signature"]))
    assert verify(public, signature, identity)
    assert not verify(public, signature, EntryId(identity[:-1] + bytes([identity[-1] ^ 1])))


CHANGED = ["circle", "device", "incarnation", "sequence", "previous", "height", "clock", "kind", "case", "shape"]
CHANGED += ["content"]


@pytest.mark.parametrize("field", CHANGED)
def test_every_field_counts(field: str) -> None:
    vector = CITING
    value = vector[field]
    if isinstance(value, int):
        changed: list[Any] = [value + 2]
    else:
        raw = hexed(value)
        changed = [(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]).hex() for at in range(len(raw))]
        if field in ("shape", "content"):
            changed += [value + "00", value[:-2]]
    ids = {identify(vector | {field: other}) for other in changed}
    assert len(ids) == len(changed)
    assert identify(vector) not in ids


def test_parents_count_and_their_order_does_not() -> None:
    vector = CITING
    one, other = vector["parents"]
    assert identify(vector | {"parents": [other, one]}) == identify(vector)
    ids = {identify(vector | {"parents": parents}) for parents in ([], [one], [other], [one, other], [one, one])}
    assert len(ids) == 5


def test_case_and_shape_do_not_run_into_each_other() -> None:
    """The shape is hashed behind the case id; both lengths are fixed by the header."""
    vector = CITING
    moved = {"case": vector["case"], "shape": vector["shape"] + vector["content"][:2], "content": vector["content"][2:]}
    assert identify(vector | moved) != identify(vector)


def test_signing() -> None:
    secret, entry = SigningSecret(bytes(32)), EntryId(b"e" * 32)
    assert sign(secret, entry) == sign(secret, entry)
    assert sign(secret, entry) != sign(secret, EntryId(b"f" * 32))


@pytest.mark.parametrize("vector", vectors("frontier"), ids=lambda vector: vector["digest"][:8])
def test_frontiers(vector: dict[str, Any]) -> None:
    heads, gaps = (
        [
            Head(DeviceId(hexed(device)), Incarnation(hexed(life)), at, EntryId(hexed(entry)))
            for device, life, at, entry in rows
        ]
        for rows in (vector["heads"], vector["gaps"])
    )
    devices = [DeviceId(hexed(device)) for device in vector["equivocators"]]
    assert frontier.digest(heads, devices, gaps).hex() == vector["digest"]
    assert frontier.digest(heads[::-1], devices[::-1], gaps[::-1]).hex() == vector["digest"]
    nobody = DeviceId(bytes(32))
    others = [
        (heads, [*devices, nobody], gaps),
        (heads, devices, [*gaps, Head(nobody, Incarnation(bytes(8)), 1, EntryId(bytes(32)))]),
    ]
    for at, head in enumerate(heads):
        for other in (head._replace(sequence=head.sequence + 1), head._replace(id=EntryId(bytes(32)))):
            others.append(([*heads[:at], other, *heads[at + 1 :]], devices, gaps))
        others.append(([*heads[:at], *heads[at + 1 :]], devices, [*gaps, head]))
    for changed in others:
        assert frontier.digest(*changed).hex() != vector["digest"]

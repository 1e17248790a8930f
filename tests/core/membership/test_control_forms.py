"""The forms of `found` and `admit`: what comes back, and which rule each other form breaks."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, Malformed
from cellsync.core.ids import Day, SealPublic, Wrap
from cellsync.core.membership import control
from cellsync.core.membership.control import WRAP_BYTES, Admit, FirstRotation, Found, Role
from cellsync.core.membership.recovery import RecoveryKeys
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.tags import Kind
from tests.core.replicas import drawn_secrets

SALT = bytes(16)
KEYS = drawn_secrets(b"k" * 96).public
PAPER = drawn_secrets(b"p" * 96).public
WRAP = Wrap(bytes(WRAP_BYTES))
OLDER = Found(RecoveryKeys(PAPER.signing, None), KEYS, FirstRotation(bytes(32), Day(0), WRAP), "Mill Street", "ana")
OPENS = OLDER._replace(
    recovery=RecoveryKeys(PAPER.signing, PAPER.seal), rotation=FirstRotation(bytes(32), Day(20_000), WRAP, WRAP)
)
LAST = FirstRotation(bytes(32), Day((1 << 32) - 1), WRAP)
ADMIT = Admit(Role.READER, KEYS, "ben")
FOUND_SHAPE: list[Any] = [
    list(OPENS.recovery), list(KEYS), [bytes(32), 20_000, WRAP, WRAP],
]  # fmt: skip


@pytest.mark.parametrize(
    "found", [OLDER, OPENS, OLDER._replace(rotation=OLDER.rotation._replace(day=Day((1 << 32) - 1)))]
)
def test_a_founding_comes_back(found: Found) -> None:
    assert control.decode(Kind.FOUND, *control.encode_found(found, SALT)) == found


@pytest.mark.parametrize("role", Role)
def test_an_admission_comes_back(role: Role) -> None:
    admit = ADMIT._replace(role=role)
    assert control.decode(Kind.ADMIT, *control.encode_admit(admit, SALT)) == admit


def refused(kind: int, shape: Any, names: Any) -> Rule:
    with pytest.raises(Malformed) as caught:
        control.decode(kind, codec.encode(shape), SALT + codec.encode(names))
    return caught.value.rule


@pytest.mark.parametrize(("place", "wrong"), [
    ((0,), None), ((0,), bytes(32)), ((0,), [PAPER.signing]), ((0, 0), bytes(32)), ((0, 1), bytes(1_215)),
    ((0, 1), bytes(1_216)), ((2,), None), ((2, 0), bytes(31)), ((2, 1), -1), ((2, 1), 1 << 32),
    ((2, 1), True), ((2, 1), 1.0),
    ((2, 2), bytes(WRAP_BYTES - 1)), ((2, 3), bytes(WRAP_BYTES + 1)), ((2, 3), None), ((2, 2), "x" * WRAP_BYTES),
    ((2,), [bytes(32), 1, WRAP]), ((2,), [bytes(32), 1, WRAP, WRAP, WRAP]), ((2,), [bytes(32), 1]),
    ((2, 3), b""),
])  # fmt: skip
def test_other_forms_of_a_founding(place: tuple[int, ...], wrong: Any) -> None:
    assert refused(Kind.FOUND, put(FOUND_SHAPE, place, wrong), ["c", "n"]) is Rule.ENTRY_CONTROL


def put(value: Any, place: tuple[int, ...], other: Any) -> Any:
    if not place:
        return other
    at, *deeper = place
    return [*value[:at], put(value[at], tuple(deeper), other), *value[at + 1 :]]


def test_an_older_recovery_key_has_one_wrap_and_one_that_opens_has_two() -> None:
    older, _ = control.encode_found(OLDER, SALT)
    [signing, keys, rotation] = codec.decode(older, caps.ENTRY, Rule.CAP_ENTRY)
    assert refused(Kind.FOUND, [signing, keys, [*rotation, WRAP]], ["c", "n"]) is Rule.ENTRY_CONTROL
    assert refused(Kind.FOUND, [[signing, PAPER.seal], keys, rotation], ["c", "n"]) is Rule.ENTRY_CONTROL


@pytest.mark.parametrize("names", [None, [], ["c"], ["c", "n", "m"], "cn", {"c": "n"}])
def test_a_founding_has_two_names(names: Any) -> None:
    assert refused(Kind.FOUND, FOUND_SHAPE, names) is Rule.ENTRY_CONTROL


@pytest.mark.parametrize("names", [["", "n"], ["c", ""], ["c", None], [b"c", "n"], ["c" * 257, "n"]])
def test_names_that_are_none(names: Any) -> None:
    assert refused(Kind.FOUND, FOUND_SHAPE, names) is Rule.ENTRY_NAME
    if names[0] == "c":
        assert refused(Kind.ADMIT, [1, list(KEYS)], names[1:]) is Rule.ENTRY_NAME


@pytest.mark.parametrize("role", [0, 4, -1, True, 1 << 40, "1", 1.0, None])
def test_roles_that_are_none(role: Any) -> None:
    assert refused(Kind.ADMIT, [role, list(KEYS)], ["n"]) is Rule.ENTRY_ROLE


@pytest.mark.parametrize("shape", [None, [], [1], [1, list(KEYS), 1], 5, "text"])
def test_other_forms_of_an_admission(shape: Any) -> None:
    assert refused(Kind.ADMIT, shape, ["n"]) is Rule.ENTRY_CONTROL
    assert refused(Kind.ADMIT, [1, list(KEYS)], []) is Rule.ENTRY_CONTROL


UNUSABLE = KEYS._replace(seal=SealPublic(b"\xff" * 1_216))


@pytest.mark.parametrize("keys", [
    None, [], list(KEYS)[:2], [*KEYS, b""], [bytes(32), *KEYS[1:]], [KEYS.signing, bytes(31), KEYS.seal],
    [KEYS.signing, KEYS.session, KEYS.seal[:-1]], ["x" * 32, *KEYS[1:]], [KEYS.signing, bytes(32), KEYS.seal],
    list(UNUSABLE),
])  # fmt: skip
def test_keys_that_are_none(keys: Any) -> None:
    assert refused(Kind.ADMIT, [1, keys], ["n"]) is Rule.ENTRY_KEYS
    assert refused(Kind.FOUND, [FOUND_SHAPE[0], keys, FOUND_SHAPE[2]], ["c", "n"]) is Rule.ENTRY_KEYS


def test_keys_of_what_is_held_already_may_be_unusable() -> None:
    assert not UNUSABLE.usable
    for kind, (shape, said) in (
        (Kind.ADMIT, control.encode_admit(ADMIT._replace(keys=UNUSABLE), SALT)),
        (Kind.FOUND, control.encode_found(OPENS._replace(keys=UNUSABLE), SALT)),
    ):
        assert control.decode(kind, shape, said, held=True).keys == UNUSABLE
        with pytest.raises(Malformed):
            control.decode(kind, shape, said)
    short = ADMIT._replace(keys=KEYS._replace(seal=SealPublic(b"short")))
    with pytest.raises(Malformed):
        control.decode(Kind.ADMIT, *control.encode_admit(short, SALT), held=True)


def test_other_kinds_are_none_of_these() -> None:
    assert refused(Kind.REQUIRE, [1, list(KEYS)], ["n"]) is Rule.ENTRY_CONTROL


def test_what_is_too_much_is_refused_by_the_name_of_its_cap() -> None:
    opaque = codec.encode([0] * (caps.ENTRY_ELEMENTS + 1))
    with pytest.raises(Malformed) as caught:
        control.decode(Kind.ADMIT, opaque, SALT)
    assert caught.value.rule is Rule.ENTRY_CONTROL
    long, short = codec.encode(bytes(caps.ENTRY + 1)), codec.encode(None)
    for shape, said in ((long, SALT + short), (short, SALT + long)):
        with pytest.raises(CapExceeded) as over:
            control.decode(Kind.ADMIT, shape, said)
        assert over.value.rule is Rule.CAP_ENTRY

"""A circle with a passphrase of its own: both are needed, and neither header nor files say that there is one."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from cellsync.core import drawers
from cellsync.core.errors import CircleLocked, InvalidValue, NotFound, VaultDamaged, WrongPassphrase
from cellsync.core.ids import CircleId, DatabaseKey
from cellsync.store import backup, header, rekey, seals
from cellsync.store.contents import key_of
from cellsync.store.header import CircleFile
from cellsync.store.passphrases import forms
from cellsync.store.vault import Kdf, Vault
from tests.store.test_vault import MAIN, OTHER, WORDS, made, reopened

OWN, ANOTHER = forms("rope silk tuna")[0], forms("kite lemon")[0]


def locked(path: Path, circle: CircleId) -> Path:
    """A vault of two circles; this one has a passphrase of its own, and holds a value."""
    made(path, (MAIN, OTHER))
    with reopened(path) as vault:
        store = vault.open_circle(circle)
        store.keep("name", b"value")
        store.flush()
        store.close()
        vault.set_circle_passphrase(circle, OWN, kdf=Kdf.CHEAP)
    return path


@pytest.fixture(params=[MAIN, OTHER], ids=["the first", "a further one"])
def inner(request: pytest.FixtureRequest) -> CircleId:
    """The circle that has a passphrase of its own."""
    return CircleId(request.param)


@pytest.fixture
def path(tmp_path: Path, inner: CircleId) -> Path:
    return locked(tmp_path / "cell", inner)


def beside(circle: CircleId) -> CircleId:
    return OTHER if circle == MAIN else MAIN


def value(vault: Vault, circle: CircleId) -> bytes | None:
    store = vault.open_circle(circle)
    try:
        return store.kept("name")
    finally:
        store.close()


def test_both_passphrases_are_needed(path: Path, inner: CircleId) -> None:
    with pytest.raises(WrongPassphrase):
        Vault.open(path, OWN, allow_cheap=True)
    with reopened(path) as vault:
        assert (vault.circles, vault.locked) == ((MAIN, OTHER), (inner,))
        vault.open_circle(beside(inner)).close()
        for asks in (vault.open_circle, vault.circle_file):
            with pytest.raises(CircleLocked):
                asks(inner)
        for wrong in (ANOTHER, WORDS):
            with pytest.raises(WrongPassphrase):
                vault.unlock(inner, wrong)
        assert list(vault.locked) == [inner]
        vault.unlock(inner, (ANOTHER, OWN))
        assert list(vault.locked) == []
        assert value(vault, inner) == b"value"
        vault.lock_circle(inner)
        with pytest.raises(CircleLocked):
            vault.open_circle(inner)
    with reopened(path) as vault:
        assert list(vault.locked) == [inner]


def test_it_is_changed_and_taken_away_while_it_is_unlocked(path: Path, inner: CircleId) -> None:
    with reopened(path) as vault:
        with pytest.raises(CircleLocked):
            vault.set_circle_passphrase(inner, ANOTHER, kdf=Kdf.CHEAP)
        vault.unlock(inner, OWN)
        vault.set_circle_passphrase(inner, ANOTHER, kdf=Kdf.CHEAP)
        assert value(vault, inner) == b"value"
    with reopened(path) as vault:
        with pytest.raises(WrongPassphrase):
            vault.unlock(inner, OWN)
        vault.unlock(inner, ANOTHER)
        vault.check_circle_passphrase(inner, ANOTHER)
        with pytest.raises(WrongPassphrase):
            vault.check_circle_passphrase(inner, OWN)
        vault.set_circle_passphrase(inner, None, kdf=Kdf.CHEAP)
        assert not vault.has_own_passphrase(inner)
    with reopened(path) as vault:
        assert list(vault.locked) == []
        assert value(vault, inner) == b"value"
        with pytest.raises(InvalidValue):
            vault.lock_circle(inner)


def test_each_circle_of_a_vault_can_have_one(path: Path, inner: CircleId) -> None:
    with reopened(path) as vault:
        vault.set_circle_passphrase(beside(inner), ANOTHER, kdf=Kdf.CHEAP)
    with reopened(path) as vault:
        assert (vault.circles, list(vault.locked)) == ((MAIN, OTHER), [MAIN, OTHER])
        vault.unlock(inner, OWN)
        assert value(vault, inner) == b"value"
        assert list(vault.locked) == [beside(inner)]


def test_weak_parameters_are_refused(path: Path, inner: CircleId) -> None:
    with reopened(path) as vault:
        vault.unlock(inner, OWN)
        for kdf in (Kdf(0, 8 << 10), Kdf(1, 4 << 30)):
            with pytest.raises(InvalidValue):
                vault.set_circle_passphrase(inner, ANOTHER, kdf=kdf)
        with pytest.raises(NotFound):
            vault.unlock(CircleId(b"?" * 32), OWN)


def test_what_lies_on_the_disk_does_not_tell_which_circle_is_locked(tmp_path: Path, inner: CircleId) -> None:
    one, other = locked(tmp_path / "one", inner), made(tmp_path / "other", (MAIN, OTHER))
    headers = [(folder / "vault").read_bytes() for folder in (one, other)]
    assert headers[0][:28] == headers[1][:28]
    assert len(headers[0]) == len(headers[1])
    assert {len(file.name) for file in one.iterdir()} == {len(file.name) for file in other.iterdir()}


def test_other_changes_of_the_vault_leave_it_locked(path: Path, inner: CircleId) -> None:
    with reopened(path) as vault:
        vault.change_passphrase(ANOTHER, kdf=Kdf.CHEAP)
        vault.create_circle(CircleId(b"3" * 32)).close()
    with Vault.open(path, ANOTHER, allow_cheap=True) as vault:
        assert list(vault.locked) == [inner]
        vault.unlock(inner, OWN)
        assert value(vault, inner) == b"value"


def test_a_lock_opens_its_own_file_only_and_parameters_in_a_body_are_checked(path: Path, inner: CircleId) -> None:
    with reopened(path) as vault:
        vault.unlock(inner, OWN)
        row, key = vault._row(inner), vault.unlocked[inner]
        assert seals.open_lock(row, vault._profile, key) is not None
        for moved in (row._replace(file="0" * 32), row._replace(circle=beside(inner))):
            assert seals.open_lock(moved, vault._profile, key) is None
        assert row.lock is not None
        for lock in (row.lock._replace(ops=21), row.lock._replace(memory=1 << 40), row.lock._replace(ops=0)):
            body = header.encode_body(vault.identity, [vault._row(beside(inner)), row._replace(lock=lock)])
            with pytest.raises(VaultDamaged):
                header.decode_body(body, vault._profile)
        _, alone = header.decode_body(header.encode_body(vault.identity, [row]), vault._profile)
        assert [each.lock for each in alone] == [row.lock]


def test_a_re_key_wants_it_unlocked_and_keeps_its_passphrase(path: Path, inner: CircleId) -> None:
    before = (path / "vault").read_bytes()
    with reopened(path) as vault, pytest.raises(CircleLocked):
        rekey.rekey(vault, WORDS, kdf=Kdf.CHEAP)
    assert (path / "vault").read_bytes() == before
    with reopened(path) as vault:
        vault.unlock(inner, OWN)
        keys = vault.unlocked
        rekey.rekey(vault, WORDS, kdf=Kdf.CHEAP)
    with reopened(path) as vault:
        assert list(vault.locked) == [inner]
        vault.unlock_with(keys)  # what opened it in this session
        assert list(vault.locked) == []
        assert value(vault, inner) == b"value"
        vault.lock_circle(inner)
        vault.unlock(inner, OWN)
    (path / "vault").write_bytes(before)
    with reopened(path) as vault:
        vault.unlock(inner, OWN)
        with pytest.raises(VaultDamaged):  # an old header opens nothing any more
            vault.open_circle(inner)


def test_a_locked_circle_is_put_back_locked_and_knows_that_it_is_a_copy(
    path: Path, tmp_path: Path, inner: CircleId
) -> None:
    to = tmp_path / "back"
    backup.restore(path, to, WORDS, entropy=secrets.token_bytes, allow_cheap=True)
    again = tmp_path / "again"
    with reopened(to) as vault:
        assert list(vault.locked) == [inner]
        copied = vault.locked_file(inner).copied
        assert copied
    backup.restore(to, again, WORDS, entropy=secrets.token_bytes, allow_cheap=True)
    with reopened(again) as vault:
        vault.unlock(inner, OWN)
        store = vault.open_circle(inner)
        assert (store.kept("name"), store.kept(drawers.RENEWAL_DUE)) == (b"value", copied.to_bytes(8))
        store.close()
        assert vault.locked_file(inner).copied == 0
    with reopened(path) as vault:  # the original is none
        vault.unlock(inner, OWN)
        store = vault.open_circle(inner)
        assert store.kept(drawers.RENEWAL_DUE) is None
        store.close()


def test_a_row_without_a_key_opens_nothing() -> None:
    with pytest.raises(CircleLocked):
        key_of(CircleFile(MAIN, "0" * 32, None))
    assert key_of(CircleFile(MAIN, "0" * 32, DatabaseKey(b"k" * 32))) is not None

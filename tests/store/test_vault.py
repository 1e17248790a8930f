from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl import bindings

from cellsync.core import caps
from cellsync.core.errors import (
    CheapVault,
    Closed,
    InvalidValue,
    NewerVersion,
    NotAVault,
    NotFound,
    StorageFailed,
    VaultDamaged,
    VaultExists,
    VaultInUse,
    VaultMissing,
    WrongPassphrase,
)
from cellsync.core.ids import CircleId, DatabaseKey, SessionSecret, SigningSecret
from cellsync.store import header, seals
from cellsync.store.header import Slot
from cellsync.store.passphrases import forms
from cellsync.store.sqlite import SqliteStore
from cellsync.store.vault import Identity, Kdf, Vault

ROOT = Path(__file__).parents[2]
WORDS = forms("сняжань parcel żółw")[0]
IDENTITY = Identity(SigningSecret(b"S" * 32), SessionSecret(b"X" * 32), "ноутбук Ірыны")
MAIN, OTHER = CircleId(b"M" * 32), CircleId(b"O" * 32)


def made(path: Path, circles: tuple[CircleId, ...] = (MAIN,)) -> Path:
    with Vault.create(path, WORDS, IDENTITY, kdf=Kdf.CHEAP) as new:
        for circle in circles:
            new.create_circle(circle).close()
    return path


def reopened(path: Path) -> Vault:
    return Vault.open(path, WORDS, allow_cheap=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cell"


def test_what_goes_in_comes_out(path: Path) -> None:
    with Vault.create(path, WORDS, IDENTITY, kdf=Kdf.CHEAP) as new:
        store = new.create_circle(MAIN)
        store.keep("name", b"value")
        store.flush()
        store.close()
        new.create_circle(OTHER).close()
        assert new.circles == (MAIN, OTHER)
    with reopened(path) as opened:
        assert opened.identity == IDENTITY
        assert opened.circles == (MAIN, OTHER)
        store = opened.open_circle(MAIN)
        assert store.kept("name") == b"value"
        with pytest.raises(VaultInUse):
            opened.open_circle(MAIN)
        store.close()
        with pytest.raises(NotFound):
            opened.open_circle(CircleId(b"?" * 32))
        with pytest.raises(InvalidValue):
            opened.create_circle(MAIN)
    with pytest.raises(Closed):
        opened.open_circle(MAIN)
    opened.close()


def test_the_real_key_derivation(path: Path) -> None:
    """Once, with the parameters that people get."""
    Vault.create(path, WORDS, IDENTITY).close()
    with Vault.open(path, WORDS) as opened:
        assert opened.identity == IDENTITY
        with pytest.raises(InvalidValue):
            opened.change_passphrase(WORDS, kdf=Kdf.CHEAP)


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_only_the_owner_may_read(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        made(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}


def test_an_empty_folder_is_closed_to_others(path: Path) -> None:
    path.mkdir(mode=0o755)
    made(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_header_is_synced_before_and_after_its_name_changes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def recording(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def step(*args: object, **kwargs: object) -> object:
            is_file = name == "fsync" and stat.S_ISREG(os.fstat(args[0]).st_mode)  # type: ignore[arg-type]
            steps.append("sync file" if is_file else "sync directory" if name == "fsync" else name)
            return real(*args, **kwargs)

        return step

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, recording(name))
    made(path, ())
    assert steps == ["sync directory", "sync file", "replace", "sync directory"]


def test_file_names_and_sizes_say_nothing(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1"), made(tmp_path / "2", (MAIN, OTHER))
    assert (one / "vault").stat().st_size == (two / "vault").stat().st_size
    for file in two.iterdir():
        content = file.read_bytes()
        for canary in (MAIN, OTHER, b"S" * 32, b"X" * 32, IDENTITY.name.encode(), WORDS.reveal()):
            assert canary not in content
            assert canary.hex() not in file.name


def test_missing_foreign_wrong_damaged_newer_and_existing(path: Path) -> None:
    with pytest.raises(VaultMissing):
        reopened(path)
    path.mkdir()
    with pytest.raises(VaultMissing):
        reopened(path)
    made(path)
    sound = (path / "vault").read_bytes()
    with pytest.raises(WrongPassphrase):
        Vault.open(path, forms("wrong")[0], allow_cheap=True)
    with pytest.raises(VaultExists):
        Vault.create(path, WORDS, IDENTITY, kdf=Kdf.CHEAP)
    with pytest.raises(CheapVault):
        Vault.open(path, WORDS)
    assert (path / "vault").read_bytes() == sound
    for content, error in (
        (b"<!doctype html>", NotAVault),
        (b"", VaultDamaged),
        (sound[:5], VaultDamaged),
        (sound[:-1], VaultDamaged),
        (sound[:2000], VaultDamaged),
        (sound + b"x", VaultDamaged),
        (rewritten(sound, 8, b"\0\3"), NewerVersion),
        (rewritten(sound, 8, b"\0\0"), VaultDamaged),
    ):
        (path / "vault").write_bytes(content)
        with pytest.raises(error):
            reopened(path)
    (path / "vault").write_bytes(sound)
    reopened(path).close()


def test_a_folder_with_other_files_is_left_alone(path: Path) -> None:
    path.mkdir(mode=0o755)
    (path / "notes.txt").write_text("mine")
    with pytest.raises(VaultExists):
        Vault.create(path, WORDS, IDENTITY, kdf=Kdf.CHEAP)
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert [file.name for file in path.iterdir()] == ["notes.txt"]
    with pytest.raises(StorageFailed):
        Vault.create(path / "notes.txt", WORDS, IDENTITY, kdf=Kdf.CHEAP)


def rewritten(file: bytes, at: int, replacement: bytes) -> bytes:
    """With a checksum that fits: what somebody who knows the format could write."""
    content = file[:at] + replacement + file[at + len(replacement) : -32]
    return content + blake2b(content, digest_size=32, person=b"cs1 vault check").digest()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (made(tmp_path_factory.mktemp("v") / "v") / "vault").read_bytes()


def test_a_flipped_byte_is_never_opened(path: Path, sound: bytes) -> None:
    path.mkdir()
    for at in [*range(160), *range(160, len(sound) - 40, 211), *range(len(sound) - 40, len(sound))]:
        (path / "vault").write_bytes(sound[:at] + bytes([sound[at] ^ 1 << at % 8]) + sound[at + 1 :])
        with pytest.raises(NotAVault if at < 8 else VaultDamaged):
            reopened(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_forged_header_gives_only_our_errors(
    sound: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The checksum fits, so what remains are the seals. Nothing but the original opens."""
    path = tmp_path_factory.mktemp("forged")
    at = data.draw(st.one_of(st.integers(0, 44), st.integers(0, len(sound) - 33)))
    replacement = data.draw(st.binary(min_size=1, max_size=8))[: len(sound) - 32 - at]
    forged = rewritten(sound, at, replacement)
    (path / "vault").write_bytes(forged)
    try:
        reopened(path).close()
    except (NotAVault, VaultDamaged, NewerVersion, WrongPassphrase):
        return
    assert forged == sound


@pytest.mark.parametrize(
    ("ops", "memory"),
    [(3, 1 << 42), (3, 2**64 - 1), (2**32 - 1, 64 << 20), (21, 64 << 20), (0, 64 << 20), (3, 0), (3, (2 << 30) + 1)],
)
@pytest.mark.parametrize("profile", [0, 1])
def test_absurd_parameters_are_refused_before_they_are_used(
    path: Path, sound: bytes, monkeypatch: pytest.MonkeyPatch, profile: int, ops: int, memory: int
) -> None:
    monkeypatch.setattr(seals, "derive", lambda *_: pytest.fail("derived"))
    path.mkdir()
    forged = rewritten(rewritten(sound, 10, bytes([profile])), 16, struct.pack(">IQ", ops, memory))
    (path / "vault").write_bytes(forged)
    with pytest.raises(VaultDamaged):
        reopened(path)
    with pytest.raises(InvalidValue):
        Vault.create(path.parent / "new", WORDS, IDENTITY, kdf=Kdf(ops, memory))


@pytest.mark.parametrize("kdf", [Kdf.CHEAP, Kdf(2, 256 << 20), Kdf(3, 63 << 20)])
def test_a_cheap_vault_cannot_pass_for_a_real_one(path: Path, sound: bytes, kdf: Kdf) -> None:
    path.mkdir()
    forged = rewritten(rewritten(sound, 10, b"\0"), 16, struct.pack(">IQ", kdf.ops, kdf.memory))
    (path / "vault").write_bytes(forged)
    with pytest.raises(VaultDamaged):
        Vault.open(path, WORDS)


def test_a_slot_cannot_be_added_without_the_master_key(path: Path, sound: bytes) -> None:
    """Nor one from another vault, nor a second copy: the body binds the list of slots."""
    path.mkdir()
    slot = sound[12 : 12 + 104]
    content = sound[:11] + b"\2" + slot + slot + sound[12 + 104 : -32]
    (path / "vault").write_bytes(content + blake2b(content, digest_size=32, person=b"cs1 vault check").digest())
    with pytest.raises(VaultDamaged):
        reopened(path)


@pytest.mark.parametrize("kind", [0, 2, 3, 255])
def test_slots_of_other_kinds_are_skipped_and_kept(path: Path, kind: int) -> None:
    """A later version adds some, with whatever parameters; this one neither opens nor judges nor loses them."""
    other = Slot(kind, 9, 7, 0, 1, b"s" * 16, b"n" * 24, b"w" * 48)
    with Vault.create(path, WORDS, IDENTITY, kdf=Kdf.CHEAP) as new:
        new._save([], (other, *new._slots))
    with reopened(path) as opened:
        assert opened.derivation == Kdf.CHEAP
        opened.change_passphrase(forms("new")[0], kdf=Kdf.CHEAP)
    with Vault.open(path, forms("new")[0], allow_cheap=True) as opened:
        assert opened._slots[1] == other
    with pytest.raises(WrongPassphrase):
        reopened(path)


def test_memory_counts_in_whole_kibibytes() -> None:
    keys = {seals.derive(WORDS, b"s" * 16, Kdf(1, memory)) for memory in (8 << 10, (9 << 10) - 1)}
    assert len(keys) == 1
    assert seals.derive(WORDS, b"s" * 16, Kdf(1, 9 << 10)) not in keys


def test_changing_the_passphrase(path: Path) -> None:
    with Vault.create(path, WORDS, IDENTITY, kdf=Kdf.CHEAP) as new:
        new.create_circle(MAIN).close()
        new.change_passphrase(forms("new")[0], kdf=Kdf.CHEAP)
        new.create_circle(OTHER).close()
    with pytest.raises(WrongPassphrase):
        reopened(path)
    with Vault.open(path, forms("new")[0], allow_cheap=True) as opened:
        assert opened.identity == IDENTITY
        for circle in (MAIN, OTHER):
            opened.open_circle(circle).close()


def by_hand(file: bytes, typed: str) -> tuple[bytes, bytes, str, dict[bytes, tuple[str, bytes]]]:
    """protocol/70-vault.md again, with nothing of ours: signing, session, name, circle -> (file, key)."""
    assert file[-32:] == blake2b(file[:-32], digest_size=32, person=b"cs1 vault check").digest()
    assert file[:10] == b"csvault\0\0\2"
    profile, count = file[10], file[11]
    assert count == 1
    kind, kdf, zero = struct.unpack(">BBH", file[12:16])
    assert (kind, kdf, zero) == (1, 1, 0)
    ops, memory = struct.unpack(">IQ", file[16:28])
    salt, slot_nonce, wrapped = file[28:44], file[44:68], file[68:116]
    key = bindings.crypto_pwhash_alg(32, typed.encode(), salt, ops, memory, 2)
    opened = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt
    bound = b"cellsync/1 vault slot\0" + b"csvault\0\0\1" + bytes([profile, 0]) + file[12:44]
    master = opened(wrapped, bound, slot_nonce, key)
    body_key = blake2b(digest_size=32, key=master, person=b"cs1 vault key").digest()
    body = opened(file[140:-32], b"cellsync/1 vault body\0" + file[:116], file[116:140], body_key)
    assert len(body) == 8192
    length = struct.unpack(">H", body[64:66])[0]
    name, rest = body[66 : 66 + length].decode(), body[66 + length :]
    rows = [rest[1 + 156 * i : 157 + 156 * i] for i in range(rest[0])]
    assert not any(rest[1 + 156 * rest[0] :])
    assert not any(any(row[48:108]) or any(row[140:]) for row in rows)  # neither copied nor locked
    return body[:32], body[32:64], name, {row[:32]: (row[32:48].hex(), row[108:140]) for row in rows}


def test_the_document_suffices_to_read_a_header(path: Path) -> None:
    made(path, (MAIN, OTHER))
    signing, session, name, circles = by_hand((path / "vault").read_bytes(), "сняжань parcel żółw")
    assert (signing, session, name) == (b"S" * 32, b"X" * 32, IDENTITY.name)
    assert list(circles) == [MAIN, OTHER]
    assert {file for file, _ in circles.values()} | {"vault"} == {file.name for file in path.iterdir()}


def test_caps(path: Path) -> None:
    with pytest.raises(InvalidValue):
        Vault.create(path, WORDS, IDENTITY._replace(name="я" * 129), kdf=Kdf.CHEAP)
    with Vault.create(path, WORDS, IDENTITY._replace(name="я" * 128), kdf=Kdf.CHEAP) as new:
        row = header.CircleFile(MAIN, "0" * 32, DatabaseKey(b"k" * 32))
        new._save([row._replace(circle=CircleId(bytes([i]) * 32)) for i in range(caps.CIRCLES)], new._slots)
        with pytest.raises(InvalidValue):
            new.create_circle(MAIN)
    with reopened(path) as opened:
        assert len(opened.circles) == caps.CIRCLES
        assert opened.identity.name == "я" * 128


def test_a_second_opener_is_refused(path: Path) -> None:
    first = Vault.create(path, WORDS, IDENTITY, kdf=Kdf.CHEAP)
    with pytest.raises(VaultInUse):
        reopened(path)
    program = (
        "import sys; from pathlib import Path; from cellsync.store.passphrases import forms\n"
        "from cellsync.store.vault import *\n"
        "try: Vault.open(Path(sys.argv[1]), forms('x'), allow_cheap=True)\n"
        "except Exception as error: print(error.code)"
    )
    command = [sys.executable, "-c", program, str(path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "vault_in_use\n"
    first.close()
    with pytest.raises(WrongPassphrase):
        Vault.open(path, forms("wrong")[0], allow_cheap=True)
    reopened(path).close()  # a failed attempt lets the lock go


class Crash(BaseException):
    pass


def crashing(at: int, name: str) -> Callable[..., None]:
    """Replace a step of the writing by a crash the n-th time."""
    steps = iter(range(at + 1))
    real = getattr(os, name)

    def step(*args: object, **kwargs: object) -> object:
        if next(steps, None) == at:
            raise Crash
        return real(*args, **kwargs)

    return step  # type: ignore[return-value]


@pytest.mark.parametrize("publish", [True, False])
@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
@pytest.mark.parametrize("at", range(6))
def test_a_crash_while_founding_leaves_no_vault_or_a_whole_one(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, at: int, publish: bool
) -> None:
    def fill(store: SqliteStore) -> None:
        store.keep("founded", b"yes")

    monkeypatch.setattr(os, step, crashing(at, step))
    try:
        with Vault.create(path, WORDS, IDENTITY, kdf=Kdf.CHEAP, publish=publish) as new:
            new.create_circle(MAIN, fill).close()
    except Crash:
        pass
    monkeypatch.undo()
    try:
        with reopened(path) as opened:
            assert opened.circles in ((MAIN,), ()) if publish else opened.circles == (MAIN,)
            for circle in opened.circles:
                store = opened.open_circle(circle)
                assert store.kept("founded") == b"yes"
                store.close()
    except VaultMissing:
        made(path)  # what is left over does not block
        reopened(path).close()


def test_a_missing_database_is_damage(path: Path) -> None:
    made(path)
    for file in path.iterdir():
        if file.name != "vault":
            file.unlink()
    with reopened(path) as opened, pytest.raises(VaultDamaged):
        opened.open_circle(MAIN)


def test_errors_show_no_secret(path: Path) -> None:
    made(path)
    with pytest.raises(WrongPassphrase) as caught:
        Vault.open(path, forms("a wrong passphrase")[0], allow_cheap=True)
    assert caught.value.__context__ is None
    assert str(caught.value) == "The passphrase is wrong."
    with reopened(path) as opened:
        assert "hidden" in repr(opened.identity)
        assert "XXXX" not in repr(opened.identity) + repr(opened._circles) + repr(opened)

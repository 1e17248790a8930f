from __future__ import annotations

import base64
from typing import Any

import pytest

from cellsync import errors, found_cell, open_cell
from cellsync.cell.founding import RecoveryKey
from cellsync.core.crypto import ratchet
from cellsync.core.ids import EpochSecret, RecoverySecret
from cellsync.store.header import Kdf
from cellsync.store.sqlite import SqliteStore
from cellsync.store.strength import WeakPassphrase
from cellsync.testing import MemoryNetwork
from cellsync.testing.device import PASSPHRASE
from tests.cell.cells import Visit


async def test_a_founder_is_alone_and_coordinates(memory_network: MemoryNetwork) -> None:
    device = await memory_network.device("ana").found()
    async with device.opened() as ana:
        [member] = ana.members()
        assert (member.name, member.role, member.is_me) == ("ana", "coordinator", True)
        assert ana.name == "Mill Street"
        assert ana.peers() == []
        assert ana.entries() == 2, "the founding, and what it requires"
        assert await ana.cases(Visit) == []


async def test_the_recovery_key_is_shown_once_and_kept_nowhere(memory_network: MemoryNetwork) -> None:
    device = memory_network.device("ana")
    key = await found_cell(device.home, "Mill Street", name="Ana", passphrase=PASSPHRASE)
    groups = key.text.split("-")
    assert len(groups) == 13
    assert all(len(group) == 4 for group in groups)
    secret = base64.b32decode("".join(groups) + "====")
    assert len(secret) == 32
    assert RecoverySecret(secret).reveal() == secret
    assert (str(key), f"{key}") == (key.text, key.text)  # as the README says: print it
    for shown in (repr(key), f"{key!r}", str([key]), str({"key": key})):
        assert not any(group in shown for group in groups)
    # not in the vault, in any of the forms that it might be written in
    written = b"".join(file.read_bytes() for file in device.home.path.iterdir() if file.is_file())
    assert secret not in written
    assert key.text.encode() not in written


async def test_the_root_of_the_first_epoch_rests_nowhere(
    memory_network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what was made of it, day by day, so that a day that is deleted cannot be made again from what is left.

    Except by the founder's seal key, as long as that is not renewed (protocol/90-threats.md, A6).
    """
    roots: list[EpochSecret] = []
    commitment = ratchet.commitment

    def noted(root: EpochSecret) -> bytes:
        roots.append(root)
        return commitment(root)

    monkeypatch.setattr(ratchet, "commitment", noted)
    device = await memory_network.device("ana").found()
    assert roots
    async with device.opened() as ana:
        assert isinstance(ana.first.circle.store, SqliteStore)
        at_rest = ana.first.circle.store._db.serialize("main")  # decrypted, free pages included
        assert ana.secrets.seal.reveal() in at_rest, "it would be seen"
        assert not any(root.reveal() in at_rest for root in roots)


async def test_two_foundings_share_nothing(memory_network: MemoryNetwork) -> None:
    keys = set()
    circles = set()
    for name in ("ana", "ben"):
        device = memory_network.device(name)
        keys.add((await found_cell(device.home, "Mill Street", name="Ana", passphrase=PASSPHRASE)).text)
        async with device.opened() as cell:
            circles.add(cell.first.circle.id)
    assert len(keys) == len(circles) == 2


async def test_founding_never_overwrites(memory_network: MemoryNetwork) -> None:
    device = await memory_network.device("ana").found()
    async with device.opened() as ana:
        case = await ana.create(Visit, title="kept")
        with pytest.raises((errors.VaultExists, errors.VaultInUse)):  # also while it is open
            await found_cell(device.home, "Another", name="eve", passphrase="other")
    before = {file.name: file.read_bytes() for file in device.home.path.iterdir() if file.is_file()}
    with pytest.raises(errors.VaultExists):
        await found_cell(device.home, "Another", name="eve", passphrase="other")
    assert {file.name: file.read_bytes() for file in device.home.path.iterdir() if file.is_file()} == before
    async with device.opened() as ana:
        assert (await ana.get(Visit, case.id)).title == "kept"


@pytest.mark.parametrize(
    ("circle", "name", "passphrase"),
    [
        ("Mill Street", "Ana", ""),
        ("Mill Street", "Ana", "\ud800"),
        ("", "Ana", "good"),
        ("Mill Street", "", "good"),
        ("Mill\nStreet", "Ana", "good"),
        ("Mill Street", "A\x00na", "good"),
        ("м" * 129, "Ana", "good"),
        ("Mill Street", "x" * 257, "good"),
        ("Mill Street", 3, "good"),
        (None, "Ana", "good"),
        ("Mill Street", "Ana", b"good"),
    ],
)
async def test_what_cannot_be_used_founds_nothing(
    memory_network: MemoryNetwork, circle: Any, name: Any, passphrase: Any
) -> None:
    device = memory_network.device("ana")
    with pytest.raises(errors.InvalidValue) as caught:
        await found_cell(device.home, circle, name=name, passphrase=passphrase)
    assert caught.value.code == "invalid_value"
    assert str(passphrase) not in str(caught.value) or not passphrase
    with pytest.raises(errors.VaultMissing):
        async with open_cell(device.home, passphrase="anything"):
            pass
    await memory_network.device("ana").found()  # and the folder can still be used


async def test_names_may_be_written_in_any_script(memory_network: MemoryNetwork) -> None:
    device = memory_network.device("ana")
    await found_cell(device.home, "Млынавая вуліца", name="Аня ☂", passphrase="тайны ўваход")
    async with open_cell(device.home, passphrase="тайны ўваход") as ana:
        assert ana.name == "Млынавая вуліца"
        assert [member.name for member in ana.members()] == ["Аня ☂"]


async def test_a_real_vault_takes_no_weak_passphrase(memory_network: MemoryNetwork) -> None:
    """Homes for tests take any; the key of a real one is not even derived before this is refused."""
    device = memory_network.device("ana").with_home(kdf=Kdf.MODERATE)
    for weak in ("a", " ", "Mill Street", "password", "ana ana ana ana ana"):
        with pytest.raises(WeakPassphrase) as caught:
            await found_cell(device.home, "Mill Street", name="Ana", passphrase=weak)
        assert caught.value.code == "weak_passphrase"
    assert not device.home.path.exists()


@pytest.mark.parametrize("secret", [bytes(32), bytes(range(32)), b"\xff" * 32])
def test_the_recovery_key_is_read_from_paper_however_it_is_typed(secret: bytes) -> None:
    key = RecoveryKey(RecoverySecret(secret))
    for written in (
        key.text,
        key.text.lower(),
        key.text.replace("-", " "),
        key.text.replace("O", "0").replace("B", "8"),
    ):
        assert RecoveryKey.read(written).secret.reveal() == secret


@pytest.mark.parametrize("written", ["", "AAAA", "A" * 51, "A" * 53, "A" * 51 + "B", "A" * 51 + "!", "?" * 52])
def test_what_is_no_recovery_key_is_said(written: str) -> None:
    with pytest.raises(errors.InvalidValue, match="mistyped"):
        RecoveryKey.read(written)

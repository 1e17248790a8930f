"""A wipe: nothing opens afterwards, what stays is untouched, and a kill leaves the vault as it was or without keys."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cellsync.core.errors import NotFound, StorageFailed, VaultDamaged, VaultMissing
from cellsync.store import header
from cellsync.store.backup import restore
from cellsync.store.vault import Kdf, Vault
from cellsync.store.wipe import VaultWiped, wiped
from tests.store.rekeyer import CIRCLES, NEW, OLD, OWN
from tests.store.test_rekey import contents, made, names, opened, rows
from tests.store.test_vault import IDENTITY

ROOT = Path(__file__).parents[2]
MAIN, OTHER = CIRCLES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return made(tmp_path / "cell")


def test_with_its_last_circle_the_vault_is_gone_and_says_so(path: Path) -> None:
    with opened(path) as vault:
        vault.wipe(CIRCLES)
    assert names(path) == {"wiped"}
    assert (path / "wiped").read_bytes() == b"all\n"
    assert wiped(path) is not None
    for _ in range(2):
        with pytest.raises(VaultWiped):
            opened(path)
    with Vault.create(path, OLD, IDENTITY, kdf=Kdf.CHEAP) as vault:
        vault.create_circle(MAIN).close()
    assert "wiped" not in names(path)
    assert wiped(path) is None
    with opened(path) as vault:
        assert vault.circles == (MAIN,)


def test_of_several_circles_the_others_stay(path: Path) -> None:
    before, files, head = contents(path), rows(path), (path / "vault").read_bytes()
    with opened(path) as vault:
        vault.wipe([OTHER])
        with pytest.raises(NotFound):
            vault.circle_file(OTHER)
    assert contents(path) == {MAIN: before[MAIN]}
    assert names(path) == {"vault", files[MAIN].file}
    (path / "vault").write_bytes(head)  # an old header comes back: of the other circle there is nothing to open
    with opened(path) as vault:
        assert vault.circles == CIRCLES
        with pytest.raises((VaultDamaged, StorageFailed)):
            vault.open_circle(OTHER)


@pytest.mark.parametrize("going", [0, 1])
def test_of_several_circles_one_that_is_locked_may_be_all_that_stays(path: Path, going: int) -> None:
    gone, left = CIRCLES[going], CIRCLES[1 - going]
    before = contents(path)
    with opened(path) as vault:
        vault.set_circle_passphrase(left, NEW, kdf=Kdf.CHEAP)
    with opened(path) as vault:
        vault.wipe([gone])
    with opened(path) as vault:
        assert vault.circles == vault.locked == (left,)
        vault.unlock(left, (NEW,))
        vault.open_circle(left).close()
    with opened(path) as vault:
        vault.unlock(left, (NEW,))
        vault.set_circle_passphrase(left, None, kdf=Kdf.CHEAP)
    assert contents(path) == {left: before[left]}


def test_nothing_is_wiped_for_no_circle(path: Path) -> None:
    before = contents(path)
    with opened(path) as vault:
        vault.wipe([])
    assert contents(path) == before


@pytest.mark.parametrize("said", [b"", b"all", b"\n", b"al\n", b"vault\n", b"all\n" + b"ab" * 16 + b"\n", b"ab" * 16])
def test_what_was_not_written_whole_decides_nothing(path: Path, said: bytes) -> None:
    before = contents(path)
    (path / "wiping").write_bytes(said)
    assert wiped(path) is None
    assert contents(path) == before


def test_one_that_was_broken_off_ends_before_a_new_vault_begins(path: Path) -> None:
    (path / "wiping").write_bytes(b"all\n")
    slots = header.decode((path / "vault").read_bytes()).slots
    with Vault.create(path, OLD, IDENTITY, kdf=Kdf.CHEAP) as vault:
        vault.create_circle(MAIN).close()
    assert all(slot.wrapped not in (path / "vault").read_bytes() for slot in slots)
    with opened(path) as vault:
        assert vault.circles == (MAIN,)


@pytest.mark.parametrize("mark", ["wiped", "wiping", "wiping all"])
def test_a_backup_is_restored_where_a_vault_was_wiped(path: Path, mark: str) -> None:
    before, copy = contents(path), path.with_name("copy")
    shutil.copytree(path, copy)
    if mark == "wiping all":  # and the machine went off then
        (path / "wiping").write_bytes(b"all\n")
    else:
        with opened(path) as vault:
            vault.wipe(CIRCLES)
        (path / mark).write_bytes(b"")
    restore(copy, path, OLD, entropy=secrets.token_bytes, allow_cheap=True)
    assert contents(path) == before
    assert names(path).isdisjoint({"wiped", "wiping"})


def test_what_was_never_there_was_not_wiped(tmp_path: Path) -> None:
    assert wiped(tmp_path) is wiped(tmp_path / "nowhere") is None
    with pytest.raises(VaultMissing) as missing:
        opened(tmp_path)
    assert not isinstance(missing.value, VaultWiped)


@pytest.mark.parametrize(
    ("what", "outcomes"),
    [
        ("all", {"as it was", "decided", "without keys"}),
        ("one", {"as it was", "decided", "gone"}),
        ("the first", {"as it was", "decided", "gone"}),
    ],
)
def test_a_kill_at_each_step_leaves_it_as_it_was_or_without_its_keys(path: Path, what: str, outcomes: set[str]) -> None:
    if what == "the first":  # what stays then is locked
        with opened(path) as vault:
            vault.set_circle_passphrase(OTHER, OWN, kdf=Kdf.CHEAP)
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.wiper", str(path), what],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = {line.split(":")[0]: int(line.split(":")[1]) for line in done.stdout.splitlines()}
    assert found.keys() == outcomes, done.stdout
    assert sum(found.values()) > 10

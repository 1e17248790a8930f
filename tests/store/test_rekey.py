"""A re-key: everything is there as before, an old header opens none of it, and a kill leaves one vault or the other."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from cellsync.core.errors import DiskFull, InvalidValue, NewerVersion, StorageFailed, VaultDamaged, WrongPassphrase
from cellsync.core.ids import CircleId, DatabaseKey
from cellsync.store import header, rekey, seals
from cellsync.store.contents import key_of
from cellsync.store.edge import GivenUp
from cellsync.store.files import destroy
from cellsync.store.header import Slot
from cellsync.store.sqlite import Census, SqliteStore
from cellsync.store.vault import Identity, Kdf, Vault
from tests.store.commits import CANARY, Author, numbered
from tests.store.rekeyer import CIRCLES, ENTRIES, NEW, OLD, OWN
from tests.store.test_vault import IDENTITY

ROOT = Path(__file__).parents[2]
MAIN, OTHER = CIRCLES
Usage = namedtuple("Usage", "total used free")  # as `shutil.disk_usage` answers


def write(store: SqliteStore) -> None:
    author = Author()
    for number in range(1, ENTRIES // 40 + 1):
        store.write(numbered(author, number, 40))
    store.keep("name", b"value")
    store.flush()


def made(path: Path, identity: Identity = IDENTITY) -> Path:
    with Vault.create(path, OLD, identity, kdf=Kdf.CHEAP) as new:
        for circle in CIRCLES:
            new.create_circle(circle, write).close()
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return made(tmp_path / "cell")


def opened(path: Path) -> Vault:
    return Vault.open(path, OLD, allow_cheap=True)


def renew(path: Path, **more: Any) -> None:
    with opened(path) as found:
        rekey.rekey(found, OLD, kdf=Kdf.CHEAP, **more)


def contents(path: Path) -> dict[CircleId, tuple[Census, bytes | None]]:
    """What the vault holds, read from its pages."""
    found = {}
    with opened(path) as one:
        for circle in one.circles:
            store = one.open_circle(circle)
            store.check()
            found[circle] = store.census(), store.kept("name")
            store.close()
    return found


def rows(path: Path) -> dict[CircleId, header.CircleFile]:
    with opened(path) as one:
        return {circle: one.circle_file(circle) for circle in one.circles}


def names(path: Path) -> set[str]:
    return {file.name for file in path.iterdir()}


def test_everything_is_there_in_other_files(path: Path) -> None:
    before, held, head = rows(path), contents(path), (path / "vault").read_bytes()
    assert [census[1] for census, _ in held.values()] == [ENTRIES, ENTRIES]
    renew(path)
    after = rows(path)
    assert contents(path) == held
    with opened(path) as one:
        assert one.identity == IDENTITY
        assert one.circles == CIRCLES
    assert names(path) == {"vault", *(row.file for row in after.values())}
    assert not names(path) & {row.file for row in before.values()}
    assert not {key_of(row).reveal() for row in before.values()} & {key_of(row).reveal() for row in after.values()}
    assert (path / "vault").read_bytes() != head
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}
    assert CANARY not in b"".join(file.read_bytes() for file in path.iterdir())


def test_an_old_header_opens_what_it_opened_until_the_re_key(path: Path) -> None:
    """What a copy of the header and an old passphrase open after the passphrase was changed, and after a re-key."""
    old_header, old_rows = (path / "vault").read_bytes(), rows(path)
    with opened(path) as found:
        found.change_passphrase(NEW, kdf=Kdf.CHEAP)
        store = found.open_circle(MAIN)
        store.keep("name", b"written after the change")
        store.flush()
        store.close()
    with pytest.raises(WrongPassphrase):
        opened(path)
    new_header = (path / "vault").read_bytes()
    (path / "vault").write_bytes(old_header)
    assert contents(path)[MAIN][1] == b"written after the change"  # the old passphrase opens it all the same

    (path / "vault").write_bytes(new_header)
    with Vault.open(path, NEW, allow_cheap=True) as found:
        rekey.rekey(found, NEW, kdf=Kdf.CHEAP)
    newest, files = (path / "vault").read_bytes(), names(path) - {"vault"}
    for old, words in ((old_header, OLD), (new_header, NEW)):
        (path / "vault").write_bytes(old)
        with Vault.open(path, words, allow_cheap=True) as found:
            for circle in CIRCLES:
                with pytest.raises(VaultDamaged):
                    found.open_circle(circle)
                for file in files:  # under the name that this header knows
                    shutil.copyfile(path / file, path / old_rows[circle].file)
                    with pytest.raises(VaultDamaged):
                        found.open_circle(circle)
                    destroy(path / old_rows[circle].file)
            with pytest.raises(VaultDamaged):  # its master key does not open the new header either
                seals.open_body(header.decode(newest), found._master)
    assert names(path) - {"vault"} == files, "an old header has deleted something"
    (path / "vault").write_bytes(newest)
    with Vault.open(path, NEW, allow_cheap=True) as found:
        assert found.open_circle(MAIN).kept("name") == b"written after the change"


def test_no_key_of_before_opens_a_new_file(path: Path) -> None:
    before = rows(path)
    renew(path)
    for new in rows(path).values():
        for old in before.values():
            with pytest.raises(VaultDamaged):
                SqliteStore.open(path / new.file, key_of(old))


def test_new_files_are_on_the_disk_before_the_header_and_old_ones_go_after(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {row.file for row in rows(path).values()}
    steps: list[str] = []
    sync, replace, unlink = os.fsync, os.replace, os.unlink

    def synced(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            steps.append("sync directory")
        else:
            name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
            steps.append("sync header" if name.startswith("vault") else "sync old" if name in old else "sync new")
        sync(descriptor)

    def replaced(*names: Any, **more: Any) -> None:
        steps.append("name the header")
        replace(*names, **more)

    def unlinked(name: Any, **more: Any) -> None:
        if Path(name).name in old:
            steps.append("delete old")
        unlink(name, **more)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    monkeypatch.setattr(os, "unlink", unlinked)
    renew(path)
    steps = [step for step in steps if step != "sync old"]
    named = steps.index("name the header")
    assert steps[:named].count("sync new") == 2
    assert steps[named - 2 : named] == ["sync directory", "sync header"]
    assert steps[named + 1] == "sync directory"
    assert "delete old" not in steps[:named]
    assert steps[named:].count("delete old") == 2


_OWN = ", one of its own"
_ANEW = {f"old passphrase, old files{_OWN}": 3, "old passphrase, old files, another one of its own": 2}


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("work", "locked", "outcomes"),
    [
        ("rekey", None, {"old passphrase, old files": 30, "old passphrase, new files": 5}),
        ("rekey", MAIN, {f"old passphrase, old files{_OWN}": 30, f"old passphrase, new files{_OWN}": 5}),
        ("rekey", OTHER, {f"old passphrase, old files{_OWN}": 30, f"old passphrase, new files{_OWN}": 5}),
        ("change", None, {"old passphrase, old files": 3, "new passphrase, old files": 2}),
        ("change", MAIN, {f"old passphrase, old files{_OWN}": 3, f"new passphrase, old files{_OWN}": 2}),
        ("change", OTHER, {f"old passphrase, old files{_OWN}": 3, f"new passphrase, old files{_OWN}": 2}),
        ("lock", None, {"old passphrase, old files": 3, f"old passphrase, old files{_OWN}": 2}),
        ("lock the first", None, {"old passphrase, old files": 3, f"old passphrase, old files{_OWN}": 2}),
        ("lock anew", OTHER, _ANEW),
        ("lock the first anew", MAIN, _ANEW),
        ("free", OTHER, {f"old passphrase, old files{_OWN}": 3, "old passphrase, old files": 2}),
        ("free the first", MAIN, {f"old passphrase, old files{_OWN}": 3, "old passphrase, old files": 2}),
    ],
)
def test_killed_at_each_step(path: Path, work: str, locked: CircleId | None, outcomes: dict[str, int]) -> None:
    """It opens with all of its old files or all of its new ones, with one of the two passphrases, and is tidied up; and
    so does a circle with a passphrase of its own."""
    if locked is not None:
        with opened(path) as vault:
            vault.set_circle_passphrase(locked, OWN, kdf=Kdf.CHEAP)
    program = [sys.executable, "-m", "tests.store.rekeyer", str(path), work]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = dict(line.split(": ") for line in done.stdout.splitlines())
    assert found.keys() == outcomes.keys()
    for outcome, least in outcomes.items():
        assert int(found[outcome]) >= least, found


def test_a_file_that_nothing_says_to_be_replaced_is_left_alone(path: Path) -> None:
    """A header from before a circle was joined must not cost the circle when the newer header is found again."""
    head = (path / "vault").read_bytes()
    third = CircleId(b"T" * 32)
    with opened(path) as found:
        found.create_circle(third).close()
    newer = (path / "vault").read_bytes()
    (path / "vault").write_bytes(head)
    contents(path)
    renew(path)
    (path / "vault").write_bytes(newer)
    with opened(path) as found:
        found.open_circle(third).close()


@pytest.mark.parametrize("counterpart", [b"", b"../../etc/passwd", "its own", "of the other circle"])
def test_a_counterpart_that_is_none_deletes_nothing(path: Path, counterpart: bytes | str) -> None:
    known = rows(path)
    named = {"its own": known[MAIN].file, "of the other circle": known[OTHER].file}
    value = counterpart if isinstance(counterpart, bytes) else bytes.fromhex(named[counterpart])
    with opened(path) as found:
        store = found.open_circle(MAIN)
        store.keep("counterpart", value)
        store.flush()
        store.close()
        store = found.open_circle(MAIN)
        assert store.kept("counterpart") is None
        store.close()
    assert names(path) == {"vault", *named.values()}
    contents(path)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_given_up_it_changes_nothing(path: Path, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellsync.store.sqlite.STEPS", 200)
    files, held, told = names(path), contents(path), list[tuple[int, int]]()
    head = (path / "vault").read_bytes()

    def seen(done: int, total: int) -> bool:
        told.append((done, total))
        return len(told) <= after

    with pytest.raises(GivenUp):
        renew(path, seen=seen)
    assert len(told) == after + 1
    assert (path / "vault").read_bytes() == head
    assert names(path) == files
    assert contents(path) == held


def test_how_far_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellsync.store.sqlite.STEPS", 200)
    told: list[tuple[int, int]] = []
    size = sum(file.stat().st_size for file in path.iterdir() if file.name != "vault")
    renew(path, seen=lambda done, total: not told.append((done, total)))  # type: ignore[func-returns-value]
    assert {total for _, total in told} == {size}
    assert told == sorted(told)
    assert told[0] == (0, size)
    assert told[-1] == (size, size)
    assert len({done for done, _ in told}) > 2


def test_it_says_how_much_space_it_takes_before_it_begins(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head, files = (path / "vault").read_bytes(), names(path)
    needed = rekey.room_needed(path)
    assert needed > sum(file.stat().st_size for file in path.iterdir() if file.name != "vault")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, needed - 1))
    with pytest.raises(DiskFull) as caught:
        renew(path)
    assert f"takes {-(-needed // 1_000_000)} MB of free space" in str(caught.value)
    assert "Nothing was changed" in str(caught.value)
    assert caught.value.hint == "Free 1 MB on the vault's disk, then try again."
    assert ((path / "vault").read_bytes(), names(path)) == (head, files)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, needed))
    renew(path)


def test_a_copy_that_differs_is_not_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, head, files = SqliteStore.copy_into, (path / "vault").read_bytes(), names(path)

    def worse(self: SqliteStore, to: Path, key: DatabaseKey, *more: Any) -> None:
        real(self, to, key, *more)
        copy = SqliteStore.open(to, key)
        copy._db.execute("DELETE FROM entries WHERE number = 7")
        copy.close()

    monkeypatch.setattr(SqliteStore, "copy_into", worse)
    with pytest.raises(StorageFailed, match="does not read as"):
        renew(path)
    monkeypatch.undo()
    assert ((path / "vault").read_bytes(), names(path)) == (head, files)


def test_a_damaged_database_stays_as_it_is(path: Path) -> None:
    file = path / rows(path)[OTHER].file
    content = bytearray(file.read_bytes())
    content[3 * 8192 + 100] ^= 1
    file.write_bytes(content)
    head, files = (path / "vault").read_bytes(), names(path)
    with pytest.raises(VaultDamaged):
        renew(path)
    assert ((path / "vault").read_bytes(), names(path)) == (head, files)


def test_a_slot_that_it_would_lose(path: Path) -> None:
    """Of another kind than this version knows: it leads to the old master key, and nobody here can seal the new one."""
    other = Slot(2, 9, 7, 0, 1, b"s" * 16, b"n" * 24, b"w" * 48)
    with opened(path) as found:
        found._save([found.circle_file(circle) for circle in CIRCLES], (*found._slots, other))
        with pytest.raises(NewerVersion):
            rekey.rekey(found, OLD, kdf=Kdf.CHEAP)
    assert contents(path)


def test_its_parameters_are_no_weaker(path: Path) -> None:
    with opened(path) as found, pytest.raises(InvalidValue):
        rekey.rekey(found, OLD, kdf=Kdf(21, 8 << 10))
    assert contents(path)


def test_a_vault_without_a_circle(tmp_path: Path) -> None:
    Vault.create(tmp_path / "empty", OLD, IDENTITY, kdf=Kdf.CHEAP).close()
    before = (tmp_path / "empty" / "vault").read_bytes()
    renew(tmp_path / "empty")
    with opened(tmp_path / "empty") as found, pytest.raises(VaultDamaged):
        seals.open_body(header.decode(before), found._master)

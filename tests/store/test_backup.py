"""Copies of vaults: what they hold, that no half-made copy passes for one, and that nothing is overwritten."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.drawers import LIFE, RENEWAL_DUE
from cellsync.core.errors import (
    CellsyncError,
    DiskFull,
    VaultDamaged,
    VaultExists,
    VaultInUse,
    VaultMissing,
    WrongPassphrase,
)
from cellsync.core.ids import CircleId, Millis, SessionSecret, SigningSecret
from cellsync.store import backup as module
from cellsync.store.backup import (
    Backup,
    CopyDiffers,
    Incomplete,
    InsideVault,
    NoSuchPlace,
    NotWritable,
    PlaceTaken,
    must_hold_a_vault,
    restore,
    time_of,
)
from cellsync.store.files import sync_file
from cellsync.store.passphrases import forms
from cellsync.store.sqlite import SqliteStore
from cellsync.store.vault import Identity, Kdf, Vault
from tests.store.commits import CANARY, Author, numbered

WORDS = forms("four random words, say")[0]
IDENTITY = Identity(SigningSecret(b"S" * 32), SessionSecret(b"X" * 32), "Iryna")
MAIN, OTHER = CircleId(b"M" * 32), CircleId(b"O" * 32)
AT = Millis(1_790_000_000_123)


class Open:
    """A vault that is open, and commits that are written to it."""

    def __init__(self, folder: Path, circles: tuple[CircleId, ...] = (MAIN,)) -> None:
        self.vault = Vault.create(folder, WORDS, IDENTITY, kdf=Kdf.CHEAP)
        self.stores = {circle: self.vault.create_circle(circle) for circle in circles}
        self.author, self.written = Author(), 0

    @property
    def store(self) -> SqliteStore:
        return self.stores[MAIN]

    def write(self, flush: bool = True, size: int = 5) -> None:
        self.written += 1
        self.store.write(numbered(self.author, self.written, size))
        self.store.keep("number", self.written.to_bytes(8))
        if flush:
            self.store.flush()

    def back_up(self, to: Path, below: str = "") -> Backup:
        copy = Incomplete.begin(to, outside=self.vault.path, below=below)
        try:
            rows = [self.vault.circle_file(circle) for circle in self.vault.circles]
            for row in rows:
                copy.take(row, self.stores[row.circle])
            return copy.complete(self.vault.header_of(rows), AT, {"settings.json": b"{}"} if below else None)
        except BaseException:
            copy.discard()
            raise

    def close(self) -> None:
        for store in self.stores.values():
            store.close()
        self.vault.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Open]:
    home = Open(tmp_path / "cell")
    for _ in range(20):
        home.write()
    yield home
    home.close()


def opened(folder: Path) -> Vault:
    return Vault.open(folder, WORDS, allow_cheap=True)


def put_back(source: Path, to: Path, **more: Callable[[], None]) -> Backup:
    return restore(source, to, WORDS, entropy=os.urandom, allow_cheap=True, **more)


def holds(folder: Path) -> int:
    """The number of the last commit in a vault, which has to be whole."""
    with opened(folder) as vault:
        store = vault.open_circle(MAIN)
        try:
            store.check()
            number = int.from_bytes(store.kept("number") or b"")
            assert store.census()[1] == 5 * number
            return number
        finally:
            store.close()


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- what it holds ---------------------------------------------------------------------------------------------


def test_a_copy_opens_with_the_same_passphrase_and_holds_the_same(home: Open, tmp_path: Path) -> None:
    home.store.keep(LIFE, b"the life")
    home.store.flush()
    made = home.back_up(tmp_path / "copy")
    assert (made.at, made.entries) == (AT, 100)
    home.write()  # the original goes on
    with opened(tmp_path / "copy") as vault:
        assert vault.identity == IDENTITY
        store = vault.open_circle(MAIN)
        assert store.census()[:2] == (store.chains(), 100)
        assert int.from_bytes(store.kept("number") or b"") == 20
        assert time_of(store.kept(RENEWAL_DUE)) == AT
        assert store.kept(LIFE) is None
        store.close()
    assert home.store.kept(RENEWAL_DUE) is None
    assert home.store.kept(LIFE) == b"the life"
    assert holds(tmp_path / "copy") == 20


def test_every_circle_is_in_it(tmp_path: Path) -> None:
    home = Open(tmp_path / "cell", (MAIN, OTHER))
    home.stores[OTHER].keep("name", b"of the other one")
    home.stores[OTHER].flush()
    home.back_up(tmp_path / "copy")
    home.close()
    with opened(tmp_path / "copy") as vault:
        assert vault.circles == (MAIN, OTHER)
        for circle in vault.circles:
            store = vault.open_circle(circle)
            assert store.kept(RENEWAL_DUE) is not None
            assert store.kept("name") == (b"of the other one" if circle == OTHER else None)
            store.close()


def test_only_its_owner_reads_it_and_nothing_is_in_the_clear(home: Open, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home.back_up(tmp_path / "copy", below="vault")
    finally:
        os.umask(before)
    assert len(files(tmp_path / "copy")) == 4
    assert "settings.json" in files(tmp_path / "copy")
    for path in (tmp_path / "copy", *(tmp_path / "copy").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
        if path.is_file():
            assert CANARY not in path.read_bytes()
            assert b"SQLite format 3" not in path.read_bytes()


STEPS = st.lists(st.sampled_from(["write", "stage", "flush", "roll back", "keep", "back up"]), max_size=25)


@given(STEPS)
def test_a_copy_is_some_committed_state(steps: list[str]) -> None:
    """Whatever is written around it; what was staged when it was taken is durable, for no step stops half-way."""
    with TemporaryDirectory() as folder:
        home = Open(Path(folder) / "cell")
        taken: list[tuple[Path, int]] = []
        for step in [*steps, "back up"]:
            if step == "write":
                home.write()
            elif step == "stage":
                home.write(flush=False)
            elif step == "flush":
                home.store.flush()
            elif step == "roll back":
                home.store.flush()
                with pytest.raises(AttributeError):
                    home.store.write(None)  # type: ignore[arg-type]
            elif step == "keep":
                home.store.keep("something else", os.urandom(8))
            else:
                place = Path(folder) / f"copy {len(taken)}"
                home.back_up(place)
                taken.append((place, home.written))
        home.close()
        for place, written in taken:
            assert holds(place) == written


# --- nothing is overwritten ----------------------------------------------------------------------------------------


def test_a_name_that_is_taken(home: Open, tmp_path: Path) -> None:
    place = tmp_path / "place"
    takers: list[Callable[[], object]] = [
        lambda: place.mkdir(),
        lambda: place.write_text("a letter"),
        lambda: place.symlink_to(tmp_path / "nowhere"),
        lambda: place.symlink_to(tmp_path / "cell"),
    ]
    for take in takers:
        take()
        before = files(tmp_path)
        with pytest.raises(PlaceTaken):
            home.back_up(place)
        assert files(tmp_path) == before
        place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()


def test_a_name_that_is_taken_while_the_copy_is_made(home: Open, tmp_path: Path) -> None:
    copy = Incomplete.begin(tmp_path / "copy", outside=home.vault.path)
    row = home.vault.circle_file(MAIN)
    copy.take(row, home.store)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "letter").write_text("a letter")
    with pytest.raises(PlaceTaken):
        copy.complete(home.vault.header_of([row]), AT)
    copy.discard()
    assert files(tmp_path / "copy") == ["letter"]
    assert not (tmp_path / "copy.incomplete").exists()


def test_places_that_are_none(home: Open, tmp_path: Path) -> None:
    (tmp_path / "way in").symlink_to(tmp_path / "cell")
    for inside in (tmp_path / "cell", tmp_path / "cell" / "copy", tmp_path / "way in" / "copy"):
        with pytest.raises(InsideVault):
            home.back_up(inside)
    for missing in (tmp_path / "stick" / "copy", home.vault.path / "vault" / "copy", Path("/")):
        with pytest.raises(NoSuchPlace):
            home.back_up(missing)
    assert not (tmp_path / "stick").exists()


def test_beside_what_is_linked(home: Open, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "stick").symlink_to(tmp_path / "disk")
    home.back_up(tmp_path / "stick" / "copy")
    assert holds(tmp_path / "disk" / "copy") == 20


# --- what is not whole does not look like one ---------------------------------------------------------------------


def test_what_was_broken_off_is_no_vault_and_makes_room(home: Open, tmp_path: Path) -> None:
    """A process that is killed at any moment cannot tidy up."""
    for below in ("", "vault"):
        broken = Incomplete.begin(tmp_path / "copy", outside=home.vault.path, below=below)
        broken.take(home.vault.circle_file(MAIN), home.store)
        os.close(broken._lock)
        left = tmp_path / "copy.incomplete"
        with pytest.raises(VaultMissing):
            put_back(left / below, tmp_path / "again")
        home.back_up(tmp_path / "copy", below)
        assert not left.exists()
        assert holds(tmp_path / "copy" / below) == 20
        (tmp_path / "copy").rename(tmp_path / f"done {below}")


def test_two_at_once_to_one_place(home: Open, tmp_path: Path) -> None:
    first = Incomplete.begin(tmp_path / "copy", outside=home.vault.path)
    with pytest.raises(PlaceTaken, match="Another backup"):
        home.back_up(tmp_path / "copy")
    first.discard()
    home.back_up(tmp_path / "copy")


@pytest.mark.parametrize("foreign", ["letter.txt", "vault/letter.txt", "link"])
def test_what_is_not_ours_is_never_deleted(home: Open, tmp_path: Path, foreign: str) -> None:
    left = tmp_path / "copy.incomplete"
    (left / "vault").mkdir(parents=True)
    if foreign == "link":
        (left / foreign).symlink_to(tmp_path)
    else:
        (left / foreign).write_text("a letter")
    with pytest.raises(PlaceTaken):
        home.back_up(tmp_path / "copy")
    assert os.path.lexists(left / foreign)


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    for byte in range(at, at + 8):
        content[byte] ^= 0xFF
    path.write_bytes(content)


def test_damage_in_a_page_that_nobody_reads_is_found(tmp_path: Path) -> None:
    home = Open(tmp_path / "cell")
    for _ in range(200):
        home.write(size=40)
    name = home.vault.circle_file(MAIN).file
    home.close()
    flip(tmp_path / "cell" / name, (tmp_path / "cell" / name).stat().st_size // 2)
    home.vault = opened(tmp_path / "cell")
    home.stores = {MAIN: home.vault.open_circle(MAIN)}  # nothing is noticed here
    with pytest.raises(VaultDamaged):
        home.store.check()
    with pytest.raises(VaultDamaged) as raised:
        home.back_up(tmp_path / "copy")
    assert "cellsync restore FROM" in raised.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["cell"]
    home.close()


def test_a_disk_that_writes_something_else(home: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(self: SqliteStore, path: Path) -> None:
        copy(self, path)
        flip(path, path.stat().st_size - 4_000)

    def stale(self: SqliteStore, path: Path) -> None:
        copy(self, path)
        home.write()

    def in_the_clear(self: SqliteStore, path: Path) -> None:
        path.write_bytes(b"SQLite format 3\0" + bytes(8_000))

    copy = SqliteStore.copy_into
    for bad in (damaged, stale, in_the_clear):
        monkeypatch.setattr(SqliteStore, "copy_into", bad)
        with pytest.raises(CellsyncError) as raised:
            home.back_up(tmp_path / "copy")
        assert raised.value.code == ("storage_failed" if bad is in_the_clear else "copy_differs")
        assert [path.name for path in tmp_path.iterdir()] == ["cell"]


@pytest.mark.parametrize("step", ["write_private", "sync_file", "sync_directory", "check_encrypted", "_checked"])
def test_whatever_fails_nothing_is_left(home: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(module, step, fail)
    with pytest.raises(DiskFull, match="not enough room there"):
        home.back_up(tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["cell"]
    assert home.store.kept("number") is not None


def test_where_nothing_can_be_written(home: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(NotWritable):
        home.back_up(tmp_path / "copy")


# --- putting back ---------------------------------------------------------------------------------------------------


def test_put_back(home: Open, tmp_path: Path) -> None:
    home.back_up(tmp_path / "copy")
    before = {name: (tmp_path / "copy" / name).read_bytes() for name in files(tmp_path / "copy")}
    moments = []
    found = put_back(
        tmp_path / "copy", tmp_path / "again",
        before_it_is_there=lambda: moments.append((tmp_path / "again").exists()),
    )  # fmt: skip
    assert (found.at, found.entries, moments) == (AT, 100, [False])
    assert holds(tmp_path / "again") == 20
    assert {name: (tmp_path / "copy" / name).read_bytes() for name in before} == before
    assert "again.incomplete" not in files(tmp_path)


def test_a_folder_that_was_merely_copied_is_marked(home: Open, tmp_path: Path) -> None:
    """Also one that was not closed in good order: what its log holds is there."""
    import shutil

    home.write()
    shutil.copytree(home.vault.path, tmp_path / "copy")
    assert any(name.endswith("-wal") for name in files(tmp_path / "copy"))
    found = put_back(tmp_path / "copy", tmp_path / "again")
    assert holds(tmp_path / "again") == 21
    assert found.at > 0
    with opened(tmp_path / "again") as vault:
        store = vault.open_circle(MAIN)
        assert time_of(store.kept(RENEWAL_DUE)) == found.at
        store.close()


def test_what_the_log_of_a_locked_circle_holds_goes_along_and_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    home, own = Open(tmp_path / "cell", (MAIN, OTHER)), forms("another four random words")[0]
    home.vault.set_circle_passphrase(OTHER, own, kdf=Kdf.CHEAP)
    home.stores[OTHER].keep("number", b"7")
    home.stores[OTHER].flush()
    name = home.vault.circle_file(OTHER).file
    shutil.copytree(home.vault.path, tmp_path / "killed")
    home.close()
    assert (tmp_path / "killed" / f"{name}-wal").stat().st_size
    synced: list[str] = []

    def sync(path: Path) -> None:
        synced.append(path.name)
        sync_file(path)

    monkeypatch.setattr(module, "sync_file", sync)
    put_back(tmp_path / "killed", tmp_path / "again")
    assert {name, f"{name}-wal"} <= set(synced)
    with opened(tmp_path / "again") as vault:
        vault.unlock(OTHER, own)
        store = vault.open_circle(OTHER)
        assert store.kept("number") == b"7"
        store.close()


def test_what_cannot_be_put_back(home: Open, tmp_path: Path) -> None:
    home.back_up(tmp_path / "copy")
    with pytest.raises(VaultInUse):
        put_back(tmp_path / "cell", tmp_path / "again")  # it is open: no backup at all
    with pytest.raises(VaultMissing, match="no backup"):
        put_back(tmp_path, tmp_path / "again")
    with pytest.raises(VaultExists):
        put_back(tmp_path / "copy", home.vault.path)
    with pytest.raises(WrongPassphrase) as wrong:
        restore(tmp_path / "copy", tmp_path / "again", forms("wrong")[0], entropy=os.urandom, allow_cheap=True)
    assert "had when it was backed up" in wrong.value.hint
    name = home.vault.circle_file(MAIN).file
    flip(tmp_path / "copy" / name, 20_000)
    with pytest.raises(VaultDamaged, match="This backup is damaged"):
        put_back(tmp_path / "copy", tmp_path / "again")
    (tmp_path / "copy" / name).unlink()
    with pytest.raises(VaultDamaged, match="missing"):
        put_back(tmp_path / "copy", tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cell", "copy"]


def test_beside_a_creation_that_was_killed(home: Open, tmp_path: Path) -> None:
    home.back_up(tmp_path / "copy")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / ("0" * 32)).write_bytes(b"a database that no header names")
    put_back(tmp_path / "copy", tmp_path / "again")
    assert holds(tmp_path / "again") == 20
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter").write_text("a letter")
    with pytest.raises(VaultExists):
        put_back(tmp_path / "copy", tmp_path / "other")
    assert files(tmp_path / "other") == ["letter"]


def test_a_copy_of_a_copy_tells_its_own_time(home: Open, tmp_path: Path) -> None:
    home.store.keep(RENEWAL_DUE, b"1")  # found out at a contact, with no time to tell
    home.store.flush()
    assert home.back_up(tmp_path / "copy").at == AT
    assert put_back(tmp_path / "copy", tmp_path / "again").at == AT
    assert time_of(b"1") is None
    assert isinstance(CopyDiffers(), CellsyncError)


def test_a_folder_of_backups_is_said_to_be_one(home: Open, tmp_path: Path) -> None:
    (tmp_path / "stick" / "monday").mkdir(parents=True)
    for folder in ("stick", "nothing"):
        with pytest.raises(VaultMissing, match="no backup") as none:
            must_hold_a_vault(tmp_path / folder / "vault")
        assert "with a folder vault in it" in none.value.hint
    home.back_up(tmp_path / "stick" / "monday" / "vault")
    for look in (must_hold_a_vault, lambda folder: put_back(folder, tmp_path / "again")):
        with pytest.raises(VaultMissing, match="no backup") as none:
            look(tmp_path / "stick" / "vault")
        assert none.value.hint == "There are backups in the folders inside it: name one of these."

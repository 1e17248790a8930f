"""Several circles in one vault: what they have in common, and what they do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import trio

from cellsync.core.errors import InvalidValue, VaultDamaged
from cellsync.core.ids import CaseId, CircleId, Incarnation, Passphrase
from cellsync.core.membership.control import Role, checked_name
from cellsync.core.replica.founding import KEYS_ENTROPY, device_secrets
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.stage import Plan
from cellsync.core.wire import operations
from cellsync.core.wire.operations import SALT_BYTES, Operation
from cellsync.core.wire.tags import Kind, Op
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.circles import OpenCircles
from cellsync.ledger.source import OWN_HAND, Source
from cellsync.ledger.surroundings import REAL
from cellsync.store.contents import key_of
from cellsync.store.header import Identity, Kdf
from cellsync.store.sqlite import SqliteStore
from cellsync.store.vault import Vault

WORDS: Final = Passphrase(b"harbour pickle staircase moth")


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A vault with one circle, "Mill Street"."""
    keys = device_secrets(REAL.entropy(KEYS_ENTROPY))
    identity = Identity(keys.signing, keys.session, checked_name("Ana"))
    with Vault.create(tmp_path / "vault", WORDS, identity, kdf=Kdf.CHEAP) as vault:
        circles = OpenCircles(vault, REAL)
        await circles.found("Mill Street")
        circles.close()
    return tmp_path / "vault"


@contextmanager
def opened(path: Path) -> Iterator[OpenCircles]:
    with Vault.open(path, WORDS, allow_cheap=True) as vault:
        circles = OpenCircles.open(vault, REAL)
        try:
            yield circles
        finally:
            circles.close()


async def write(circles: OpenCircles, circle: OpenCircle, text: str = "a word") -> Plan:
    written = [Operation(Op.SET, "title", b"", text)]
    shape = operations.encode_shape(written)
    content = operations.encode_content(REAL.entropy(SALT_BYTES), written)
    intention = Intention(Kind.CASE, CaseId(REAL.entropy(32)), shape, content)
    return await circle.write(circles.secrets(circle.id).signing, [intention])


def first(circles: OpenCircles) -> OpenCircle:
    return next(iter(circles.values()))


def names(circles: OpenCircles) -> list[str]:
    found = [circle.replica.circle.found for circle in circles.values()]
    return [each.circle_name for each in found if each is not None]


async def test_one_more_circle_is_open_at_once_and_after_opening_again(path: Path) -> None:
    with opened(path) as circles:
        main = first(circles).id
        second, _ = await circles.found("Lawyers")
        assert list(circles) == [main, second.id]
        assert circles[second.id] is second
        assert second.replica.circle.current_role(second.device) == Role.COORDINATOR
        held = second.frontier(), second.digest()
    with opened(path) as circles:
        assert (list(circles), names(circles)) == ([main, second.id], ["Mill Street", "Lawyers"])
        assert (circles[second.id].frontier(), circles[second.id].digest()) == held
        assert first(circles).id == main


async def test_a_device_signs_and_talks_alike_in_all_and_is_sealed_to_in_each_by_itself(path: Path) -> None:
    with opened(path) as circles:
        second, recovery = await circles.found("Lawyers")
        ours, theirs = circles.secrets(first(circles).id), circles.secrets(second.id)
        assert ours.signing.reveal() == theirs.signing.reveal()
        assert ours.session.reveal() == theirs.session.reveal()
        assert ours.seal.reveal() != theirs.seal.reveal()
        for circle in circles.values():  # what its entry says is what its file keeps
            own = circle.replica.circle.grants[circle.device]
            assert own.keys == circles.secrets(circle.id).public.known
        today = REAL.now()
        mine, other = (circle.epochs.today(today).session.reveal() for circle in circles.values())
        assert mine != other
        files = [circles.vault.circle_file(circle) for circle in circles]
        assert key_of(files[0]).reveal() != key_of(files[1]).reveal()
        assert len(recovery.reveal()) == 32


async def test_no_database_holds_anything_of_another_circle(path: Path) -> None:
    with opened(path) as circles:
        await circles.found("Lawyers")
        for circle in circles.values():
            await write(circles, circle, "in " + names(circles)[circle is not first(circles)])
        for circle, other in (list(circles.values()), list(circles.values())[::-1]):
            database = everything(circles.store(circle.id))
            assert bytes(circle.id) in database  # it would be seen
            foreign = [
                other.id,
                other.line[1],
                circles.secrets(other.id).public.seal,
                circles.secrets(other.id).seal.reveal(),
                other.epochs.today(REAL.now()).session.reveal(),
                *names(circles)[other is not first(circles)].encode().split(),
            ]
            assert not [part for part in foreign if part in database]


def everything(store: SqliteStore) -> bytes:
    """All values of all tables."""
    cursor = store._db.cursor()
    tables = [name for (name,) in cursor.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    rows = [row for table in tables for row in cursor.execute(f'SELECT * FROM "{table}"')]  # noqa: S608 (of our own)
    values = [value for row in rows for value in row]
    assert len(values) > 20
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)


async def test_writing_in_one_circle_changes_no_other(path: Path) -> None:
    with opened(path) as circles:
        second, _ = await circles.found("Lawyers")
        before = first(circles).digest(), first(circles).last_arrival()
        await write(circles, second)
        assert (first(circles).digest(), first(circles).last_arrival()) == before
        assert second.last_arrival() == 3


async def test_a_watcher_is_told_of_every_circle_also_of_one_that_comes_later(path: Path) -> None:
    told: list[tuple[CircleId, int, Source]] = []

    def watcher(circle: OpenCircle, plan: Plan, source: Source) -> None:
        told.append((circle.id, len(plan.commit.entries), source))

    with opened(path) as circles:
        circles.watch(watcher)
        await write(circles, first(circles))
        second, _ = await circles.found("Lawyers")
        await write(circles, second)
        assert told == [(first(circles).id, 1, OWN_HAND), (second.id, 1, OWN_HAND)]
        circles.unwatch(watcher)
        await write(circles, first(circles))
        await write(circles, second)
        await write(circles, (await circles.found("Parcels"))[0])
        assert len(told) == 2


async def test_a_circle_that_could_not_be_filled_is_not_in_the_vault(path: Path) -> None:
    def fill(store: SqliteStore) -> None:
        store.keep("a value", b"staged")
        raise InvalidValue("no such thing")

    with opened(path) as circles:
        with pytest.raises(InvalidValue):
            await circles._add(CircleId(b"c" * 32), fill)
        assert len(circles) == len(circles.vault.circles) == 1
        with pytest.raises(InvalidValue):
            await circles._add(first(circles).id, lambda _: None)  # it has that one already
        with pytest.raises(InvalidValue):
            await circles.found("\0")
        await circles.found("Lawyers")
    with opened(path) as circles:
        assert names(circles) == ["Mill Street", "Lawyers"]


async def test_all_circles_are_opened_or_none(path: Path) -> None:
    with opened(path) as circles:
        second, _ = await circles.found("Lawyers")
        file = path / circles.vault.circle_file(second.id).file
    whole = file.read_bytes()
    file.write_bytes(bytes(len(whole)))
    for _ in range(2):  # and the first one is closed again
        with pytest.raises(VaultDamaged), opened(path):
            pass
    file.write_bytes(whole)
    with opened(path) as circles:
        assert len(circles) == 2


def test_a_vault_without_a_circle_is_damaged(tmp_path: Path) -> None:
    keys = device_secrets(REAL.entropy(KEYS_ENTROPY))
    identity = Identity(keys.signing, keys.session, "Ana")
    with Vault.create(tmp_path / "vault", WORDS, identity, kdf=Kdf.CHEAP) as vault, pytest.raises(VaultDamaged):
        OpenCircles.open(vault, REAL)


async def test_circles_close_all_even_if_one_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Vault.open(path, WORDS, allow_cheap=True) as vault:
        circles = OpenCircles.open(vault, REAL)
        second, _ = await circles.found("Lawyers")
        store = circles.store(first(circles).id)
        closed = store.close

        def failing() -> None:
            closed()
            raise VaultDamaged("the last of it")

        monkeypatch.setattr(store, "close", failing)
        with pytest.raises(VaultDamaged):
            circles.close()
        assert not circles
        vault.open_circle(second.id).close()  # nobody has it open


async def test_circles_founded_at_once_are_all_listed(path: Path) -> None:
    with opened(path) as circles:
        async with trio.open_nursery() as nursery:
            for name in ("Lawyers", "Parcels", "Evacuation"):
                nursery.start_soon(circles.found, name)
    with opened(path) as circles:
        assert sorted(names(circles)) == ["Evacuation", "Lawyers", "Mill Street", "Parcels"]
        incarnations: set[Incarnation] = {circle.line[1] for circle in circles.values()}
        assert len(incarnations) == 4

from __future__ import annotations

import gc
import unicodedata

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, Home, errors, found_cell, open_cell
from cellsync.core.replica import founding
from cellsync.testing import MemoryNetwork, level
from cellsync.testing.device import PASSPHRASE
from cellsync.testing.fixtures import CellPair
from tests.cell.cells import Visit


async def test_opening_never_creates(memory_network: MemoryNetwork) -> None:
    device = memory_network.device("ana")
    with pytest.raises(errors.VaultMissing) as caught:
        async with device.opened():
            pytest.fail("there is nothing to open")
    assert caught.value.code == "vault_missing"
    assert caught.value.hint
    assert not device.home.path.exists()
    device.home.path.mkdir()
    with pytest.raises(errors.VaultMissing):
        async with device.opened():
            pytest.fail("there is nothing to open")
    assert list(device.home.path.iterdir()) == []


async def test_the_wrong_passphrase(memory_network: MemoryNetwork) -> None:
    device = await memory_network.device("ana").found()
    for wrong in (PASSPHRASE + " s", PASSPHRASE.replace("e", "é"), "x"):
        with pytest.raises(errors.WrongPassphrase) as caught:
            async with open_cell(device.home, passphrase=wrong):
                pytest.fail("this passphrase is wrong")
        assert caught.value.hint
        assert wrong not in str(caught.value).split()
    for typed in (PASSPHRASE + " ", PASSPHRASE.upper(), PASSPHRASE.replace(" ", "-")):
        async with open_cell(device.home, passphrase=typed):  # as a telephone or a tired person types it
            pass
    async with device.opened():  # and the vault was let go each time
        pass


async def test_a_passphrase_typed_on_another_keyboard(memory_network: MemoryNetwork) -> None:
    device = memory_network.device("ana")
    composed = unicodedata.normalize("NFC", "žluťoučký й")
    await found_cell(device.home, "Mill Street", name="ana", passphrase=composed)
    async with open_cell(device.home, passphrase=unicodedata.normalize("NFD", composed)) as ana:
        assert ana.name == "Mill Street"


async def test_a_vault_is_open_once_also_in_one_process(memory_network: MemoryNetwork) -> None:
    device = await memory_network.device("ana").found()
    async with device.opened() as ana:
        with pytest.raises(errors.VaultInUse) as caught:
            async with device.opened():
                pytest.fail("it is open already")
        assert caught.value.code == "vault_in_use"
        await ana.create(Visit, title="the first one works on")
    async with device.opened() as ana:
        assert len(await ana.cases(Visit)) == 1


async def test_a_vault_made_for_tests_is_refused_by_a_real_device(memory_network: MemoryNetwork) -> None:
    device = await memory_network.device("ana").found()
    with pytest.raises(errors.CheapVault):
        async with open_cell(Home(device.home.path, device.home.network), passphrase=PASSPHRASE):
            pytest.fail("its passphrase protects nothing")


@pytest.mark.parametrize("damage", [b"", b"not a vault at all", b"\x00" * 400])
async def test_a_foreign_file(memory_network: MemoryNetwork, damage: bytes) -> None:
    device = await memory_network.device("ana").found()
    (device.home.path / "vault").write_bytes(damage)
    with pytest.raises((errors.NotAVault, errors.VaultDamaged)):
        async with device.opened():
            pytest.fail("this is no vault")


# --- errors and cancellation ----------------------------------------------------------------------


class Oops(Exception):
    pass


async def test_an_error_in_the_block_comes_out_as_it_is(
    autojump_clock: MockClock, cell_pair: CellPair, memory_network: MemoryNetwork
) -> None:
    device = await memory_network.device("cara").found()
    for error in (Oops("mine"), errors.NotFound(), KeyboardInterrupt(), ExceptionGroup("several", [Oops()])):
        with pytest.raises(type(error)) as caught:
            async with device.opened():
                raise error
        assert caught.value is error


async def test_an_error_in_a_nursery_of_the_caller_stays_a_group_of_the_caller(
    memory_network: MemoryNetwork,
) -> None:
    async def fail() -> None:
        raise Oops

    device = await memory_network.device("ana").found()
    with pytest.raises(ExceptionGroup) as caught:
        async with device.opened(), trio.open_nursery() as nursery:
            nursery.start_soon(fail)
    assert isinstance(caught.value.exceptions[0], Oops)


async def test_leaving_by_return_and_break(memory_network: MemoryNetwork) -> None:
    device = await memory_network.device("ana").found()

    async def title() -> str:
        async with device.opened() as ana:
            case = await ana.create(Visit, title="came back")
            return case.title

    assert await title() == "came back"
    for _ in range(3):
        async with device.opened():
            break


async def test_cancelling_the_block(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    device = await memory_network.device("ana").found()
    with trio.move_on_after(5) as scope:
        async with device.opened() as ana:
            await ana.create(Visit, title="kept")
            await trio.sleep_forever()
    assert scope.cancelled_caught
    async with device.opened() as ana:
        assert [case.title for case in await ana.cases(Visit)] == ["kept"]


async def test_cancelling_while_it_opens(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    device = await memory_network.device("ana").found()
    with trio.CancelScope() as scope:
        scope.cancel()
        async with device.opened():
            await trio.lowlevel.checkpoint()
            pytest.fail("it was cancelled")
    assert scope.cancelled_caught
    async with device.opened():
        pass


async def test_an_error_while_cancelled_is_not_lost(memory_network: MemoryNetwork) -> None:
    device = await memory_network.device("ana").found()
    with pytest.raises(Oops), trio.CancelScope() as scope:  # noqa: PT012
        async with device.opened():
            scope.cancel()
            raise Oops


# --- closing ----------------------------------------------------------------------------------------


async def test_closing_under_load(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    net.latency(0.01)
    acknowledged: list[str] = []

    async def write_on(cell: Cell, name: str) -> None:
        for number in range(1000):
            try:
                await cell.create(Visit, title=f"{name} {number}")
            except errors.Closed:
                return
            acknowledged.append(f"{name} {number}")
            await trio.sleep(0.003)

    async with net.cells("ana", "ben") as [ana, ben], trio.open_nursery() as nursery:
        nursery.start_soon(write_on, ana, "ana")
        nursery.start_soon(write_on, ben, "ben")
        await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    async with net.device("ana").opened() as ana, net.device("ben").opened() as ben:
        await level([ana, ben])
        titles = {case.title for case in await ana.cases(Visit)}
    assert set(acknowledged) <= titles
    assert len(acknowledged) > 50
    net.check_failures()


async def test_a_closed_cell_says_so(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    device = await memory_network.device("ana").found()
    async with device.opened() as ana:
        case = await ana.create(Visit, title="read on")
    assert case.title == "read on"  # a snapshot stays one
    with pytest.raises(errors.Closed):
        async with case.edit() as draft:
            draft.title = "too late"
    with pytest.raises(errors.Closed):
        await ana.create(Visit, title="too late")
    with pytest.raises(errors.Closed):
        await ana.get(Visit, case.id)
    with pytest.raises(errors.Closed):
        await ana.cases(Visit)
    with pytest.raises(errors.Closed):
        await ana.state_digest()
    with pytest.raises(errors.Closed):
        await ana.synced(timeout=1)
    with pytest.raises(errors.Closed):
        async with ana.changes():
            pytest.fail("it is closed")
    with pytest.raises(errors.Closed):
        await ana.create_invite(confirm=lambda _: True)


async def test_no_task_outlives_the_block(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    def tasks() -> int:
        root = trio.lowlevel.current_root_task()
        assert root is not None
        count, waiting = 0, [root]
        while waiting:
            task = waiting.pop()
            count += 1
            waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        return count

    before = tasks()
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await ana.create(Visit, title="x")
        await level([ana, ben])
        assert tasks() > before
    await trio.testing.wait_all_tasks_blocked()
    assert tasks() == before


async def test_opening_and_closing_leaves_nothing_behind(memory_network: MemoryNetwork) -> None:
    device = await memory_network.device("ana").found()
    for _ in range(3):
        async with device.opened():
            pass
    gc.collect()
    left = [one for one in gc.get_objects() if type(one) is Cell]
    assert len(left) <= 1


def test_nothing_secret_is_printed() -> None:
    secrets = founding.device_secrets(bytes(range(96)))
    shown = repr(secrets)
    assert bytes(range(32)).hex() not in shown
    assert "\\x00\\x01\\x02" not in shown

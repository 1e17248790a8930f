"""An asyncio program with a cell in it: trio runs as a guest of asyncio's loop, in the same thread.

cellsync is written for trio, so all of it is called inside `keep`. What goes to and fro are plain values: `notes` takes
them to trio, `told` brings them back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio

from cellsync import Log, Register, Schema, empty, found_cell, make_passphrase, open_cell
from cellsync.testing import MemoryNetwork

T = TypeVar("T")


class Visit(Schema, kind="org.example.visit", version=1):
    title: Register[str]
    notes: Log[str] = empty()


async def as_guest(work: Callable[..., Awaitable[T]], *given: Any) -> T:
    """What trio code returns, or raises, for asyncio. To cancel this is to cancel that."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[Any] = loop.create_future()
    scope = trio.CancelScope()

    async def scoped() -> T | None:
        with scope:
            return await work(*given)
        return None

    trio.lowlevel.start_guest_run(
        scoped,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        done_callback=over.set_result,
        host_uses_signal_set_wakeup_fd=True,
    )
    try:
        return (await asyncio.shield(over)).unwrap()  # type: ignore[no-any-return]
    except asyncio.CancelledError:
        scope.cancel()
        await over
        raise


async def keep(notes: trio.MemoryReceiveChannel[str], told: asyncio.Queue[str], ready: Callable[[Any], None]) -> int:
    """Write down every note, and tell of what stands in the case then. How many there were."""
    home = MemoryNetwork().home("ana")  # real programs give a folder
    words = make_passphrase()  # real ones are written down
    await found_cell(home, "Mill Street", name="Ana", passphrase=words)
    async with open_cell(home, passphrase=words) as cell:
        case = await cell.create(Visit, title="12 Mill St")
        ready(trio.lowlevel.current_trio_token())
        async for note in notes:
            async with case.edit() as draft:  # one signed entry, durable here
                draft.notes.append(note)
            told.put_nowait(case.notes[-1])
        return len(case.notes)


async def main() -> None:
    to_trio, notes = trio.open_memory_channel[str](100)
    told, ready = asyncio.Queue[str](), asyncio.get_running_loop().create_future()
    keeping = asyncio.create_task(as_guest(keep, notes, told, ready.set_result))
    token = await ready
    for note in ("Two letters came back unopened.", "His sister can take the next parcel."):
        token.run_sync_soon(to_trio.send_nowait, note)  # how asyncio calls what belongs to trio
        print(await told.get())
    token.run_sync_soon(to_trio.close)
    print(await keeping, "notes")


if __name__ == "__main__":
    asyncio.run(main())

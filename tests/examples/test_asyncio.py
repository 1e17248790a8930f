"""asyncio: the example that runs trio as its guest, and the error for a program that does not."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from cellsync import change_passphrase, errors, found_cell, join, open_cell, restore
from cellsync.testing import accept_any
from examples import asyncio_guest
from tests.patience import PATIENCE

EXAMPLE = Path(asyncio_guest.__file__)
SAYS = "Two letters came back unopened.\nHis sister can take the next parcel.\n2 notes\n"


def test_the_example_runs() -> None:
    run = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (run.returncode, run.stdout, run.stderr) == (0, SAYS, "")


def test_a_guest_gives_what_it_returns_raises_and_is_cancelled() -> None:
    over: list[str] = []

    async def fail() -> None:
        raise errors.NotFound

    async def sleep() -> None:
        try:
            await trio.sleep_forever()
        finally:
            over.append("ended")

    async def ask() -> None:
        with pytest.raises(errors.NotFound):
            await asyncio_guest.as_guest(fail)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio_guest.as_guest(sleep), 0.05)

    asyncio.run(ask())
    assert over == ["ended"]


async def opened(folder: Path) -> None:
    async with open_cell(folder, passphrase="x"):
        pass


@pytest.mark.parametrize(
    "call",
    [
        opened,
        lambda folder: found_cell(folder, "Mill Street", name="Ana", passphrase="x"),
        lambda folder: join(folder, "1-a-b-c", name="Ben", passphrase="x", confirm=accept_any),
        lambda folder: change_passphrase(folder, old="x", new="y"),
        lambda folder: restore(folder / "backup", folder, passphrase="x"),
    ],
)
def test_asyncio_callers_are_told_what_to_do(call: Callable[[Any], Awaitable[object]], tmp_path: Path) -> None:
    """It was "must be called from async context", which it had been."""

    async def main() -> None:
        await call(tmp_path)

    with pytest.raises(errors.NotInTrio) as raised:
        asyncio.run(main())
    assert "asyncio" in str(raised.value)
    assert "trio.run(main)" in raised.value.hint
    assert str(EXAMPLE.relative_to(EXAMPLE.parents[1])) in raised.value.hint
    assert not list(tmp_path.iterdir())

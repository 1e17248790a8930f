"""The company: the three devices of the demo, and what is asked of several of them at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import trio

from cellsync.cli.demo.child import Answer, Child, DemoFailed, started

AGREE_WITHIN: Final = 30.0  # s


class Trio(NamedTuple):
    """The three devices."""

    ana: Child
    ben: Child
    vera: Child


@asynccontextmanager
async def company(vaults: Path) -> AsyncIterator[Trio]:
    """Three devices that run until the block ends."""
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(started(name.capitalize(), vaults / name)) for name in Trio._fields]
        yield Trio(*running)


async def ask_all(children: Sequence[Child], what: str, **details: object) -> list[Answer]:
    """Send the same request to all devices at the same time."""
    answers: dict[Child, Answer] = {}

    async def ask(child: Child) -> None:
        answers[child] = await child.ask(what, **details)

    async with trio.open_nursery() as nursery:
        for child in children:
            nursery.start_soon(ask, child)
    return [answers[child] for child in children]


async def hold(child: Child, goal: int) -> None:
    """Wait until a device holds so many entries that count."""
    await child.wait_until(lambda: child.entries >= goal, "receive what the others wrote", AGREE_WITHIN)


async def until(
    children: Sequence[Child], what: str, good: Callable[[list[Answer]], bool], **details: object
) -> list[Answer]:
    """Ask all devices again and again until their answers are good. Returns these."""
    with trio.move_on_after(AGREE_WITHIN):
        while True:
            answers = await ask_all(children, what, **details)
            if good(answers):
                return answers
            await trio.sleep(0.02)
    raise DemoFailed(f"the devices did not agree within {AGREE_WITHIN:.0f} s")


async def agree(children: Sequence[Child]) -> list[Answer]:
    """Wait until all show the same. Returns what they show."""
    return await until(children, "digest", lambda shown: all(reading == shown[0] for reading in shown))

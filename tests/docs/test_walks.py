"""Both walks in docs/architecture.md are those of an edit: from the command line to a peer, and to the screen there."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import trio
from click.testing import CliRunner
from hypercorn.trio import serve

from cellsync.api.web import application, configuration
from cellsync.cli.main import main
from cellsync.profile import door
from tests.api.services import Asking, cell, synced
from tests.docs.walks import Function, Trail, Walk, described, hidden
from tests.patience import PATIENCE

TEXT: Final = (Path(__file__).parent.parent.parent / "docs" / "architecture.md").read_text()
WALKS: Final = {title: described(TEXT, title) for title in ("First walk", "Second walk")}
MOST: Final = 12
SHOWN: Final = Function("cli/commands/syncing.py", "_told")


async def edited_while_the_other_watches(folder: Path, trail: Trail) -> None:
    """Follow one edit on Ana's command line until Ben's shows it."""
    async with cell(folder, "ana", "ben") as [ana, ben], behind_its_door(ana), behind_its_door(ben):
        case = await ana("case.new", set={"title": "Bakery"})
        await synced(ben)
        with trail.followed():
            watching = command(ben, "watch")
            await until(lambda: bool(ben.service._feeds))
            editing = command(ana, "case", "edit", case["short"], "--set", "status=closed")
            await until(lambda: trail.has_passed(SHOWN))
        await ben.service.lock()
        for thread in (watching, editing):
            await trio.to_thread.run_sync(thread.join)


async def until(ready: Callable[[], bool]) -> None:
    while not ready():  # noqa: ASYNC110 (nothing tells)
        await trio.sleep(0.02)


@asynccontextmanager
async def behind_its_door(asking: Asking) -> AsyncIterator[None]:
    """Serve the API as a daemon does."""
    config = configuration(door.listen(asking.service.profile).detach())
    config.graceful_timeout = 0.1
    app: Any = application(asking.service)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(serve, app, config, shutdown_trigger=trio.sleep_forever, mode="asgi"))
        yield
        nursery.cancel_scope.cancel()


def command(asking: Asking, *arguments: str) -> threading.Thread:
    """`cellsync` with these arguments, for this device."""
    given = ["--profile", str(asking.service.profile.folder), *arguments]
    thread = threading.Thread(target=CliRunner().invoke, args=(main, given))
    thread.start()
    return thread


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Trail:
    followed = Trail()

    async def bounded() -> None:
        with trio.fail_after(PATIENCE):
            await edited_while_the_other_watches(tmp_path_factory.mktemp("walk"), followed)

    trio.run(bounded)
    return followed


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_a_walk_has_few_hops_each_in_a_file_of_its_own(walk: Walk) -> None:
    files = [hop.file for hop in walk.hops]
    assert len(set(files)) == len(files)
    assert 8 <= len(files) <= MOST


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_an_entry_passes_the_hops_in_this_order(walk: Walk, trail: Trail) -> None:
    """What a hop asks is asked before the next one has the entry."""
    at = 0
    for hop, asked in zip(walk.hops, walk.asked, strict=True):
        for function in (hop, *asked):
            found = trail.passes(function, at)
            assert found is not None, f"{function.file} {function.name} is not passed here"
            at = found


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_no_file_stands_between_two_hops_that_is_not_named(walk: Walk, trail: Trail) -> None:
    at = 0
    for number, hop in enumerate(walk.hops):
        found = trail.passes(hop, at)
        assert found is not None
        if number:
            assert hidden(walk, number, trail.stacks[found]) == set(), f"before {hop.file} {hop.name}"
        at = found


def test_a_file_between_two_hops_is_found_out(trail: Trail) -> None:
    walk = WALKS["Second walk"]
    leap = Walk([hop for hop in walk.hops if hop.file != "api/dispatch.py"], [[] for _ in walk.hops[1:]])
    number = next(at for at, hop in enumerate(leap.hops) if hop.file == "api/operations/edits.py")
    found = trail.passes(leap.hops[number])
    assert found is not None
    assert hidden(leap, number, trail.stacks[found]) == {"api/dispatch.py"}

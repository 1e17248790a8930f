"""The same seed gives the same run. The exceptions, ML-KEM and HPKE, draw their own randomness. So the bytes of frames
differ, but not their meaning, number, lengths or times."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
import trio

from cellsync.node.link import PeerLink
from cellsync.node.node import Node
from cellsync.testing import MemoryNetwork, level, simulate
from tests.cell.cells import Visit
from tests.cell.template import NAMES, Template


def trace_of(template: Template, seed: int, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    trace: list[Any] = []
    report = Node._report

    def noted(node: Node, link: PeerLink, event: Any) -> None:
        batch = getattr(event, "batch", None)
        said = None if batch is None else (batch.chains, batch.cases, batch.entries)
        trace.append((round(trio.current_time(), 9), next(iter(node.circles)).device, type(event).__name__, said))
        report(node, link, event)

    async def scenario() -> None:
        net = MemoryNetwork(seed)
        net.latency(0.02)
        template.copy_to(net)
        async with AsyncExitStack() as stack:
            among = [await stack.enter_async_context(net.device(name).opened()) for name in NAMES]
            await level(among)
            for turn in range(3):
                net.partition("ana", ["ben", "cara"])
                net.duplicate()
                net.reorder(turn)
                for cell in among:
                    async with (await cell.get(Visit, template.shared)).edit() as draft:
                        draft.title = f"{cell.device.hex()} {turn}"
                        draft.notes.append(str(turn))
                await trio.sleep(10)
                net.heal()
                await trio.sleep(400)
                net.host("ben").change_address()
            await level(among)
            trace.append([await cell.state_digest() for cell in among])
            trace.append([cell.first.circle.replica.digest() for cell in among])
        trace.append(dict(net.bytes_sent))

    with monkeypatch.context() as patched:
        patched.setattr(Node, "_report", noted)
        simulate(scenario, seed)
    return trace


@pytest.mark.parametrize("seed", range(4))
def test_the_same_seed_gives_the_same_run(template: Template, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = trace_of(template, seed, monkeypatch), trace_of(template, seed, monkeypatch)
    assert len(one) > 50
    for here, there in zip(one, other, strict=True):
        assert here == there


def test_another_seed_gives_another_run(template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trace_of(template, 0, monkeypatch) != trace_of(template, 1, monkeypatch)

"""Repeats: a request repeated with the same key gets the same answer, and is not performed again.

A client that got no answer cannot know whether its request was performed. It asks again, with the key of its first
attempt (the header `Idempotency-Key`):

1. A successful request gets the same answer. A failed one had no effect, and is tried again.
2. Concurrent repeats are one: the second waits for the answer of the first.
3. A key belongs to one request. With another one it is refused.
4. Keys are remembered while the cell is open, the newest 1,000, with their answers. They end with it: an answer has
   content. That a new case is made only once, and an edit is, does not depend on this memory (`cases.new`, `keyed`).
5. What is nothing but content, an export, is made anew, and noted once (`table.MADE_ANEW`, `tables.export`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any, Final, final

import msgspec
import trio

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import KeyReused

KEPT: Final = 1_000

Work = Callable[[], Awaitable[shapes.Answer]]


class _Known:
    """A request that had a key."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.over = trio.Event()
        self.done = False
        self.answer: shapes.Answer | None = None


@final
class Repeats:
    """The keys of one open cell."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    async def once(
        self, key: str, operation: str, given: Any, work: Work, *, anew: bool = False
    ) -> shapes.Answer:  # fmt: skip
        """Perform it unless already done. `anew`: perform it in any case, and keep no answer. Raises KeyReused, too."""
        said = blake2b(msgspec.json.encode([operation, given])).digest()  # as JSON: numbers there have no end
        while (known := self._known.get(key)) is not None:
            if known.said != said:
                raise KeyReused
            await known.over.wait()
            if known.answer is not None:
                return known.answer
            if known.done:
                break
        return await self._do(key, _Known(said), work, anew)

    async def _do(self, key: str, known: _Known, work: Work, anew: bool) -> shapes.Answer:
        self._known[key] = known
        try:
            with trio.CancelScope(shield=True):  # a client that has gone will ask again
                answer = await work()
            known.done, known.answer = True, None if anew else answer
        finally:
            known.over.set()
            if not known.done:
                del self._known[key]
        answered = [key for key, made in self._known.items() if made.done]
        for oldest in answered[:-KEPT]:
            del self._known[oldest]
        return answer

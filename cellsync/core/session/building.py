"""The next batch for a peer, in the making."""

from __future__ import annotations

from typing import Final

from cellsync.core.history.serving import PeerHoldings, Served
from cellsync.core.history.withholding import Withheld
from cellsync.core.session.view import CircleView
from cellsync.core.wire import batches


class Building:
    """A batch that is due to a peer, made by `build`.

    Its size depends on what other members chose to write. So `build` changes nothing but this object, and may run
    beside the event loop as long as nothing is committed meanwhile.
    """

    def __init__(
        self, view: CircleView, name: bytes, frame: int, after: int | None, until: int, peer: PeerHoldings,
        released: int, withheld: Withheld = Withheld.NOTHING,
    ) -> None:  # fmt: skip
        self.circle: Final = view.id
        self.after = after  # arrivals after this one are considered; None until the beginning is found
        self.until: Final = until  # and up to this one
        self.parts: list[bytes] = []
        self.served = Served(None, after or 0, {}, [])
        self.released: Final = released  # `Exchange.released` when it was begun
        self._view, self._name, self._frame = view, name, frame
        self._peer, self._withheld = peer, withheld

    def find(self) -> int:
        """The arrival after which the peer lacks something. May have to look at all branches."""
        if self.after is None:
            self.after = self._view.cursor_for(self._peer)
        return self.after

    def build(self) -> None:
        self.served = self._view.serve(self.find(), self._peer, self.until, self._withheld)
        if self.served.batch is not None:
            self.parts = batches.encode_batch(self._name, self.served.batch, self._frame)

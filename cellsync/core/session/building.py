"""The next batch for a peer, in the making."""

from __future__ import annotations

from typing import Final

from cellsync.core.history.serving import PeerHoldings, Served
from cellsync.core.session.view import CircleView
from cellsync.core.wire import messages


class Building:
    """A batch that is due to a peer, made by `build`.

    As large as some other peer liked to make it: so `build` changes nothing but this, and may run beside the event
    loop, as long as nothing is committed meanwhile.
    """

    def __init__(
        self, view: CircleView, name: bytes, frame: int, after: int | None, until: int, peer: PeerHoldings,
        released: int,
    ) -> None:  # fmt: skip
        self.circle: Final = view.id
        self.after = after  # of these arrivals: from the one behind `after`; None until that is looked for
        self.until: Final = until
        self.parts: list[bytes] = []
        self.served = Served(None, after or 0, {}, [])
        self.released: Final = released  # how many branches were held back no more when it was begun
        self._view, self._name, self._frame = view, name, frame
        self._peer = peer

    def find(self) -> int:
        """The arrival behind which the peer lacks something: for that, all branches may have to be looked at."""
        if self.after is None:
            self.after = self._view.cursor_for(self._peer)
        return self.after

    def build(self) -> None:
        self.served = self._view.serve(self.find(), self._peer, self.until)
        if self.served.batch is not None:
            self.parts = messages.encode_batch(self._name, self.served.batch, self._frame)

"""Jobs: what takes a while is asked for, looked at again and cancelled by its id."""

from __future__ import annotations

from cellsync.api.contract.shapes.base import Count, Id, Takes, Wait


class JobRef(Takes, kw_only=True, frozen=True):
    """A job. With `wait`, the answer comes when its step is greater than `after`, at most so many seconds later."""

    job: Id
    after: Count = 0
    wait: Wait = 0.0

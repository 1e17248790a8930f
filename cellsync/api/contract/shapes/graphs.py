"""The history of a case, drawn."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cellsync.api.contract.shapes.base import Answer, Name, Place, Takes, Words


class DrawGraph(Takes, kw_only=True, frozen=True):
    case: Name
    circle: Words = ""
    format: Literal["text", "svg"] = "text"
    after: Place = ""
    limit: Annotated[int, Meta(ge=1, le=2_000)] = 100


class GraphRow(Struct, kw_only=True, frozen=True):
    """One change. `parents`: rows further down whose authors this one's author had read. `counts`: false if the case
    does not show it: its author lacked the right, or writes more histories than one device can."""

    id: str
    short: str
    author: str
    at: str
    did: list[str]
    parents: list[int]
    counts: bool


class Graph(Answer, kw_only=True, frozen=True):
    """One page, newest first. `next`: where the next one begins, with what arrived before; "" on the last."""

    id: str
    title: str
    rows: list[GraphRow]
    drawing: str
    next: str = ""

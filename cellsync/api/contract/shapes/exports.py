"""Exports: cases that leave, as a table, as JSON, or to print."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cellsync.api.contract.shapes.base import Answer, Count, Id, Name, RequestKey, Takes, Words

AudienceName = Literal["internal", "partners", "un", "public"]
CompartmentName = Literal["C0", "C1", "C2", "C3", "C4", "C5", "C6"]


class ExportCases(Takes, kw_only=True, frozen=True):
    """`cases`: of which; none: all of `circle`, of the only one if none is named. They are of one circle. With a `key`
    the record of it is written once, however often it is asked, as long as the same leaves; what leaves otherwise since
    is another export, and noted as one. `with_mentions`: texts leave also if they say something that stays, such as a
    name that a consent withholds."""

    format: Literal["csv", "json", "html"] = "csv"
    audience: AudienceName = "internal"
    compartments: list[CompartmentName] | None = None
    cases: list[Name] = []
    circle: Words = ""
    language: Annotated[str, Meta(max_length=16)] = ""
    with_mentions: bool = False
    key: RequestKey | None = None


class LeftOut(Struct, kw_only=True, frozen=True):
    """What stayed for one reason, in how many cases (`count`), and the first 1,000 of them. `what`: fields such as
    `person.health`, or kinds of documents; empty: the cases.
    """

    reason: Literal[
        "no_consent", "too_narrow", "withdrawn", "to_come", "not_covered", "withheld", "about_nobody", "unclear",
        "others", "mentions", "nothing",
    ]  # fmt: skip
    text: str
    count: Count
    cases: list[str]
    what: list[str]


class Mention(Struct, kw_only=True, frozen=True):
    """A field (`what`) that left with texts which say, or may say, something that stayed; `cases`: as in LeftOut."""

    text: str
    count: Count
    cases: list[str]
    what: list[str]


class Exported(Answer, kw_only=True, frozen=True):
    """`content`: the first piece, in base64. If there is a `next`, there is more (`GET /v1/exports/{export}`).

    `leaving`, `staying`: how many cases. `cases`, `refused`: the first 1,000 of those that leave, and of those of which
    nothing does; `left_out` says why. `record`: the document that notes this export, and its `heads`.
    """

    content: str
    export: str
    next: str
    leaving: Count
    staying: Count
    cases: list[str]
    refused: list[str]
    left_out: list[LeftOut]
    mentions: list[Mention]
    compartments: list[str]
    record: str | None
    heads: str | None


class ReadExport(Takes, kw_only=True, frozen=True):
    """`after`: the `next` of the piece before. Left out, it is the first piece once more."""

    export: Id
    after: Annotated[str, Meta(pattern="^[0-9]{0,9}$")] = ""


class ExportPiece(Answer, kw_only=True, frozen=True):
    """In base64, to be put behind the pieces before. `next` is "" with the last, after which the export is gone."""

    content: str
    next: str

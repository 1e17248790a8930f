"""Base: what the shapes of all operations are made of, and what says that something failed."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Id = Annotated[str, Meta(pattern="^[0-9a-f]{1,64}$")]
Folder = Annotated[str, Meta(min_length=1, max_length=4096)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
RequestKey = Annotated[str, Meta(min_length=1, max_length=256)]  # see api/repeats.py
Secret = Annotated[str, Meta(min_length=1, max_length=1024)]
Wait = Annotated[float, Meta(ge=0, le=60)]
Seconds = Annotated[float, Meta(ge=0, le=604800)]
Count = Annotated[int, Meta(ge=0)]
Words = Annotated[str, Meta(max_length=256)]  # "": none
Place = Annotated[str, Meta(max_length=64)]  # where a list, a log or a stream begins, or goes on; "": at its end
EntryPlace = Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]  # the id of an entry; "": none
Cursor = Annotated[str, Meta(max_length=1_024)]  # of the stream of events, with a place in each circle
Page = Annotated[int, Meta(ge=1, le=20_000)]  # of rows, at most
HostName = Annotated[str, Meta(max_length=64)]
Port = Annotated[int, Meta(ge=1, le=65535)]
PortOrAny = Annotated[int, Meta(ge=0, le=65535)]  # 0: one that is free
State = Literal["empty", "locked", "open"]
LanMode = Literal["off", "listen", "asked", "announce"]


class Takes(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What an operation takes: path, query and body together."""


class Answer(Struct, kw_only=True, frozen=True):
    """What an operation gives."""

    v: Literal[1] = 1


class OfCell(Answer, kw_only=True, frozen=True):
    """A cell, and what its members call this device's person."""

    cell: str
    name: str


class Nothing(Takes, kw_only=True, frozen=True):
    """No parameters."""


class Done(Answer, kw_only=True, frozen=True):
    """It was done."""


class Error(Struct, kw_only=True, frozen=True):
    """What went wrong, what to do, and the exit code of the command line."""

    code: str
    message: str
    hint: str
    exit: int


class Failed(Answer, kw_only=True, frozen=True):
    """Nothing was done, unless the message says so."""

    error: Error

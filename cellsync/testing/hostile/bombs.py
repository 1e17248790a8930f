"""Bombs: valid entries that are meant to take much memory, or much time, wherever they are held, folded or shown.

Each attack is a name and entries without end, or very many of them. `batches` writes them, full batch after full batch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.ids import NO_ID, CaseId
from cellsync.core.wire import codec, operations
from cellsync.core.wire.batches import Batch, entry_size
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind, Op
from cellsync.testing.home import START
from cellsync.testing.hostile.forging import Forgery, Writer, forge

MANY: Final = 100_000
CASE: Final = CaseId(b"c" * 32)
_SALT: Final = bytes(16)
_KIND: Final = "cellsync.case"


class Bomb(NamedTuple):
    """One entry to write, as its two halves."""

    case: CaseId
    shape: bytes
    content: bytes
    kind: int = Kind.CASE


Attack = Callable[[], Iterator[Bomb]]


def said(case: CaseId, *done: Operation) -> Bomb:
    return Bomb(case, operations.encode_shape(done), operations.encode_content(_SALT, done))


def raw(shape: bytes, value: bytes, case: CaseId = CASE) -> Bomb:
    """An entry of one operation whose value is given in bytes."""
    return Bomb(case, shape, _SALT + b"\x91" + value)


def _set(field: str = "title", refs: bytes = b"") -> bytes:
    return codec.encode([[int(Op.SET), field, refs]])


def array(element: bytes, count: int) -> bytes:
    return codec.array_header(count) + element * count


def elements(element: bytes, count: int) -> Iterator[Bomb]:
    entry = raw(_set(), array(element, count))
    return itertools.repeat(entry)


def tables(count: int) -> Iterator[Bomb]:
    """Maps of the codec as values."""
    packed = codec.encode({f"{number:03x}": [] for number in range(count)})
    return itertools.repeat(raw(_set(), packed))


def crowded(op: Op, detail: bytes | None, count: int, case: CaseId = CASE) -> Iterator[Bomb]:
    """Entries of `count` operations, each with a value, key or counter of its own."""
    for number in itertools.count():
        own = range(number * count, number * count + count)
        if op is Op.COUNT:
            yield said(case, *(Operation(int(op), f"c{at:x}", detail, 1) for at in own))
        else:
            yield said(case, *(Operation(int(op), "f", detail, [at, 1] if op is Op.PUT else at) for at in own))


def fields(op: Op, count: int, detail: Callable[[int], Any] = lambda _: None) -> Iterator[Bomb]:
    """Entries of `count` operations, each in a field of its own."""
    for number in itertools.count():
        own = range(number * count, number * count + count)
        value = (lambda at: [at, 1]) if op is Op.PUT else (lambda at: at)
        yield said(CASE, *(Operation(int(op), f"{at:x}", detail(at), value(at)) for at in own))


def a_ref(at: int) -> bytes:
    """A ref to an operation that is not held."""
    return at.to_bytes(10, "big")


def single(operation: Callable[[int], Operation]) -> Iterator[Bomb]:
    """Entries of one operation each, all on one case."""
    return (said(CASE, operation(number)) for number in itertools.count())


def every_case(count: int) -> Iterator[Bomb]:
    """Entries that each create a case."""
    for number in range(count):
        case = CaseId(number.to_bytes(32, "big"))
        yield said(case, Operation(int(Op.CREATE), _KIND, 1, None), Operation(int(Op.SET), "title", b"", f"t{number}"))


def leaving() -> Iterator[Bomb]:
    """A case with every two entries, the other of which consents to its export to anyone; and one more case to show."""
    for number in itertools.count():
        consent, case = (CaseId((2 * number + one).to_bytes(32, "big")) for one in range(2))
        created = Operation(int(Op.CREATE), _KIND, 1, None)
        texts = (Operation(int(Op.SET), one, b"", f"t{number}") for one in ("title", "summary"))
        permitted = about(consent, "cellsync.consent", case, Operation(int(Op.SET), "scope", b"", "public"))
        yield permitted if number else said(CASE, created)
        yield said(case, created, *texts)


def about(document: CaseId, kind: str, case: CaseId, *more: Operation) -> Bomb:
    """The entry that makes a document part of a case."""
    link = Operation(int(Op.ADD), "links", None, [case, "part_of"])
    return said(document, Operation(int(Op.CREATE), kind, 1, None), link, *more)


def beside_one() -> Iterator[Bomb]:
    """Tasks and consents without end, all of one case."""
    yield said(CASE, Operation(int(Op.CREATE), _KIND, 1, None), Operation(int(Op.SET), "summary", b"", "t"))
    for number in itertools.count():
        task, consent = (CaseId((2 * number + one).to_bytes(32, "big")) for one in range(2))
        yield about(task, "cellsync.task", CASE, Operation(int(Op.SET), "title", b"", "t"))
        yield about(consent, "cellsync.consent", CASE, Operation(int(Op.SET), "scope", b"", "public"))


def fat_cases() -> Iterator[Bomb]:
    """Cases that are all large."""
    for number in itertools.count():
        case = CaseId(number.to_bytes(32, "big"))
        yield raw(_set(), array(b"\x90", 1_000), case)


def control() -> Iterator[Bomb]:
    """Entries of a kind that this version does not know."""
    return itertools.repeat(Bomb(CaseId(NO_ID), array(b"\x90", 60_000), _SALT + b"\x90", 99))


BOMBS: Final[dict[str, Attack]] = {
    "60,000 empty arrays each": lambda: elements(b"\x90", 60_000),
    "1,000 empty arrays each": lambda: elements(b"\x90", 1_000),
    "100 nested arrays each": lambda: elements(b"\x91\x91\x91\x90", 100),
    "maps of 1,000 keys each": lambda: tables(1_000),
    "5,000 set elements each": lambda: crowded(Op.ADD, None, 5_000),
    "200 set elements each": lambda: crowded(Op.ADD, None, 200),
    "200 keys of a map each": lambda: crowded(Op.PUT, b"", 200),
    "200 counters each": lambda: crowded(Op.COUNT, None, 200),
    "200 log items each": lambda: crowded(Op.APPEND, None, 200),
    "6,000 refs to nothing each": lambda: itertools.repeat(raw(_set("f", bytes(range(250)) * 240), b"\xc0")),
    "long names of fields": lambda: single(lambda at: Operation(1, f"{at:032}" * 1_900, b"", 1)),
    "long keys of a map": lambda: single(lambda at: Operation(4, "f", b"", [f"{at:032}" * 1_900, 1])),
    "values of 60 kB": lambda: single(lambda at: Operation(1, "f", b"", f"{at:032}" * 1_900)),
    "log items of 60 kB": lambda: single(lambda at: Operation(7, "f", None, f"{at:032}" * 1_900)),
    "100,000 values of one register": lambda: itertools.islice(single(lambda at: Operation(1, "title", b"", at)), MANY),
    "100,000 items of one log": lambda: itertools.islice(single(lambda at: Operation(7, "timeline", None, "x")), MANY),
    "100,000 corrections of one log": lambda: itertools.islice(
        single(lambda at: Operation(8, "timeline", at.to_bytes(10, "big"), "x")), MANY
    ),
    "corrections of 60 kB": lambda: single(lambda at: Operation(8, "f", at.to_bytes(10, "big"), f"{at:032}" * 1_900)),
    "100,000 keys of one map": lambda: itertools.islice(single(lambda at: Operation(4, "f", b"", [at, 1])), MANY),
    "131,072 fields": lambda: fields(Op.SET, 200, lambda _: b""),
    "131,072 fields that replace": lambda: fields(Op.SET, 200, a_ref),
    "131,072 sets": lambda: fields(Op.ADD, 200),
    "131,072 counters": lambda: fields(Op.COUNT, 200),
    "131,072 logs": lambda: fields(Op.APPEND, 200),
    "131,072 imported logs": lambda: fields(Op.APPEND, 200, lambda at: at.to_bytes(16, "big")),
    "131,072 corrections": lambda: fields(Op.CORRECT, 200, a_ref),
    "131,072 retractions": lambda: fields(Op.RETRACT, 200, a_ref),
    "131,072 maps": lambda: fields(Op.PUT, 200, lambda _: b""),
    "100,000 cases": lambda: every_case(MANY),
    "cases that may leave": leaving,
    "what is beside one case": beside_one,
    "heavy cases": fat_cases,
    "control entries": control,
}


def batches(writer: Writer, entries: Iterable[Bomb], most: int, clock: int = START) -> Iterator[Batch]:
    """Full batches of these entries, one after another in one chain, until they count `most` bytes."""
    sent = size = 0
    waiting: list[Forgery] = []
    for entry in entries:
        grown = entry_size(entry.shape, entry.content, 0 if waiting or writer.first > 1 else 1)
        if size + grown > min(caps.BATCH, most):
            batch, ids = forge(writer, waiting)
            writer = writer.after(ids)
            yield batch
            sent += size
            waiting, size = [], 0
            if sent >= most:
                return
        case = CaseId(bytes(writer.circle)) if entry.kind else entry.case
        waiting.append(Forgery((), clock, entry.kind, case, entry.shape, entry.content))
        size += grown
    if waiting:
        yield forge(writer, waiting)[0]

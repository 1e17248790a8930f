"""The part `batch`: entries that are not full, and versions of entries to come (30-history, Forms; 50-sync)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from protocol.generate.asking import asked, three
from protocol.generate.hashes import h
from protocol.generate.header import Entry
from protocol.generate.tables import Tables
from protocol.generate.vector import Vector

ERASED, SKELETON, DETACHED = 1, 2, 3
VERSION: Final = 4  # a mark has this much more for each further version of entries


def marked(kind: int, mark: int) -> int:
    return kind + 256 * mark


def hashed(label: str, data: bytes, length: int) -> bytes:
    return h(label, data) + length.to_bytes(4, "big")


def erased(built: Tables, row: int, entry: Entry) -> None:
    """An entry's row, without its content."""
    built[2][row][4] = marked(entry.kind, ERASED)
    built[2][row][6] = hashed("cs1 content", entry.content, len(entry.content))


def skeleton(built: Tables, row: int, entry: Entry) -> None:
    """An entry's row, without content, shape and case."""
    erased(built, row, entry)
    built[2][row][1] = None
    built[2][row][4] = marked(entry.kind, SKELETON)
    built[2][row][5] = hashed("cs1 shape", entry.case + entry.shape, len(entry.shape))


def vectors() -> Iterator[Vector]:
    ana, bea, _, base = three()
    one = ana.says("one")
    two = ana.says("two")
    hers = bea.says("hers", cites=[base[1]])
    cites = bea.says("cites", cites=[one])
    held = [*base, one]

    def first(make: Callable[[Tables, int, Entry], None]) -> Callable[[Tables], None]:
        return lambda built: make(built, 0, one)

    for name, make in (("erased", erased), ("a skeleton", skeleton)):
        yield asked(f"{name}, and held", held, [one, two], change=first(make))
        yield asked(f"{name}, held, and nothing else", held, [one], change=first(make))
        yield asked(f"{name}, held, and cited", [*held, hers], [one, cites], change=first(make))
        yield asked(f"{name}, and not held", base, [one], change=first(make), rows=[0], lost=[one])
        behind, beside = f"behind {name} that is not held", f"beside {name} that is not held"
        yield asked(behind, base, [one, two], change=first(make), rows=[0], lost=[one, two])
        yield asked(beside, base, [one, hers], change=first(make), rows=[0], lost=[one])
        yield asked(f"what cites {name} that is not held", [*base, hers], [one, cites], change=first(make),
                    rows=[0, 1], lost=[one, cites])  # fmt: skip
    admit = base[1]
    its_content = lambda built: erased(built, 0, admit)  # noqa: E731
    yield asked("an admit that is erased, and held", base, [admit, base[2]], change=its_content)
    found = base[0]
    yield asked("a found that is erased, and held", base, base, change=lambda built: erased(built, 0, found))

    def other_hash(built: Tables) -> None:
        erased(built, 0, one)
        built[2][0][6] = hashed("cs1 content", b"another content", len(one.content))

    yield asked("erased, held, with another hash", held, [one], change=other_hash, rows=[0], lost=[])
    yield from versions()
    yield from faults()


def versions() -> Iterator[Vector]:
    ana, bea, _, base = three()
    one = ana.says("one")
    two = ana.says("two")
    hers = bea.says("hers", cites=[base[1]])

    def as_version(version: int, form: int = 0, **elements: Any) -> Callable[[Tables], None]:
        def change(built: Tables) -> None:
            built[2][0][4] = marked(0, form + VERSION * (version - 1))
            for at, value in elements.items():
                built[2][0][int(at[1:])] = value

        return change

    new = as_version(2)
    yield asked("an entry of version 2", base, [one], change=new, rows=[0], lost=[one])
    yield asked("an entry of version 64", base, [one], change=as_version(64), rows=[0], lost=[one])
    yield asked("what is behind an entry of version 2", base, [one, two], change=new, rows=[0], lost=[one, two])
    yield asked("what is beside an entry of version 2", base, [one, hers], change=new, rows=[0], lost=[one])
    yield asked("an entry of version 2 of another form", base, [one], change=as_version(2, e5=b"\xc1", e6=b""),
                rows=[0], lost=[one])  # fmt: skip
    yield asked("an erased entry of version 2", base, [one], change=as_version(2, ERASED), rows=[0], lost=[one])


def faults() -> Iterator[Vector]:
    ana, _, _, base = three()
    one = ana.says("one")
    held = [*base, one]

    def bad(name: str, rule: str, make: Callable[[Tables, int, Entry], None] | None, **elements: Any) -> Vector:
        def change(built: Tables) -> None:
            if make is not None:
                make(built, 0, one)
            for at, value in elements.items():
                built[2][0][int(at[1:])] = value

        return asked(name, held, [one], change=change, rule=rule)

    content = hashed("cs1 content", one.content, len(one.content))
    yield bad("a detached entry in a batch", "entry.mark", None, e4=marked(0, DETACHED))
    yield bad("a detached entry of version 2 in a batch", "entry.mark", None, e4=marked(0, DETACHED + VERSION))
    yield bad("erased, with a hash of 31 bytes", "entry.form", erased, e6=content[1:])
    yield bad("erased, with a length of five bytes", "entry.form", erased, e6=content + b"\0")
    yield bad("erased, with its content", "entry.form", erased, e6=one.content)
    yield bad("erased, without a case", "entry.form", erased, e1=None)
    yield bad("full, without a case", "entry.form", None, e1=None)
    yield bad("a skeleton with a case", "entry.form", skeleton, e1=0)
    two = ana.says("two")

    def numbered(built: Tables) -> None:
        skeleton(built, 1, two)
        built[2][1][5] = 0  # which there is

    yield asked("a skeleton with a shape's number", [*held, two], [one, two], change=numbered, rule="entry.form")
    yield bad("a skeleton with a shape", "entry.form", skeleton, e5=one.shape)
    yield bad("a skeleton with a content of 35 bytes", "entry.form", skeleton, e6=content[1:])
    long = content[:32] + (64_512).to_bytes(4, "big")
    yield bad("erased, of more than an entry may have", "cap.entry", erased, e6=long)
    yield bad("a skeleton of more than an entry may have", "cap.entry", skeleton, e6=long)
    yield bad("a mark of 256", "batch.entry", None, e4=marked(0, 256))
    for name, entry in (("found", base[0]), ("admit", base[1])):
        change = lambda built, entry=entry: skeleton(built, built[2].index(_row(built, entry)), entry)  # noqa: E731
        yield asked(f"a skeleton of {name}", base, base[:2], change=change, rule="entry.form")


def _row(built: Tables, entry: Entry) -> list[Any]:
    return next(row for row in built[2] if row[5] == entry.shape)

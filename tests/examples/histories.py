"""Histories at random, and who is sent which part of them: questions of the part `batch` (protocol/06-vectors.md).

Devices fork, take up other incarnations, cite what they like, are admitted by whoever is there, and write entries of
kinds that nobody knows. Nothing of it is at fault, so these questions get further than changed vectors do: to what
attaches, what is void, who is an equivocator, and what counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Final

from protocol.generate.asking import three
from protocol.generate.cell import Writer, introduced
from protocol.generate.hashes import invented
from protocol.generate.header import Entry
from protocol.generate.packed import packed
from protocol.generate.tables import framed, tables

NAMES: Final = ("dov", "fay", "gil", "hana")
CASES: Final = ("case", "other")


def question(random: Random) -> dict[str, Any]:
    """What is given: up to three batches that were received, and one more."""
    entries = history(random)
    sent = [_some_of(random, entries) for _ in range(random.randint(1, 4))]
    sent[0] = [entries[0], *(entry for entry in sent[0] if entry is not entries[0])]
    batches = [[part.hex() for part in framed(tables(some, cited=entries))] for some in sent if some]
    return {"circle": entries[0].circle.hex(), "held": batches[:-1], "batch": batches[-1]}


def history(random: Random) -> list[Entry]:
    """Everything that was written, in an order in which it can be sent."""
    ana, bea, eva, entries = three(eva=3)
    writers, free = [ana, bea, eva], list(NAMES)
    hostile = random.random() < 0.4  # one of them writes 17 branches and more
    for number in range(random.choice((10, 30, 60))):
        writer = bea if hostile and random.random() < 0.6 else random.choice(writers)
        if hostile if writer is bea else random.random() < 0.15:
            writer = _elsewhere(random, writer, entries)
            writers.append(writer)
        cites = _cited(random, writer, entries)
        if free and random.random() < 0.1:
            entries.append(writer.admits(name := free.pop(), random.randint(1, 3), cites))
            writers.append(introduced(name, entries[-1]))
        elif random.random() < 0.1:
            kind = random.choice((5, 13, 14, 200))
            entries.append(
                writer.write(kind, writer.circle, packed([1]), invented(f"salt {number}", 16) + b"\xc0", cites)
            )
        else:
            entries.append(writer.says(number, random.choice(CASES), cites))
    return entries


def _elsewhere(random: Random, writer: Writer, entries: Sequence[Entry]) -> Writer:
    """Another branch, or another incarnation, of the same device."""
    if random.random() < 0.3:
        return writer.again(random.randrange(20))
    own = [entry for entry in entries if (entry.device, entry.incarnation) == (writer.device, writer.incarnation)]
    begins = [] if entries[0].device == writer.device else [None]  # the founder's chain begins with `found`
    return writer.fork(random.choice([*begins, *own]))


def _cited(random: Random, writer: Writer, entries: Sequence[Entry]) -> list[Entry]:
    """Some entries, none of them in the past of the next one in its own chain."""
    past = set(_back(writer.head, entries))
    cites = [entry for entry in random.sample(entries, random.choice((0, 0, 1, 2))) if entry.id not in past]
    introduction = [entry for entry in entries if entry.id == writer.device and writer.head is None]
    return [*{entry.id: entry for entry in (*cites, *introduction)}.values()]


def _back(head: Entry | None, entries: Sequence[Entry]) -> Iterator[bytes]:
    known = {entry.id: entry for entry in entries}
    while head is not None:
        yield head.id
        head = known.get(head.previous)


def _some_of(random: Random, entries: Sequence[Entry]) -> list[Entry]:
    """What of it is sent, seldom in an order in which it cannot be taken."""
    share = random.choice((1.0, 0.97, 0.9, 0.5))
    some = [entry for entry in entries if random.random() < share]
    if random.random() < 0.1:
        random.shuffle(some)
    return some

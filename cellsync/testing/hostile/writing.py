"""What a turncoat writes: entries, and batches of them, that no honest device makes, or not so many.

What is only large is in `bombs`.
"""

from __future__ import annotations

from typing import Final

from cellsync.core import caps
from cellsync.core.history.entry import sign
from cellsync.core.ids import CaseId, EntryId, SealPublic, SessionPublic, SigningPublic
from cellsync.core.membership.control import Admit, DeviceKeys, Role, encode_admit
from cellsync.core.replica.founding import device_secrets
from cellsync.core.wire import codec, operations
from cellsync.core.wire.batches import Batch, BatchChain
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind, Message, Op
from cellsync.testing.hostile.bombs import BOMBS, batches
from cellsync.testing.hostile.forging import Forgery, Writer, forge, together
from cellsync.testing.hostile.talk import Talk

SALT: Final = bytes(16)
LATEST: Final = (1 << 63) - 1  # the last clock that there is
BEYOND: Final = 5  # more than there may be


def line(talk: Talk, text: str = "x", clock: int | None = None) -> Forgery:
    """A line in the log of a case."""
    return entry(talk, [Operation(Op.APPEND, "timeline", None, text)], clock=clock)


def entry(talk: Talk, done: list[Operation], clock: int | None = None, case: bytes = b"h" * 32) -> Forgery:
    shape, content = operations.encode_shape(done), operations.encode_content(SALT, done)
    return Forgery((), talk.turncoat.now() if clock is None else clock, Kind.CASE, CaseId(case), shape, content)


def control(talk: Talk, kind: int, shape: bytes, content: bytes = SALT + b"\x90") -> Forgery:
    return Forgery((), talk.turncoat.now(), kind, talk.turncoat.own_case, shape, content)


# --- histories ---------------------------------------------------------------------------------------------


async def equivocate(talk: Talk) -> None:
    """More ways to go on from one entry than a device may have branches."""
    await talk.write(line(talk, "the trunk"))
    for number in range(caps.BRANCHES + BEYOND):
        await talk.give(talk.forge(line(talk, f"side {number}"))[0])


async def begin_chains_without_end(talk: Talk) -> None:
    """First so many that they prove what it is; then more than one peer's word is good for."""
    for many in (caps.BRANCHES + 1, *[64] * (caps.SURPLUS // 64), BEYOND):
        await talk.give(together([forge(talk.chain(), [line(talk)])[0] for _ in range(many)]))


async def backdate(talk: Talk) -> None:
    """From the beginning of all clocks, and from their end."""
    await talk.write(line(talk, "long ago", 0), line(talk, "and later", 1), line(talk, "and at last", LATEST))


async def write_before_all_clocks(talk: Talk) -> None:
    await talk.hand(talk.forge(line(talk, clock=-1))[0])


async def write_after_all_clocks(talk: Talk) -> None:
    await talk.hand(talk.forge(line(talk, clock=LATEST + 1))[0])


async def omit(talk: Talk) -> None:
    """The first entry is kept back, and so is what another chain cites of it."""
    _, ids = talk.forge(line(talk, "kept back"))
    later = talk.pen.after(ids)
    await talk.give(talk.forge(line(talk, "what follows"), by=later)[0])
    kept_back = BatchChain(later.device, later.incarnation, later.first, later.previous, None)
    cites = line(talk, "what cites it")._replace(parents=[(1, 1, later.previous, later.height)])
    await talk.give(forge(talk.chain(), [cites], [kept_back])[0])


async def replay(talk: Talk) -> None:
    """The same batch again and again."""
    batch, _ = talk.forge(line(talk, "once"), line(talk, "twice"))
    for _ in range(5):
        await talk.give(batch)


async def cut_at_an_unverified_entry(talk: Talk) -> None:
    """A slice that ends where nobody has signed: with the signature of what comes after it."""
    batch, _ = talk.forge(line(talk, "signed together"), line(talk, "with these"), line(talk, "up to here"))
    await talk.hand(Batch(batch.chains, batch.cases, batch.entries[:2], batch.size))


async def write_for_another(talk: Talk) -> None:
    """The chain of another device goes on, in this one's hand."""
    row, height = talk.turncoat.founder
    other = Writer(
        talk.turncoat.circle,
        row.device,
        row.incarnation,
        talk.turncoat.secrets.signing,
        row.first,
        row.previous,
        height,
    )
    await talk.hand(talk.forge(line(talk, "not mine"), by=other)[0])


async def sign_a_false_height(talk: Talk) -> None:
    """An entry that says it comes after a million others."""
    root = talk.turncoat.root
    lofty = talk.pen._replace(root=root._replace(height=root.height + 1_000_000))
    await talk.hand(talk.forge(line(talk, "above all"), by=lofty)[0])


async def sign_something_else(talk: Talk) -> None:
    batch, _ = talk.forge(line(talk))
    other = sign(talk.turncoat.secrets.signing, EntryId(talk.entropy(32)))
    await talk.hand(Batch([batch.chains[0]._replace(signature=other), *batch.chains[1:]], batch.cases, batch.entries))


async def leave_a_batch_unfinished(talk: Talk) -> None:
    """Half of one, with whatever takes room, and no more of it."""
    chain = [bytes(32), bytes(8), 70_000, bytes(32), bytes(64)]
    for chains, cases in ((caps.CHAINS // 400, 0), (0, caps.ELEMENTS // 1_800)):
        for _ in range(max(chains, cases)):
            rows: list[list[object]] = [[chain] * 400 if chains else [], [bytes(32)] * 1_800 if cases else [], []]
            await talk.say(codec.encode([Message.BATCH, talk.name, False, *rows]))


async def hand_over_too_many_at_once(talk: Talk) -> None:
    """None of which has been acknowledged."""
    batch, _ = talk.forge(line(talk))
    for _ in range(20 * caps.UNACKNOWLEDGED):
        await talk.hand(batch)


async def flood(talk: Talk, most: int = 1 << 20) -> None:
    """As many entries as fit into these bytes, in cases that each have one."""
    entries = BOMBS["100,000 cases"]()
    for batch in batches(talk.pen, entries, most, talk.turncoat.now()):
        await talk.give(batch)


# --- parents -----------------------------------------------------------------------------------------------


async def name_many_parents(talk: Talk, entries: int = 1_000) -> None:
    """Each of these entries has as many as it may."""
    first = forge(talk.pen, [line(talk, f"{number}") for number in range(caps.PARENTS)])
    await talk.give(first[0])
    batch = full_of_parents(talk, talk.pen.after(first[1]), first[1], caps.PARENTS, entries)
    await talk.give(batch)


async def name_too_many_parents(talk: Talk) -> None:
    """One more than it may; they are not even there."""
    ids = [EntryId(talk.entropy(32)) for _ in range(caps.PARENTS + 1)]
    await talk.hand(full_of_parents(talk, talk.pen._replace(first=100), ids, len(ids), 1))


def full_of_parents(talk: Talk, cited: Writer, ids: list[EntryId], each: int, entries: int) -> Batch:
    """So many entries of another chain, each of which cites the last ones of the first."""
    lowest = cited.height - len(ids)
    parents = [(1, offset, ids[-offset], lowest + len(ids) + 1 - offset) for offset in range(1, each + 1)]
    row = BatchChain(cited.device, cited.incarnation, cited.first, cited.previous, None)
    return forge(talk.chain(), [line(talk, f"{at}")._replace(parents=parents) for at in range(entries)], [row])[0]


async def name_a_parent_twice(talk: Talk) -> None:
    cited = talk.turncoat.root.cited
    draft = line(talk)._replace(parents=[cited, cited])
    await talk.hand(talk.forge(draft, others=[talk.turncoat.root.row])[0])


async def cite_ones_own_chain(talk: Talk) -> None:
    """Through another row of the batch."""
    [first] = await talk.write(line(talk))
    row = BatchChain(talk.pen.device, talk.pen.incarnation, talk.pen.first, first, None)
    await talk.hand(talk.forge(line(talk)._replace(parents=[(1, 1, first, talk.pen.height)]), others=[row])[0])


async def cite_what_is_no_row(talk: Talk) -> None:
    batch, _ = talk.forge(line(talk))
    batch.entries[0] = batch.entries[0]._replace(parents=[7, 1])
    await talk.hand(batch)


# --- forms -------------------------------------------------------------------------------------------------


async def nest_too_deep(talk: Talk) -> None:
    value = b"\x91" * caps.NESTING + b"\x90"
    await talk.hand(talk.forge(line(talk)._replace(content=SALT + b"\x91" + value))[0])


async def nest_beyond_reading(talk: Talk) -> None:
    """So deep that it has too many elements to be read at all."""
    value = b"\x91" * 60_000 + b"\x90"
    await talk.write(line(talk)._replace(content=SALT + b"\x91" + value))


async def write_noise(talk: Talk) -> None:
    await talk.hand(talk.forge(line(talk)._replace(shape=b"\xc1" + talk.entropy(300)))[0])


async def write_nothing(talk: Talk) -> None:
    await talk.hand(talk.forge(line(talk)._replace(shape=b"\x90", content=SALT + b"\x90"))[0])


async def leave_the_content_out(talk: Talk) -> None:
    await talk.hand(talk.forge(line(talk)._replace(content=SALT + b"\x90"))[0])


async def write_too_much(talk: Talk) -> None:
    """An entry that is one byte too large, so that it would not fit into a frame."""
    batch, _ = talk.forge(line(talk)._replace(content=bytes(caps.ENTRY + 1)))
    part = codec.encode([Message.BATCH, talk.name, True, _rows(batch), batch.cases, [list(batch.entries[0])]])
    await talk.say(part)


def _rows(batch: Batch) -> list[object]:
    return [[*row[:4], row.signature or b""] for row in batch.chains]


async def hand_over_too_much(talk: Talk) -> None:
    """A batch of two megabytes."""
    drafts = [line(talk, f"{number:060000}") for number in range(2 * caps.BATCH // 60_000)]
    await talk.hand(talk.forge(*drafts)[0])


async def bring_too_many_cases(talk: Talk) -> None:
    for _ in range(1 + caps.ELEMENTS // 1_800):
        await talk.say(codec.encode([Message.BATCH, talk.name, False, [], [bytes(32)] * 1_800, []]))


async def bring_too_many_chains(talk: Talk) -> None:
    chain = [bytes(32), bytes(8), 1, bytes(32), b""]
    for _ in range(1 + caps.CHAINS // 700):
        await talk.say(codec.encode([Message.BATCH, talk.name, False, [chain] * 700, [], []]))


async def invent_schemas(talk: Talk) -> None:
    """Documents of a thousand kinds, of versions that nobody has, and of our own kinds with fields of other types."""
    kinds = [*(f"org.example.kind-{number}" for number in range(1_000)), "cellsync.case", "cellsync.person", "", "\0"]
    drafts = []
    for number, kind in enumerate(kinds):
        done = [
            Operation(Op.CREATE, kind, (1 << 32) - 1, None), Operation(Op.COUNT, "title", None, 1),
            Operation(Op.PUT, "summary", b"", [[number], {"a": b"b"}]), Operation(Op.SET, "timeline", b"", -number),
        ]  # fmt: skip
        drafts.append(entry(talk, done, case=number.to_bytes(32, "big")))
    await talk.write(*drafts)


async def invent_operations(talk: Talk) -> None:
    """Tags that a later version may define, each in a form of its own."""
    done = [Operation(tag, f"f{tag}", None, [tag, None, b"x"]) for tag in range(10, 128)]
    await talk.write(entry(talk, done))


# --- members -----------------------------------------------------------------------------------------------


def admission(talk: Talk, keys: DeviceKeys | None = None) -> tuple[bytes, bytes]:
    keys = keys or device_secrets(talk.entropy(96)).public
    return encode_admit(Admit(Role.WRITER, keys, "puppet"), SALT)


async def admit_without_right(talk: Talk) -> None:
    """As many puppets as a circle has room for, and more."""
    await talk.write(*(control(talk, Kind.ADMIT, *admission(talk)) for _ in range(caps.DEVICES + BEYOND)))


async def admit_keys_that_are_none(talk: Talk) -> None:
    keys = DeviceKeys(SigningPublic(bytes(31)), SessionPublic(bytes(32)), SealPublic(bytes(7)))
    await talk.hand(talk.forge(control(talk, Kind.ADMIT, *admission(talk, keys)))[0])


async def admit_nobody(talk: Talk) -> None:
    await talk.hand(talk.forge(control(talk, Kind.ADMIT, b"\x90"))[0])


async def found_the_circle_again(talk: Talk) -> None:
    """With the very entry that founded it, in a chain of our own."""
    await talk.hand(talk.forge(control(talk, Kind.FOUND, *talk.turncoat.found))[0])


async def control_in_a_case(talk: Talk) -> None:
    draft = control(talk, Kind.ADMIT, *admission(talk))._replace(case=CaseId(b"c" * 32))
    await talk.hand(talk.forge(draft)[0])

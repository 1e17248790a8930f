"""From a batch, or from an intention to write, to a `Plan`. Pure: reads through the store's port, changes nothing.

    1  A slice attaches if its row's `previous` is the id of the entry before its first, which is held or comes earlier
       in the batch; all its parents are held; and its device's introduction is in its past. A slice that does not
       attach is refused and leaves a gap. Slices that cite it are refused with it; other chains are not affected.
    2  Ids, heights and control pasts are computed from what is held and from earlier parts of the batch. Entries that
       are already held are skipped; the first new one opens a branch if another entry already has its place.
    3  An entry's standing follows from its own control past alone (membership rules 1 and 2). Rules that look at more
       (`Judge`) are asked once all entries are staged; they may also change the standing of earlier entries.
    4  Each row has one signature, on its last entry, which covers the slice through `previous`. Everything that the
       ids depend on was compared, id by id, so a signature that does not verify is the sender's fault.
    5  A new branch of an equivocator is taken with an entry that cites it, or while the peer that brings it has room
       for surplus branches (core/replica/surplus.py); otherwise it is refused.
    6  A batch that breaks a rule is discarded whole: PeerError, and nothing is planned.
    7  An erased entry or a skeleton has the same id as the full one. If it is held, the slice goes on behind it; if
       not, the slice is refused: content is not given up on a peer's word. So is a slice with an entry of an unknown
       version, whose id cannot be computed. A plan of what was only `told` takes it (core/replica/hearing.py), and is
       never committed.

A slice is taken whole or refused whole. So after every commit the signature on the newest entry of each branch is
stored, and everything held can be served to other peers. (protocol/30-history.md, protocol/50-sync.md)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.case.changes import DecodedEntry, SetText
from cellsync.core.crdt.cells import LiveValue
from cellsync.core.errors import BadSignature, CapExceeded, Malformed, TooLarge
from cellsync.core.history.entry import (
    SLOT_BITS,
    Entry,
    Outline,
    Standing,
    begin_content,
    begin_header,
    chain_of,
    chain_prefix,
    entry_id,
    founding_prefix,
    hash_shape,
    pack_header,
    pack_slots,
    sequence_of,
    signer,
    slot_of,
    verify,
)
from cellsync.core.history.holdings import Holdings
from cellsync.core.history.store import Store
from cellsync.core.ids import ID_BYTES, NO_ID, REF_BYTES, CaseId, DeviceId, EntryId, Millis, Signature, SigningSecret
from cellsync.core.membership.circle import Circle
from cellsync.core.membership.control import stand_in
from cellsync.core.replica.slices import Slice, Tip
from cellsync.core.replica.stage import Judge, Plan, Stage
from cellsync.core.rule import Rule
from cellsync.core.wire.batches import Batch, BatchEntry, entry_size
from cellsync.core.wire.mark import KINDS, EntryForm, Hashed, form_of, kind_of, version_of
from cellsync.core.wire.operations import Operation, decode, lone_head, lone_text
from cellsync.core.wire.places import Gap, Line
from cellsync.core.wire.tags import ENTRY_VERSION, Kind, Op

_FOUND, _APPEND, _SET = int(Kind.FOUND), int(Op.APPEND), int(Op.SET)
_FIRST: Final = bytes(2)  # of an entry's operations, in a ref
_CLOCK_END: Final = 1 << 63
_IN, _FULL = Standing.IN, EntryForm.FULL


def plan_batch(
    held: Holdings, circle: Circle, store: Store, batch: Batch, room: Mapping[DeviceId, int],
    judge: Judge | None = None, *, told: bool = False,
) -> Plan:  # fmt: skip
    """Verify a peer's batch. Raises PeerError if it breaks a rule. `room`: core/replica/surplus.py. `told`: whether
    entries may lack their content."""
    refused: set[int] = set()
    while True:
        stage = Stage(held, circle, store, judge, told=told)
        slices = _stage_batch(stage, batch, refused)
        found = {number for number, current in enumerate(slices) if current.refused}
        if found == refused:
            surplus, excess = _surplus(stage, slices, room)
            if not excess:
                lost = [row for row in sorted(refused) if slices[row].row.signature is not None]
                known = stage.equivocators()
                gaps = [
                    Gap(slices[row].line, slices[row].next - 1) for row in lost if slices[row].row.device not in known
                ]
                reached = [None if piece.refused else _reached(piece) for piece in slices]
                return stage.plan(gaps, lost, reached, surplus, newer=batch.newer)
            found = refused | excess
        refused = found  # rare: stage the batch again without these rows


def _reached(current: Slice) -> tuple[int, int] | None:
    return None if current.place is None else (current.place.number, current.next - 1)


def _surplus(stage: Stage, slices: list[Slice], room: Mapping[DeviceId, int]) -> tuple[list[int], set[int]]:
    """Uncited new branches of equivocators, beyond those that prove the equivocation: the numbers of those for which
    there is room, and the rows of the others."""
    if not any(current.surplus for current in slices):
        return [], set()
    counted, left = stage.count(), Counter(room)
    numbers: list[int] = []
    excess: set[int] = set()
    for row, current in enumerate(slices):
        tip = current.place
        if current.surplus and not current.refused and tip is not None and counted.get(tip.number, 0) < tip.first:
            if left[current.device] > 0:
                left[current.device] -= 1
                numbers.append(tip.number)
            else:
                excess.add(row)
    return numbers, excess


def _stage_batch(stage: Stage, batch: Batch, refused: set[int]) -> list[Slice]:
    """Stage a batch without the rows in `refused`. Returns one slice per row; more of them may end up refused."""
    slices = [Slice(row, chain_prefix(stage.held.circle, row.device, row.incarnation)) for row in batch.chains]
    for number in refused:
        slices[number].refuse()
    _stage_entries(stage, batch, slices)
    for current in slices:
        if (current.next > current.row.first) != (current.row.signature is not None):
            raise Malformed(Rule.BATCH_SIGNATURE)
        if current.newest_cited:
            stage.cited.add(current.base | current.newest_cited)
    for current in sorted(slices, key=lambda one: one.next):  # two of one branch may come in the wrong order
        if current.at >= 0 and not current.refused:
            _close_slice(stage, current)
    return slices


def _stage_entries(stage: Stage, batch: Batch, slices: list[Slice]) -> None:
    """Stage the entries of a batch, in its order.

    Inlined for speed, which saves 0.9 to 2.6 of 3.6 to 6.2 µs per entry: the common kind of entry is staged here, all
    others by `_stage_entry`, which handles any. The common kind is a case entry that counts, is in a slice that `runs`,
    and cites either nothing or one entry: the newest of another such slice. `tests/models/planning.py` has the plain
    version.
    """
    numbers = [0] * len(batch.cases)  # a case is numbered when its first entry is staged
    read: list[_Said | None] = [None] * len(batch.cases)  # per case, the last shape that is likely to recur
    fields: dict[bytes, str] = {}  # as `_said_by` keeps them
    heads, entries, said = stage.heads, stage.entries, stage.said
    new: Any = tuple.__new__  # makes a NamedTuple from all its fields, in a third of the time of its constructor
    clock, at = 0, len(entries)
    for entry_row in batch.entries:
        row, case_row, parents, difference, kind, shape, content = entry_row
        clock += difference
        current = slices[row]
        cited = slices[parents[0]] if parents else None
        past = current.usual
        if (
            kind or past < 0 or not 0 <= clock < _CLOCK_END
            or (cited and (cited.usual != past or parents[1] != 1 or len(parents) != 2 or cited is current))
        ):  # fmt: skip
            _stage_entry(stage, slices, entry_row, clock, batch.cases, numbers)
            at = len(entries)
            continue
        known = read[case_row]
        if known is None or known[0] != shape:
            number = numbers[case_row] = numbers[case_row] or stage.case_number(batch.cases[case_row])
            known = _said_by(stage, batch.cases[case_row], number, shape, fields)
            if not known[7]:  # a shape that names a ref occurs only once
                read[case_row] = known
        _, number, shape_hash, shape_length, counts, texts, field, replaced = known
        sequence, height, length, counted = current.next, current.height, len(content), 32  # entry_size
        parent_id = parent_slot = b""
        if cited:
            if cited.height > height:
                height = cited.height
            if not cited.cited_by or cited.cited_by[-1] is not current:
                cited.lend_to(current)
            cited.newest_cited = last = cited.next - 1
            parent_id, parent_slot, counted = cited.head, (cited.base | last).to_bytes(8, "big"), 46
        height += 1
        # entry_id_of, without the call: 0.1 µs of 1
        content_hash, header = begin_content(), begin_header()
        content_hash.update(content)
        header.update(
            pack_header(
                current.prefix, sequence, current.head, height, clock, 0,
                shape_hash, content_hash.digest(), shape_length, length, 1 if cited else 0,
            ) + parent_id
        )  # fmt: skip
        identity: Any = header.digest()
        slot = current.base | sequence
        values = (
            slot, number, heads[number], identity, height, clock, 0, past, _IN, parent_slot, shape, content, None, _FULL
        )  # fmt: skip
        entry = new(Entry, values)
        entries.append(entry)
        heads[number] = slot
        device = current.device
        text = None if counts is None else lone_text(content)
        if counts is None or text is None:
            said.append(new(DecodedEntry, (entry, device, decode(shape, content))))
        else:
            counts[device] = counts.get(device, 0) + 1
            if texts is not None:
                cell = new(LiveValue, (text, device, clock, height, identity[:8] + _FIRST))
                texts.append((field, replaced, cell, length + 8 * shape_length))  # fold.size_of
        current.at = at
        at += 1
        current.next = sequence + 1
        current.head, current.height = identity, height
        place: Any = current.place  # never None in a slice that runs
        place.length = sequence
        current.size += shape_length + length + counted


_Said = tuple[bytes, int, bytes, int, dict[DeviceId, int] | None, list[SetText] | None, str, bytes]
"""What entries of one case with the same shape have in common: the shape; the number of the case; the shape's hash and
length. If it is one operation that appends to a log or sets a register, the counts of the case's tally; if it does the
latter, its texts, the register, and the refs that are replaced."""


def _said_by(stage: Stage, case: CaseId, number: int, shape: bytes, fields: dict[bytes, str]) -> _Said:
    """`fields`: the registers that shapes set which replace one value, by what is in front of its ref."""
    begins = shape[:-REF_BYTES]
    field = fields.get(begins)
    if field is not None:
        tally = stage.tally(number)
        return shape, number, hash_shape(case, shape), len(shape), tally.counts, tally.texts, field, shape[-REF_BYTES:]
    head = lone_head(shape)
    if head is None or head[0] not in (_APPEND, _SET):
        return shape, number, hash_shape(case, shape), len(shape), None, None, "", b""
    tag, field, replaced = head
    tally = stage.tally(number)
    if tag == _APPEND or type(replaced) is not bytes:
        return shape, number, hash_shape(case, shape), len(shape), tally.counts, None, "", b""
    if len(replaced) == REF_BYTES:
        fields[begins] = field
    return shape, number, hash_shape(case, shape), len(shape), tally.counts, tally.texts, field, replaced


def _stage_entry(
    stage: Stage, slices: list[Slice], entry_row: BatchEntry, clock: int, cases: list[CaseId], numbers: list[int]
) -> None:
    """Stage one entry of a batch. `numbers`: of the batch's cases, each 0 until one of its entries is staged."""
    row, case_row, parents, _, marked, shape, content = entry_row
    kind = kind_of(marked)
    current = slices[row]
    sequence = current.next
    current.next = sequence + 1
    if not (current.opened or _open_slice(stage, current)) or current.refused:
        return
    if marked >= KINDS and version_of(marked) != ENTRY_VERSION:
        current.refuse()
        return
    if not 0 <= clock < _CLOCK_END:
        raise Malformed(Rule.ENTRY_CLOCK)
    height, past = current.height, current.past
    parent_ids = parent_slots = b""
    if parents:
        named = _parents(stage, slices, current, parents)
        if named is None:
            current.refuse()
            return
        height, past, parent_ids, parent_slots = named
    is_skeleton = form_of(marked) == EntryForm.SKELETON
    case = CaseId(stage.held.circle) if is_skeleton else cases[case_row]  # whichever it is, that is not said
    hashed_case, prefix, author = case, current.prefix, current.device
    if kind:
        if bytes(case) != stage.held.circle:
            raise Malformed(Rule.ENTRY_CASE)
        if kind == _FOUND:  # its id names the circle, so the entry cannot contain that name
            hashed_case, prefix = CaseId(NO_ID), founding_prefix(current.row.incarnation)
    height += 1
    if marked < KINDS:
        identity = entry_id(
            prefix, sequence, current.head, height, clock, kind, hashed_case, shape, content, parent_ids
        )
    else:
        outline = _outline(height, clock, marked, hashed_case, shape, content, parent_ids)
        identity = outline.identity(prefix, sequence, current.head)
    tip = current.place
    if marked >= KINDS or tip is None or not current.fresh or tip.length >= sequence or tip.off:
        held = stage.successor(current.line, tip, sequence, identity)
        if held is not None:
            _pass_over(stage, current, held, sequence, identity)
            return
        if marked >= KINDS and not (stage.told and _is_enough(kind, is_skeleton)):
            current.refuse()
            return
        if tip is None and kind != _FOUND and not stage.saw_introduction(current.device, past):
            current.refuse()
            return
        tip = _place_of(stage, current, tip, sequence, identity)
        if tip is None:
            return
    if kind:
        content = content if marked < KINDS else stand_in(kind)
        past, counts = stage.control(identity, kind, past, author, height, shape, content)
    elif marked >= KINDS:
        counts = False  # its author may have had the right; but it says nothing here
    else:
        if past != current.judged:  # rights follow from the control past alone, which seldom changes
            current.judged, current.counts = past, stage.circle.counts(kind, past, author)
        counts = current.counts
    if is_skeleton:
        number = stage.case_number(case)
    else:
        number = numbers[case_row] = numbers[case_row] or stage.case_number(case)
    slot = tip.number << SLOT_BITS | sequence
    standing = Standing.IN if counts else Standing.VOID
    entry = Entry(
        slot, number, stage.heads[number], identity, height, Millis(clock), kind, past, standing,
        parent_slots, shape, content, None,
    )  # fmt: skip
    tip.length = sequence
    current.at = len(stage.entries)
    current.head, current.height, current.past = identity, height, past
    current.usual = past if current.runs and past == current.judged and current.counts else -1
    current.size += entry_size(shape, content, len(parents) >> 1)
    if kind or marked < KINDS:
        stage.add(entry, author, counts)
    else:
        stage.entries.append(entry)


def _is_enough(kind: int, is_skeleton: bool) -> bool:
    """Whether an entry that came without its content says all that the rules of membership look at."""
    return not (kind and is_skeleton)


def _outline(
    height: int, clock: int, marked: int, case: CaseId, shape: bytes, content: bytes, parent_ids: bytes
) -> Outline:
    """The outline of an entry that came erased, or as a skeleton: with hashes in place of what it lacks."""
    is_skeleton = form_of(marked) == EntryForm.SKELETON
    shaped = Hashed.read(shape) if is_skeleton else Hashed(hash_shape(case, shape), len(shape))
    said = Hashed.read(content)
    parents = tuple(EntryId(parent_ids[at : at + ID_BYTES]) for at in range(0, len(parent_ids), ID_BYTES))
    return Outline(height, clock, kind_of(marked), shaped.hash, said.hash, shaped.length, said.length, parents)


def _open_slice(stage: Stage, current: Slice) -> bool:
    """Find the entry before a slice's first. Whether it is held or comes earlier in the batch."""
    row = current.row
    current.opened = True
    if row.first > 1:
        tip = stage.find(current.line, row.first - 1, row.previous)
        if tip is None:
            current.refuse()
            return False
        current.place = current.start = tip
        before = stage.footing(tip, row.first - 1)
        if before is None:
            current.refuse()
            return False
        _, current.height, current.past = before
        tip.lend(row.first - 1, current)
    elif row.previous != NO_ID:
        raise Malformed(Rule.BATCH_PREVIOUS)
    return not current.refused


def _pass_over(stage: Stage, current: Slice, tip: Tip, sequence: int, identity: EntryId) -> None:
    """Skip an entry of a slice that is already held."""
    held = stage.entry_at(slot_of(tip.number, sequence))
    if held is not None:
        current.head, current.height, current.past = identity, held.height, held.past
    current.place, current.fresh = tip, False  # if the entry is new, another row brought it
    current.halt()
    tip.lend(sequence, current)


def _place_of(stage: Stage, current: Slice, place: Tip | None, sequence: int, entry: EntryId) -> Tip | None:
    """The branch to which a new entry is added, opened if needed; None if its slice is refused."""
    if place is None or place.length >= sequence:
        current.surplus = stage.branches_of(current.device) > caps.BRANCHES
        try:
            place = stage.open_branch(current.line, place, sequence, entry)
        except CapExceeded:
            current.refuse()
            return None
    place.own(sequence, current)
    current.place, current.fresh = place, True
    current.base = place.number << SLOT_BITS
    current.runs = not place.off and current.device not in stage.held.equivocators
    return place


def _parents(
    stage: Stage, slices: list[Slice], current: Slice, parents: list[int]
) -> tuple[int, int, bytes, bytes] | None:
    """(greatest height, union of control pasts, ids, slots) over an entry's previous and its parents; None if any of
    them is not held."""
    height, past = current.height, current.past
    found: list[tuple[EntryId, int]] = []
    for at in range(0, len(parents), 2):
        cited = slices[parents[at]]
        sequence = cited.next - parents[at + 1]
        if sequence < 1:
            raise Malformed(Rule.ENTRY_PARENTS)
        if not cited.opened:
            _open_slice(stage, cited)
        tip = cited.place
        if cited.refused:  # entries before it may still be held
            if sequence >= cited.row.first:
                return None
            tip = cited.start
        if tip is None:
            return None
        tip = stage.holder(tip, sequence)
        slot = tip.number << SLOT_BITS | sequence
        if cited is current or (cited.line == current.line and _is_past(stage, current, slot)):
            raise Malformed(Rule.ENTRY_OWN_CHAIN)
        parent = stage.footing(tip, sequence)
        if parent is None:
            return None
        if stage.staged(slot) is not None:
            tip.lend(sequence, current)
        identity, parent_height, parent_past = parent
        if parent_height > height:
            height = parent_height
        if parent_past != past:
            past = stage.union(past, parent_past)
        found.append((identity, slot))
        stage.cite(slot, current.device)
    if len(found) == 1:  # the common case: two people taking turns
        return height, past, found[0][0], pack_slots([found[0][1]])
    found.sort()
    if any(one[0] == other[0] for one, other in pairwise(found)):
        raise Malformed(Rule.ENTRY_TWICE)
    return height, past, b"".join([parent for parent, _ in found]), pack_slots([slot for _, slot in found])


def _is_past(stage: Stage, current: Slice, slot: int) -> bool:
    """Whether a slot lies on the way to the entry that is being staged. Another one in its place does not."""
    sequence = sequence_of(slot)
    if current.place is None or sequence >= current.next - 1:
        return False
    return stage.holder(current.place, sequence).number == chain_of(slot)


def _close_slice(stage: Stage, current: Slice) -> None:
    """Check the signature that covers a slice, and advance its branch."""
    row, tip = current.row, current.place
    key = stage.circle.signing_key(row.device)
    if key is None or tip is None:
        current.refuse()
    elif row.signature is not None and verify(key, row.signature, current.head):
        at, slot = current.at, slot_of(tip.number, current.next - 1)
        if stage.entries[at].slot != slot:  # another row of this batch brought the slice's last entry
            at = stage.index_of(slot)
        stage.advance(tip.number, stage.sign_at(at, row.signature), current.size)
    else:
        raise BadSignature()


class Intention(NamedTuple):
    """An entry to write."""

    kind: int
    case: CaseId
    shape: bytes
    content: bytes
    operations: list[Operation] | None = None  # decoded from shape and content, if already known


RUN: Final = caps.ENTRY
"""Bytes of shapes and contents of our own case entries of one step, from which on they have a signature."""

Sign = Callable[[EntryId], Signature]


def plan_writes(
    held: Holdings,
    circle: Circle,
    store: Store,
    line: Line,
    secret: SigningSecret,
    intentions: list[Intention],
    now: Millis,
    judge: Judge | None = None,
) -> Plan:
    """Write entries of our own, one after another. Raises TooLarge."""
    stage = Stage(held, circle, store, judge)
    sign, signed = signer(secret), _signed(intentions)
    at = 0
    while at < len(intentions):
        _stage_write(stage, line, sign if signed[at] else None, intentions[at], now)
        at += 1
        last = at
        while last < len(intentions) and intentions[last].kind == Kind.CASE:
            last += 1
        if last > at and not stage.open_heads(stage.own(line)):
            _stage_cases(stage, line, sign, intentions[at:last], signed[at:last], now)
            at = last
    return stage.plan(each_ends=True)


def _signed(intentions: list[Intention]) -> list[bool]:
    """Which entries of a step are signed: control entries, the last, and each with which the unsigned grow to a RUN.

    To sign each of a row's five entries was a fifth of the time of an import.
    """
    signed: list[bool] = []
    size = 0
    for kind, _, shape, content, _ in intentions:
        size += len(shape) + len(content)
        signed.append(kind != Kind.CASE or size >= RUN)
        if signed[-1]:
            size = 0
    return [*signed[:-1], True] if signed else []


def _stage_write(stage: Stage, line: Line, sign: Sign | None, intention: Intention, clock: Millis) -> None:
    """Stage an entry. Without `sign`, the signature of a later one of this step covers it."""
    kind, case, shape, content, said = intention
    _check_size(shape, content)
    own = stage.own(line)
    height, past = own.height, own.past
    found: list[tuple[EntryId, int]] = []
    for head in stage.open_heads(own):
        height = max(height, head.height)
        past = stage.union(past, head.past)
        found.append((head.head, slot_of(head.number, head.length)))
    found.sort()
    parent_ids = b"".join(parent for parent, _ in found)
    stage.cited.update(slot for _, slot in found)
    device, incarnation = line
    hashed_case, prefix = case, chain_prefix(stage.held.circle, device, incarnation)
    if kind == _FOUND:
        hashed_case, prefix = CaseId(NO_ID), founding_prefix(incarnation)
    sequence = own.length + 1
    height += 1
    identity = entry_id(prefix, sequence, own.head, height, clock, kind, hashed_case, shape, content, parent_ids)
    if kind:
        past, counts = stage.control(identity, kind, past, device, height, shape, content)
    else:
        counts = stage.circle.counts(kind, past, device)
    number = stage.case_number(case)
    standing = Standing.IN if counts else Standing.VOID
    slots = pack_slots([slot for _, slot in found])
    entry = Entry(
        slot_of(own.number, sequence), number, stage.heads[number], identity, height, clock, kind, past, standing,
        slots, shape, content, sign(identity) if sign else None,
    )  # fmt: skip
    stage.add(entry, device, counts, said)
    stage.end(own.number, entry)
    stage.grew(own.number, sequence, entry_size(shape, content, len(found)), signed=sign is not None)


def _stage_cases(
    stage: Stage, line: Line, sign: Sign, intentions: list[Intention], signed: list[bool], clock: Millis
) -> None:
    """Stage case entries on our own chain, when that has an entry already and there are no heads to cite.

    Inlined for speed: an import writes five entries per row, and staging them takes a quarter less time. Everything
    that they share is looked up once. The plain version is `_stage_write` for each; a property test holds the two
    equal.
    """
    device, incarnation = line
    own = stage.own(line)
    chain, past, sequence, height, previous = own.number, own.past, own.length, own.height, own.head
    prefix = chain_prefix(stage.held.circle, device, incarnation)
    counts = stage.circle.counts(Kind.CASE, past, device)
    standing = Standing.IN if counts else Standing.VOID
    for (_, case, shape, content, said), ends in zip(intentions, signed, strict=True):
        _check_size(shape, content)
        sequence, height = sequence + 1, height + 1
        previous = entry_id(prefix, sequence, previous, height, clock, Kind.CASE, case, shape, content, b"")
        number = stage.case_number(case)
        entry = Entry(
            slot_of(chain, sequence), number, stage.heads[number], previous, height, clock, Kind.CASE, past, standing,
            b"", shape, content, sign(previous) if ends else None,
        )  # fmt: skip
        stage.add(entry, device, counts, said)
        stage.grew(chain, sequence, entry_size(shape, content, 0), signed=ends)
    stage.end(chain, stage.entries[-1])


def _check_size(shape: bytes, content: bytes) -> None:
    if len(shape) + len(content) > caps.ENTRY:
        size = -(-(len(shape) + len(content)) // 1024)
        raise TooLarge(
            f"one edit holds at most {caps.ENTRY >> 10} KiB, and this one has {size} KiB",
            hint="Write it in several edits.",
        )

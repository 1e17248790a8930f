"""Log: append-only. An item can be corrected or retracted; both are logged themselves, and nothing is ever lost.

Rules (protocol/35-cases.md, Log):
  1  An item is an append. Appends with the same source key are one item, shown at the place of their smallest
     (height, ref): two devices that import the same file make each line once.
  2  A correction names an append, or a correction of it. The appends of an item and all direct and indirect
     corrections of them are its *versions*.
  3  The *current* versions are the corrections that no correction names; without corrections, the appends, of equal
     ones the first: so who knows a source key cannot put their words in the place of others'. The current one
     displayed is the greatest (height, ref). Several current values of corrections are a conflict.
  4  An item is retracted if a retraction names any of its versions. It is then hidden, and still readable.
  5  A correction or retraction of something not here (yet) waits, and takes effect once that arrives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, overload

from cellsync.core.crdt.cells import Held, LiveValue, newest_first, rank
from cellsync.core.crdt.live import stands_alone
from cellsync.core.crdt.rest import pack_cells, require, split, unpack_cells
from cellsync.core.crdt.row import Act, Contested, CrdtType, FieldPart, FieldType, Holds, Pen, Rest
from cellsync.core.crdt.weights import CELL, NAMED, REF, length
from cellsync.core.errors import NotFound
from cellsync.core.ids import REF_BYTES, DeviceId, Millis, Ref
from cellsync.core.packed import packed
from cellsync.core.wire import codec
from cellsync.core.wire.operations import SOURCE_BYTES, Operation
from cellsync.core.wire.tags import Op


class LogItem(NamedTuple):
    """One item of a log with all its corrections and retractions."""

    first: LiveValue  # the append that gives it its place
    current: tuple[LiveValue, ...]  # its current values, the displayed one first; never empty
    versions: tuple[LiveValue, ...]  # every append and correction, oldest first
    retractions: tuple[LiveValue, ...]  # oldest first; not empty: the item is hidden
    source: bytes | None
    corrected: bool = False

    @property
    def shown(self) -> LiveValue:
        return self.current[0]

    @property
    def before(self) -> list[LiveValue]:
        """Its earlier versions, oldest first."""
        if len(self.versions) == len(self.current):
            return []
        now = {cell.ref for cell in self.current}
        return [cell for cell in self.versions if cell.ref not in now]


Said = Mapping[Ref, Sequence[LiveValue]]
"""Corrections or retractions, by the ref they name."""

_NOTHING: Final[Said] = MappingProxyType({})
_Alone = tuple[Ref, Any, DeviceId, Millis, int, Ref]
"""The ref that a single cell names, then the cell, spread out."""
_Table = dict[Ref, LiveValue | list[LiveValue]]
_Some = _Table | _Alone | None
"""How these are stored. A cell alone in its log is stored without a dict, and one alone in naming its target without a
list: nearly all are, and a member may write 131,072 of either."""


class _Named(Said):
    """A read-only table."""

    __slots__ = ("_table",)

    def __init__(self, table: _Table) -> None:
        self._table = table

    def __getitem__(self, target: Ref) -> Sequence[LiveValue]:
        cells = self._table[target]
        return cells if type(cells) is list else (cells,)  # type: ignore[return-value]

    def __contains__(self, target: object) -> bool:
        return target in self._table

    def __iter__(self) -> Iterator[Ref]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


def _by_target(some: _Some) -> Said:
    if isinstance(some, dict):
        return _Named(some)
    return _NOTHING if some is None else {some[0]: (LiveValue(*some[1:]),)}


def _with(some: _Some, cell: LiveValue, target: Ref) -> _Some:
    if some is None:
        return target, *cell
    table: _Table = some if isinstance(some, dict) else {some[0]: LiveValue(*some[1:])}
    there = table.setdefault(target, cell)
    if isinstance(there, list):
        there.append(cell)
    elif there is not cell:
        table[target] = [there, cell]
    return table


def _copied(some: _Some) -> _Some:
    if not isinstance(some, dict):
        return some
    return {target: cells.copy() if type(cells) is list else cells for target, cells in some.items()}


class LogState(Held):
    """Every operation of one log. Kinds that it has none of take no room."""

    __slots__ = ("_corrections", "_retractions", "_sources")

    def __init__(self) -> None:
        super().__init__()
        self._sources: dict[Ref, bytes] | bytes | None = None  # 16-byte keys of imported items; a lone one as is
        self._corrections: _Some = None
        self._retractions: _Some = None

    @property
    def appended(self) -> Mapping[Ref, LiveValue]:
        return self._table()

    @property
    def corrections(self) -> Said:
        return _by_target(self._corrections)

    @property
    def retractions(self) -> Said:
        """The value of each is the reason, or None."""
        return _by_target(self._retractions)

    def source(self, item: Ref) -> bytes | None:
        """The key of an imported item."""
        sources = self._sources
        if isinstance(sources, bytes):
            return sources if item in self._table() else None
        return None if sources is None else sources.get(item)

    def has_source(self, source: bytes) -> bool:
        sources = self._sources
        return source == sources if isinstance(sources, bytes) else sources is not None and source in sources.values()

    def names(self, ref: Ref) -> bool:
        """Whether something corrects or retracts this."""
        return ref in self.corrections or ref in self.retractions

    def append(self, cell: LiveValue, source: bytes | None) -> None:
        if self._held is None:
            self._sources = source
        elif source is not None or isinstance(self._sources, bytes):
            self._sources = self._all_sources()
            if source is not None:
                self._sources[cell.ref] = source
        self.put(cell)

    def _all_sources(self) -> dict[Ref, bytes]:
        """By append, writable."""
        sources = self._sources
        return dict.fromkeys(self._table(), sources) if isinstance(sources, bytes) else sources or {}

    def correct(self, cell: LiveValue, target: Ref) -> None:
        self._corrections = _with(self._corrections, cell, target)

    def retract(self, cell: LiveValue, target: Ref) -> None:
        self._retractions = _with(self._retractions, cell, target)

    def take(self, ref: Ref) -> bool:
        """Take back an append."""
        self._sources = self._all_sources() or None
        if self._sources is not None:
            self._sources.pop(ref, None)
        return super().take(ref)

    def say_instead(self, cell: LiveValue) -> None:
        """Replace the value of an append or correction: for drafts, before anyone else has read it."""
        if cell.ref in self.appended:
            self.put(cell)
        corrections, self._corrections = self.corrections, None
        for target, cells in corrections.items():
            for correction in cells:
                self.correct(cell if correction.ref == cell.ref else correction, target)

    def items(self) -> Items:
        """All items, including retracted ones, in the order of (height, ref)."""
        sourced: dict[bytes, list[LiveValue]] = {}
        places: list[LiveValue | list[LiveValue]] = []
        for cell in self.appended.values():
            source = self.source(cell.ref)
            if source is None:
                places.append(cell)
            else:
                sourced.setdefault(source, []).append(cell)
        places += [sorted(cells, key=rank) for cells in sourced.values()]
        places.sort(key=lambda place: rank(place[0] if isinstance(place, list) else place))
        return Items(self, places)

    def cells(self) -> Iterator[tuple[str, bytes | None, LiveValue]]:
        """Every operation as (role, source key or the ref it names, cell), in no particular order."""
        for cell in self.appended.values():
            yield "append", self.source(cell.ref), cell
        for role, named in (("correct", self.corrections), ("retract", self.retractions)):
            for target, cells in named.items():
                for cell in cells:
                    yield role, target, cell

    def copy(self) -> LogState:
        log = LogState()
        log._hold(dict(self._table()))
        log._sources = self._sources.copy() if isinstance(self._sources, dict) else self._sources
        log._corrections = _copied(self._corrections)
        log._retractions = _copied(self._retractions)
        return log

    def extended(self) -> LogState:
        """A copy to append to. It shares corrections and retractions: add none of these to it."""
        log = LogState()
        log._hold(dict(self._table()))
        log._sources = self._sources.copy() if isinstance(self._sources, dict) else self._sources
        log._corrections, log._retractions = self._corrections, self._retractions
        return log

    def item(self, appends: list[LiveValue]) -> LogItem:
        """The item of these appends, in order."""
        first = appends[0]
        source = self.source(first.ref)
        if len(appends) == 1 and first.ref not in self.corrections and first.ref not in self.retractions:
            return LogItem(first, (first,), (first,), (), source)  # nearly all are like this
        found = {cell.ref: cell for cell in appends}
        waiting = list(found)
        while waiting:  # a correction names one version, so each is reached once; a cycle is never reached
            for cell in self.corrections.get(waiting.pop(), ()):
                if cell.ref not in found:
                    found[cell.ref] = cell
                    waiting.append(cell.ref)
        corrections = [cell for ref, cell in found.items() if ref not in self.appended]
        current = newest_first(cell for cell in corrections if cell.ref not in self.corrections)
        retractions = [cell for ref in found for cell in self.retractions.get(ref, ())]
        return LogItem(
            first,
            tuple(current) or _different(appends),
            tuple(sorted(found.values(), key=rank)),
            tuple(sorted(retractions, key=rank)),
            source,
            bool(current),
        )


def _different(appends: list[LiveValue]) -> tuple[LiveValue, ...]:
    """Of equal ones the first; newest first."""
    first: dict[bytes, LiveValue] = {}
    for cell in appends:
        first.setdefault(cell.canonical(codec.encode), cell)
    return tuple(newest_first(first.values()))


class _Sole(NamedTuple):
    """The only operation on a log, with its source or the ref it names; its cell is spread out."""

    tag: int
    detail: Any
    resting: Any
    device: DeviceId
    clock: Millis
    height: int
    ref: Ref

    def log(self) -> LogState:
        log = LogState()
        _FOLDS[self.tag](log, LiveValue(*self[2:]), self.detail)
        return log


_APPEND, _CORRECT, _RETRACT = map(int, (Op.APPEND, Op.CORRECT, Op.RETRACT))
_FOLDS: Final = {_APPEND: LogState.append, _CORRECT: LogState.correct, _RETRACT: LogState.retract}


class Logs:
    """The logs of a case, by field, like a dict.

    A log with a single operation is stored as just that, and built on demand: a member may write 131,072 such logs. A
    log fetched by name stays built, and may then be written into.
    """

    __slots__ = ("_known",)

    def __init__(self, known: Mapping[str, LogState | _Sole] = MappingProxyType({})) -> None:
        self._known: dict[str, LogState | _Sole] = dict(known)

    def fold(self, tag: int, field: str, cell: LiveValue, detail: Any) -> None:
        """Fold an operation into one of them, creating it if need be."""
        if field in self._known:
            _FOLDS[tag](self[field], cell, detail)
        else:
            self._known[field] = _Sole(tag, detail, *cell)

    def __getitem__(self, field: str) -> LogState:
        log = self._known[field] = _together(self._known[field])
        return log

    def __setitem__(self, field: str, log: LogState) -> None:
        self._known[field] = log

    def __contains__(self, field: object) -> bool:
        return field in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def get(self, field: str) -> LogState | None:
        return self[field] if field in self._known else None

    def items(self) -> Iterator[tuple[str, LogState]]:
        """Read-only."""
        return ((field, _together(log)) for field, log in self._known.items())

    def refs(self) -> Iterator[Ref]:
        """The refs of all operations held, except retractions."""
        for log in self._known.values():
            if isinstance(log, LogState):
                yield from log.appended
                yield from (cell.ref for corrections in log.corrections.values() for cell in corrections)
            elif log.tag != _RETRACT:
                yield log.ref

    def values(self) -> Iterator[LogState]:
        """Read-only."""
        return map(_together, self._known.values())

    def update(self, logs: Mapping[str, LogState]) -> None:
        self._known.update(logs)

    def copy(self) -> Logs:
        made = self.shared()
        for field, log in self._known.items():
            if isinstance(log, LogState):
                made._known[field] = log.copy()
        return made

    def shared(self) -> Logs:
        """Another table of the same logs: do not append to these."""
        return Logs(self._known)


def _together(one: LogState | _Sole) -> LogState:
    return one if isinstance(one, LogState) else one.log()


class Appending:
    """Logs of a case whose corrections and retractions are known, and whose items are read one by one.

    For reading: a log without appends is the given one itself, and corrections are never copied.
    """

    def __init__(self, known: Logs) -> None:
        self.logs = known.shared()
        self._own: set[str] = set()

    def append(self, field: str, cell: LiveValue, source: bytes | None) -> None:
        if field not in self._own and field in self.logs:
            self.logs[field] = self.logs[field].extended()
        self._own.add(field)
        self.logs.fold(_APPEND, field, cell, source)


class Items(Sequence[LogItem]):
    """The items of a log as they are now, each built when it is read."""

    __slots__ = ("_log", "_places")

    def __init__(self, log: LogState, places: list[LiveValue | list[LiveValue]]) -> None:
        self._log = log
        self._places = places  # the appends of each item; of most there is one

    @overload
    def __getitem__(self, at: int) -> LogItem: ...
    @overload
    def __getitem__(self, at: slice) -> list[LogItem]: ...
    def __getitem__(self, at: int | slice) -> LogItem | list[LogItem]:
        if isinstance(at, slice):
            return [self._item(place) for place in self._places[at]]
        return self._item(self._places[at])

    def __len__(self) -> int:
        return len(self._places)

    def _item(self, place: LiveValue | list[LiveValue]) -> LogItem:
        return self._log.item(place if isinstance(place, list) else [place])


def _parts(state: LogState) -> Iterator[FieldPart]:
    for item in state.items():
        if not item.retractions:
            yield FieldPart(item.first.ref, item.shown.resting, item.current, item.before)


def _contested(state: LogState) -> Iterator[Contested]:
    for item in state.items() if state.corrections else ():
        if not item.retractions and item.corrected:  # of what was appended, little is kept
            yield Contested(item.first.ref, item.current)


def _digest(state: LogState) -> Iterator[bytes]:
    cells = sorted(state.cells(), key=lambda row: row[2].ref)
    yield codec.array_header(len(cells))
    for role, target, cell in cells:
        yield codec.encode((cell.ref, role, target, codec.encode(cell.said())))


def _weight(state: LogState) -> int:
    named = REF * (len(state.corrections) + len(state.retractions))
    return NAMED + named + sum(CELL + length(cell.resting) for _, _, cell in state.cells())


def _pack(state: LogState, devices: Mapping[DeviceId, int]) -> tuple[Any, ...]:
    sources = [state.source(ref) for ref in sorted(state.appended)]
    named = [_pack_said(said, devices) for said in (state.corrections, state.retractions)]
    return pack_cells(state.appended, devices), sources, *named


def _pack_said(said: Said, devices: Mapping[DeviceId, int]) -> tuple[list[Any], bytes]:
    """Cells, and the ref that each of them names."""
    targets = {cell.ref: target for target, cells in said.items() for cell in cells}
    cells = {cell.ref: cell for some in said.values() for cell in some}
    return pack_cells(cells, devices), b"".join(targets[ref] for ref in sorted(cells))


def _unpack(packed: Sequence[Any], devices: list[DeviceId]) -> LogState:
    appends, sources, corrections, retractions = packed
    state = LogState()
    for append, source in zip(unpack_cells(appends, devices).values(), sources, strict=True):
        require(source is None or (type(source) is bytes and len(source) == SOURCE_BYTES))
        state.append(append, source)
    for note, (cells, targets) in ((state.correct, corrections), (state.retract, retractions)):
        for cell, target in zip(unpack_cells(cells, devices).values(), split(targets, REF_BYTES), strict=True):
            note(cell, Ref(target))
    return state


def _append(pen: Pen, item: Any, source: bytes | None = None) -> None:
    """Does nothing if the log already has an item with this source key."""
    if source is None or pen.state is None or not pen.state.has_source(source):
        pen.record(Op.APPEND, source, item)


def _correct(pen: Pen, item: Ref, value: Any) -> None:
    """Raises NotFound."""
    found = _item(pen, item)
    if stands_alone(found.current, value):
        return
    for cell in found.current:
        if pen.is_pending(cell.ref):
            pen.amend(cell.ref, value)
            pen.state.say_instead(cell._replace(resting=packed(value)))
        else:
            pen.record(Op.CORRECT, cell.ref, value)


def _retract(pen: Pen, item: Ref, reason: str | None) -> None:
    """Raises NotFound."""
    found = _item(pen, item)
    if pen.is_pending(found.first.ref):
        pen.drop(found.first.ref)
        pen.state.take(found.first.ref)
    elif not found.retractions:
        pen.record(Op.RETRACT, found.first.ref, reason)


def _item(pen: Pen, ref: Ref) -> LogItem:
    state: LogState | None = pen.state
    for item in () if state is None else state.items():
        if any(cell.ref == ref for cell in item.versions):
            return item
    raise NotFound(f"the log {pen.field!r} has no such item")


def _meanwhile(state: LogState, done: list[Operation], device: DeviceId) -> list[Operation]:
    """Correct, as well, this device's own corrections of the same items that were written elsewhere meanwhile."""
    corrected = {operation.detail: operation for operation in done if operation.tag == Op.CORRECT}
    more: list[Operation] = []
    for item in state.items() if corrected else ():
        ours = [corrected[cell.ref] for cell in item.versions if cell.ref in corrected]
        own = (cell for cell in item.current if cell.device == device and cell.ref not in corrected)
        more += [ours[0]._replace(detail=cell.ref) for cell in own if ours]
    return done + more


ROW: Final = CrdtType(
    name=FieldType.LOG,
    holds=Holds.ITEMS,
    acts={
        int(Op.APPEND): Act("append", LogState.append),
        int(Op.CORRECT): Act("correct", LogState.correct),
        int(Op.RETRACT): Act("retract", LogState.retract),
    },
    state=LogState,
    digest=_digest,
    weight=_weight,
    rest=Rest(lambda state: (cell for _, _, cell in state.cells()), _pack, _unpack),
    shows=lambda state: bool(state.appended),
    parts=_parts,
    contested=_contested,
    edits={"append": _append, "correct": _correct, "retract": _retract},
    meanwhile=_meanwhile,
    apart=True,
)

"""Reads the histories of this folder, strictly: what is misspelt would silently expect nothing.

    {"name": "L1 sleeper", "from": "where it was met", "story": "what happens, in a sentence or two",
     "entries": [{"id": "f", "kind": "found", "device": "F1", "member": "F"},
                 {"id": "a", "kind": "admit", "by": "F1", "device": "A1", "member": "A", "role": "coordinator"},
                 {"id": "r", "kind": "remove", "by": "A1", "of": ["F"], "rotates_to": ["A"], "parents": ["a"]}],
     "expect": {"devices": {"F1": "removed"}}}

- An entry cites its `parents` and its `previous`: without the latter, the entry of the same author that is listed
  before it; of a device's first, its introduction. `"previous": ID` names another one (a fork), `"previous": null` none
  (an incarnation).
- `"by": "recovery"` is the recovery key of `found`, `"recovery:p"` the one that entry p brought in.
- `of`, `to` and `rotates_to` may name a member for all devices that the entry has seen of them.
- `expect` says of all entries; `before` of what a replica has without some, and without what cites them. `epoch` may
  list several where ids decide, and is null where no rotation is usable. Every other list in `expect` is complete.
- `open` says what should be otherwise, where the rules do not give it: then `expect` is what they give.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from tests.histories.forms import (
    Device,
    Entry,
    Expected,
    History,
    Id,
    Kind,
    Label,
    Member,
    Moment,
    Role,
    Status,
)

FOLDER: Final = Path(__file__).parent
_ALWAYS: Final = frozenset({"id", "kind"})
_CITING: Final = frozenset({"by", "parents", "previous"})
_KEYS: Final[Mapping[Kind, tuple[set[str], set[str]]]] = {  # what each kind says: always, and perhaps
    Kind.FOUND: ({"device", "member"}, set()),
    Kind.ADMIT: ({"by", "device", "member", "role"}, set()),
    Kind.LINK: ({"by", "device"}, set()),
    Kind.SET_ROLE: ({"by", "of", "role"}, {"disputes"}),
    Kind.REMOVE: ({"by", "of"}, {"disputes", "rotates_to"}),
    Kind.LEAVE: ({"by"}, set()),
    Kind.ENDORSE: ({"by", "of"}, set()),
    Kind.SEAL_KEY: ({"by"}, set()),
    Kind.ROTATE: ({"by", "to"}, set()),
    Kind.REWRAP: ({"by", "of", "to"}, set()),
    Kind.REJECT: ({"by", "of"}, set()),
    Kind.RELEASE: ({"by"}, {"of", "heads"}),
    Kind.RECOVERY: ({"by", "replaces", "signed"}, set()),
    Kind.WRITE: ({"by"}, set()),
}
_ONE: Final = frozenset({Kind.SET_ROLE, Kind.REWRAP, Kind.REJECT})  # `of` is one name, not a list
_NAMES_ENTRIES: Final[Mapping[Kind, frozenset[Kind]]] = {  # of which kinds those in `of` are
    Kind.ENDORSE: frozenset({Kind.ADMIT, Kind.LINK, Kind.SET_ROLE, Kind.REMOVE, Kind.LEAVE, Kind.RECOVERY}),
    Kind.RELEASE: frozenset({Kind.WRITE}),
    Kind.REJECT: frozenset({Kind.FOUND, Kind.ROTATE, Kind.REMOVE}),
    Kind.REWRAP: frozenset({Kind.FOUND, Kind.ROTATE, Kind.REMOVE}),
}
_DISPUTED: Final = frozenset({Kind.REMOVE, Kind.LEAVE, Kind.SET_ROLE})
_PAPER: Final = frozenset(
    {Kind.ADMIT, Kind.SET_ROLE, Kind.REMOVE, Kind.ENDORSE, Kind.ROTATE, Kind.RECOVERY, Kind.RELEASE}
)
_HISTORY: Final = ({"name", "from", "story", "entries", "expect"}, {"open", "before"})
_EXPECT: Final = {"labels", "devices", "roles", "epoch", "quarantined", "final", "keys", "electors"}


class BadHistory(Exception):
    """What is wrong with a file, and where in it."""


def histories() -> dict[str, History]:
    """All of this folder, by the names of their files."""
    return {path.stem: read(path) for path in sorted(FOLDER.glob("*.json"))}


def read(path: Path) -> History:
    try:
        return parse(json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once))
    except (BadHistory, json.JSONDecodeError) as error:
        raise BadHistory(f"{path.name}: {error}") from error


def assignments(history: History, how_many: int) -> Iterator[Mapping[Id, bytes]]:
    """Ids that the entries may have had: as they are listed, the other way round, then drawn."""
    names = list(history.entries)
    ids = [bytes([1 + number // 250, 1 + number % 250]) * 16 for number in range(len(names))]

    def orders() -> Iterator[list[bytes]]:
        yield ids
        yield ids[::-1]
        random = Random(history.name)
        while True:
            yield random.sample(ids, len(ids))

    for order in islice(orders(), how_many):
        yield dict(zip(names, order, strict=True))


def parse(told: Mapping[str, Any]) -> History:
    """A history as JSON tells it."""
    _check_keys("the history", told, *_HISTORY)
    draft = Draft()
    for number, entry in enumerate(told["entries"], 1):
        try:
            draft.add(entry)
        except BadHistory as error:
            raise BadHistory(f"entry {number}, {entry.get('id', 'without an id')!r}: {error}") from error
    moments = []
    for moment in [*told.get("before", ()), {"without": [], "expect": told["expect"]}]:
        _check_keys("a moment", moment, {"without", "expect"}, set())
        without = frozenset(draft.known(each) for each in moment["without"])
        held = frozenset(each.id for each in draft.entries.values() if not without & (each.past | {each.id}))
        moments.append(Moment(held, draft.expected(moment["expect"], held)))
    return History(
        told["name"],
        told["from"],
        told["story"],
        told.get("open", ""),
        draft.entries,
        draft.owners,
        draft.introductions,
        tuple(moments),
    )


class Draft:
    """The entries that were read so far. `add` takes one as a file tells it."""

    def __init__(self) -> None:
        self.entries: dict[Id, Entry] = {}
        self.owners: dict[Device, Member] = {}
        self.introductions: dict[Device, Id] = {}
        self.grants: dict[Member, Id] = {}
        self.newest: dict[Device | Id, Id] = {}  # of each device, and of each recovery key

    def add(self, told: Mapping[str, Any]) -> None:
        kind = _one_of(Kind, told.get("kind"))
        always, perhaps = _KEYS[kind]
        _check_keys("it", told, _ALWAYS | always, perhaps | (_CITING if kind is not Kind.FOUND else set()))
        if told["id"] in self.entries:
            raise BadHistory("there is one of this id already")
        if (kind is Kind.FOUND) == bool(self.entries):
            raise BadHistory("the first entry, and no other, is `found`")
        entry = self._cited(Id(told["id"]), kind, told)
        entry = self._introducing(entry, told)
        entry = self._naming(entry, told)
        self.entries[entry.id] = entry
        if entry.introduces is not None and entry.member is not None:
            self.owners[entry.introduces] = entry.member
            self.introductions[entry.introduces] = entry.id
            self.grants.setdefault(entry.member, entry.id)
        if entry.device is not None:
            self.newest[entry.device] = entry.id
        elif entry.key is not None:
            self.newest[entry.key] = entry.id

    def _cited(self, name: Id, kind: Kind, told: Mapping[str, Any]) -> Entry:
        """The entry with its author and its past."""
        if kind is Kind.FOUND:
            return Entry(name, kind, Device(told["device"]), None, None, frozenset(), frozenset(), 1)
        by = told["by"]
        device: Device | None = None
        key: Id | None = None
        if by == "recovery":
            key = next(iter(self.entries))
        elif by.startswith("recovery:"):
            key = self.known(by.removeprefix("recovery:"), frozenset({Kind.RECOVERY}))
        elif by in self.introductions:
            device = Device(by)
        else:
            raise BadHistory(f"no device is called {by!r} up to here")
        if key is not None and kind not in _PAPER:
            raise BadHistory(f"a recovery key writes no `{kind.value}`")
        origin = key if device is None else self.introductions[device]
        assert origin is not None
        before = self.newest.get(key if device is None else device)  # type: ignore[arg-type]
        if "previous" in told:
            before = None if told["previous"] is None else self.known(told["previous"])
            if before is not None and (self.entries[before].device, self.entries[before].key) != (device, key):
                raise BadHistory(f"its previous entry, {before!r}, is another author's")
        cited = {self.known(each) for each in _strings(told.get("parents", []))} | {before or origin}
        past = frozenset(cited).union(*(self.entries[each].past for each in cited))
        if origin not in past:
            raise BadHistory(f"{origin!r}, which brought in its author, is not in its past")
        height = 1 + max(self.entries[each].height for each in cited)
        return Entry(name, kind, device, key, before, frozenset(cited), past, height)

    def _introducing(self, entry: Entry, told: Mapping[str, Any]) -> Entry:
        """The entry with what it grants."""
        role = _one_of(Role, told.get("role")) if "role" in told else None
        if entry.kind is Kind.FOUND:
            role = Role.COORDINATOR
        if "device" not in told:
            return entry._replace(role=role)
        device = Device(told["device"])
        if entry.kind is Kind.LINK:
            assert entry.device is not None
            member = self.owners[entry.device]
        else:
            member = Member(told["member"])
            if member in self.grants:
                raise BadHistory(f"there is a member {member!r} already; a member who comes back is another")
        taken = {*self.introductions, *self.grants, "recovery"}
        if device in taken or (entry.kind is not Kind.LINK and member in taken) or told["device"] == member:
            raise BadHistory(f"{device!r} or {member!r} is taken: devices and members have different names")
        return entry._replace(introduces=device, member=member, role=role)

    def _naming(self, entry: Entry, told: Mapping[str, Any]) -> Entry:
        """The entry with whom and what it is about."""
        if entry.kind is Kind.LEAVE:
            assert entry.device is not None
            entry = entry._replace(members=frozenset({self.owners[entry.device]}))
        if "of" in told:
            of = _strings([told["of"]] if entry.kind in _ONE else told["of"])
            if not of:
                raise BadHistory("`of` names nothing")
            if entry.kind in _NAMES_ENTRIES:
                entries = frozenset(self._seen(entry, each, _NAMES_ENTRIES[entry.kind]) for each in of)
                entry = entry._replace(entries=entries)
            else:
                entry = entry._replace(
                    members=frozenset(Member(each) for each in of if each in self.grants),
                    devices=frozenset(Device(each) for each in of if each not in self.grants),
                )
                if entry.kind is Kind.SET_ROLE and entry.devices:
                    raise BadHistory("a role is a member's")
        for member in entry.members:
            self._require(entry, self.grants[member])
        for device in entry.devices:
            self._require(entry, self._introduction(device))
        if "disputes" in told:
            entry = entry._replace(disputes=frozenset(self._seen(entry, each, _DISPUTED) for each in told["disputes"]))
        if "heads" in told:
            heads = _strings(told["heads"])
            entry = entry._replace(heads=frozenset(self._seen(entry, each, frozenset({Kind.WRITE})) for each in heads))
        if entry.kind is Kind.RECOVERY:
            keys = frozenset({Kind.FOUND, Kind.RECOVERY})
            replaces = frozenset(self._seen(entry, each, keys) for each in _strings(told["replaces"]))
            if not replaces or not isinstance(told["signed"], bool):
                raise BadHistory("`recovery` replaces something, and is signed or not: true or false")
            entry = entry._replace(replaces=replaces, signed=told["signed"])
        if entry.kind is Kind.FOUND:
            return entry._replace(to=frozenset({Device(told["device"])}))
        for key in ("to", "rotates_to"):
            if key in told:
                entry = entry._replace(to=frozenset(self._recipients(entry, told[key])))
        return entry

    def _recipients(self, entry: Entry, names: Any) -> Iterator[Device]:
        for name in _strings(names):
            if name in self.grants:
                self._require(entry, self.grants[Member(name)])
                seen = (each for each in self.owners if self.introductions[each] in entry.past)
                yield from (each for each in seen if self.owners[each] == name)
            else:
                self._require(entry, self._introduction(Device(name)))
                yield Device(name)

    def _introduction(self, device: Device) -> Id:
        if device not in self.introductions:
            raise BadHistory(f"no member or device is called {device!r} up to here")
        return self.introductions[device]

    def _require(self, entry: Entry, other: Id) -> None:
        if other not in entry.past:
            raise BadHistory(f"it names what {other!r} brought in, which is not in its past")

    def _seen(self, entry: Entry, name: str, kinds: frozenset[Kind]) -> Id:
        other = self.known(name, kinds)
        if entry.kind is not Kind.RELEASE:
            self._require(entry, other)
        return other

    def known(self, name: Any, kinds: frozenset[Kind] = frozenset(Kind)) -> Id:
        if name not in self.entries:
            raise BadHistory(f"there is no entry {name!r} up to here: parents come first")
        if self.entries[Id(name)].kind not in kinds:
            raise BadHistory(f"{name!r} is not one of {sorted(each.value for each in kinds)}")
        return Id(name)

    def expected(self, told: Mapping[str, Any], held: frozenset[Id]) -> Expected:
        _check_keys("`expect`", told, set(), _EXPECT)
        epochs = told.get("epoch", [])

        def entries(names: Iterable[Any]) -> list[Id]:
            ids = [self.known(each) for each in names]
            if strange := set(ids) - held:
                raise BadHistory(f"`expect` names {sorted(strange)}, which is not held then")
            return ids

        def listed(key: str) -> frozenset[Id] | None:
            return frozenset(entries(_strings(told[key]))) if key in told else None

        for device in told.get("devices", {}):
            if self._introduction(device) not in held:
                raise BadHistory(f"`expect` names {device!r}, which is not held then")
        for member in [*told.get("roles", {}), *told.get("electors", [])]:
            if self.grants.get(member) not in held:
                raise BadHistory(f"`expect` names {member!r}, who is no member then")
        labels = told.get("labels", {})
        return Expected(
            dict(zip(entries(labels), (_one_of(Label, each) for each in labels.values()), strict=True)),
            {Device(each): _one_of(Status, status) for each, status in told.get("devices", {}).items()},
            {Member(each): _one_of(Role, role) for each, role in told.get("roles", {}).items()},
            frozenset({None})
            if epochs is None
            else frozenset(entries([epochs] if isinstance(epochs, str) else epochs)),
            listed("quarantined"),
            listed("final"),
            listed("keys"),
            frozenset(Member(each) for each in told["electors"]) if "electors" in told else None,
        )


def _check_keys(what: str, told: Mapping[str, Any], always: Iterable[str], perhaps: Iterable[str]) -> None:
    if missing := set(always) - set(told):
        raise BadHistory(f"{what} lacks {', '.join(sorted(missing))}")
    if strange := set(told) - set(always) - set(perhaps):
        raise BadHistory(f"{what} has no {', '.join(sorted(strange))}")


_Choice = TypeVar("_Choice", Kind, Label, Role, Status)


def _one_of(choices: type[_Choice], told: Any) -> _Choice:
    names = {each.name.lower() if isinstance(each, Role) else each.value: each for each in choices}
    if told not in names:
        raise BadHistory(f"{told!r} is not one of {', '.join(names)}")
    return names[told]


def _strings(told: Any) -> Sequence[str]:
    if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
        raise BadHistory(f"{told!r} is no list of names")
    return told


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) < len(pairs):
        raise BadHistory(f"a key is there twice among {', '.join(key for key, _ in pairs)}")
    return told

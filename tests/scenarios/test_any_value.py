"""Any value that a member may write into any field of any kind leaves everything that reads it working."""

from __future__ import annotations

import base64
import csv
import json
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import pytest
import trio
import trio.testing

from cellsync.api.client import Answer
from cellsync.casework import SCHEMAS, CaseFile
from cellsync.casework.exporting import NoConsent, NothingLeaves
from cellsync.casework.exporting.tables import as_table
from cellsync.casework.values.link import Relation
from cellsync.core.errors import CallerError
from cellsync.core.ids import CaseId
from cellsync.core.plain import steady_json
from cellsync.core.schema.fields import Counter, Field, Log, Map, Register, Set
from cellsync.core.schema.schema import fields_of, kind_of, version_of
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from tests.api.services import Asking, cell
from tests.casework.tables import DATA
from tests.models import rfc4180

NEST: Final[Any] = [[[[[["deep"]]]]]]
VALUES: Final[list[Any]] = [
    None, True, False, 0, 1, -1, 2**53, 2**63, 2**64 - 1, -(2**63), 0.0, -0.0, 0.5, 1e308, math.inf, -math.inf,
    math.nan, "", " ", "a", "=1", "2026-03-01", "2026-02-30", "9999-99-99", "\0", "\x1b[2J\x9b\u202e\u2028", "\n",
    "\U0010ffff", "x" * 5_000, "a\nb", "e\u0301" * 40, "-", "C9", "active", "other", "cellsync.case",
    b"", b"\0" * 32, b"\xff" * 10, b"z" * 33,
    [], [None], [[]], {}, {"": None}, {"hex": "zz"}, {"hex": 1}, {"a": {"b": [1, b"x"]}}, NEST,
    ["2026-03-01", "day"], [2026, 13, 41], [2026, 3], [0, 0, 0], [1, 1, 1], [9999, 12, 31], [10**6, 1, 1],
    [1.5, "x", None], ["Vera", "latin", "legal"], ["Vera", 3, 4], ["", "", ""], [b"\0" * 32, "about"],
    [b"\0" * 32, "nothing known"], [b"x", 1], ["x", "about"], [1, "BYN"], [2**63, "???"], [None, None],
    [[2026, 1, 1, 1], "note", "text", "other"],
    list(range(40)), {str(number): number for number in range(40)}, ["a"] * 300,
]  # fmt: skip
NAMES: Final = [
    "",
    "title",
    "names",
    "status",
    "links",
    "imported",
    "timeline",
    "\x1b[2J",
    "x" * 300,
    "a b=c",
    "\u202e",
]
KINDS: Final = [*(kind_of(schema) for schema in SCHEMAS), "", "org.example.other", "\x1b[2J\n", "k" * 400]


def written(random: Random, own: Field | None, name: str) -> Operation:
    """A member's operation on this field: mostly of its type, with a value of any type."""
    value = random.choice(VALUES)
    fitting: dict[type[Field], Op] = {Register: Op.SET, Set: Op.ADD, Map: Op.PUT, Counter: Op.COUNT, Log: Op.APPEND}
    tag = fitting.get(type(own), Op.SET) if own is not None else Op.SET
    if random.random() < 0.2:
        tag = random.choice([Op.SET, Op.ADD, Op.PUT, Op.COUNT, Op.APPEND])
    if tag is Op.PUT and random.random() < 0.8:
        value = [value, random.choice(VALUES)]
    return Operation(int(tag), name, b"" if tag in (Op.SET, Op.PUT) else None, value)


def documents(seed: int, identity: Callable[[str], CaseId]) -> list[tuple[CaseId, list[Operation]]]:
    """Documents of each kind, and a few of none, that point at one case file; with an even seed it has a consent."""
    random = Random(seed)
    made: list[tuple[CaseId, list[Operation]]] = []
    schemas = {kind_of(schema): schema for schema in SCHEMAS}
    target = identity("cellsync.case")
    for kind in [*schemas, random.choice(KINDS), random.choice(KINDS)]:
        schema = schemas.get(kind)
        is_target = kind == "cellsync.case" and target not in dict(made)
        case = CaseId(random.randbytes(32)) if identity(kind) in dict(made) else identity(kind)
        version: Any = version_of(schema) if schema is not None and random.random() < 0.8 else random.choice([0, 1, 7])
        done = [Operation(int(Op.CREATE), kind, version, None)]
        if schema is not None and "links" in fields_of(schema):
            relation = random.choice([Relation.ABOUT, Relation.PART_OF])
            done.append(Operation(int(Op.ADD), "links", None, [bytes(target), relation.value]))
        if kind == "cellsync.consent":
            done.append(Operation(int(Op.SET), "scope", b"", "internal"))
        if kind != "cellsync.consent" or seed % 2:
            for name, own in (fields_of(schema) if schema is not None else {}).items():
                done += [written(random, own, name) for _ in range(random.choice([0, 1, 1, 2]))]
        done += [written(random, None, random.choice(NAMES)) for _ in range(2)]
        made.append((case, done if is_target or kind == "cellsync.consent" or random.random() < 0.95 else done[1:]))
    return made


async def ask(asking: Asking, operation: str, /, **given: Any) -> Answer:
    """Call an operation, and check that JSON can express its answer, which has the declared shape."""
    answer = await asking(operation, **given)
    assert json.loads(steady_json(answer), parse_constant=not_json) == json.loads(msgspec.json.encode(answer))
    return answer


def not_json(constant: str) -> None:
    pytest.fail(f"{constant} is no JSON")


@pytest.mark.parametrize("seed", [*range(10), 160])  # 160: a consent, and a person who has not given it
async def test_everything_that_reads_goes_on(tmp_path: Path, seed: int) -> None:
    await attempt(tmp_path, seed)


async def attempt(folder: Path, seed: int) -> None:
    async with cell(folder, "ana") as [ana]:
        own = ana.service.cell
        feed = ana.service.follow("")
        await trio.testing.wait_all_tasks_blocked()
        made = documents(seed, lambda kind: own.case_id(kind, "VR-1"))  # as an import of this row would name them
        for case, done in made:
            await own.write([(case, done)])
        await read_everything(ana, seed % 2 == 0 and not any(map(is_about_somebody, made[1][1])))
        await trio.testing.wait_all_tasks_blocked()
        feed.end()  # what was told can still be read
        events = []
        while event := await feed.next():
            events.append(event)
        assert {event.data.get("case") for event in events} >= {case.hex() for case, _ in made}
        await write_over_it(ana, made[1][0].hex())


def is_about_somebody(operation: Operation) -> bool:
    """Whether it makes a case file be about a person who is not here, and so has not consented."""
    return operation.tag == Op.ADD and operation.field == "links" and operation.value == [bytes(32), "about"]


async def write_over_it(ana: Asking, case: str) -> None:
    """Overwrite all of it by hand, and by a table."""
    for field in fields_of(CaseFile):
        with suppress(CallerError):  # not every field takes a text
            await ask(ana, "case.edit", case=case, set={field: "open"})
    await ask(ana, "case.edit", case=case, set={"title": "mended"}, append={"timeline": ["called"]})
    with (DATA / "cases.csv").open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file)) | {"external_id": "VR-1"}
    table = base64.b64encode(as_table([row.keys(), row.values()]).encode()).decode()
    job = await ana.until("import.show", await ask(ana, "import", table=table), "done", "failed")
    if job["renamed"]:  # the person whom the case was said to be about has another name
        assert (job["state"], job["created"], job["updated"], job["left_out"]) == ("done", 0, 0, 1)
        await ask(ana, "case.edit", case=job["renamed"][0]["person"], add={"names": [row["name"]]})
        job = await ana.until("import.show", await ask(ana, "import", table=table), "done", "failed")
    assert (job["state"], job["created"], job["updated"], job["problems"]) == ("done", 0, 1, [])
    assert (await ask(ana, "case.show", case=case))["title"] == row["name"]


async def read_everything(ana: Asking, consented: bool) -> None:
    await ask(ana, "status")
    listed = (await ask(ana, "case.list", beside=True))["cases"]
    await ask(ana, "case.list", conflicts=True)
    await ask(ana, "case.list", find="a")
    for row in listed:
        await ask(ana, "case.show", case=row["id"])
        await ask(ana, "case.log", case=row["id"])
        await ask(ana, "case.graph", case=row["id"])
        await ask(ana, "case.graph", case=row["id"], format="svg")
        await ana.service.cell.state_digest()
    for compartments in (["C0", "C1", "C2", "C3"], ["C4", "C5", "C6"]):
        for form in ("csv", "json", "html"):
            try:
                files = [row["id"] for row in listed if row["kind"] == "cellsync.case"]
                files = files[:1] if form == "html" else files
                answer = await ask(
                    ana, "export", format=form, audience="internal", compartments=compartments, cases=files
                )
                exported = base64.b64decode(answer["content"]).decode()
                assert form != "csv" or rfc4180.read(exported)
                assert form != "json" or "cases" in json.loads(exported, parse_constant=not_json)
            except NothingLeaves:
                assert compartments is not None
            except NoConsent:
                assert not consented

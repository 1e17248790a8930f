"""Requests repeated with the same key: performed once, and answered as before."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cellsync.api import keyed
from cellsync.api.contract import shapes
from cellsync.api.contract.failures import codes_of
from cellsync.api.contract.problems import KeyReused
from cellsync.api.contract.table import BY_NAME, HEADERS, OPERATIONS
from cellsync.api.operations.edits import _case_of
from cellsync.api.repeats import KEPT, Repeats
from cellsync.core import drawers
from cellsync.core.errors import InvalidValue, StorageFailed
from cellsync.core.ids import CaseId
from tests.api.services import PASSPHRASE, Asking, cell
from tests.cell.equivocators import show, turned

TABLE = base64.b64encode(b"external_id,name\nVR-1,Anton\n").decode()


def test_what_takes_a_key_takes_it_in_a_header() -> None:
    with_field = {name for name, one in BY_NAME.items() if "key" in getattr(shapes, one.takes).__struct_fields__}
    assert with_field == {name for name, headers in HEADERS.items() if "Idempotency-Key" in headers}
    assert {"case.new", "case.edit", "import", "export", "invite", "sync"} <= with_field


DONE_TWICE = {  # what asks for something without a key: what becomes of it if it is asked twice
    "init": "there is a vault then: refused", "restore": "there is a vault then: refused",
    "join": "the code is used up: refused", "circle.create": "a circle has that name then: refused",
    "circle.unlock": "none is locked then: refused", "circle.lock": "it is not called so here then: refused",
    "circle.passphrase": "the old one is wrong then: refused",
    "unlock": "it is open", "lock": "it is locked", "panic": "it is locked",
    "backup": "the place is taken: refused", "audit": "it reads", "flags.dismiss": "they are dismissed",
    "carry_on": "it is set aside",
    "passphrase.check": "it reads", "passphrase.change": "the old one is wrong then: refused",
    "rekey": "keys are made once more", "rekey.cancel": "it is cancelled",
    "fork.check": "it reads", "peers.add": "it is known", "peers.ping": "it asks", "invite.confirm": "it is confirmed",
    "invite.cancel": "it is cancelled", "join.introduce": "it is said", "join.confirm": "it is confirmed",
    "removal": "they are removed then: refused", "role": "they have that role: refused",
    "case.move": "it is written there twice",
    "endorse": "it is agreed to", "contest": "it is answered", "leave": "you have left: refused",
    "tell": "it is decided", "settings.choose": "it is chosen", "recovery.preview": "it reads",
    "recovery.use": "it is decided once more", "recovery.replace": "there is a newer key then",
    "recovery.draw": "another one is drawn; neither counts",
    "release": "it is released: refused", "require": "it is required",
    "join.cancel": "it is cancelled", "sync.cancel": "it is cancelled", "import.cancel": "it is cancelled",
}  # fmt: skip


def test_whatever_asks_for_something_takes_a_key_or_does_nothing_the_second_time() -> None:
    asking = {one.name for one in OPERATIONS if one.method != "GET"}
    keyed_ones = {name for name, headers in HEADERS.items() if "Idempotency-Key" in headers}
    assert asking == keyed_ones | DONE_TWICE.keys()
    assert not keyed_ones & DONE_TWICE.keys()


def test_whatever_writes_a_document_says_its_heads() -> None:
    """A job writes many, or none; an invitation admits somebody, which is no document, and so is no other word."""
    others = {
        "import", "invite", "invite.confirm", "removal", "role", "endorse", "contest", "leave", "release", "require",
        "link", "case.move", "settings.choose", "recovery.preview", "recovery.use", "recovery.replace", "permission",
        "leave.preview",
    }  # fmt: skip
    writes = {one.name for one in OPERATIONS if "not_permitted" in codes_of(one)} | {"import"}
    with_heads = {one.name for one in OPERATIONS if "heads" in getattr(shapes, one.gives).__struct_fields__}
    assert with_heads - {"case.show"} == writes - others


async def test_an_export_with_a_key_is_noted_once_and_anew_when_something_else_leaves(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        case = await ana("case.new", set={"title": "W1", "summary": "arrested"})
        asked = {"format": "json", "audience": "internal", "key": "k"}
        person = await ana("case.new", kind="person", set={"external_id": "1"})
        await ana("case.edit", case=case["id"], add={"links": [f"about:{person['id']}"]})
        await ana("case.new", kind="consent", set={"scope": "un"}, add={"links": [f"about:{person['id']}"]})
        first = await ana("export", **asked)
        shown = await ana("case.show", case=first["record"])
        assert first["heads"] == shown["heads"]
        before = await counted(ana)
        second = await ana("export", **asked)
        assert second == first
        assert await counted(ana) == before
        assert ana.service.repeats._known["k"].answer is None  # no content waits there
        with pytest.raises(KeyReused):
            await ana("export", **(asked | {"audience": "partners"}))
        await ana.service.lock()
        await ana("unlock", passphrase=PASSPHRASE)
        assert {**await ana("export", **asked), "heads": ""} == {**first, "heads": ""}
        assert len((await ana("case.list", kind="export"))["cases"]) == 1
        await ana("case.edit", case=case["id"], set={"summary": "released"})
        third = await ana("export", **asked)
        assert third["record"] != first["record"]
        assert len((await ana("case.list", kind="export"))["cases"]) == 2
        await ana("export", **{**asked, "key": "another"})
        assert len((await ana("case.list", kind="export"))["cases"]) == 3


async def test_two_exports_at_once_with_one_key_are_noted_once(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        case = await ana("case.new", set={"title": "W1", "summary": "arrested"})
        await ana("case.new", kind="consent", set={"scope": "un"}, add={"links": [f"part_of:{case['id']}"]})
        got: list[Any] = []

        async def ask() -> None:
            got.append(await ana("export", format="json", key="k"))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
        assert got[0] == got[1] == got[2]
        assert len((await ana("case.list", kind="export"))["cases"]) == 1


async def counted(ana: Asking) -> tuple[int, int]:
    return (await ana("status"))["changes"], len((await ana("invites"))["invites"])


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("case.new", {"set": {"title": "Parcel"}}), ("case.edit", {"append": {"timeline": ["called"]}}),
        ("import", {"table": TABLE}), ("invite", {}),
    ],
)  # fmt: skip
async def test_the_same_again(operation: str, given: dict[str, Any], tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        made = await ana("case.new", set={"title": "First"})
        given = given | ({"case": made["id"]} if operation == "case.edit" else {})
        first = await ana(operation, key="k-1", **given)
        await trio.sleep(1)
        before = await counted(ana)
        assert await ana(operation, key="k-1", **given) == first
        await trio.sleep(1)
        assert await counted(ana) == before
        other = await ana(operation, key="k-2", **given)
        assert other != first


async def test_two_at_once_are_one(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        got: list[Any] = []

        async def ask() -> None:
            got.append(await ana("case.new", set={"title": "Parcel"}, key="k"))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
        assert got[0] == got[1] == got[2]
        assert len((await ana("case.list"))["cases"]) == 1


async def test_a_key_belongs_to_one_request(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        made = await ana("case.new", set={"title": "Parcel"}, key="k")
        for operation, given in (
            ("case.new", {"set": {"title": "Another"}}), ("case.edit", {"case": made["id"]}), ("invite", {}),
        ):  # fmt: skip
            with pytest.raises(KeyReused):
                await ana(operation, key="k", **given)
        assert len((await ana("case.list"))["cases"]) == 1


async def test_a_number_of_any_size_is_told_apart(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        case = (await ana("case.new", set={"title": "Parcel"}))["id"]
        for _ in range(2):
            with pytest.raises(InvalidValue):
                await ana("case.edit", case=case, set={"title": 1 << 70}, key="one")


async def test_what_failed_is_tried_again(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        made = await ana("case.new", set={"title": "Parcel"})
        for _ in range(2):
            with pytest.raises(InvalidValue):
                await ana("case.edit", case=made["id"], set={"status": "nonsense"}, key="k")
        assert (await ana("case.edit", case=made["id"], set={"status": "closed"}, key="k"))["written"]


async def test_a_new_case_is_made_once_whatever_ends_the_daemon(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        made = await ana("case.new", set={"title": "Parcel"}, key="k")
        await ana("case.edit", case=made["id"], set={"status": "closed"})
        await ana("lock")
        await ana("unlock", passphrase=PASSPHRASE)
        again = await ana("case.new", set={"title": "Parcel"}, key="k")
        assert (again["id"], again["written"]) == (made["id"], False)
        assert len((await ana("case.list"))["cases"]) == 1
        hers = await ben("case.new", set={"title": "Parcel"}, key="k")  # a key is of one device
        assert (hers["id"] != made["id"], hers["written"]) == (True, True)


async def test_an_edit_is_written_once_whatever_ends_the_daemon(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await ana("case.new", set={"title": "Parcel"})
        given = {"case": "parcel", "set": {"title": "Letter"}, "append": {"timeline": ["called"]}}
        first = await ana("case.edit", key="k", **given)
        await ana("case.edit", case=first["id"], set={"title": "Call"})
        for _ in range(2):
            await ana("lock")
            await ana("unlock", passphrase=PASSPHRASE)
            before = (await ana("status"))["changes"]
            again = await ana("case.edit", key="k", **given)  # nothing is called "parcel" any more
            assert again == first | {"title": "Call"}
            assert (await ana("status"))["changes"] == before
        await ana("lock")
        await ana("unlock", passphrase=PASSPHRASE)
        with pytest.raises(KeyReused):
            await ana("case.edit", key="k", case="call", set={"title": "Other"})
        assert len((await ana("case.log", case="call"))["lines"]) == 1


async def test_a_key_is_kept_with_the_edit_or_not_at_all(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await ana("case.new", set={"title": "Parcel"})
        store: Any = ana.service.cell.first.circle.store

        def fail(*_: object) -> None:
            store._roll_back()
            raise StorageFailed

        with monkeypatch.context() as broken:
            broken.setattr(store, "flush", fail)
            with pytest.raises(StorageFailed):
                await ana("case.edit", key="k", case="parcel", append={"timeline": ["called"]})
        assert store.kept(drawers.KEYED_EDITS) is None
        assert (await ana("case.edit", key="k", case="parcel", append={"timeline": ["called"]}))["written"]


def test_of_keyed_edits_the_newest_are_known() -> None:
    kept = None
    asked = [keyed.Request.of(f"key {at}", ["case.edit", at]) for at in range(keyed.KEPT + 3)]
    for at, one in enumerate(asked):
        kept = keyed.add(kept, one, keyed.Wrote(CaseId(bytes([at % 256]) * 32), at))
    assert kept is not None
    assert len(kept) == 72 * keyed.KEPT
    assert [keyed.find(kept, one) for one in asked[:3]] == [None] * 3
    assert [found.head for one in asked[3:] if (found := keyed.find(kept, one))] == list(range(3, keyed.KEPT + 3))
    with pytest.raises(KeyReused):
        keyed.find(kept, keyed.Request.of("key 9", ["case.edit", 8]))


async def test_the_oldest_keys_are_forgotten() -> None:
    repeats, done = Repeats(), 0

    async def work() -> shapes.Answer:
        nonlocal done
        done += 1
        return shapes.Done()

    for number in range(KEPT + 1):
        await repeats.once(str(number), "case.new", shapes.NewCase(), work)
    await repeats.once(str(KEPT), "case.new", shapes.NewCase(), work)
    assert done == KEPT + 1
    assert len(repeats._known) == KEPT
    await repeats.once("0", "case.new", shapes.NewCase(), work)
    assert done == KEPT + 2


async def test_a_client_that_goes_while_it_is_done() -> None:
    repeats, done = Repeats(), 0

    async def work() -> shapes.Answer:
        nonlocal done
        await trio.lowlevel.checkpoint()
        done += 1
        return shapes.Done()

    with trio.CancelScope() as gone:
        gone.cancel()
        await repeats.once("k", "case.new", shapes.NewCase(), work)
    assert await repeats.once("k", "case.new", shapes.NewCase(), work) == shapes.Done()
    assert done == 1


async def test_a_case_in_which_nothing_counts_is_not_taken_for_the_one_that_was_made(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """An equivocator may have written in it: its id follows from the device and the key."""
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        bad = turned(ben.service.cell)
        await ben("lock")
        await ana("case.new", set={"title": "Parcel"})
        here = ana.service.cell
        await show(here, bad.sides(here, _case_of(here.first, "k")))
        made = await ana("case.new", key="k", set={"title": "Visit"})
        assert (await ana("case.show", case=made["id"]))["title"] == "Visit"
        assert (await ana("case.new", key="k", set={"title": "Visit"}))["id"] == made["id"]
        assert len((await ana("case.list"))["cases"]) == 2

"""Every operation, called in a cell of two devices."""

from __future__ import annotations

import base64
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cellsync.api import dispatch
from cellsync.api.contract import shapes
from cellsync.api.contract.problems import Ambiguous, ChangedMeanwhile, Locked, problem_of
from cellsync.api.contract.table import BY_NAME, EVENTS, OPERATIONS, Needs
from cellsync.casework.exporting import NoConsent, NothingLeaves
from cellsync.core.errors import CellsyncError, InvalidValue, NotFound, VaultExists, VaultMissing
from tests.api.services import PASSPHRASE, Asking, cell, pair, services, synced


def test_the_table_is_whole() -> None:
    assert dispatch.HANDLERS.keys() | {EVENTS} == BY_NAME.keys()
    assert len({(one.method, one.path) for one in OPERATIONS}) == len(OPERATIONS) == len(BY_NAME)
    for one in OPERATIONS:
        taken = getattr(shapes, one.takes)
        assert set(re.findall(r"\{(\w+)\}", one.path)) <= set(taken.__struct_fields__), one.name
        assert getattr(shapes, one.gives)
        assert one.name == EVENTS or inspect.iscoroutinefunction(dispatch.handler(one.name)), one.name


@pytest.mark.parametrize("name", [one.name for one in OPERATIONS if one.needs is not Needs.NOTHING])
async def test_what_needs_a_cell_is_refused_without(name: str, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana") as [ana]:
        operation = BY_NAME[name]
        refused = {Needs.OPEN: (VaultMissing, Locked), Needs.NO_VAULT: (None, VaultExists)}[operation.needs]
        if refused[0]:
            with pytest.raises(refused[0]):
                dispatch.check_state(ana.service, operation)
        await ana("init", cell="Mill Street", name="ana", passphrase=PASSPHRASE)
        await ana("lock")
        with pytest.raises(refused[1]):
            dispatch.check_state(ana.service, operation)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("case.show", {}), ("case.show", {"case": ""}), ("case.show", {"case": "x", "Anton": 1}),
        ("unlock", {"passphrase": 7}), ("invite", {"role": "Anton"}), ("sync", {"timeout": -1}),
        ("case.edit", {"case": "x", "set": ["Anton"]}), ("peers.add", {"peer": "x", "host": "y", "port": 70_000}),
    ],
)  # fmt: skip
def test_what_is_given_is_checked_and_not_repeated(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as raised:
        dispatch.taken(BY_NAME[name], given)
    assert "Anton" not in str(raised.value).replace("`Anton`", "")


# --- pairing -------------------------------------------------------------------------------------------------


async def test_pairing(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana", "ben") as [ana, ben]:
        founded = await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        assert re.fullmatch("([A-Z2-7]{4}-){12}[A-Z2-7]{4}", founded["recovery_key"])
        assert (await ben("health"))["state"] == "empty"
        invited, joined = await pair(ana, ben, "Ben")
        assert (invited["state"], joined["state"]) == ("joined", "joined")
        assert (await ben("health"))["state"] == "open"
        await synced(ben)
        for one in (ana, ben):
            rows = (await one("members"))["members"]
            assert {(row["name"], row["role"]) for row in rows} == {("Ana", "coordinator"), ("Ben", "writer")}
        assert (await ana("invites"))["invites"][0]["job"] == invited["job"]
        with pytest.raises(VaultExists):
            await ben("join", code=invited["code"], name="Ben", passphrase=PASSPHRASE)


async def test_who_joins_is_asked_once_the_code_has_matched(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana", "ben") as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        invite = await ana("invite")
        with pytest.raises(InvalidValue):
            await ben("join", code=invite["code"], name="Ben")
        join = await ben("join", code=invite["short_code"])
        assert join["state"] == "connecting"
        with pytest.raises(InvalidValue):
            await ben("join.introduce", job=join["job"], name="Ben", passphrase=PASSPHRASE)
        join = await ben.until("join.show", join, "matched", "failed")
        assert (join["state"], join["words"]) == ("matched", [])
        await trio.sleep(250)  # a person thinks
        assert (await ana("invite.show", job=invite["job"]))["state"] == "waiting"
        for name, passphrase in (("a\nb", PASSPHRASE), ("Ben", "")):
            with pytest.raises(InvalidValue):  # and another can be given
                await ben("join.introduce", job=join["job"], name=name, passphrase=passphrase)
        await ben("join.introduce", job=join["job"], name="Ben", passphrase=PASSPHRASE)
        await ben("join.introduce", job=join["job"], name="Another", passphrase="another one, of five words")
        join = await ben.until("join.show", join, "verify_words", "failed")
        invite = await ana.until("invite.show", invite, "verify_words", "failed")
        assert (invite["name"], invite["words"]) == ("Ben", join["words"])
        assert abs(invite["clock_ahead"]) < 20  # whatever time the person took
        await ana("invite.confirm", job=invite["job"], same=True)
        await ben("join.confirm", job=join["job"], same=True)
        assert (await ben.until("join.show", join, "joined", "failed"))["state"] == "joined"
        assert {row["name"] for row in (await ben("members"))["members"]} <= {"Ana", "Ben"}
        await ben("lock")
        await ben("unlock", passphrase=PASSPHRASE)


async def test_whoever_does_not_say_who_they_are_in_time_does_not_join(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with services(tmp_path, "ana", "ben") as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        invite = await ana("invite")
        join = await ben.until("join.show", await ben("join", code=invite["code"]), "matched", "failed")
        await trio.sleep(301)
        join = await ben.until("join.show", join, "failed")
        assert join["error"]["code"] in ("timeout", "interrupted")
        assert (await ana.until("invite.show", invite, "failed"))["error"]["code"] in ("timeout", "interrupted")
        assert (await ben("health"))["state"] == "empty"


@pytest.mark.parametrize("says", [(False, True), (True, False), (False, False)])
async def test_no_adds_nobody(says: tuple[bool, bool], tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana", "ben") as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        invited, joined = await pair(ana, ben, "Ben", says=says)
        for one in (invited, joined):
            assert one["state"] == "failed"
            assert one["error"]["exit"] == 6
            assert "Nobody was added" in one["error"]["message"]
        assert len((await ana("members"))["members"]) == 1
        assert (await ben("health"))["state"] == "empty"


async def test_what_was_taken_back_is_over(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana", "ben") as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        invite = await ana("invite", short_code=False)
        assert invite["short_code"] is None
        with pytest.raises(InvalidValue):
            await ana("invite.confirm", job=invite["job"], same=True)
        assert (await ana("invite.cancel", job=invite["job"]))["state"] == "failed"
        join = await ben("join", code=invite["code"], name="Ben", passphrase=PASSPHRASE, timeout=600)
        assert (await ben("join.cancel", job=join["job"]))["state"] == "failed"
        with pytest.raises(NotFound):
            await ben("join.show", job="ffff")


# --- cases ---------------------------------------------------------------------------------------------------


async def test_what_two_wrote_apart_is_shown_and_settled(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        made = await ana("case.new", kind="case", set={"title": "12 Mill St"}, append={"timeline": ["first"]})
        await synced(ben)
        await ben("lock")
        await ana("case.edit", case=made["short"], set={"status": "pending"})
        only = await ana("status")
        assert (only["only_here"], only["only_here_cases"][0]["title"]) == (1, "12 Mill St")
        await ana("lock")
        await ben("unlock", passphrase=PASSPHRASE)
        await ben("case.edit", case="mill", set={"status": "closed"}, add={"tags": ["urgent"]})
        await ana("unlock", passphrase=PASSPHRASE)
        await synced(ben)
        await synced(ana)
        assert (await ana("status"))["only_here"] == 0
        conflicts = []
        for one in (ana, ben):
            assert (await one("status"))["conflicts"] == 1
            assert [row["id"] for row in (await one("case.list", conflicts=True))["cases"]] == [made["id"]]
            [conflict] = (await one("case.show", case="mill"))["conflicts"]
            assert {(value["text"], value["author"]) for value in conflict["values"]} == {
                ("pending", "ana"), ("closed", "ben"),
            }  # fmt: skip
            conflicts.append(conflict)
        assert conflicts[0]["values"] == conflicts[1]["values"]
        assert conflicts[0]["settle"] == {"set": {"status": conflicts[0]["values"][0]["value"]}}
        await ana("case.edit", case=made["id"], **conflicts[0]["settle"])
        await synced(ben)
        for one in (ana, ben):
            assert (await one("case.show", case="mill"))["conflicts"] == []
            assert (await one("status"))["conflicts"] == 0


async def test_logs_are_corrected_and_retracted(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        await ana("case.new", set={"title": "Parcel"}, append={"timeline": ["wrong", "second"]})
        first, second = (await ana("case.log", case="parcel"))["lines"]
        assert (first["field"], first["item"]["values"][0]["text"]) == ("timeline", "note: wrong")
        await ana("case.edit", case="parcel", correct={first["item"]["id"]: "right"})
        await synced(ben)
        await ben("case.edit", case="parcel", retract={second["item"]["id"]: "twice"})
        [line] = (await ben("case.log", case="parcel"))["lines"]
        assert line["item"]["values"][0]["text"] == "note: right"
        assert line["item"]["before"][0]["text"] == "note: wrong"
        assert (await ben("case.log", case="parcel", since="2100-01-01"))["lines"] == []
        with pytest.raises(InvalidValue):
            await ben("case.log", case="parcel", since="yesterday")
        with pytest.raises(InvalidValue):
            await ben("case.log", case="parcel", field="letters")
        with pytest.raises(NotFound):
            await ben("case.edit", case="parcel", retract={"ffffff": ""})
        graph = await ben("case.graph", case="parcel", format="svg")
        assert len(graph["rows"]) == 3
        assert graph["drawing"].startswith("<svg")


async def test_a_case_that_has_changed_is_not_overwritten(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        made = await ana("case.new", set={"title": "Parcel"})
        read = await ana("case.show", case=made["id"])
        assert (await ana("case.edit", case=made["id"], set={"status": "active"}, heads=read["heads"]))["written"]
        with pytest.raises(ChangedMeanwhile):
            await ana("case.edit", case=made["id"], set={"status": "closed"}, heads=read["heads"])
        same = await ana("case.edit", case=made["id"], set={"status": "active"})
        assert not same["written"]
        assert same["heads"] == (await ana("case.show", case=made["id"]))["heads"] != read["heads"]


async def test_one_edit_follows_another_without_reading_again(tmp_path: Path, autojump_clock: MockClock) -> None:
    """The heads of an answer are of what was written: what another writes then is not overwritten unseen."""
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        made = await ana("case.new", set={"title": "Parcel"})
        assert made["heads"] == (await ana("case.show", case=made["id"]))["heads"]
        second = await ana("case.edit", case=made["id"], set={"status": "active"}, heads=made["heads"])
        third = await ana("case.edit", case=made["id"], set={"status": "closed"}, heads=second["heads"])
        assert len({made["heads"], second["heads"], third["heads"]}) == 3
        await ana("case.new", set={"title": "Another"})  # of another case, so the heads stay
        assert (await ana("case.show", case=made["id"]))["heads"] == third["heads"]
        await synced(ben)
        await ben("case.edit", case=made["id"], append={"timeline": ["Two letters came back."]})
        await synced(ana)
        for heads in (third["heads"], f"{second['heads']},{third['heads']}", "", "ffff", f'W/"{third["heads"]}'):
            with pytest.raises(ChangedMeanwhile):
                await ana("case.edit", case=made["id"], set={"status": "pending"}, heads=heads)
        now = (await ana("case.show", case=made["id"]))["heads"]
        await ana("lock")
        await ana("unlock", passphrase=PASSPHRASE)
        assert (await ana("case.show", case=made["id"]))["heads"] == now
        assert (await ana("case.edit", case=made["id"], set={"status": "active"}, heads=f"ffff, {now}"))["written"]
        assert (await ana("case.edit", case=made["id"], set={"status": "pending"}, heads="*"))["written"]
        with pytest.raises(NotFound):
            await ana("case.edit", case="ffff", set={"status": "active"}, heads="*")


async def test_which_case_is_meant(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        one = await ana("case.new", set={"title": "Parcel for Anton", "external_id": "VR-1"})
        other = await ana("case.new", set={"title": "Parcel for Vera"})
        for named in (one["id"], one["short"], one["id"][:12].upper(), "VR-1", "vr-1", "parcel FOR anton", "anton"):
            assert (await ana("case.show", case=named))["id"] == one["id"]
        with pytest.raises(Ambiguous) as raised:
            await ana("case.show", case="parcel")
        assert one["short"] in raised.value.hint
        assert other["short"] in raised.value.hint
        assert "Anton" not in raised.value.hint + str(raised.value)
        with pytest.raises(NotFound):
            await ana("case.show", case="nothing like that")


# --- tables --------------------------------------------------------------------------------------------------

TABLE = base64.b64encode(
    b"external_id,name,status\nVR-1,Anton Kuradymlin,active\nVR-2,Vera,tomorrow\n,Nobody,\n"
).decode()


async def test_import_and_export(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        dry = await ana.until("import.show", await ana("import", table=TABLE, dry_run=True), "done")
        assert (dry["created"], dry["left_out"], dry["unread"]) == (2, 1, 1)
        cell_, row = dry["problems"]
        assert (cell_["lines"], cell_["examples"], cell_["left_out"]) == ([3], ["tomorrow"], False)
        assert "tomorrow" not in cell_["message"]
        assert (row["lines"], row["column"], row["left_out"]) == ([4], "external_id", True)
        assert (await ana("case.list"))["cases"] == []
        for created in (2, 0):
            done = await ana.until("import.show", await ana("import", table=TABLE), "done", "failed")
            assert (done["created"], done["state"]) == (created, "done")
        listed = await ana("case.list")
        assert ([row["title"] for row in listed["cases"]], listed["more"]) == (["Anton Kuradymlin", "Vera"], 2)
        assert len((await ana("case.list", beside=True))["cases"]) == 4
        columns = {"external_id": "external_id", "name": ["case.handler", "case.legal_notes"]}
        moved = await ana.until("import.show", await ana("import", table=TABLE, columns=columns), "done", "failed")
        assert (moved["state"], moved["ignored"]) == ("done", [])
        failed = await ana.until("import.show", await ana("import", table="%%"), "done", "failed")
        assert failed["error"]["code"] == "invalid_value"

        with pytest.raises(NoConsent):
            await ana("export", audience="partners", cases=["VR-1"])
        [person] = (await ana("case.list", kind="person", find="anton"))["cases"]
        links = [f"about:{person['short']}", "part_of:VR-1"]
        await ana("case.new", kind="consent", set={"scope": "partners"}, add={"links": links[1:]})
        with pytest.raises(NoConsent) as caught:  # that speaks for the case, and not for the person
            await ana("export", audience="partners", cases=["VR-1"])
        assert (
            "1 case left out: there is no consent: of a person concerned, or for the case itself" in caught.value.hint
        )
        more = {"links": links, "withheld": ["status"]}
        await ana("case.new", kind="consent", set={"scope": "partners"}, add=more)
        export = await ana("export", audience="partners", cases=["VR-1"], format="json")
        [left] = export["left_out"]
        assert (left["reason"], left["cases"], left["what"]) == ("withheld", export["cases"], ["case.status"])
        assert left["text"] == "case.status left out of 1 case: a consent withholds them"
        with pytest.raises(NothingLeaves):
            await ana("export", audience="internal", cases=["VR-1"], compartments=["C3"])
        assert b"Anton Kuradymlin" in base64.b64decode(export["content"])
        record = await ana("case.show", case=export["record"])
        noted = {field["name"]: field for field in record["fields"]}
        assert noted["scope"]["values"][0]["text"] == "partners"
        assert [item["values"][0]["text"] for item in noted["notes"]["items"]] == [left["text"]]
        with pytest.raises(InvalidValue):
            await ana("export", compartments=["C1", "C4"])


# --- people --------------------------------------------------------------------------------------------------


async def test_peers(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        assert (await ana("peers.ping", peer="BEN"))["seconds"] >= 0
        [peer] = (await ana("peers"))["peers"]
        assert (peer["name"], peer["connected"], peer["lacks"], peer["in_step_now"]) == ("ben", True, 0, True)
        await ana("peers.add", peer=peer["device"][:6], host="192.168.1.20", port=4000)
        for wrong in ({"peer": "vera", "host": "192.168.1.20"}, {"peer": "ben", "host": "example.org"}):
            with pytest.raises((NotFound, InvalidValue)):
                await ana("peers.add", port=4000, **wrong)
        await ben("lock")
        status = await ana("status")
        assert status["peers"][0]["last_seen"] is not None
        assert (status["name"], status["role"], status["cell"]) == ("ana", "coordinator", "Mill Street")
        assert (await ana("schemas"))["schemas"]
        await ana("flags.dismiss")


async def test_three_burnt_codes_raise_an_alarm(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana", "ben") as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        for _ in range(3):
            invite = await ana("invite")
            number, *words = invite["short_code"].split("-")
            wrong = "acorn" if words[0] != "acorn" else "zipper"
            join = await ben("join", code="-".join([number, wrong, *words[1:]]), name="Ben", passphrase=PASSPHRASE)
            assert (await ben.until("join.show", join, "failed", "joined"))["error"]["code"] == "wrong_code"
            assert (await ana.until("invite.show", invite, "failed", "joined"))["error"]["code"] == "code_burnt"
        [flag] = (await ana("status"))["flags"]
        assert flag["reason"] == "burnt_codes"
        await ana("flags.dismiss")
        assert (await ana("status"))["flags"] == []


# --- errors --------------------------------------------------------------------------------------------------


def every_error() -> list[type[CellsyncError]]:
    import cellsync.cli.main
    import cellsync.daemon.work  # noqa: F401

    found, rest = [], [CellsyncError]
    while rest:
        one = rest.pop()
        found.append(one)
        rest += [child for child in one.__subclasses__() if child.__module__.startswith("cellsync.")]
    return found


def test_every_error_has_a_sentence_a_hint_and_an_exit_code() -> None:
    for kind in every_error():
        if kind.__init__ is CellsyncError.__init__:
            problem = problem_of(kind())
            assert problem.exit in (*range(1, 9), 130), kind  # 130: a person interrupted it
            assert problem.message[0].isupper(), kind
            assert problem.message.rstrip()[-1] in ".?", kind
            assert problem.hint, kind


async def test_asking_waits_for_the_next_step_only(tmp_path: Path, autojump_clock: MockClock) -> None:
    import trio

    async with cell(tmp_path, "ana") as [ana]:
        invite = await ana("invite")
        began = trio.current_time()
        again = await ana("invite.show", job=invite["job"], after=invite["step"], wait=10)
        assert (again["step"], trio.current_time() - began) == (invite["step"], 10)
        assert isinstance(ana, Asking)


async def test_two_members_of_one_name(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana", "ben", "guest") as [ana, ben, guest]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        invited, _ = await pair(ana, ben, "Ben")
        assert invited["namesakes"] == []
        invited, _ = await pair(ana, guest, "BEN")
        assert [(one["name"], one["me"]) for one in invited["namesakes"]] == [("Ben", False)]
        names = [one["name"] for one in (await ana("members"))["members"]]
        assert sorted(name.partition(" ")[0] for name in names) == ["Ana", "BEN", "Ben"]
        assert len(set(names)) == 3
        first, second = [name for name in names if name != "Ana"]
        with pytest.raises(Ambiguous):  # whom does that mean?
            await ana("peers.ping", peer="ben")
        for one in (ben, guest):  # who has just joined may not have called yet
            await synced(one)
        assert (await ana("peers.ping", peer=first))["name"] == first
        assert (await ana("peers.ping", peer=second))["name"] == second

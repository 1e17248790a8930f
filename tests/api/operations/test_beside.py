"""Documents beside a case: persons, episodes, consents and exports are found from it, and distinguished in lists."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from trio.testing import MockClock

from cellsync.testing import MemoryNetwork
from tests.api.services import cell, synced

TABLE = base64.b64encode(
    b"external_id,name,agency,detained_on,court,next_task\n"
    b"VR-1,Anton Kuradymlin,KGB,2024-05-03,Minsk,Parcel\n"
    b"VR-2,Vera,,,,\n"
).decode()


async def rows(ask: Any, **given: Any) -> list[tuple[str, str, list[str]]]:
    listed = await ask("case.list", **given)
    return sorted((row["kind"].rpartition(".")[2], row["title"], row["about"]) for row in listed["cases"])


ABOUT = ["Anton Kuradymlin"]
BESIDE = [("episode", "KGB · 2024-05-03", ABOUT), ("proceeding", "Minsk", ABOUT), ("task", "Parcel", ABOUT)]
PERSON: tuple[str, str, list[str]] = ("person", "Anton Kuradymlin", [])


async def test_what_stands_beside_a_case_is_found_from_it(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await ana.until("import.show", await ana("import", table=TABLE), "done")
        shown = await ana("case.show", case="VR-1")
        [link] = shown["links"]
        assert (link["title"], link["kind"]) == ("Anton Kuradymlin", "cellsync.person")
        assert shown["more_beside"] is False
        found = [(one["kind"].rpartition(".")[2], one["title"], one["about"]) for one in shown["beside"]]
        assert sorted(found) == BESIDE
        assert await rows(ana, of="VR-1") == sorted([*BESIDE, PERSON])
        assert await rows(ana, of="VR-1", kind="episode") == BESIDE[:1]
        assert await rows(ana, of="VR-1", find="anton") == [PERSON]
        person = await ana("case.show", case=link["short"])
        assert [one["title"] for one in person["beside"] if one["kind"] == "cellsync.case"] == ["Anton Kuradymlin"]
        for one in shown["beside"]:
            assert (await ana("case.show", case=one["short"]))["id"] == one["id"]
        page = await ana("case.list", of="VR-1", limit=3)
        rest = await ana("case.list", of="VR-1", limit=3, after=page["next"])
        assert (len(page["cases"]), len(rest["cases"]), rest["next"]) == (3, 1, "")


async def test_of_much_beside_a_case_the_first_is_shown(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await ana("case.new", set={"title": "Mill"})
        for at in range(21):
            await ana("case.new", kind="task", set={"title": f"task {at}"}, add={"links": ["part_of:Mill"]})
        shown = await ana("case.show", case="Mill")
        assert [one["title"] for one in shown["beside"]] == [f"task {at}" for at in range(20)]
        assert shown["more_beside"] is True
        assert len((await ana("case.list", of="Mill"))["cases"]) == 21


async def test_consents_and_exports_are_told_apart_in_lists(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await ana.until("import.show", await ana("import", table=TABLE), "done")
        [person] = (await ana("case.list", kind="person", find="anton"))["cases"]
        for given in ("2024-05", "~2025"):
            said = {"scope": "partners", "given_by": "family", "given": given}
            await ana("case.new", kind="consent", set=said, add={"links": [f"about:{person['short']}"]})
        old = await ana("case.show", case="family · for partners · 2024-05")
        await ana("case.edit", case=old["id"], set={"withdrawn": "?"})
        assert await rows(ana, kind="consent") == [
            ("consent", "family · for partners · 2024-05 · withdrawn", ABOUT),
            ("consent", "family · for partners · ~2025", ABOUT),
        ]
        await ana("case.edit", case=old["id"], set={"withdrawn": None})
        await ana("export", audience="partners", cases=["VR-1"])
        [(_, title, about)] = await rows(ana, kind="export")
        assert title.startswith("for partners · 20")
        assert about == ABOUT


async def test_a_consent_names_those_for_whom_it_speaks_and_cases_as_cases(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await ana.until("import.show", await ana("import", table=TABLE), "done")
        [vera] = (await ana("case.list", kind="person", find="vera"))["cases"]
        for links in ([f"about:{vera['short']}", "part_of:VR-1"], ["about:anton kuradymlin", "part_of:VR-1"]):
            await ana("case.new", kind="consent", set={"scope": "partners"}, add={"links": links})
        alone = await ana("case.new", kind="consent", set={"scope": "public"}, add={"links": ["part_of:VR-1"]})
        again = {"links": ["part_of:VR-1", f"supersedes:{alone['short']}"]}
        await ana("case.new", kind="consent", set={"scope": "un"}, add=again)
        assert await rows(ana, kind="consent") == [
            ("consent", "for partners", ABOUT),
            ("consent", "for partners", ["Vera", "the case Anton Kuradymlin"]),
            ("consent", "for public", ["the case Anton Kuradymlin"]),  # which is not what its person said
            ("consent", "for un", ["the case Anton Kuradymlin"]),
        ]


async def test_a_link_to_what_is_not_here_has_no_name(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        elsewhere = "ab" * 32
        made = await ana("case.new", set={"title": "Mill"}, add={"links": [[{"hex": elsewhere}, "about"]]})
        shown = await ana("case.show", case=made["id"])
        assert shown["links"] == [{"id": elsewhere, "short": "", "kind": "", "title": "", "circle": ""}]
        assert (await ana("case.list", of="Mill"))["cases"] == []


async def test_of_several_of_one_name_a_link_about_somebody_means_the_person(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await ana.until("import.show", await ana("import", table=TABLE), "done")
        for named in ("anton kuradymlin", "VR-1"):
            links = [f"about:{named}", f"part_of:{named}"]
            consent = await ana("case.new", kind="consent", set={"scope": "partners"}, add={"links": links})
            assert consent["doubts"] == []
            led = {one["kind"] for one in (await ana("case.show", case=consent["id"]))["links"]}
            assert led == {"cellsync.person", "cellsync.case"}


async def test_what_is_doubtful_about_a_consent_is_said_when_it_is_written(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await ana.until("import.show", await ana("import", table=TABLE), "done")
        links = ["about:VR-1"]
        more = {"links": links, "withheld": ["person.residense", "birth date", "residence"]}
        made = await ana("case.new", kind="consent", set={"scope": "partners"}, add=more)
        said = "is not the name of a field: while it is withheld, nothing of them leaves. Did you mean"
        assert [(one["field"], one["text"]) for one in made["doubts"]] == [
            ("withheld", f'"birth date" {said} birth_date?'),
            ("withheld", f'"person.residense" {said} person.residence?'),
        ]
        mended = {"discard": {"withheld": ["birth date"]}, "add": {"withheld": ["birth_date"]}}
        [left] = (await ana("case.edit", case=made["id"], **mended))["doubts"]
        assert "residense" in left["text"]
        [left] = (await ana("case.edit", case=made["id"], set={"given_by": "family"}))["doubts"]  # until it is mended
        assert (await ana("case.edit", case=made["id"], discard={"withheld": ["person.residense"]}))["doubts"] == []
        nobody = await ana("case.new", kind="consent", add={"links": ["part_of:VR-1"]})
        [doubt] = nobody["doubts"]
        for field, said in (
            ("given", "until then this consent lets nothing out"),
            ("withdrawn", "counts as withdrawn"),
        ):
            later = await ana("case.new", kind="consent", set={field: "2199-01-01"}, add={"links": links})
            [to_come] = later["doubts"]
            assert to_come["field"] == field
            assert said in to_come["text"]
            assert (await ana("case.edit", case=later["id"], set={field: "2020"}))["doubts"] == []
        assert doubt["text"].startswith("It is about no person, so it speaks for nobody: link the person.")
        assert doubt["text"].endswith("look whom title and texts name.")
        [file] = (await ana("case.list", find="VR-1"))["cases"]
        wrong = await ana("case.new", kind="consent", add={"links": [f"about:{file['short']}"]})
        assert [one["field"] for one in wrong["doubts"]] == ["links"]
        assert (await ana("case.new", set={"title": "Mill"}))["doubts"] == []


async def test_a_graph_names_what_a_link_leads_to_and_what_was_removed(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        vera = await ana("case.new", kind="person", add={"names": ["Vera Kur"]})
        made = await ana("case.new", set={"title": "Mill"}, add={"links": [f"about:{vera['short']}"], "tags": ["old"]})
        await ana("case.edit", case=made["id"], add={"tags": ["new"]})
        await ana("case.edit", case=made["id"], discard={"tags": ["old"]})
        drawn = await ana("case.graph", case="Mill")
        assert [row["did"] for row in drawn["rows"]][:2] == [['tags -"old"'], ['tags +"new"']]
        assert "links +about Vera Kur" in drawn["rows"][2]["did"]
        page = await ana("case.graph", case="Mill", limit=1)  # what it removes stands on another page
        assert page["rows"][0]["did"] == ['tags -"old"']


async def test_an_archived_case_is_put_away_and_found(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        kept = await ana("case.new", set={"title": "Anton"})
        away = await ana("case.new", set={"title": "Antn"})
        await ana("case.edit", case=away["id"], set={"status": "archived"})
        listed = await ana("case.list")
        assert ([one["title"] for one in listed["cases"]], listed["archived"]) == (["Anton"], 1)
        of_kind = await ana("case.list", kind="case")
        assert ([one["title"] for one in of_kind["cases"]], of_kind["archived"]) == (["Anton"], 1)
        assert (await ana("case.list", kind="person"))["archived"] == 0
        for asked in ({"archived": True}, {"find": "ant"}, {"beside": True}):
            all_of_them = await ana("case.list", **asked)
            assert {one["id"] for one in all_of_them["cases"]} == {kept["id"], away["id"]}
            assert all_of_them["archived"] == 0
        await ana("case.edit", case=away["id"], set={"status": "active"})
        assert (await ana("case.list"))["archived"] == 0


async def test_a_case_over_which_people_contradict_each_other_is_not_put_away(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", "ben", net=net) as [ana, ben]:
        made = await ana("case.new", set={"title": "Anton"})
        await synced(ben)
        net.partition("ana", "ben")
        await ana("case.edit", case=made["id"], set={"title": "Anton K."})
        await ben("case.edit", case=made["id"], set={"title": "Anton Kuradymlin", "status": "archived"})
        net.heal()
        await synced(ben)
        listed = await ana("case.list")
        assert ([one["status"] for one in listed["cases"]], listed["archived"]) == (["archived"], 0)

"""Looking up the case that is meant: the order of the ways in which it can be named, against a list of cases."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync.api.contract.problems import Ambiguous
from cellsync.core.errors import NotFound
from tests.api.services import Asking, cell


async def new(asking: Asking, beginning: str, **given: Any) -> str:
    """A new case whose id begins as a test wants it."""
    surroundings = asking.service.cell.first.circle.surroundings
    entropy, drawn = surroundings.entropy, iter([bytes.fromhex(beginning)])
    object.__setattr__(surroundings, "entropy", lambda n: next(drawn, b"").ljust(n, b"\x07") if n == 32 else entropy(n))
    try:
        made: str = (await asking("case.new", **given))["id"]
    finally:
        object.__setattr__(surroundings, "entropy", entropy)
    assert made.startswith(beginning)
    return made


async def meant(asking: Asking, named: str) -> str:
    found: str = (await asking("case.show", case=named))["id"]
    return found


async def test_beginnings_of_ids(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        one = await new(ana, "abcd01", set={"title": "one"})
        two = await new(ana, "abcd02", set={"title": "two"})
        assert await meant(ana, "abcd01") == one
        assert await meant(ana, " ABCD02 ") == two
        assert await meant(ana, two) == two
        assert [(row["id"], row["short"]) for row in (await ana("case.list"))["cases"]] == [
            (one, one[:6]), (two, two[:6])
        ]  # fmt: skip
        with pytest.raises(Ambiguous, match="More than one") as raised:
            await meant(ana, "abcd")
        assert raised.value.hint == f"Give the beginning of its id: {one[:6]}, {two[:6]}"
        for too_short in ("abc", "a"):
            with pytest.raises(NotFound):
                await meant(ana, too_short)
        with pytest.raises(NotFound):
            await meant(ana, two + "00")


async def test_an_id_goes_before_a_title(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        by_id = await new(ana, "cafe", set={"title": "Parcel"})
        by_title = await new(ana, "0001", set={"title": "cafe"})
        assert await meant(ana, "cafe") == by_id
        longer = await new(ana, "0002", set={"title": "decade"})
        assert await meant(ana, "decade") == longer  # could begin an id, but none does
        assert await meant(ana, by_title[:8]) == by_title


async def test_external_ids_and_titles_go_before_a_part_of_one(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        part = await new(ana, "0001", set={"title": "Mill Street 12"})
        assert await meant(ana, "mill") == part
        exact = await new(ana, "0002", set={"title": "MILL"})
        assert await meant(ana, "mill") == exact
        external = await new(ana, "0003", set={"title": "Parcel", "external_id": "Mill"})
        with pytest.raises(Ambiguous) as raised:  # no id goes before a name: nobody sees which of them is meant
            await meant(ana, "mill")
        assert raised.value.hint == "Give the beginning of its id: 0002, 0003"
        await ana("case.edit", case=exact, set={"title": "Mill Street 14"})
        assert await meant(ana, "mill") == external
        with pytest.raises(NotFound):
            await meant(ana, "  ")


async def test_of_one_row_of_a_table_the_case_itself_is_meant(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await new(ana, "0001", kind="person", set={"external_id": "VR-1"})
        case = await new(ana, "0002", set={"external_id": "VR-1"})
        assert await meant(ana, "vr-1") == case
        await new(ana, "0003", set={"external_id": "VR-1"})
        with pytest.raises(Ambiguous):
            await meant(ana, "vr-1")


async def test_two_of_one_name_of_whom_one_has_an_id_that_is_made_of_it(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """A table without ids: who has no date of birth gets the bare name as an id, and answered for both."""
    async with cell(tmp_path, "ana") as [ana]:
        table = "name,birth_date\nАнтон Курадымлін,1990-02-01\nантон курадымлін,\n"
        asked = await ana("import", table=base64.b64encode(table.encode()).decode())
        assert (await ana.until("import.show", asked, "done", "failed"))["created"] == 2
        for named in ("Антон Курадымлін", "антон курадымлін"):
            found = (await ana("case.list", find=named))["cases"]
            with pytest.raises(Ambiguous) as raised:
                await meant(ana, named)
            assert all(row["short"] in raised.value.hint for row in found)


async def test_a_title_in_another_script_is_found_by_its_letters(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        made = await new(ana, "0001", set={"title": "Кірыл КУРАДЫМЛІН, Straße 5"})
        for named in ("кірыл", "курадымлін", "STRASSE 5"):
            assert await meant(ana, named) == made


async def test_many_are_counted_and_none_is_quoted(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        for number in range(8):
            await new(ana, f"00{number:02}", set={"title": f"Anton {number}"})
        with pytest.raises(Ambiguous) as raised:
            await meant(ana, "anton")
        assert raised.value.hint == "Give the beginning of its id: 0000, 0001, 0002, 0003, 0004 and 3 more"
        assert "Anton" not in f"{raised.value} {raised.value.hint}"


async def test_links_are_named_in_the_same_ways(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        person = await new(ana, "0001", kind="person", set={"external_id": "VR-9"})
        for named in ("0001", "VR-9", person):
            made = await ana("case.new", add={"links": [f"about:{named}"]})
            [links] = [
                field for field in (await ana("case.show", case=made["id"]))["fields"] if field["name"] == "links"
            ]
            assert links["values"][0]["text"] == f"about {person[:8]}"
        with pytest.raises(NotFound):
            await ana("case.new", add={"links": ["about:nobody"]})
        assert len((await ana("case.list"))["cases"]) == 3  # what failed wrote nothing


async def test_names_are_compared_folded_and_a_person_is_called_by_the_name(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        case = await new(ana, "0001", set={"title": "Дар’я Вераб'ёва-Воўк", "external_id": "VR-7"})
        names = ["Дар’я Вераб'ёва-Воўк", "Daria Viarabjova"]
        person = await new(ana, "0002", kind="person", set={"external_id": "VR-7"}, add={"names": names})
        for named in ("дар'я вераб’ева-воук", "ДАРʼЯ", "vr-7"):
            assert await meant(ana, named) == case
        assert await meant(ana, "daria viarabjová") == person
        for wanted in ("дарʼя", "VIARABJOVA", "vr-7", ""):
            [row] = (await ana("case.list", kind="person", find=wanted))["cases"]
            assert (row["id"], row["title"]) == (person, names[1])
        assert [row["id"] for row in (await ana("case.list", find="ВЕРАБЕВА"))["cases"]] == [case]
        assert (await ana("case.list", kind="person", find="Антон"))["cases"] == []


async def test_a_new_case_says_who_is_called_the_same(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        one = await ana("case.new", set={"title": "Дар’я Вераб'ёва", "external_id": "Вера"})
        assert one["alike"] == []
        person = await ana("case.new", kind="person", add={"names": ["ДАР'Я ВЕРАБЕВА"]})
        assert person["alike"] == [one["short"]]
        again = await ana("case.new", set={"title": "Даря Верабʼёва"})
        assert sorted(again["alike"]) == sorted([one["short"], person["short"]])
        assert (await ana("case.new", set={"title": "Вера"}))["alike"] == []  # an external id is no name
        assert (await ana("case.new"))["alike"] == []


async def test_a_name_is_found_in_whatever_order_it_is_written(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        made = await ana("case.new", set={"title": "Анна Веткина"})
        other = await ana("case.new", set={"title": "Веткина Анна Петровна"})
        for wanted, case in (("Веткина Петровна", other), ("Анна Веткина", made), ("веткина анна", other)):
            assert (await ana("case.show", case=wanted))["id"] == case["id"]
        both = await ana("case.list", find="веткина анна")
        assert {row["id"] for row in both["cases"]} == {made["id"], other["id"]}
        assert (await ana("case.list", find="Веткина Борис"))["cases"] == []

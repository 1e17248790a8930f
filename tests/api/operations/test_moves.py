"""A case moved over the API: previewed, chosen, written with days and, if wanted, authors."""

from __future__ import annotations

from pathlib import Path

import pytest
from trio.testing import MockClock

from cellsync.api.contract.problems import Ambiguous
from cellsync.core.errors import InvalidValue, NotFound
from tests.api.operations.test_circles import both
from tests.api.services import synced


async def test_a_move_is_previewed_and_takes_what_was_chosen(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with both(tmp_path) as (ana, ben, lea, outer, inner):
        case = await ben("case.new", set={"title": "Anton", "summary": "asks for a lawyer"}, circle=outer)
        await ben(
            "case.edit", case=case["id"], append={"timeline": ["He was heard.", {"kind": "hearing", "text": "put off"}]}
        )
        await ben("case.edit", case=case["id"], append={"timeline": ["A helper's name."]})
        await synced(ana)
        seen = await ana("case.move.preview", case="Anton", to="Lawyers")
        assert (seen["title"], seen["called"], seen["to"]) == ("Anton", "Mill Street", "Lawyers")
        assert {"title", "summary"} <= set(seen["fields"])
        assert (seen["left_out"], seen["linked"]) == ([], True)
        assert ([item["author"] for item in seen["items"]], seen["read_by"]) == (["Ben"] * 3, ["Ana", "Ben"])
        assert sorted(seen["will_read"]) == ["Ana", "Ben", "Lea"]
        with pytest.raises(InvalidValue):
            await ana("case.move", case=case["id"], to="Lawyers", items=["00.0"])
        with pytest.raises(NotFound):
            await ana("case.move.preview", case="Anton", to="Doctors")
        with pytest.raises(InvalidValue):
            await ana("case.move.preview", case="Anton", to="Mill Street")
        chosen = [item["id"] for item in seen["items"] if "helper" not in item["text"]]
        day = seen["items"][0]["at"][:10]
        moved = await ana("case.move", case=case["id"], to="Lawyers", items=chosen)
        assert (moved["circle"], moved["title"], moved["items"], moved["linked"]) == (inner, "Anton", 2, True)
        with pytest.raises(Ambiguous) as raised:
            await ana("case.show", case="Anton")
        assert set(raised.value.hint.removeprefix("Give the beginning of its id: ").split(", ")) == {
            f"{case['id'][:4]} (Mill Street)", f"{moved['id'][:4]} (Lawyers)",
        }  # fmt: skip
        texts = [line["item"]["values"][0]["text"] for line in (await ana("case.log", case=moved["id"]))["lines"]]
        assert [f"({day})" in text for text in texts] == [True, True]
        assert not any("Ben" in text or "helper" in text for text in texts)
        again = await ana("case.move", case=case["id"], to="Lawyers", items=chosen[:1], with_authors=True)
        [line] = (await ana("case.log", case=again["id"]))["lines"]
        assert f"He was heard. ({day}, Ben)" in line["item"]["values"][0]["text"]
        assert line["item"]["values"][0]["author"] == "Ana"
        await synced(lea)
        await synced(lea)
        assert moved["id"] in [row["id"] for row in (await lea("case.list"))["cases"]]
        old = await ana("case.show", case=case["id"], circle=outer)
        assert moved["id"] in [link["id"] for link in old["links"]]

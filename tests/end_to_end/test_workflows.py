"""What befalls whole cells, with real processes and vaults: a sleeper strikes, and a lawyer sees only her clients."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.programs import Program, pair, programs
from tests.patience import wait_until

pytestmark = pytest.mark.e2e


def roster(one: Program) -> dict[str, Any]:
    return {row["name"]: row for row in one.call("roster")["members"]}


def weighs(one: Program, *names: str) -> bool:
    """Whether the words of all these coordinators count, and all require what removals need."""
    rows = roster(one)
    return all(rows[name]["lacks"] is None and rows[name]["requires"] for name in names if name in rows)


def are_told(removed: str, *several: Program) -> bool:
    return all(roster(one)[removed]["status"] == "removed" for one in several)


def in_step(*several: Program) -> bool:
    """Whether each of them says of each other that both hold the same."""
    found = {one.name: {peer["name"] for peer in one.call("peers")["peers"] if peer["in_step_now"]} for one in several}
    return all(found[one.name] | {one.name} >= found.keys() for one in several)


def coordinators(one: Program) -> list[dict[str, Any]]:
    return [row for row in roster(one).values() if row["role"] == "coordinator"]


def test_a_sleeper_strikes_and_nobody_falls(tmp_path: Path) -> None:
    """A founder's laptop is quiet while two others go on twice; then it shows a removal that has seen none of that."""
    with programs(tmp_path, "mal", "ana", "ben", "cara", "xen", "yan") as [mal, ana, ben, cara, xen, yan]:
        mal.init()
        mal.start()
        for one in (ana, ben, cara):
            pair(mal, one)
            one.start()
        for name in ("ana", "ben", "cara"):
            assert mal.run("members", "role", name, "coordinator").exit == 0
            wait_until(lambda: all(row["requires"] for row in coordinators(mal)), "it requires what removals need")
        wait_until(lambda: roster(ana).get("cara", {}).get("role") == "coordinator", "Ana knows them all")
        for name in ("ben", "cara"):
            assert ana.run("members", "endorse", name, "--yes").exit == 0
        for guest in (xen, yan):
            pair(ana, guest)
        cell = (mal, ana, ben, cara)
        wait_until(lambda: all(weighs(one, "mal", "ana", "ben", "cara") for one in cell), "all words count")
        wait_until(lambda: all("yan" in roster(one) for one in cell), "all know the guests")
        mal.stop()
        for name in ("xen", "yan"):
            assert ana.run("members", "remove", name, "--confirm", name).exit == 0
            wait_until(partial(are_told, name, ben, cara), "both have heard")
            wait_until(lambda: in_step(ana, ben, cara), "they hold the same")
        removed = mal.run("members", "remove", "ana", "--confirm", "ana")
        assert removed.exit == 0, removed
        mal.start()
        wait_until(lambda: "mal removed ana" in ben.run("members", "why", "ana").out, "Ben has heard of it")
        wait_until(lambda: in_step(mal, ana, ben, cara), "all hold it")
        for one in (mal, ana, ben, cara):
            assert {roster(one)[name]["status"] for name in ("mal", "ana", "ben", "cara")} == {"active"}
        why = ben.run("members", "why", "ana").out
        assert "mal removed ana. It does not count.\n  It came late: coordinators had gone on without it." in why
        assert "Your removal of ana does not count: cellsync members why ana" in mal.run("members").out
        assert ana.run("members", "remove", "mal", "--confirm", "mal").exit == 0
        wait_until(lambda: roster(ben)["mal"]["status"] == "removed", "Ben has heard that")
        assert ben.run("members", "endorse", "mal", "--yes").exit == 0
        wait_until(lambda: voters(cara, "mal") == {"ana", "ben"}, "it rests on two words")
        assert roster(cara)["mal"]["status"] == "removed"


def voters(one: Program, whom: str) -> set[str]:
    """Whose words a removal has."""
    return {name for strike in one.call("roster")["strikes"] if strike["whom"] == [whom] for name in strike["voters"]}


def test_a_lawyer_sees_only_her_clients(tmp_path: Path) -> None:
    """Of the cell that she is a guest of she learns neither names nor numbers, whatever she asks her device."""
    with programs(tmp_path, "ana", "ben", "lea") as [ana, ben, lea]:
        ana.init()
        ana.start()
        pair(ana, ben)
        ben.start()
        assert ana.run("circle", "create", "Lawyers").exit == 0
        secret = ana.json("case", "new", "Kastus, in hiding", "--circle", "mill street")
        ana.json("case", "new", "Maryna, on trial", "--circle", "Lawyers")
        pair(ana, lea, circle="Lawyers")
        lea.start()
        wait_until(lambda: [case["title"] for case in lea.call("case.list")["cases"]] == ["Maryna, on trial"], "hers")
        said = "".join(
            ran.out + ran.err
            for asked in (
                ["status"],
                ["members"],
                ["circle", "list"],
                ["case", "list"],
                ["peers"],
                ["sync"],
                ["doctor"],
            )
            for ran in [lea.run(*asked), lea.run(*asked, "--json")]
        ) + json.dumps([lea.call(asked) for asked in ("status", "roster", "circles", "peers", "case.list")])
        for hidden in ("Kastus", "ben", "Mill Street", secret["id"], secret["id"][:8]):
            assert hidden.casefold() not in said.casefold(), hidden
        assert lea.call("circles")["circles"][0]["name"] == "Lawyers"
        assert len(lea.call("circles")["circles"]) == 1

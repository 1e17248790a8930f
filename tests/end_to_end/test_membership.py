"""Removals with real processes and vaults: a seized laptop whose late testimony is released, and two coordinators who
remove each other while they are apart, and show the same afterwards."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from tests.end_to_end.programs import Program, pair, programs
from tests.patience import wait_until

pytestmark = pytest.mark.e2e


def stop(one: Program) -> None:
    one.run("daemon", "stop")
    one.ended()


def statuses(one: Program) -> dict[str, str]:
    return {row["name"]: row["status"] for row in one.call("roster")["members"]}


def is_removed(one: Program, name: str) -> bool:
    """Whether somebody is removed, as one device shows it."""
    return statuses(one)[name] == "removed"


def requiring(one: Program) -> set[str]:
    """The coordinators who have required what removals need."""
    return {row["name"] for row in one.call("roster")["members"] if row["requires"]}


def titles(one: Program) -> list[str]:
    return sorted(case["title"] for case in one.call("case.list")["cases"])


def readable(one: Program) -> list[str]:
    """Titles of the cases that are shown, and of those that its user wrote and that wait in quarantine."""
    own = [change for held in one.call("roster")["quarantine"] for change in held["own"] or ()]
    waiting = [said.removeprefix("title: ") for change in own for said in change["lines"]]
    return sorted([*titles(one), *waiting])


def connected(one: Program) -> set[str]:
    return {peer["name"] for peer in one.call("peers")["peers"] if peer["connected"]}


def test_a_laptop_is_seized_its_owner_removed_offline_and_late_testimony_released(tmp_path: Path) -> None:
    with programs(tmp_path, "ana", "ben", "cara") as [ana, ben, cara]:
        ana.init()
        ana.start()
        pair(ana, ben)
        pair(ana, cara)
        cara.start()
        ben.start()
        ana.json("case", "new", "before")
        wait_until(lambda: titles(ana) == titles(ben) == titles(cara) == ["before"], "all hold it")
        wait_until(lambda: "ben" in connected(cara), "Ben and Cara have met, without Ana")
        stop(ana)
        ben.json("case", "new", "late testimony")  # Cara has it, and Ana does not know
        wait_until(lambda: "late testimony" in titles(cara), "Cara holds it")
        stop(ben)
        refused = ana.run("members", "remove", "ben", "--confirm", "cara")  # no daemon: offline
        assert (refused.exit, "That is not the name" in refused.err) == (2, True), refused
        removed = ana.run("members", "remove", "ben", "--confirm", "ben")
        assert removed.exit == 0, removed
        assert "KEEPS what it" in removed.err
        assert "✓ Removed: ben. Confirmed by 0 of 1 other device." in removed.out
        ana.start()
        wait_until(lambda: statuses(cara).get("ben") == "removed", "Cara has heard")
        wait_until(lambda: ana.call("roster")["quarantine"] != [], "the late entries have come")
        for one in (ana, cara):
            assert titles(one) == ["before"]
        listed = ana.run("quarantine", "list")
        assert "ben" in listed.out, listed
        assert ana.run("quarantine", "release", "ben").exit == 0
        wait_until(lambda: titles(ana) == titles(cara) == ["before", "late testimony"], "both show it")
        assert "ana removed ben. It stands." in cara.run("members", "why", "ben").out


def test_two_coordinators_remove_each_other_and_show_the_same(tmp_path: Path) -> None:
    """Cara hears of the one removal first, Dan of the other: who was removed is not listened to any more. When the two
    meet, both removals are contested, and both show that."""
    with programs(tmp_path, "ana", "ben", "cara", "dan") as everyone:
        ana, ben, cara, dan = everyone
        ana.init()
        ana.start()
        for one in (ben, cara, dan):
            pair(ana, one)
            one.start()
        assert ana.run("members", "role", "ben", "coordinator").exit == 0
        wait_until(lambda: all(requiring(one) == {"ana", "ben"} for one in everyone), "both require what it needs")
        for one in everyone:
            stop(one)
        for one, other in ((ana, "ben"), (ben, "ana")):
            ran = one.run("members", "remove", other, "--confirm", other)
            assert ran.exit == 0, ran
            assert "To make it final: the recovery key" in ran.err  # one of two: nobody else's word is left
        for remover, hearer, removed in ((ana, cara, "ben"), (ben, dan, "ana")):
            remover.start()
            hearer.start()
            wait_until(partial(is_removed, hearer, removed), "it was heard")
            stop(remover)
            stop(hearer)
        cara.start()
        dan.start()
        quarrel = {"ana": "suspended", "ben": "suspended", "cara": "active", "dan": "active"}
        wait_until(lambda: statuses(cara) == statuses(dan) == quarrel, "both have heard both")
        for one in (cara, dan):
            told = one.run("members").out
            assert "ana removed ben, which is contested and undecided" in told
            assert "ben removed ana, which is contested and undecided" in told
            assert "the recovery key" in one.run("members", "why", "ana").out


def test_two_who_removed_each_other_are_told_of_it_and_how_it_was_settled(tmp_path: Path) -> None:
    """Cara has heard that Ben was removed, and tells him: so his own removal of Ana reaches her, and from her Ana. Her
    word then settles it; whoever stays gets what was withheld, and the other one is told that it is out."""
    with programs(tmp_path, "ana", "ben", "cara") as everyone:
        ana, ben, cara = everyone
        ana.init()
        ana.start()
        for one in (ben, cara):
            pair(ana, one)
            one.start()
            assert ana.run("members", "role", one.name, "coordinator").exit == 0
            wait_until(lambda: {"ana", "ben"} <= requiring(ana) & requiring(ben), "both require what it needs")
        wait_until(lambda: ben.call("endorsable", member="cara")["open"] != [], "Ben has heard of it")
        assert ben.run("members", "endorse", "cara", "--yes").exit == 0  # so that Cara's word counts
        wait_until(lambda: counting(ana) == counting(cara) == {"ana", "ben", "cara"}, "it counts")
        for one in everyone:
            stop(one)
        for one, other in ((ana, "ben"), (ben, "ana")):
            one.json("case", "new", f"by {one.name}, while apart")
            assert one.run("members", "remove", other, "--confirm", other).exit == 0
        ana.start()
        cara.start()
        wait_until(partial(is_removed, cara, "ben"), "Cara has heard")
        stop(ana)
        assert "is told so when it calls" in cara.run("members", "tell", "ben").out
        ben.start()
        quarrel = {"ana": "suspended", "ben": "suspended", "cara": "active"}
        wait_until(lambda: statuses(cara) == statuses(ben) == quarrel, "Cara and Ben know of both")
        ana.start()
        wait_until(lambda: statuses(ana) == quarrel, "Ana does, too")
        assert "ben removed ana, which is contested and undecided" in ana.run("members").out
        cara.json("case", "new", "meanwhile")
        [open_] = [one for one in cara.call("endorsable", member="ana")["open"] if one["what"] == "ben removed ana"]
        assert cara.call("endorse", member="ana", entries=[open_["entry"]])["entry"]
        wait_until(lambda: titles(ben) == ["by ben, while apart", "meanwhile"], "Ben gets what was withheld")
        assert statuses(ben) == {"ana": "removed", "ben": "active", "cara": "active"}
        assert readable(ana) == ["by ana, while apart"]
        assert cara.run("members", "tell", "ana").exit == 0
        wait_until(lambda: ana.state == "locked", "Ana is told, and locks")
        ana.unlock()
        assert is_removed(ana, "ana")
        [said] = [line for line in ana.run("members").out.splitlines() if line.startswith("⚠ This device")]
        assert (said.startswith("⚠ This device was removed from Mill Street"), said.endswith(", by ben.")) == (
            True,
            True,
        )
        assert readable(ana) == ["by ana, while apart"]


def counting(one: Program) -> set[str]:
    """Whose word weighs."""
    return {row["name"] for row in one.call("roster")["members"] if row["counts"]}


def test_one_removal_covers_both_circles_and_a_guest_hears_of_hers_alone(tmp_path: Path) -> None:
    with programs(tmp_path, "ana", "ben", "lea") as [ana, ben, lea]:
        ana.init()
        ana.start()
        pair(ana, ben)
        ben.start()
        assert ana.run("circle", "create", "Lawyers").exit == 0
        pair(ana, ben, circle="Lawyers")
        pair(ana, lea, circle="Lawyers")
        lea.start()
        wait_until(lambda: statuses(lea) == {"ana": "active", "ben": "active", "lea": "active"}, "Lea knows them")
        for one in (ana, ben):
            stop(one)
        removed = ana.run("members", "remove", "ben", "--confirm", "ben")
        assert removed.exit == 0, removed
        assert ("mill street:" in removed.err.lower(), "Lawyers:" in removed.err) == (True, True), removed
        assert "✓ Removed from Lawyers: ben." in removed.out
        ana.start()
        wait_until(partial(is_removed, lea, "ben"), "Lea has heard")
        here = [row for row in ana.call("roster")["members"] if row["name"] == "ben"]
        assert ([row["status"] for row in here], len({row["circle"] for row in here})) == (["removed"] * 2, 2)
        assert "Mill Street" not in json.dumps(lea.call("roster")) + json.dumps(lea.call("status"))

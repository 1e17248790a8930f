"""One's own devices with real processes and vaults: a phone is linked while no coordinator is there, writes, is seen by
the coordinator as its member's, and is removed by its owner: then it is cut off, and never comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.programs import Program, pair, programs
from tests.patience import wait_until

pytestmark = pytest.mark.e2e


def stop(one: Program) -> None:
    one.run("daemon", "stop")
    one.ended()


def titles(one: Program) -> list[str]:
    return sorted(case["title"] for case in one.call("case.list")["cases"])


def flagged(one: Program) -> list[tuple[str, str]]:
    flags: list[dict[str, Any]] = one.call("status")["flags"]
    return [(flag["author"], flag["reason"]) for flag in flags if flag["reason"] in ("linked", "member_removed")]


def test_a_phone_is_linked_without_a_coordinator_and_removed_without_one(tmp_path: Path) -> None:
    with programs(tmp_path, "ana", "ben", "phone") as [ana, ben, phone]:
        ana.init()
        ana.start()
        pair(ana, ben)
        assert ana.run("members", "require").exit == 0
        ana.json("case", "new", "before")
        ben.start()
        wait_until(lambda: titles(ben) == ["before"], "Ben holds it")
        stop(ana)

        linking, joining = pair(ben, phone, by=("device", "link", "--name", "Phone"))
        assert "✓ ben / Phone is linked. Every coordinator is shown it." in linking.out
        assert "✓ Joined Mill Street as ben / Phone." in joining.out
        phone.start()
        wait_until(lambda: titles(phone) == ["before"], "the phone holds it")
        phone.json("case", "new", "from the phone")
        wait_until(lambda: titles(ben) == ["before", "from the phone"], "Ben holds it")

        ana.start()
        wait_until(lambda: titles(ana) == ["before", "from the phone"], "Ana has heard")
        assert flagged(ana) == [("ben / Phone", "linked")]
        assert "ben / Phone" in ana.run("members").out
        assert ana.run("status", "--seen").exit == 0
        assert flagged(ana) == []

        gone = ben.run("device", "remove", "Phone", "--confirm", "ben / Phone")
        assert gone.exit == 0, gone
        assert "✓ Removed: ben / Phone." in gone.out
        wait_until(lambda: flagged(ana) == [("ben / Phone", "member_removed")], "Ana has heard of that")
        ana.json("case", "new", "after")
        wait_until(lambda: "after" in titles(ben), "Ben holds it")
        wait_until(lambda: not any(peer["connected"] for peer in phone.call("status")["peers"]), "the phone is cut off")
        assert "after" not in titles(phone)
        assert [one["name"] for one in ben.json("device", "list")["devices"]] == ["ben"]

"""A device learns of its own removal while a wipe is configured, with real processes: it locks once, shows the
countdown, and is gone at the end of it. Only the 72 hours are two seconds, for the last of its daemons."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsync.store.header import decode
from tests.end_to_end.devices import ROOT
from tests.end_to_end.programs import Program, pair, programs
from tests.end_to_end.test_membership import counting, requiring, statuses, stop, titles
from tests.patience import wait_until

pytestmark = pytest.mark.e2e

IMPATIENT = str(ROOT / "tests" / "cli" / "impatient.py")


def in_force(one: Program, name: str) -> str | None:
    found: dict[str, str | None] = {row["name"]: row["in_force"] for row in one.call("settings")["settings"]}
    return found[name]


def test_a_device_learns_of_its_own_removal_while_a_wipe_is_configured(tmp_path: Path) -> None:
    with programs(tmp_path, "ana", "cara", "ben") as [ana, cara, ben]:
        ana.init()
        ana.start()
        for one in (cara, ben):
            pair(ana, one)
            one.start()
        assert ana.run("members", "role", "cara", "coordinator").exit == 0
        wait_until(lambda: requiring(ana) == requiring(cara) == {"ana", "cara"}, "both require what it needs")
        wait_until(lambda: counting(ana) == {"ana", "cara"}, "her word counts")
        ana.json("case", "new", "12 Mill St")
        for one in (ana, cara):
            said = one.run("settings", "set", "when-removed", "wipe")
            assert said.exit == 0, said
            wait_until(lambda: len(cara.call("settings")["settings"][0]["words"]) > 0, "Cara has heard")
        wait_until(lambda: in_force(ben, "when-removed") == "wipe", "it is in force")
        wait_until(lambda: titles(ben) == ["12 Mill St"], "Ben holds the case")
        stop(ben)
        assert ana.run("members", "remove", "ben", "--confirm", "ben").exit == 0
        wait_until(lambda: statuses(cara)["ben"] == "removed", "Cara has heard")
        assert cara.run("members", "endorse", "ben", "--yes").exit == 0
        wait_until(lambda: len(ana.call("roster")["strikes"][0]["voters"]) == 2, "Ana has heard")
        assert ana.run("settings", "set", "kept-for", "30").exit == 0  # she has seen Cara's word
        wait_until(lambda: ana.call("roster")["strikes"][0]["final"], "it is final")
        assert ana.run("members", "tell", "ben").exit == 0

        ben.start()
        wait_until(lambda: ben.state == "locked", "Ben learns of it, and locks")
        opened = ben.run("unlock")
        assert opened.exit == 0, opened
        assert "This device wipes Mill Street when it has been on for 72 h more" in opened.out
        for command in (["members"], ["case", "show", "12 Mill"], ["status"]):
            ran = ben.run(*command)
            assert ran.exit == 0, ran
            assert "removed" in ran.out + ran.err
        assert ben.state == "open", "once"
        stop(ben)
        ben.start()
        assert ben.run("case", "list").exit == 0
        assert ben.state == "open", "also after a restart"
        stop(ben)

        slots = decode((ben.profile.vault / "vault").read_bytes()).slots
        ben.launcher = IMPATIENT
        ben.start(unlocked=False)
        ended = ben.run("unlock")
        assert ended.exit != 0, ended
        assert "has been wiped" in ended.err
        assert {path.name for path in ben.profile.vault.iterdir()} == {"wiped"}
        for path in ben.profile.folder.rglob("*"):
            assert not path.is_file() or all(slot.wrapped not in path.read_bytes() for slot in slots)
        for command in (["unlock"], ["case", "list"]):
            ran = ben.run(*command)
            assert ran.exit == 4, ran
            assert "has been wiped: this device had been removed from it" in ran.err
        ben.launcher = ana.launcher
        stop(ben)
        _, joined = pair(ana, ben)
        assert "has been wiped" in joined.err
        ben.start()
        wait_until(lambda: titles(ben) == ["12 Mill St"], "he is back, as somebody new")

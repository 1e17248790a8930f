"""A locked circle with real processes: it does not sync, what is beside it does, and nothing of it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.programs import PASSPHRASE, Program, pair, programs
from tests.patience import wait_until

pytestmark = pytest.mark.e2e

OWN = "orchard lantern sparrow quilt"


def titles(one: Program) -> list[str]:
    return sorted(case["title"] for case in one.call("case.list")["cases"])


def in_step(one: Program, circle: str) -> bool:
    """Whether the other device is connected in a circle, and holds the same there."""
    found = [peer for peer in one.call("peers")["peers"] if peer["circle"] == circle]
    return bool(found) and all(peer["connected"] and peer["in_step_now"] for peer in found)


def test_a_locked_circle_does_not_sync_and_the_other_one_does(tmp_path: Path) -> None:
    with programs(tmp_path, "ana", "ben") as [ana, ben]:
        ana.init()
        ana.start()
        pair(ana, ben)
        ben.start()
        assert ana.run("circle", "create", "Lawyers").exit == 0
        pair(ana, ben, circle="Lawyers")
        outer, inner = [row["id"] for row in ana.call("circles")["circles"]]
        ana.json("case", "new", "Appeal", "--circle", "Lawyers")
        wait_until(lambda: titles(ben) == ["Appeal"], "Ben holds it")
        set_ = ana.run("circle", "passphrase", "set", "Lawyers", passphrase=f"{PASSPHRASE}\n{OWN}")
        assert set_.exit == 0, set_
        assert "New keys end that" in " ".join(set_.out.split())
        locked = ana.run("circle", "lock", "Lawyers")
        assert locked.exit == 0, locked
        ben.json("case", "new", "Second appeal", "--circle", "Lawyers")
        ben.json("case", "new", "Parcel", "--circle", outer[:8])
        wait_until(lambda: titles(ana) == ["Parcel"], "what is beside it has come, and nothing of it is shown")
        wait_until(lambda: in_step(ben, outer), "they are in step in the one")
        assert not in_step(ben, inner)
        listed = ana.run("circle", "list")
        assert (f"a locked circle ({inner[:8]})" in listed.out, "Lawyers" in listed.out) == (True, False), listed
        assert "1 locked circle" in ana.run("status").out
        wrong = ana.run("circle", "unlock", passphrase=PASSPHRASE)
        assert (wrong.exit, "The passphrase is wrong" in wrong.err) == (3, True), wrong
        assert ana.run("circle", "unlock", passphrase=OWN).exit == 0
        wait_until(lambda: titles(ana) == ["Appeal", "Parcel", "Second appeal"], "it is kept in step again")
        ana.run("lock")
        assert ana.run("unlock").exit == 0
        assert titles(ana) == ["Parcel"]
        changed = ana.run("circle", "passphrase", "change", "Lawyers", passphrase=f"{OWN}\nanother {OWN}")
        assert changed.exit != 0  # nothing is called so here, as long as it is locked
        assert ana.run("circle", "unlock", passphrase=OWN).exit == 0
        assert ana.run("circle", "passphrase", "remove", "Lawyers", passphrase=OWN).exit == 0
        ana.run("lock")
        assert ana.run("unlock").exit == 0
        assert titles(ana) == ["Appeal", "Parcel", "Second appeal"]

"""A laptop is restored from a copied folder and used before it has met another device: nothing is lost, all hold the
same, and the fork that it made can be proved to a third device that holds neither side."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.end_to_end.programs import Program, pair, programs
from tests.patience import wait_until

pytestmark = pytest.mark.e2e


def titles(one: Program) -> list[str]:
    return sorted(case["title"] for case in one.call("case.list")["cases"])


def stop(one: Program) -> None:
    one.run("daemon", "stop")
    one.ended()


def test_put_back_used_and_proved(tmp_path: Path) -> None:
    with programs(tmp_path, "ana", "ben", "cara") as [ana, ben, cara]:
        ana.init()
        ana.start()
        pair(ana, ben)
        pair(ana, cara)
        ben.start()
        ana.json("case", "new", "one")
        assert ana.run("sync").exit == 0
        stop(ana)
        copy = tmp_path / "copy"
        shutil.copytree(ana.profile.folder, copy)
        ana.start()
        ana.json("case", "new", "two")
        assert ana.run("sync").exit == 0
        stop(ana)
        stop(ben)
        shutil.rmtree(ana.profile.folder)
        shutil.copytree(copy, ana.profile.folder)
        ana.start()
        ana.json("case", "new", "three")
        ben.start()
        ran = ana.run("sync", "--timeout", "20")
        assert ran.exit == 0, ran
        assert "✓ in step at" in ran.out
        wait_until(lambda: titles(ana) == titles(ben) == ["one", "three", "two"], "both hold all")

        [fork] = ben.json("fork", "list")["forks"]
        assert (fork["author"], fork["equivocator"]) == ("ana", False)
        proof = tmp_path / "proof"
        assert ben.run("fork", "proof", fork["fork"][:8], str(proof)).exit == 0
        assert proof.stat().st_mode & 0o777 == 0o600
        assert ben.run("fork", "proof", fork["fork"][:8], str(proof)).exit == 2  # nothing is overwritten
        assert b"three" not in proof.read_bytes()
        stop(ana)
        stop(ben)
        cara.start()  # she was away all the time, and meets nobody
        checked = cara.json("fork", "check", str(proof))
        assert (checked["fork"]["author"], checked["held"]) == ("ana", False)
        assert checked["fork"]["sequence"] == fork["sequence"]

        raw = bytearray(proof.read_bytes())
        raw[len(raw) // 2] ^= 1
        for wrong in (bytes(raw), b"", bytes(100)):
            (tmp_path / "wrong").write_bytes(wrong)
            ran = cara.run("fork", "check", str(tmp_path / "wrong"))
            assert ran.exit == 6, ran
            assert "Blame nobody" in ran.err

        ana.start()
        ben.start()
        assert ben.json("fork", "check", str(proof))["held"]
        assert any(flag["reason"] == "fork" for flag in ben.call("status")["flags"])
        ana.json("case", "new", "four")  # she goes on from both sides
        assert ana.run("sync").exit == 0
        for one in (ana, ben):
            wait_until(lambda one=one: not one.call("status")["flags"], "nothing is left to be settled")  # type: ignore[misc]
            assert titles(one) == ["four", "one", "three", "two"]
            assert len(one.json("fork", "list")["forks"]) == 1  # what was signed stays signed

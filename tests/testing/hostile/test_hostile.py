"""The program, as far as it calls nobody; what it does to a daemon is in tests/end_to_end/test_hostile_member.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsync.testing.hostile.__main__ import main
from cellsync.testing.hostile.behaviours import BEHAVIOURS


def test_it_lists_what_it_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.splitlines() == list(BEHAVIOURS)


def test_it_does_nothing_that_it_cannot(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = ["--profile", str(tmp_path), "--device", "00", "--at", "127.0.0.1:1"]
    assert main([*asked, "be kind"]) == 2
    assert "be kind" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["equivocate"])


def test_without_a_vault_it_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.readline", lambda: "harbour pickle staircase moth\n", raising=False)
    assert main(["--profile", str(tmp_path), "--device", "00", "--at", "127.0.0.1:1", "equivocate"]) == 1
    assert "vault" in capsys.readouterr().err.lower()

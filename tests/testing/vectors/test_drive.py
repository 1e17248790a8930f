"""Driving another implementation: ours as a process, and others that do not keep to the lines."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cellsync.testing.vectors.drive import Gone, driven
from cellsync.testing.vectors.run import main
from protocol.generate.vector import VECTORS

OURS = f"{sys.executable} -m cellsync.testing.harness"
NIL = ("codec", {"bytes": "c0"})


def answering(tmp_path: Path, line: str) -> str:
    """A program that answers every line with this one."""
    script = tmp_path / "other.py"
    script.write_text(f"import sys\nfor _ in sys.stdin:\n    print({line!r}, flush=True)\n")
    return f"{sys.executable} {script}"


def test_our_harness_passes_when_it_is_driven(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--drive", OURS, str(VECTORS / "codec"), str(VECTORS / "message"), str(VECTORS / "noise")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == ["codec", "message"]  # of Noise it is not asked
    assert all("failed 0, unsupported 0" in line for line in said)


def test_many_questions_at_once_block_nobody() -> None:
    long = ("codec", {"bytes": "a0" + "00" * 40_000})
    with driven(OURS) as other:
        replies = list(other.ask([NIL, *50 * [long], NIL]))
        assert [reply["expect"] for reply in replies] == ["ok", *50 * ["fault:codec.msgpack"], "ok"]
        assert len(list(other.ask([NIL]))) == 1  # and it can be asked again


def test_unsupported_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = tmp_path / "nil.json"
    case.write_text('{"name": "nil", "part": "codec", "given": {"bytes": "c0"}, "expect": "ok"}')
    command = answering(tmp_path, '{"id": 0, "expect": "unsupported"}')
    assert main(["--drive", command, str(case)]) == 0
    assert capsys.readouterr().out == "codec: passed 0, failed 0, unsupported 1\n"


@pytest.mark.parametrize("line", ["", "{", "5", '{"id": 7, "expect": "ok"}', '{"expect": "ok"}'])
def test_an_answer_to_something_else_is_none(tmp_path: Path, line: str) -> None:
    with driven(answering(tmp_path, line)) as other, pytest.raises(Gone):
        list(other.ask([NIL]))


def test_one_that_has_ended_or_never_began_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    for command, said in (
        (f"{sys.executable} -c pass", "no more answers: it ended before it had answered\n"),
        ("/no/such/harness", "no more answers: '/no/such/harness' cannot be started"),
        ("''", "cannot be started"),
    ):
        assert main(["--drive", command, str(VECTORS / "codec")]) == 1
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == 1

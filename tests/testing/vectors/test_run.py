"""`python -m cellsync.testing.vectors`: one line for each file, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cellsync.testing.vectors.run import main
from tests.testing.vectors.test_noise import FOLDER, of


def test_each_file_of_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(FOLDER)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{FOLDER}/cacophony.json: passed 71, failed 0, unsupported 0",
        f"{FOLDER}/snow.json: passed 13, failed 0, unsupported 0",
    ]


def test_a_failure_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong, other = of("XX") | {"handshake_hash": "00" * 64}, of("NN") | {"protocol_name": "Noise_NN_448_AESGCM_SHA256"}
    path = tmp_path / "some.txt"
    path.write_text(json.dumps({"vectors": [of("XX"), wrong, other]}))
    assert main([str(path)]) == 1
    said = capsys.readouterr()
    assert said.out == f"{path}: passed 1, failed 1, unsupported 1\n"
    assert said.err == f"{path}: Noise_XX_25519_ChaChaPoly_BLAKE2b failed: the handshake hash\n"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"vectors": []}', '{"vectors": [5]}', '{"vectors": [{"name": 1}]}'])
def test_a_file_of_another_form(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    path = tmp_path / "some.json"
    path.write_text(text)
    assert main([str(path), str(FOLDER / "snow.json")]) == 2
    said = capsys.readouterr()
    assert said.err == f"{path}: no vectors of a known form\n"
    assert "passed 13" in said.out  # the others are run all the same


CASES = {
    "good": {"name": "nil", "part": "codec", "given": {"bytes": "c0"}, "expect": "ok", "result": {"value": None}},
    "other value": {
        "name": "one",
        "part": "codec",
        "given": {"bytes": "01"},
        "expect": "ok",
        "result": {"value": True},
    },
    "other verdict": {"name": "two", "part": "codec", "given": {"bytes": "02"}, "expect": "fault:codec.msgpack"},
    "other rule": {"name": "none", "part": "codec", "given": {"bytes": "c1"}, "expect": "fault:codec.canonical"},
    "other field": {"name": "x", "part": "codec", "given": {"bytes": "00"}, "expect": "ok", "result": {"values": 0}},
    "no question": {"name": "bad", "part": "codec", "given": {}, "expect": "ok"},
    "none of ours": {"name": "new", "part": "of a later version", "given": {}, "expect": "ok"},
}


def test_cases_of_this_protocol_are_told_by_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, case in CASES.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(case))
    assert main([str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert (
        said.out == "codec: passed 1, failed 5, unsupported 0\nof a later version: passed 0, failed 0, unsupported 1\n"
    )
    assert said.err.splitlines() == [
        f"{tmp_path}/no question.json failed: bytes is missing",
        f"{tmp_path}/other field.json failed: no values",
        f"{tmp_path}/other rule.json failed: fault:codec.msgpack in place of fault:codec.canonical",
        f"{tmp_path}/other value.json failed: value is another",
        f"{tmp_path}/other verdict.json failed: ok in place of fault:codec.msgpack",
    ]


def test_nothing_to_run_is_no_success(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 2


def test_without_a_path_it_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "python -m cellsync.testing.vectors [--drive COMMAND] PATH" in capsys.readouterr().err

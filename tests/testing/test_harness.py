"""`python -m cellsync.testing.harness`: an answer for each line, whatever it is."""

from __future__ import annotations

import json
import sys
from subprocess import run
from typing import Any

import pytest

from cellsync.testing import harness
from cellsync.testing.harness import answers


def said(*lines: str) -> list[Any]:
    return [json.loads(line) for line in answers(lines)]


def test_a_question() -> None:
    assert said('{"id": 7, "part": "codec", "given": {"bytes": "c0"}}') == [
        {"id": 7, "expect": "ok", "result": {"value": None}}
    ]


def test_a_fault_has_no_result() -> None:
    assert said('{"id": 1, "part": "codec", "given": {"bytes": "c1"}}') == [{"id": 1, "expect": "fault:codec.msgpack"}]


def test_a_part_that_we_lack_is_unsupported() -> None:
    assert said('{"id": 1, "part": "of another", "given": {}}') == [{"id": 1, "expect": "unsupported"}]


@pytest.mark.parametrize(
    "line", ["", "[", "5", "null", '"text"', "[" * 100_000, '{"id": NaN', '{"id": ' + "9" * 5_000 + "}"]
)
def test_a_line_that_is_no_question_ends_nothing(line: str) -> None:
    good = '{"id": "x", "part": "codec", "given": {"bytes": "05"}}'
    none, after = said(line, good)
    assert none == {"id": None, "error": "no question"}
    assert after == {"id": "x", "expect": "ok", "result": {"value": 5}}


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({"id": 1}, "it names no part"),
        ({"id": 1, "part": 5, "given": {}}, "it names no part"),
        ({"id": 1, "part": "codec"}, "what is given is no object"),
        ({"id": 1, "part": "codec", "given": []}, "what is given is no object"),
        ({"id": 1, "part": "codec", "given": {}}, "bytes is missing"),
        ({"id": 1, "part": "codec", "given": {"bytes": None}}, "bytes is not hexadecimal"),
        ({"id": 1, "part": "codec", "given": {"bytes": "c"}}, "bytes is not hexadecimal"),
        ({"id": 1, "part": "codec", "given": {"bytes": "C0"}}, "bytes is not hexadecimal"),
        ({"id": 1, "part": "codec", "given": {"bytes": "c0 c0"}}, "bytes is not hexadecimal"),
        ({"id": 1, "part": "codec", "given": {"bytes": "c0", "cap": True}}, "cap is no number"),
        ({"id": 1, "part": "codec", "given": {"bytes": "c0", "cap": "many"}}, "cap is no number"),
    ],
)
def test_a_bad_question_gets_an_error(question: dict[str, Any], error: str) -> None:
    assert said(json.dumps(question)) == [{"id": 1, "error": error}]


def test_a_mistake_of_ours_is_told_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(part: str, given: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(harness, "answer", broken)
    question = '{"id": 1, "part": "codec", "given": {"bytes": "c0"}}'
    assert said(question, question) == 2 * [{"id": 1, "error": "failed: ZeroDivisionError: by zero"}]


def test_as_a_process() -> None:
    lines = '{"id": 1, "part": "codec", "given": {"bytes": "c0"}}\nnothing\n'
    command = [sys.executable, "-m", "cellsync.testing.harness"]
    found = run(command, input=lines, capture_output=True, text=True, check=True)
    assert [json.loads(line) for line in found.stdout.splitlines()] == [
        {"id": 1, "expect": "ok", "result": {"value": None}},
        {"id": None, "error": "no question"},
    ]

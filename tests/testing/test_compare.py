"""`python -m cellsync.testing.compare`: who answers as we do agrees, and who lies now and then is found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cellsync.testing import harness
from cellsync.testing.compare import compared, main, questions
from cellsync.testing.vectors.run import main as run
from protocol.generate.vector import VECTORS

OURS = f"{sys.executable} -m cellsync.testing.harness"
SOME = ["--vectors", str(VECTORS)]

OTHER = """
import json, sys
from cellsync.testing.harness import reply

for number, line in enumerate(sys.stdin):
    question = json.loads(line)
    answer = reply(question["part"], question["given"])
    {how}
    print(json.dumps({{"id": question["id"], **answer}}), flush=True)
"""


def other(tmp_path: Path, how: str) -> str:
    """The harness of an implementation that is ours, but for this."""
    script = tmp_path / "other.py"
    script.write_text(OTHER.format(how=how))
    return f"{sys.executable} {script}"


def test_ours_agrees_with_itself(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--part", "batch", "--part", "codec", "--count", "60"]
    assert main(["--drive", OURS, *asked, *SOME]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{part}: 60 agree, 0 agree, and name another rule, 0 differ, 0 unsupported" for part in ("batch", "codec")
    ]


LIES = {
    "takes what is at fault": "if answer.get('expect') == 'fault:message': answer = {'expect': 'ok'}",
    "computes another digest": "if 'digest' in answer.get('result', {}): answer['result']['digest'] = '00' * 32",
    "refuses other rows": "if answer.get('expect', '').startswith('refused'): answer['expect'] = 'refused:[7]'",
    "fails now and then": "if number == 30: answer = {'error': 'failed: out of memory'}",
    "ends": "if number == 30: sys.exit()",
}


@pytest.mark.parametrize("lie", LIES)
def test_who_lies_is_found(tmp_path: Path, lie: str) -> None:
    assert main(["--drive", other(tmp_path, LIES[lie]), "--part", "batch", "--count", "60", *SOME]) == 1


def test_another_rule_is_counted_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    how = "if answer.get('expect', '').startswith('fault:'): answer['expect'] = 'fault:message'"
    assert main(["--drive", other(tmp_path, how), "--part", "codec", "--count", "40", *SOME]) == 0
    assert ", 0 agree, and name another rule" not in capsys.readouterr().out


def test_nothing_in_common_is_no_agreement(tmp_path: Path) -> None:
    how = "answer = {'expect': 'unsupported'}"
    assert main(["--drive", other(tmp_path, how), "--part", "codec", "--count", "5", *SOME]) == 2
    assert main(["--drive", OURS, "--part", "agreement", *SOME]) == 2  # in which nothing is made up


def test_what_they_differ_about_is_kept_as_a_vector(tmp_path: Path) -> None:
    how = "if answer.get('expect') == 'ok': answer['expect'] = 'void'"
    kept = tmp_path / "kept"
    assert main(["--drive", other(tmp_path, how), "--part", "name", "--count", "40", "--keep", str(kept), *SOME]) == 1
    assert list(kept.iterdir())
    assert run([str(kept)]) == 0  # which we pass


@pytest.mark.parametrize(
    ("ours", "theirs", "how"),
    [
        ({"expect": "ok", "result": {"a": 1, "b": 2}}, {"expect": "ok", "result": {"a": 1, "c": 3}}, "agree"),
        ({"expect": "ok", "result": {"a": 1}}, {"expect": "ok", "result": {"a": True}}, "differ"),
        ({"expect": "ok"}, {"expect": "void"}, "differ"),
        ({"expect": "refused:[0]"}, {"expect": "refused:[0,1]"}, "differ"),
        ({"expect": "fault:message"}, {"expect": "ok"}, "differ"),
        ({"expect": "fault:message"}, {"expect": "refused:[0]"}, "differ"),
        ({"expect": "fault:message"}, {"expect": "fault:path"}, "agree, and name another rule"),
        ({"error": "no question"}, {"error": "another wording"}, "agree"),
        ({"error": "no question"}, {"expect": "fault:message"}, "differ"),
        ({"error": "failed: MemoryError: "}, {"error": "failed: MemoryError: "}, "differ"),
        ({"expect": "ok"}, {"expect": "unsupported"}, "unsupported"),
    ],
)
def test_compared(ours: dict[str, object], theirs: dict[str, object], how: str) -> None:
    assert compared(ours, theirs) == how


def test_a_seed_gives_the_same_questions() -> None:
    cases = [{"given": json.loads(path.read_text())["given"]} for path in sorted((VECTORS / "batch").glob("*.json"))]
    one, again, other = (list(questions("batch", cases, 20, seed)) for seed in ("1", "1", "2"))
    assert one == again != other
    assert [given for _, given in one if given in [case["given"] for case in cases]] == []


def test_questions_get_beyond_the_codec() -> None:
    cases = [{"given": json.loads(path.read_text())["given"]} for path in sorted((VECTORS / "batch").glob("*.json"))]
    said = [reply.get("expect", "") for reply in harness.ask(questions("batch", cases, 400, "1"))]
    for verdict in ("ok", "void", "refused", "fault:signature", "fault:entry.parents", "fault:entry.operation"):
        assert any(one.startswith(verdict) for one in said), verdict

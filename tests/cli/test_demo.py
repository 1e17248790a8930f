"""The demo: played once as a user would, interrupted, and with a device that dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from cellsync.cli.demo import run, story
from cellsync.cli.demo.child import DemoFailed, started
from cellsync.cli.demo.outcome import AuthoredValue, CaseReading, DeviceState, Outcome, Seizure
from tests.patience import PATIENCE

ROOT: Final = Path(__file__).parent.parent.parent
WITHIN: Final = PATIENCE
CHEAP_DEMO: Final = str(Path(__file__).parent / "cheap_demo.py")

T = TypeVar("T")


def start(temporary: Path, *arguments: str, program: Sequence[str] = (CHEAP_DEMO,)) -> subprocess.Popen[str]:
    """The demo with a cheap key derivation, or as it ships."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    command = [sys.executable, *program, "demo", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, env=environment)


def eventually(look: Callable[[], T]) -> T:
    """What `look` sees, as soon as it sees something."""
    until = time.monotonic() + WITHIN
    while not (seen := look()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)
    return seen


def devices_of(parent: int) -> list[int]:
    """The processes of all three devices, as soon as they have vaults to speak of; else none."""
    rows = [line.split(None, 2) for line in run_ps().splitlines()]
    found = [int(pid) for pid, ppid, command in rows if int(ppid) == parent and "demo.device" in command]
    return found if len(found) == 3 else []


def run_ps() -> str:
    return subprocess.run(["ps", "-axwwo", "pid=,ppid=,args="], check=True, capture_output=True, text=True).stdout


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.e2e
def test_prints_one_object_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = start(tmp_path, "--json", program=("-m", "cellsync"))
    out, err = process.communicate(timeout=WITHIN)
    assert (process.returncode, err) == (0, "")
    shown: dict[str, Any] = json.loads(out)  # one object and nothing else
    assert set(shown) == {"devices", "conflict", "seizure", "plaintext_hits", "bytes", "entries_per_second", "seconds"}
    assert [device["name"] for device in shown["devices"]] == ["Ana", "Ben", "Vera"]
    assert all(set(device) == {"name", "cases", "entries", "digest"} for device in shown["devices"])
    assert {device["cases"] for device in shown["devices"]} == {500}
    assert len({(device["entries"], device["digest"]) for device in shown["devices"]}) == 1
    assert shown["devices"][0]["entries"] >= 500 + 3 + 3  # cases, members, edits
    assert len(bytes.fromhex(shown["devices"][0]["digest"])) == 32
    assert shown["conflict"] == {
        "case": story.CASE,
        "field": story.FIELD,
        "values": [
            {"value": story.SUMMARY_BY_ANA, "author": "Ana"},
            {"value": story.SUMMARY_BY_VERA, "author": "Vera"},
        ],
    }
    seized = shown["seizure"]
    assert seized["whom"] == "Vera"
    assert seized["removed"] == seized["quarantined"] == seized["released"] == ["Ana", "Ben"]
    assert len(set(seized["digests"])) == 1
    assert seized["digests"][0] != shown["devices"][0]["digest"], "her last line is new"
    assert shown["plaintext_hits"] == 0
    assert shown["bytes"] > 500_000  # the import, twice
    assert shown["entries_per_second"] > 0
    assert shown["seconds"] > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.e2e
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_ends_its_devices_and_deletes_their_vaults(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = start(tmp_path)
    devices = eventually(lambda: devices_of(process.pid))
    eventually(lambda: list(tmp_path.rglob("ana/*")))  # in the middle of founding
    process.send_signal(number)
    _, err = process.communicate(timeout=WITHIN)
    assert process.returncode == code
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
    eventually(lambda: not any(is_running(device) for device in devices))


@pytest.mark.e2e
def test_devices_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path)
    devices = eventually(lambda: devices_of(process.pid))
    process.kill()
    process.communicate(timeout=WITHIN)
    eventually(lambda: not any(is_running(device) for device in devices))


@pytest.mark.e2e
def test_device_that_dies_is_a_clear_error(tmp_path: Path) -> None:
    process = start(tmp_path, "--json")
    device = eventually(lambda: devices_of(process.pid))[-1]
    os.kill(device, signal.SIGKILL)
    out, err = process.communicate(timeout=WITHIN)
    assert process.returncode == 1
    assert json.loads(out)["error"]["code"] == "demo_failed"
    assert "process ended during" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.e2e
async def test_device_that_crashes_says_why(tmp_path: Path) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(DemoFailed, match=r"(?s)Ana's process ended during: fly.*AttributeError")):
        async with started("Ana", tmp_path / "vault") as child:
            await child.ask("fly", WITHIN)


@pytest.mark.e2e
async def test_device_that_does_not_answer_has_a_deadline(tmp_path: Path) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(DemoFailed, match="Ana took longer than 0 s to: close")):
        async with started("Ana", tmp_path / "vault") as child:
            await child.ask("close", 0.1)  # there is no cell that could close


@pytest.mark.e2e
async def test_errors_of_the_library_come_with_their_hint(tmp_path: Path) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(DemoFailed, match="This is not an invitation code")) as caught:
        async with started("Ben", tmp_path / "vault") as child:
            await child.ask("join", WITHIN, code="no such code", passphrase="harbour pickle staircase moss")
    [error] = caught.value.exceptions
    assert isinstance(error, DemoFailed)
    assert "32 letters and digits" in error.hint


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (DemoFailed("Ben: no"), 1, "error: Ben: no\n  hint: "),
        (BaseExceptionGroup("", [DemoFailed("Ana: no"), ExceptionGroup("", [DemoFailed("Ben: no")])]), 1, "error: Ana"),
        (BaseExceptionGroup("", [DemoFailed("Ana: no"), KeyboardInterrupt()]), 130, "error: interrupted"),
        (OSError(28, "No space left on device"), 1, "error: No space left on device\n"),
    ],
)
def test_failures_are_one_line_and_one_object(
    raised: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run._report(raised, as_json=True) == code
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["exit"] == code
    assert err.startswith(said)


def test_mistakes_of_our_own_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run._report(ExceptionGroup("", [ZeroDivisionError()]), as_json=False)


def test_search_of_the_vaults_sees_a_leak(tmp_path: Path) -> None:
    vault = tmp_path / "vaults" / "ana"
    vault.mkdir(parents=True)
    (vault / "log").write_bytes(os.urandom(1000))
    assert story._search(tmp_path).found == 0

    (vault / "log").write_bytes(os.urandom(1000) + story.NOTE_BY_BEN.encode("utf-16-le") + os.urandom(1000))
    (tmp_path / "planted").rename(tmp_path / "planted before")
    search = story._search(tmp_path)
    assert search.found >= 1  # shorter texts of the cases may be parts of it
    assert search.files == 1
    assert search.texts > 1000


# --- the verdict ------------------------------------------------------------------------------------------

GOOD: Final = Outcome(
    devices=[DeviceState(name, 500, 506, "00" * 32) for name in ("Ana", "Ben", "Vera")],
    case="VR-0001",
    field="summary",
    readings=[
        CaseReading(
            [AuthoredValue("a", "Ana"), AuthoredValue("v", "Vera")],
            [AuthoredValue("old", "Ana"), AuthoredValue("new", "Ben")],
        )
    ]
    * 3,
    contradictions=[AuthoredValue("v", "Vera"), AuthoredValue("a", "Ana")],
    additions=[AuthoredValue("new", "Ben")],
    seizure=Seizure("Vera", ["Ana", "Ben"], ["Ana", "Ben"], ["Ana", "Ben"], ["01" * 32] * 2),
    plaintext_hits=0,
    bytes=1,
    entries_per_second=1.0,
    seconds=1.0,
)


def test_verdict_on_a_good_outcome() -> None:
    assert GOOD.good


@pytest.mark.parametrize(
    "bad",
    [
        GOOD._replace(plaintext_hits=1),
        GOOD._replace(seizure=GOOD.seizure._replace(removed=["Ana"])),
        GOOD._replace(seizure=GOOD.seizure._replace(quarantined=["Ana"])),
        GOOD._replace(seizure=GOOD.seizure._replace(released=[])),
        GOOD._replace(seizure=GOOD.seizure._replace(digests=["01" * 32, "02" * 32])),
        GOOD._replace(devices=[*GOOD.devices[:2], DeviceState("Vera", 500, 506, "01" * 32)]),
        GOOD._replace(devices=[*GOOD.devices[:2], DeviceState("Vera", 500, 505, "00" * 32)]),
        GOOD._replace(readings=[*GOOD.readings[:2], GOOD.readings[2]._replace(conflict=[AuthoredValue("a", "Ana")])]),
        GOOD._replace(readings=[*GOOD.readings[:2], GOOD.readings[2]._replace(timeline=[AuthoredValue("old", "Ana")])]),
        GOOD._replace(
            readings=[GOOD.readings[0]._replace(conflict=[AuthoredValue("v", "Ana"), AuthoredValue("a", "Vera")])]
        ),
    ],
)
def test_verdict_on_a_bad_outcome(bad: Outcome) -> None:
    assert not bad.good

"""A member gone bad, as a program, against a daemon: the daemon goes on, and its log names each rule that was broken.

The program has the whole profile of a member, and takes its keys from there. In virtual time, with everything that it
can do: tests/testing/hostile.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest

from cellsync.core.errors import CellsyncError
from cellsync.testing.hostile.behaviours import BEHAVIOURS, SPOKEN, WRITTEN
from tests.end_to_end.programs import PASSPHRASE, Program, environment, pair, programs
from tests.patience import PATIENCE, wait_until

pytestmark = pytest.mark.e2e

GROWTH: Final = 64.0  # MiB
LONG: Final = {name for name, behaviour in BEHAVIOURS.items() if behaviour.tires} | {
    "never acknowledge",
    "refuse everything",
    "flood",
}  # minutes
LAST: Final = ["equivocate", "begin chains without end"]  # afterwards nothing that it writes counts
UNLIKE: Final = {
    "show paths without end",
    "begin chains without end",
}  # depend on who is faster, or on what came before
ORDER: Final = [*(name for name in [*SPOKEN, *WRITTEN] if name not in LONG.union(LAST)), *LAST]


@contextmanager
def misbehaving(mal: Program, victim: Program, names: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """The program, at work."""
    status, port = victim.call("status"), victim.call("peers")["port"]
    with subprocess.Popen(
        [sys.executable, "-m", "cellsync.testing.hostile", "--profile", str(mal.profile.folder),
         "--device", status["device"], "--at", f"127.0.0.1:{port}", *names],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
    ) as process:  # fmt: skip
        try:
            assert process.stdin is not None
            process.stdin.write(PASSPHRASE + "\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()


def rules_named(log: Path) -> list[str]:
    said = (json.loads(line) for line in log.read_text().splitlines())
    found = (re.search(r"\(([a-z.-]+)\)$", one["what"]) for one in said if one["where"] == "cellsync.node.links")
    return [match[1] for match in found if match]


class Growth:
    """How much memory a process takes while each line is awaited from another, in MiB."""

    def __init__(self, process: int, lines: Iterable[str]) -> None:
        self.lines: list[dict[str, Any]] = []
        self.most: dict[str, float] = {}
        self._status, self._clear = (Path(f"/proc/{process}/{name}") for name in ("status", "clear_refs"))
        self._awaited = Thread(target=self._read, args=(lines,))
        self._awaited.start()

    def end(self) -> None:
        self._awaited.join(PATIENCE)

    def _read(self, lines: Iterable[str]) -> None:
        before = self._forget()
        for line in lines:
            self.lines.append(json.loads(line))
            self.most[self.lines[-1]["behaviour"]] = self._peak() - before
            before = self._forget()

    def _forget(self) -> float:
        """Its memory now, which is its peak from then on."""
        self._clear.write_text("5")
        return self._peak()

    def _peak(self) -> float:
        found = re.search(r"^VmHWM:\s*(\d+) kB$", self._status.read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1024


def shows(one: Program, case: str) -> bool:
    try:
        return bool(one.call("case.show", case=case))
    except CellsyncError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of another process's memory")
def test_a_daemon_goes_on_beside_a_member_gone_bad(tmp_path: Path) -> None:
    with programs(tmp_path, "ana", "ben", "mal") as [ana, ben, mal]:
        ana.init()
        ana.start()
        for other in (ben, mal):
            pair(ana, other)
            other.start()
            other.run("sync")
        assert mal.run("daemon", "stop").exit == 0
        assert mal.ended() == 0
        written = 0
        with misbehaving(mal, ana, ORDER) as process:
            assert process.stdout is not None
            growth = Growth(ana.pid, process.stdout)
            while process.poll() is None:  # each edit while something is done to Ana
                case = ana.call("case.new", set={"title": f"help {written}"})["id"]
                wait_until(partial(shows, ben, case), "it reaches Ben")
                written += 1
            growth.end()
        assert process.returncode == 0
        assert written >= 3
        done = growth.lines
        assert [one["behaviour"] for one in done] == ORDER
        alike = [one for one in done if one["behaviour"] not in UNLIKE]
        assert {one["behaviour"]: (one["left"], one["refused"]) for one in alike} == {
            name: (BEHAVIOURS[name].ends, BEHAVIOURS[name].refuses) for name in ORDER if name not in UNLIKE
        }
        expected = [rule.label for name in ORDER if name not in UNLIKE and (rule := BEHAVIOURS[name].breaks)]
        assert [rule for rule in rules_named(ana.log) if rule != "cap.paths"] == expected
        assert {name: grown for name, grown in growth.most.items() if grown > GROWTH} == {}
        assert {flag["reason"] for flag in ana.call("status")["flags"]} >= {"equivocator"}

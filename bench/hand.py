"""Response times as users feel them: commands as whole processes, with a daemon, beside the start of Python itself."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, sleep
from typing import Final

import trio

from bench.rows import Row
from cellsync.api.client import NoDaemon, SocketClient
from cellsync.api.stop import stop
from cellsync.casework import CaseFile
from cellsync.cell.founding import found_cell
from cellsync.cell.opening import open_cell
from cellsync.core.ids import ID_BYTES, CaseId
from cellsync.core.schema.schema import creation
from cellsync.core.wire.operations import Operation
from cellsync.profile.profile import Profile, Settings

CASES: Final = 1_000
RUNS: Final = 9
PASSPHRASE: Final = "harbour pickle staircase moth"
_SETTINGS: Final = Settings(lan="off", interfaces=("127.0.0.1",))


def measure(folder: Path) -> Iterator[Row]:
    profile = Profile(folder / "profile")
    profile.save(_SETTINGS)
    trio.run(_fill, profile)
    bare = _seconds([sys.executable, "-c", "pass"])
    command = [sys.executable, "-m", "cellsync", "--profile", str(profile.folder)]
    yield Row("command: --help", 1000 * _seconds([*command, "--help"]), "ms", 150, 1000 * bare)
    with subprocess.Popen([*command, "daemon", "run"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        try:
            client = SocketClient(profile)
            _until_there(client)
            client.call("unlock", passphrase=PASSPHRASE)
            yield Row("command: status", 1000 * _seconds([*command, "status"]), "ms", 400, 1000 * bare)
            listing = _seconds([*command, "case", "list"])
            yield Row(f"command: case list of {CASES:,} cases", 1000 * listing, "ms", 500, 1000 * bare)
            began = perf_counter()
            subprocess.run([*command, "panic"], check=True, capture_output=True)
            yield Row("command: panic", 1000 * (perf_counter() - began), "ms", None, 1000 * bare)
        finally:
            stop(profile)


async def _fill(profile: Profile) -> None:
    home = profile.home(_SETTINGS)
    await found_cell(home, "bench", name="bench", passphrase=PASSPHRASE)
    async with open_cell(home, passphrase=PASSPHRASE) as cell:
        await cell.write([_case(number) for number in range(CASES)])


def _case(number: int) -> tuple[CaseId, list[Operation]]:
    return CaseId(os.urandom(ID_BYTES)), creation(CaseFile, {"title": f"Case number {number} of the bench"})


def _until_there(client: SocketClient) -> None:
    began = perf_counter()
    while perf_counter() - began < 20:
        try:
            client.health()
            return
        except NoDaemon:
            sleep(0.05)
    raise TimeoutError("the daemon did not start")


def _seconds(command: list[str]) -> float:
    """The median time of a whole process."""

    def once() -> float:
        began = perf_counter()
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        return perf_counter() - began

    once()
    return statistics.median(once() for _ in range(RUNS))

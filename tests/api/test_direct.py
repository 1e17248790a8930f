"""Working with a profile without a daemon: the same answers, one process at a time, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import pytest

from cellsync import system
from cellsync.api import direct
from cellsync.api.client import Client
from cellsync.api.contract.problems import Locked
from cellsync.api.direct import DirectClient
from cellsync.api.operations.examination import examine_here
from cellsync.core.errors import CellsyncError, InvalidValue, NotFound, VaultMissing
from cellsync.profile.holder import Busy, pid_of
from cellsync.profile.profile import Profile, Settings
from tests.api.services import PASSPHRASE
from tests.api.test_web import cheap_defaults


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    monkeypatch.setattr("cellsync.cell.home.Home.__init__.__defaults__", cheap_defaults())
    monkeypatch.setattr(system.process, "harden", lambda: None)  # this process has other things to do
    monkeypatch.setattr(direct, "LINGER", 0)
    profile = Profile(tmp_path / "profile")
    profile.save(Settings(lan="off", interfaces=("127.0.0.1",)))
    return profile


def working(profile: Profile) -> Client:
    return DirectClient(profile, online=False)


def test_it_does_what_a_daemon_does(profile: Profile) -> None:
    with working(profile) as client:
        assert client.call("health")["state"] == "empty"
        with pytest.raises(VaultMissing):
            client.call("status")
        client.call("init", cell="Mill", name="Ana", passphrase=PASSPHRASE)
        made = client.call("case.new", set={"title": "Parcel"})
        with pytest.raises(InvalidValue):
            client.call("case.new", set={"titel": "Parcel"})
        with pytest.raises(InvalidValue):
            client.call("case.list", conflicts="yes")  # types are checked here as they are there
        with pytest.raises(NotFound):
            client.call("case.show", case="nothing")
        with pytest.raises(NotFound, match=r"^Nothing has an empty name"):
            client.call("case.show", case="")
    with working(profile) as client:
        with pytest.raises(Locked):
            client.call("status")
        client.call("unlock", passphrase=PASSPHRASE)
        assert client.call("case.show", case="parcel")["id"] == made["id"]
    assert pid_of(profile) is None


def test_one_at_a_time(profile: Profile) -> None:
    threads = threading.active_count()
    with working(profile):
        with pytest.raises(Busy), working(profile):
            pass
        assert pid_of(profile) is not None
    assert pid_of(profile) is None
    assert threading.active_count() <= threads  # idle ones of earlier tests end when they like


def test_what_fails_inside_leaves_nothing_behind(profile: Profile) -> None:
    def fail() -> None:
        with working(profile) as client:
            client.call("init", cell="Mill", name="Ana", passphrase=PASSPHRASE)
            raise NotFound

    with pytest.raises(NotFound):
        fail()
    with working(profile) as client:  # neither the profile nor the vault is held
        assert client.call("unlock", passphrase=PASSPHRASE)["cell"] == "Mill"


def test_events(profile: Profile) -> None:
    with working(profile) as client:
        client.call("init", cell="Mill", name="Ana", passphrase=PASSPHRASE)
        client.call("case.new", set={"title": "Parcel"})
        events = client.events("00000000:1")
        cursor = next(events)["cursor"]
        client.call("case.edit", case="parcel", set={"summary": "one"})
        assert next(client.events(cursor))["data"]["text"] == "one"
        client.call("lock")
        assert [event["event"] for event in events][-1] == "locked"


def test_settings_that_cannot_be_read_are_a_finding(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object, runs: bool) -> list[object]:
        assert runs
        return []

    monkeypatch.setattr("cellsync.api.operations.examination.findings", nothing)
    (profile.folder / "settings.json").write_text("{")
    found = examine_here(profile, silent=True)["findings"]
    assert [(one["check"], one["grade"]) for one in found] == [("settings", "bad"), ("daemon", "bad")]
    with pytest.raises(CellsyncError, match="cannot be read"):
        working(profile)


# --- what it costs -------------------------------------------------------------------------------------------

ELSEWHERE: Final = (
    "asyncio", "babel", "charset_normalizer", "confusable_homoglyphs", "hypercorn", "rich", "segno", "spake2",
    "starlette", "zeroconf", "zxcvbn",
    "cellsync.casework.exporting", "cellsync.casework.importing.mapping", "cellsync.cell.founding",
    "cellsync.cell.invites", "cellsync.core.pairing", "cellsync.doctor", "cellsync.node.discovery",
)  # fmt: skip
EVERY_DAY: Final = ("unlock", "status", "case.list", "case.show", "case.new", "case.edit", "case.log")
LOOK: Final = f"""
import sys
from cellsync.api import direct, dispatch
for name in {EVERY_DAY!r}:
    dispatch.handler(name)
print(*(name for name in {ELSEWHERE!r} if name in sys.modules))
"""


def test_what_people_do_every_day_imports_nothing_that_others_need() -> None:
    """Without a daemon each command waits for what is imported."""
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []

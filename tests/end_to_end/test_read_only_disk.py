"""A cell on a disk that is mounted read-only: it is read in memory; commands that write say what to do instead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end.programs import Program, pair, programs

pytestmark = pytest.mark.e2e

READ_ONLY: Final = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108
LOOK: Final = "⚠ This disk is read-only: you read a copy of the cell as of "
REFUSED: Final = (
    "error: This cell is on a read-only disk. It can be read there; nothing can be written, sent or received.\n"
    "  hint: Put a copy on another disk, and work with that: cellsync --profile NEW restore "
)


@pytest.fixture
def ana(tmp_path: Path) -> Iterator[Program]:
    """Her cell, in step with Ben's, with a case; no daemon."""
    with programs(tmp_path, "ana", "ben") as [ana, ben]:
        ana.init()
        pair(ana, ben)
        assert ana.run("case", "new", "Parcel").exit == 0
        yield ana


@pytest.fixture
def prefix(ana: Program) -> tuple[str, ...]:
    """What to put before a command, for which Ana's disk is read-only then."""
    if os.geteuid() != 0:
        pytest.fail("this test mounts a folder read-only and needs root: run it with sudo")
    return "unshare", "--mount", "sh", "-c", READ_ONLY, str(ana.profile.folder)


@pytest.fixture
def read_only(ana: Program, prefix: tuple[str, ...]) -> Program:
    """Commands of her profile there."""
    return Program(ana.profile.folder.parent, "ana", prefix)


def on_disk(one: Program) -> dict[str, tuple[bytes, int]]:
    files = [path for path in one.profile.folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def copies() -> set[Path]:
    return set(SHARED_MEMORY.glob("cellsync-look-*"))


def test_it_can_be_read_and_nothing_else(ana: Program, read_only: Program) -> None:
    before, others = on_disk(ana), copies()
    for command, said in ((("case", "list"), "Parcel"), (("graph", "parcel"), "title=Parcel")):
        ran = read_only.run(*command)
        assert (ran.exit, said in ran.out, ran.err.startswith(LOOK)) == (0, True, True), ran
    ran = read_only.run("status")
    first, me, ben, *_ = ran.out.splitlines()
    assert first.startswith("Mill Street · read-only, as of 2")
    assert "1 CHANGE ON NO OTHER DEVICE" in me
    assert ben.startswith("ben")
    assert "connected" not in ran.out
    assert "next: " not in ran.err  # what is next would write
    assert read_only.json("status")["as_of"] is not None
    refused: tuple[tuple[str, ...], ...] = (
        ("case", "edit", "parcel", "--set", "status=closed"), ("sync",), ("daemon", "run"), ("unlock",),
        ("status", "--seen"),
        ("backup", str(ana.profile.folder.parent / "copy")),
    )  # fmt: skip
    for words in refused:
        ran = read_only.run(*words, passphrase=None)  # nobody is asked for one in vain
        assert (ran.exit, ran.out) == (1, ""), ran
        assert ran.err.startswith(REFUSED + str(ana.profile.folder)), ran
    assert on_disk(ana) == before
    assert copies() <= others
    assert ana.json("status")["as_of"] is None


def test_a_restored_copy_of_it_goes_on(ana: Program, prefix: tuple[str, ...]) -> None:
    copy = Program(ana.profile.folder.parent, "copy", prefix)
    ran = copy.run("restore", str(ana.profile.folder))
    assert ran.exit == 0, ran
    assert [case["title"] for case in copy.json("case", "list")["cases"]] == ["Parcel"]


def test_while_a_program_writes_there_it_is_not_read(ana: Program, read_only: Program) -> None:
    ana.start(unlocked=True)
    shown = read_only.run("case", "list")  # by the daemon, whose socket is there
    assert (shown.exit, shown.err) == (0, "")
    ana.profile.socket.unlink()
    ran = read_only.run("case", "list")
    assert ran.exit == 8, ran
    ana.stop()

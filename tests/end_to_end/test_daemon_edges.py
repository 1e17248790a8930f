"""Edge cases: a daemon that cannot be stopped, usage errors, foreign folders, closed descriptors, a full disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest
import trio

from cellsync import Home, open_cell
from cellsync.cell.lone_error import the_only
from cellsync.core.errors import VaultInUse
from cellsync.node.offline import no_network
from cellsync.store.header import Kdf
from tests.end_to_end.devices import check_vault
from tests.end_to_end.programs import PASSPHRASE, Program, environment, pair, programs
from tests.end_to_end.test_disk_full import Disk, disk
from tests.patience import PATIENCE, wait_until

__all__ = ["disk"]  # a fixture
pytestmark = pytest.mark.e2e


@pytest.mark.slow
def test_a_frozen_daemon_that_is_told_to_stop(tmp_path: Path) -> None:
    """It does not, so that is said; then it can be ended."""
    with programs(tmp_path, "ana") as [ana]:
        ana.init()
        ana.start()
        ana.send(signal.SIGSTOP)
        ran = ana.run("daemon", "stop", "--json")
        assert (ran.exit, ran.json["error"]["code"]) == (8, "daemon_silent")
        assert "cellsync panic" in ran.err
        assert ana.run("panic").exit == 0
        assert ana.ended() == -signal.SIGKILL
        assert check_vault(ana.profile.vault, PASSPHRASE) == 2


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("status", "--nonsense"), ("case",), ("daemon",), ("case", "show"), ("unlock", "--for", "soon")],
    ids=" ".join,
)
def test_what_nobody_has_heard_of(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with programs(tmp_path, "ana") as [ana]:
        ran = ana.run(*arguments, "--json", passphrase=None)
        assert (ran.exit, ran.json["error"]["code"]) == (2, "usage")
        assert ran.json["v"] == 1
        assert "Traceback" not in ran.err


def test_descriptors_and_passphrases_that_are_wrong(tmp_path: Path) -> None:
    with programs(tmp_path, "ana") as [ana]:
        ana.init()
        ran = ana.run("status", "--passphrase-fd", "77", "--json", passphrase=None)
        assert (ran.exit, ran.json["error"]["code"]) == (2, "unreadable_descriptor")
        ran = ana.run("status", "--json", passphrase="another")
        assert (ran.exit, ran.json["error"]["code"]) == (3, "wrong_passphrase")


def test_a_profile_that_cannot_be(tmp_path: Path) -> None:
    """It is said that the folder is wrong, and not that a daemon has ended that never was."""
    (tmp_path / "file").touch()
    with programs(tmp_path / "file", "ana") as [ana]:
        try:
            for arguments in (("status",), ("init", "Mill Street", "--name", "ana")):
                ran = ana.run(*arguments, "--json")
                assert (ran.exit, ran.json["error"]["code"]) == (1, "storage_failed"), ran
        finally:
            (tmp_path / "file").unlink()  # the end of `programs` looks for a holder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_elses_profile(tmp_path: Path) -> None:
    """A command that another user gives for it says so, and starts nothing."""
    for folder in (tmp_path, *tmp_path.parents):
        if len(folder.parts) > 2:
            folder.chmod(0o755)
    with programs(tmp_path, "ana") as [ana]:
        ana.init()
        ana.start()
        stranger = Program(tmp_path, "ana", ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
        for arguments in (("status",), ("daemon", "stop"), ("daemon", "run")):
            ran = stranger.run(*arguments, "--json", passphrase=None)
            assert "Traceback" not in ran.err, ran
            assert ran.exit == 1
            assert ran.json["error"]["code"] in ("storage_failed", "unreadable_settings"), ran
        assert stranger.run("panic", "--json", passphrase=None).exit == 0  # it never fails, and ends nothing here
        assert ana.state == "open"


def test_a_daemon_without_standard_input(tmp_path: Path) -> None:
    """Not even an empty one; also after it was replaced by its successor."""
    with programs(tmp_path, "ana") as [ana]:
        ana.init()
        ana._prefix = ("sh", "-c", 'exec "$@" <&-', "sh")
        ana.start(unlocked=False)
        ana._prefix = ()
        for _ in range(2):
            ana.unlock()
            assert ana.run("lock").exit == 0
            wait_until(lambda: ana.state == "locked", "it starts anew")
        ana.send(signal.SIGTERM)
        assert ana.ended() == 0
        assert "Traceback" not in ana.log.read_text()


def test_the_library_finds_the_vault_in_use(tmp_path: Path) -> None:
    with programs(tmp_path, "ana") as [ana]:
        ana.init()
        ana.start()
        with pytest.raises(VaultInUse):
            trio.run(partial(open_here, ana))
        ana.json("case", "new", "a case")
        assert ana.run("daemon", "stop").exit == 0
        assert ana.ended() == 0
        trio.run(partial(open_here, ana))
        assert check_vault(ana.profile.vault, PASSPHRASE) == 3


async def open_here(one: Program) -> None:
    home = Home(one.profile.vault, no_network, kdf=Kdf.CHEAP)
    try:
        async with open_cell(home, passphrase=PASSPHRASE):
            pass
    except BaseException as error:
        raise the_only(error) from None


def test_joining_on_a_full_disk(disk: Disk, tmp_path: Path) -> None:
    """It fails and says why on both sides; the same person joins as soon as there is space.

    The words have been confirmed by then, so the device that could not keep its welcome remains a member.
    """
    with programs(tmp_path, "ana") as [ana], programs(disk.path, "ben") as [ben]:
        ana.init()
        ana.start()
        ben.start(unlocked=False)
        disk.fill()
        with pytest.raises(AssertionError, match="disk is full"):
            pair(ana, ben)
        assert ben.state == "empty"
        disk.free()
        pair(ana, ben)
        assert ben.state == "open"
        ben.json("case", "new", "a case")
        assert ben.run("sync", "--timeout", "10").exit == 0
        assert ana.json("case", "list")["cases"][0]["title"] == "a case"
        assert ana.call("status")["changes"] == ben.call("status")["changes"]


def test_ctrl_c_takes_an_invitation_back(tmp_path: Path) -> None:
    with programs(tmp_path, "ana") as [ana]:
        ana.init()
        ana.start()
        inviting = subprocess.Popen(
            ana.command("invite", "--json"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=environment(),
        )  # fmt: skip
        try:
            assert inviting.stderr is not None
            while "Code: " not in (line := inviting.stderr.readline()):
                assert line, "it ended"
            inviting.send_signal(signal.SIGINT)
            out, err = inviting.communicate(timeout=PATIENCE)
        finally:
            inviting.kill()
        assert inviting.returncode == 130
        assert json.loads(out)["error"]["code"] == "interrupted"
        assert "Traceback" not in err
        [left] = ana.call("invites")["invites"]
        assert left["state"] == "failed"

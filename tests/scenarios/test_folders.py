"""The profile's folder: files that are not ours are left alone, and a daemon whose folder is gone ends."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from cellsync.core.errors import VaultExists
from cellsync.profile.profile import Profile
from tests.cli.profiles import AS_SAID, HERE, Profiles, answers
from tests.cli.terminals import PASSPHRASE, Person, command, environment, run
from tests.patience import wait_until


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir(mode=0o755)
    (folder / "letter.txt").write_text("Dear Vera")
    return folder


def test_a_folder_with_other_files_is_left_as_it_is(documents: Path) -> None:
    with pytest.raises(VaultExists, match="holds other files"):
        Profile(documents).make_folders()
    assert mode(documents) == 0o755
    assert [path.name for path in documents.iterdir()] == ["letter.txt"]


def test_what_a_link_names_keeps_its_mode(tmp_path: Path) -> None:
    for place in (".", "run", "vault"):
        target, profile = tmp_path / f"target {place}", tmp_path / f"profile {place}"
        target.mkdir(mode=0o755)
        if place == ".":
            profile.symlink_to(target)
        else:
            profile.mkdir()
            (profile / place).symlink_to(target)
        Profile(profile).make_folders()
        assert mode(target) == 0o755


def test_an_own_folder_becomes_private(tmp_path: Path) -> None:
    folder = tmp_path / "cell"
    folder.mkdir(mode=0o755)
    for content in (None, "settings.json", "vault"):  # empty; a daemon that has run; a cell that is there
        if content is not None:
            (folder / content).touch()
        folder.chmod(0o755)
        Profile(folder).make_folders()
        assert mode(folder) == mode(folder / "run") == 0o700
    (folder / "notes.txt").touch()  # beside a vault
    Profile(folder).make_folders()


@pytest.mark.e2e
@pytest.mark.parametrize("arguments", [["init", "Mill Street", "--name", "Ana", *HERE], ["daemon", "run"]])
def test_no_command_moves_into_a_folder_with_other_files(documents: Path, arguments: list[str]) -> None:
    done = run("--profile", str(documents), "--passphrase-fd", "0", *arguments, given=AS_SAID)
    assert (done.exit, done.err.splitlines()[0]) == (2, "error: This folder holds other files; nothing was changed.")
    assert mode(documents) == 0o755


@pytest.mark.e2e
def test_nobody_is_asked_for_a_passphrase_in_vain(documents: Path) -> None:
    with Person("--profile", str(documents), "init", "Mill Street", "--name", "Ana", *HERE) as person:
        assert person.ends() == 2
        assert "Passphrase" not in person.all
        assert PASSPHRASE not in person.all


@pytest.mark.e2e
def test_a_daemon_ends_when_its_folder_has_gone(profiles: Profiles) -> None:
    ana, moved = Path(profiles.cell()), profiles.folder / "moved"
    process = subprocess.Popen(
        command("--profile", str(ana), "daemon", "run", *HERE), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, env=environment(),
    )  # fmt: skip
    try:
        wait_until(lambda: answers(ana), "the daemon answers")
        assert run("--profile", str(ana), "unlock", "--passphrase-fd", "0", given=AS_SAID).exit == 0
        ana.rename(moved)
        _, log = process.communicate(timeout=120)
        assert process.returncode == 0
        assert "the profile's folder was moved or deleted" in log
    finally:
        process.kill()
    assert run("--profile", str(ana), "status").exit == 4
    done = run("--profile", str(moved), "status", "--passphrase-fd", "0", given=AS_SAID)
    assert (done.exit, done.out.split(" · ")[0]) == (0, "Mill Street")

"""A profile on the disk: what is kept, and who can reach it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.errors import InvalidValue, StorageFailed
from cellsync.profile import door
from cellsync.profile.door import NoDoor
from cellsync.profile.profile import VARIABLE, LanMode, Profile, Settings, UnreadableSettings, checked, chosen

SETTINGS = st.builds(
    Settings,
    lan=st.sampled_from(LanMode.__args__),  # type: ignore[attr-defined]
    interfaces=st.just("all") | st.lists(st.text(max_size=20), min_size=1, max_size=3).map(tuple),
    port=st.integers(0, 65_535),
    service_type=st.text(max_size=20),
)


def modes(profile: Profile) -> set[tuple[str, str]]:
    return {
        (path.relative_to(profile.folder.parent).as_posix(), oct(stat.S_IMODE(path.lstat().st_mode)))
        for path in (profile.folder, *profile.folder.rglob("*"))
    }


@given(settings=SETTINGS)
def test_settings_are_kept(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> None:
    profile = Profile(tmp_path_factory.mktemp("profile"))
    profile.save(settings)
    assert profile.settings() == settings


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", '"x"', '{"lan": []}', '{"port": true}', "\xff", "[" * 9999]
)
def test_settings_that_cannot_be_read_say_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UnreadableSettings, match="cannot be read") as raised:
        Profile(tmp_path).settings()
    assert "delete it" in raised.value.hint


@pytest.mark.parametrize(
    "wrong",
    [
        Settings(lan="loud"),  # type: ignore[arg-type]
        Settings(interfaces=()),
        Settings(interfaces="some"),  # type: ignore[arg-type]
        Settings(port=-1), Settings(port=65_536), Settings(port=True), Settings(port=1.0),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_settings_are_checked(wrong: Settings) -> None:
    with pytest.raises(InvalidValue):
        checked(wrong)


def test_everything_is_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        profile = Profile(tmp_path / "profile")
        profile.save(Settings(port=4000))
        with door.listen(profile):
            found = modes(profile)
    finally:
        os.umask(before)
    assert found == {
        ("profile", "0o700"), ("profile/run", "0o700"), ("profile/run/api.sock", "0o600"),
        ("profile/settings.json", "0o600"),
    }  # fmt: skip


def test_folders_that_were_open_are_closed(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    (profile.folder / "run").mkdir(parents=True)
    for folder in (profile.folder, profile.folder / "run"):
        folder.chmod(0o777)
    profile.make_folders()
    assert modes(profile) == {("profile", "0o700"), ("profile/run", "0o700")}


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o720, 0o770, 0o777])
def test_a_folder_that_others_can_enter_gets_no_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    profile = Profile(tmp_path / "profile")
    profile.make_folders()
    monkeypatch.setattr(Profile, "make_folders", lambda _: None)  # a file system that takes no modes
    profile.socket.parent.chmod(mode)
    with pytest.raises(NoDoor):
        door.listen(profile)
    assert not profile.socket.exists()


def test_a_folder_of_somebody_else_gets_no_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile(tmp_path / "profile")
    profile.make_folders()
    monkeypatch.setattr(os, "geteuid", lambda: profile.folder.stat().st_uid + 1)
    with pytest.raises(NoDoor):
        door.listen(profile)


def test_whoever_knocks_is_heard(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    with door.listen(profile) as listening, door.connect(profile, 5) as line:
        line.sendall(b"knock")
        listening.setblocking(True)
        with listening.accept()[0] as inside:
            assert inside.recv(5) == b"knock"


def test_a_door_that_was_left_is_replaced(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    door.listen(profile).close()
    with pytest.raises(ConnectionRefusedError):
        door.connect(profile, 5)
    with door.listen(profile), door.connect(profile, 5):
        pass


def test_a_door_blocked_by_something_else(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    profile.socket.mkdir(parents=True)
    with pytest.raises(StorageFailed):
        door.listen(profile)


def test_which_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "of the environment"))
    assert chosen(None).folder == tmp_path / "of the environment"
    assert chosen(str(tmp_path / "named")).folder == tmp_path / "named"
    monkeypatch.chdir(tmp_path)
    assert chosen("here").folder == tmp_path / "here"
    monkeypatch.delenv(VARIABLE)
    assert chosen(None).folder.name == "cellsync"

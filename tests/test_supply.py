"""What reaches a machine is what was reviewed: dependencies by their hashes, one wheel of one tree, and no network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# One requirement: its name, its version, and the lines that go on with it.
PINNED: Final = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)((?:.*\\\n)*.*)$", re.MULTILINE)
LOCK: Final = (ROOT / "requirements.lock").read_text()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_locked_by_the_hashes_of_its_files() -> None:
    locked = {normal(name): hashes for name, _, hashes in PINNED.findall(LOCK)}
    assert len(locked) > 60
    assert [name for name, rest in locked.items() if not re.search(r"--hash=sha256:[0-9a-f]{64}", rest)] == []
    assert len(locked) == sum(not line.startswith((" ", "#")) for line in LOCK.splitlines() if line), "a line by itself"
    assert "://" not in LOCK
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    names = {normal(found[0]) for each in wanted if (found := re.match(r"[\w.-]+", each))}
    assert len(names) == len(wanted)
    assert names <= set(locked)
    assert "pip --require-hashes -r requirements.lock" in (ROOT / ".ci" / "venv").read_text()


@pytest.mark.parametrize(
    ("name", "least", "why"),
    [
        ("msgpack", (1, 2, 4), "a decoder that failed was used again"),
        ("pynacl", (1, 6, 2), "points that are on no curve were taken"),
        ("zeroconf", (0, 149, 16), "what a network says took memory without end"),
    ],
)
def test_versions_in_which_others_had_holes_are_not_accepted(name: str, least: tuple[int, ...], why: str) -> None:
    [asked] = [one for one in PROJECT["dependencies"] if normal(one).startswith(f"{name}>")]
    [floor] = re.findall(r">=([\d.]+)", asked)
    [locked] = [version for other, version, _ in PINNED.findall(LOCK) if normal(other) == name]
    for version in (floor, locked):
        parts = tuple(map(int, version.split(".")))
        assert parts + (0,) * (len(least) - len(parts)) >= least, why


def test_one_tree_gives_one_wheel(tmp_path: Path) -> None:
    """Anybody can build what we published and compare: neither folder, nor times, nor modes of files change it."""
    wheels = []
    for number in range(2):
        copy = tmp_path / f"place {number}"
        for part in ("cellsync", "docs/man"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy / name)
        for file in copy.rglob("*"):
            os.utime(file, (1_000_000_000 + 86_400 * number, 1_600_000_000 + 86_400 * number))
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "built"],
            cwd=copy, check=True, capture_output=True, env=os.environ | {"TZ": f"UTC+{number}"},
        )  # fmt: skip
        [wheel] = (copy / "built").iterdir()
        wheels.append((wheel.name, sha256(wheel.read_bytes()).hexdigest()))
    assert wheels[0] == wheels[1]


WATCHED: Final = """
import importlib, pkgutil, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.bind") and isinstance(arguments[1], str):
        return  # a path: another process of this machine
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "socket.getaddrinfo",
                 "socket.gethostbyname", "socket.gethostbyaddr", "urllib.Request"):
        sys.stderr.write(f"{event} {arguments}")
        sys.stderr.flush()
        import os
        os._exit(9)

sys.addaudithook(watch)
"""
IMPORTS: Final = """
import cellsync
names = [one.name for one in pkgutil.walk_packages(cellsync.__path__, "cellsync.") if not one.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
STARTS: Final = """
from cellsync.cli.main import main
sys.argv = ["cellsync", *sys.argv[1:]]
sys.exit(main())
"""


def watched(program: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WATCHED + program, *arguments],
        capture_output=True, text=True, check=False, env=os.environ | {"CELLSYNC_PROFILE": str(folder / "profile")},
    )  # fmt: skip


def test_importing_all_of_it_asks_no_network(tmp_path: Path) -> None:
    done = watched(IMPORTS, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 250


@pytest.mark.parametrize(("command", "exits"), [("--version", {0}), ("--help", {0}), ("status", {4})])
def test_a_start_asks_no_network(command: str, exits: set[int], tmp_path: Path) -> None:
    done = watched(STARTS, command, folder=tmp_path)
    assert done.returncode in exits, done


def test_who_asked_the_network_would_be_seen(tmp_path: Path) -> None:
    asks = "import socket; socket.getaddrinfo('localhost', 80)"
    assert watched(asks, folder=tmp_path).returncode == 9

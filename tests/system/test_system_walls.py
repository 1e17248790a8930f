"""No code outside `cellsync/system/posix` uses features that only some systems have, or asks which system this is.

The features that Windows lacks are read from the standard library's stubs that come with mypy, which say under which
`sys.platform` each name exists. Those that it has with another meaning are in a table here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import mypy
import pytest

import cellsync

ROOT: Final = Path(cellsync.__file__).parent
STUBS: Final = Path(mypy.__file__).parent / "typeshed" / "stdlib"
POSIX: Final = ROOT / "system" / "posix"
SYSTEMS: Final = ("linux", "darwin")
OTHERWISE: Final = {  # where it may be used, if anywhere
    ("sys", "platform"): {"system/__init__.py"},
    ("os", "name"): {"system/__init__.py"},
    ("platform", "system"): set(),
    ("ctypes", "CDLL"): set(),
    ("os", "kill"): set(),  # there it ends the process at once, whatever the signal
    ("os", "execv"): set(),  # there the new program has another process id
    ("os", "umask"): set(),  # there it does next to nothing
    ("os", "chmod"): set(),
    ("signal", "SIGTERM"): set(),  # there nobody gets it
    ("trio.lowlevel", "FdStream"): set(),  # there trio has none
}


@cache
def names(module: str, platform: str) -> frozenset[str]:
    """What a module of the standard library offers on a system; nothing if it is none of the standard library."""
    place = STUBS / Path(*module.removeprefix("trio.").split("."))  # trio.socket has what socket has
    stub = next((one for one in (place.with_suffix(".pyi"), place / "__init__.pyi") if one.exists()), None)
    return frozenset() if stub is None else frozenset(_defined(ast.parse(stub.read_text("utf-8")).body, platform))


def _defined(body: Sequence[ast.stmt], platform: str) -> Iterator[str]:
    for node in body:
        match node:
            case ast.If():
                yield from _defined(node.body if _holds(node.test, platform) else node.orelse, platform)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.AnnAssign(target=ast.Name(name)):
                yield name
            case ast.Assign():
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
            case ast.ImportFrom(module=str(module)) if node.names[0].name == "*":
                yield from names(module, platform)
            case ast.Import() | ast.ImportFrom():
                yield from (one.asname or one.name for one in node.names)
            case _:
                pass


def _holds(test: ast.expr, platform: str) -> bool:
    """A condition of a stub. Versions of Python: whatever any of them has."""
    match test:
        case ast.BoolOp(op=ast.And()):
            return all(_holds(one, platform) for one in test.values)
        case ast.BoolOp():
            return any(_holds(one, platform) for one in test.values)
        case ast.Compare(left=ast.Attribute(attr="platform"), ops=[how], comparators=[ast.Constant(str(name))]):
            return (platform == name) is isinstance(how, ast.Eq)
        case _:
            return True


@cache
def is_missing(module: str, name: str) -> bool:
    """Whether some systems have it, and Windows does not."""
    there = any(name in names(module, system) for system in SYSTEMS)
    return there and name not in names(module, "win32")


def used(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    """What a module takes from others: the other's name, what of it, and in which line."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for one in node.names:
                    known[one.asname or one.name.partition(".")[0]] = one.name if one.asname else one.name.split(".")[0]
            case ast.ImportFrom(module=str(module), level=0):
                yield from ((module, one.name, node.lineno) for one in node.names)
            case _:
                pass
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(name)) if name in known:
                yield known[name], node.attr, node.lineno
            case ast.Attribute(value=ast.Attribute(value=ast.Name(name), attr=part)) if name in known:
                yield f"{known[name]}.{part}", node.attr, node.lineno
            case _:
                pass


def of_some_systems(tree: ast.AST, path: str) -> Iterator[str]:
    for module, name, line in used(tree):
        if is_missing(module, name) or path not in OTHERWISE.get((module, name), {path}):
            yield f"{path}:{line}: {module}.{name}"


def test_what_only_some_systems_have_is_behind_the_port() -> None:
    found: list[str] = []
    for path in sorted(ROOT.rglob("*.py")):
        if POSIX not in path.parents:
            tree = ast.parse(path.read_text("utf-8"))
            found += of_some_systems(tree, path.relative_to(ROOT).as_posix())
    assert found == [], "ask `cellsync.system` for it (docs/architecture.md, Another system)"


@pytest.mark.parametrize(
    "line",
    [
        "import fcntl; fcntl.flock", "from fcntl import flock", "import os; os.geteuid()", "import os as o; o.fork()",
        "import socket; socket.AF_UNIX", "import socket; socket.SO_BINDTODEVICE", "from signal import SIGHUP",
        "import signal; signal.pthread_kill", "import termios; termios.ECHO", "import resource; resource.getrlimit",
        "import pwd; pwd.getpwuid", "import grp; grp.getgrgid", "import time; time.CLOCK_BOOTTIME",
        "import sys; sys.platform", "from os import kill", "import ctypes; ctypes.CDLL", "import os; os.O_DIRECTORY",
        "import trio; trio.lowlevel.FdStream(0)", "import trio; trio.socket.AF_UNIX",
    ],
)  # fmt: skip
def test_each_way_around_is_seen(line: str) -> None:
    assert len(list(of_some_systems(ast.parse(line), "node/tcp.py"))) == 1


@pytest.mark.parametrize(
    "line", ["import os; os.open; os.O_CREAT; os.fsync", "import socket; socket.AF_INET6; socket.SO_REUSEADDR",
             "import signal; signal.SIGINT; signal.getsignal", "import sys; sys.argv", "from cellsync import system"],
)  # fmt: skip
def test_what_every_system_has_may_be_used(line: str) -> None:
    assert list(of_some_systems(ast.parse(line), "node/tcp.py")) == []


def test_what_posix_does_is_seen_to_be_of_some_systems_only() -> None:
    """Were everything there written to another place, the search would find it."""
    seen = {
        path.stem for path in POSIX.glob("*.py")
        if list(of_some_systems(ast.parse(path.read_text("utf-8")), path.name))
    }  # fmt: skip
    assert seen == {path.stem for path in POSIX.glob("*.py")} - {"__init__"}

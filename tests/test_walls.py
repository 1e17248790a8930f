"""What some of our code must not have within reach. The floors are in pyproject.toml; here is what comes of them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import cellsync

MODULES: Final = Path(cellsync.__file__).parent
COMPRESSING: Final = {"zlib", "gzip", "bz2", "lzma", "zipfile", "brotli", "zstandard", "lz4", "snappy", "compression"}
LOADS: Final = """
import importlib, pkgutil, sys
import cellsync.{room} as room
for one in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    importlib.import_module(one.name)
print("\\n".join(name for name in sys.modules if name.startswith("cellsync.")))
"""


def loaded_by(room: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", LOADS.format(room=room)], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_what_sends_bytes_is_without_what_reads_cases() -> None:
    """A bug in a path to the network cannot hand out a decrypted case where there is no code that makes one."""
    loaded = loaded_by("node")
    assert {"cellsync.node.link", "cellsync.node.tcp"} <= loaded
    plain = ("cellsync.core.case", "cellsync.core.crdt", "cellsync.core.schema", "cellsync.core.replica")
    assert {name for name in loaded if name.startswith(plain)} == set()
    assert "cellsync.core.case" in loaded_by("ledger"), "it would be seen"


def importing(wanted: set[str]) -> dict[str, set[str]]:
    """Which modules of ours import some of these."""
    found = {}
    for file in MODULES.rglob("*.py"):
        text, imported = file.read_text(), set()
        for node in ast.walk(ast.parse(text)) if any(name in text for name in wanted) else ():
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
        if imported & wanted:
            found[str(file.relative_to(MODULES))] = imported & wanted
    return found


def test_nothing_is_compressed_where_secrets_and_what_others_wrote_meet() -> None:
    """A compressed length tells of the content, encrypted or not; and what is small may be large inside."""
    # Rows of a table that wait in memory, and go nowhere.
    assert importing(COMPRESSING) == {"casework/importing/waiting.py": {"zlib"}}


def test_libraries_that_see_keys_are_touched_in_three_places() -> None:
    assert importing({"nacl", "cryptography", "spake2"}) == {
        "core/crypto/pake.py": {"spake2"},
        "core/crypto/primitives.py": {"nacl", "cryptography"},
        "store/seals.py": {"nacl"},
    }


# Whose words these are: the type of an error, names of our own operations and states, and of a rule that was broken.
OURS: Final = re.compile(r"type\(.+\)\.__name__|operation\.name|service\.state|link\.outcome\.rule\.(says|label)")


def spoken(call: ast.Call) -> list[str]:
    """What a call to a log says that is neither a constant nor ours."""
    return [
        text
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]
        if not isinstance(argument, ast.Constant)
        if not OURS.fullmatch(text := ast.unparse(argument))
    ]


def logging_calls(source: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("debug", "info", "warning", "error", "exception", "critical", "log")
        and ast.unparse(node.func.value) in ("log", "logging", "logger", "_log", "LOG")
    ]


def test_logs_say_nothing_that_anybody_sent_or_wrote() -> None:
    """They end up in bug reports. What libraries log is left out by the daemon (tests/daemon/test_logs.py)."""
    calls = [
        (file, call)
        for file in MODULES.rglob("*.py")
        if "log." in (text := file.read_text())
        for call in logging_calls(text)
    ]
    assert len(calls) > 8
    assert {str(file.relative_to(MODULES)): spoken(call) for file, call in calls if spoken(call)} == {}
    [leak] = logging_calls("log.info('from %s', peer.name)")
    assert spoken(leak) == ["peer.name"]

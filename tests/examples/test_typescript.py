"""The client in TypeScript, made from the OpenAPI document: it compiles and works.

`make typescript` installs its build tools, and builds it; `make test` does that first if npm is there.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellsync.api.client import SocketClient
from tests.api.services import PASSPHRASE
from tests.api.test_web import cheap_defaults
from tests.api.test_web_http import BehindTheDoor
from tests.patience import PATIENCE

EXAMPLE = Path(__file__).parents[2] / "examples" / "typescript"
PROGRAM = EXAMPLE / "build" / "closing.js"

DOCUMENT = EXAMPLE.parents[1] / "docs" / "reference" / "openapi.json"


def is_built() -> bool:
    """Of the sources and the document that are there now."""
    if not PROGRAM.exists() or (PROGRAM.parent / "openapi.json").read_bytes() != DOCUMENT.read_bytes():
        return False
    return all(path.stat().st_mtime <= PROGRAM.stat().st_mtime for path in EXAMPLE.glob("*.ts"))


pytestmark = pytest.mark.skipif(shutil.which("node") is None or not is_built(), reason="make typescript builds it")


@pytest.fixture
def open_cell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SocketClient]:
    monkeypatch.setattr("cellsync.cell.home.Home.__init__.__defaults__", cheap_defaults())
    made = BehindTheDoor(tmp_path / "profile")
    client = SocketClient(made.profile)
    client.call("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
    yield client
    made.close()


def begin(client: SocketClient, *arguments: str) -> subprocess.Popen[str]:
    command = ["node", str(PROGRAM), str(client._profile.socket), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_case_is_closed_and_told_of(open_cell: SocketClient) -> None:
    made = open_cell.call("case.new", set={"title": "Parcel for Anton"})
    out, err = begin(open_cell, "Parcel for Anton", "She has it.").communicate(timeout=PATIENCE)
    assert (out, err) == ("Parcel for Anton: closed\nand everybody who follows was told\n", "")
    read = open_cell.call("case.show", case=made["id"])
    fields = {field["name"]: field for field in read["fields"]}
    assert fields["status"]["values"][0]["text"] == "closed"
    [item] = fields["timeline"]["items"]
    assert item["values"][0]["text"] == "note: She has it."
    assert len(open_cell.call("case.graph", case=made["id"])["rows"]) == 2


def test_it_waits_for_the_cell_to_be_opened(open_cell: SocketClient) -> None:
    open_cell.call("case.new", set={"title": "Parcel for Anton"})
    open_cell.call("lock")
    program = begin(open_cell, "anton", "She has it.")
    assert program.stdout is not None
    assert program.stdout.readline() == "the cell is locked: cellsync unlock\n"
    open_cell.call("unlock", passphrase=PASSPHRASE)
    out, err = program.communicate(timeout=PATIENCE)
    assert (out, err) == ("Parcel for Anton: closed\nand everybody who follows was told\n", "")


def test_what_is_refused_is_said(open_cell: SocketClient) -> None:
    program = begin(open_cell, "nothing", "She has it.")
    out, err = program.communicate(timeout=PATIENCE)
    assert (program.returncode, out) == (1, "")
    assert err == "There is no such case here. cellsync case list, or cellsync sync if it is new.\n"


def test_it_does_not_write_over_what_somebody_has_just_written(open_cell: SocketClient) -> None:
    """Others write as quickly as they can: every line is kept, and the case is closed once."""
    made = open_cell.call("case.new", set={"title": "Parcel for Anton"})
    over = threading.Event()

    def write() -> None:
        for number in range(200):
            open_cell.call("case.edit", case=made["id"], append={"timeline": [f"line {number}"]})
            if over.is_set() and number > 20:
                return

    writing = threading.Thread(target=write)
    writing.start()
    out, err = begin(open_cell, made["id"], "She has it.").communicate(timeout=PATIENCE)
    over.set()
    writing.join()
    assert (out, err) == ("Parcel for Anton: closed\nand everybody who follows was told\n", "")
    lines = open_cell.call("case.log", case=made["id"])["lines"]
    said = [line["item"]["values"][0]["text"] for line in lines]
    assert said.count("note: She has it.") == 1
    assert len(set(said)) == len(said) > 20

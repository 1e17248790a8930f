"""The reader in TypeScript, made from protocol/ alone: it passes the vectors, agrees with our program about questions
that were changed at random, and reads an exported vault.

`make reader` installs what it is built with, and builds it; `make test` does that first if npm is there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from trio.testing import MockClock

from cellsync import Cell, Counter, Log, Map, Register, Schema, Set, empty
from cellsync.testing import MemoryNetwork, harness, level, simulate
from cellsync.testing.compare import AGREE, compared
from cellsync.testing.device import PASSPHRASE, SimulatedDevice
from cellsync.testing.vectors.drive import driven
from tests.examples.histories import question

ROOT = Path(__file__).parents[2]
READER = ROOT / "examples" / "reader"
HARNESS = READER / "build" / "harness.js"
OWN = "another circle's own words"


def is_built() -> bool:
    """Of the sources that are there now."""
    sources = [*READER.glob("*.ts"), *READER.glob("answers/*.ts")]
    return HARNESS.exists() and all(path.stat().st_mtime <= HARNESS.stat().st_mtime for path in sources)


pytestmark = pytest.mark.skipif(shutil.which("node") is None or not is_built(), reason="make reader builds it")


def run(module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", f"cellsync.testing.{module}", "--drive", f"node {HARNESS}", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


VECTORS = ROOT / "protocol" / "vectors"
SENDERS = {"serving", "allowance"}  # what somebody sends, and whom they hear: a reader does neither
WITH_ANSWERS = {path.parent.name for path in VECTORS.glob("*/*.json") if "expect" in json.loads(path.read_bytes())}
PARTS = sorted(WITH_ANSWERS - SENDERS)


def test_it_passes_the_vectors() -> None:
    lines = run("vectors", *(str(VECTORS / part) for part in PARTS)).splitlines()
    counts = dict(line.split(": ") for line in lines)
    assert sorted(counts) == PARTS
    for part, count in counts.items():
        assert count.endswith("failed 0, unsupported 0"), part


def test_a_line_that_is_no_question_is_told_and_ends_nothing() -> None:
    """Parts have names that an object of JavaScript answers to as well."""
    lines = ["[]", "{}", "5", '{"id": 1}', '{"id": 2, "part": "codec"}', '{"id": 3, "part": "toString", "given": {}}']
    ran = subprocess.run(["node", str(HARNESS)], input="\n".join(lines), capture_output=True, text=True, check=True)
    said = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [one["id"] for one in said] == [None, None, None, 1, 2, 3]
    assert [one.get("expect", "error") for one in said] == [*["error"] * 5, "unsupported"]


def test_it_agrees_about_changed_questions() -> None:
    """`.ci/run` asks a thousand about batches."""
    lines = run("compare", "--count", "40", "--seed", "2").splitlines()
    compared = {line.split(": ")[0] for line in lines}
    assert (
        {"batch", "codec", "entry", "fold", "message", "opening", "pairing", "proof", "vault"} <= compared <= set(PARTS)
    )
    for line in lines:
        assert line.endswith(" 0 differ, 0 unsupported")


def test_it_agrees_about_histories_at_random() -> None:
    made = [("batch", question(Random(f"history {number}"))) for number in range(60)]
    with driven(f"node {HARNESS}") as reader:
        replies = list(zip(harness.ask(made), reader.ask(made), strict=True))
    for number, (ours, theirs) in enumerate(replies):
        assert compared(ours, theirs) == AGREE, number
    assert {str(ours["expect"]).split(":")[0] for ours, _ in replies} == {"ok", "void", "refused"}
    assert sum(len(ours["result"]["equivocators"]) > 0 for ours, _ in replies) >= 5


# --- an exported vault ------------------------------------------------------------------------------------------------


class Visit(Schema, kind="org.example.visit", version=1):
    title: Register[str]
    tags: Set[str] = empty()
    phones: Map[str, str] = empty()
    parcels: Counter = empty()
    notes: Log[str] = empty()


def read(folder: Path, passphrase: str) -> subprocess.CompletedProcess[str]:
    command = ["node", str(HARNESS.parent / "read.js"), str(folder), "--cheap"]
    return subprocess.run(command, input=passphrase + "\n", capture_output=True, text=True, check=False)


async def write(cell: Cell, ben: SimulatedDevice, folder: Path) -> None:
    """Each type of field, a conflict, and a fork in Ben's chain."""
    visit = await cell.create(Visit, title="Harbour Road")
    async with visit.edit() as draft:
        draft.tags.add("urgent")
        draft.tags.add("letter")
        draft.phones["lawyer"] = "+1 555 0100"
        draft.parcels.increment(3)
        draft.notes.append("The parcel was taken.")
        draft.notes.append("Nobody was let in.")
    async with ben.opened() as other:
        await level([cell, other])
    copy = ben.copy_to(folder / "ben")
    for title in ("Brick Lane", "Brick Alley"):  # the second in the place of the first
        ben.put_back(copy)
        async with ben.opened() as other:
            there = await other.get(Visit, visit.id)
            async with there.edit() as draft:
                draft.title = title
                draft.tags.discard("letter")
            await level([cell, other])


async def test_it_reads_a_backup(memory_network: MemoryNetwork, tmp_path: Path, autojump_clock: MockClock) -> None:
    ana = await memory_network.device("ana").found()
    async with ana.opened() as cell:
        await write(cell, await memory_network.device("ben").join(cell), tmp_path)
        await cell.backup(tmp_path / "backup")
        digest, state, entries = cell.first.circle.digest().hex(), (await cell.state_digest()).hex(), cell.entries()
        assert len(await cell.forks()) == 1
    shown = json.loads(read(tmp_path / "backup", PASSPHRASE).stdout)
    [circle] = shown["circles"]
    assert (shown["name"], circle["name"]) == ("ana", "Mill Street")
    assert (circle["digest"], circle["state"], circle["entries"]) == (digest, state, entries)
    assert [(one["name"], one["role"]) for one in circle["devices"]] == [("ana", "coordinator"), ("ben", "writer")]
    [case] = circle["cases"]
    fields = {field["name"]: field for field in case["fields"]}
    assert sorted(fields["title"]["values"]) == ["Brick Alley", "Brick Lane"]
    assert fields["tags"]["elements"] == ["urgent"]
    assert fields["phones"]["keys"] == [["lawyer", ["+1 555 0100"]]]
    assert fields["parcels"]["sum"] == "3"
    assert [item["values"] for item in fields["notes"]["items"]] == [["The parcel was taken."], ["Nobody was let in."]]


async def test_it_reads_a_backup_with_a_locked_circle(
    memory_network: MemoryNetwork, tmp_path: Path, autojump_clock: MockClock
) -> None:
    ana = await memory_network.device("ana").found()
    async with ana.opened() as cell:
        lawyers, _ = await cell.create_circle("Lawyers")
        await lawyers.create(Visit, title="Harbour Road")
        await cell.change_circle_passphrase("Lawyers", old=PASSPHRASE, new=OWN)
    async with ana.opened() as cell:
        await cell.backup(tmp_path / "backup")
    [first, second] = json.loads(read(tmp_path / "backup", PASSPHRASE).stdout)["circles"]
    assert (first["name"], second) == ("Mill Street", {"circle": lawyers.id.hex(), "locked": True})
    [same, unlocked] = json.loads(read(tmp_path / "backup", f"{PASSPHRASE}\n{OWN.upper()}").stdout)["circles"]
    assert (same, unlocked["circle"], unlocked["name"]) == (first, lawyers.id.hex(), "Lawyers")
    assert unlocked["cases"][0]["fields"][0]["values"] == ["Harbour Road"]
    for passphrases in (f"{PASSPHRASE}\n{OWN}s", f"{PASSPHRASE}\n{OWN}\n{PASSPHRASE}", OWN):
        ran = read(tmp_path / "backup", passphrases)
        assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", "wrong_passphrase\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    async def scenario() -> Path:
        folder = tmp_path_factory.mktemp("vaults") / "backup"
        ana = await MemoryNetwork(1).device("ana").found()
        async with ana.opened() as cell:
            await cell.backup(folder)
        return folder

    return simulate(scenario, 1)


@pytest.fixture
def backup(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "backup"))


def test_it_takes_the_typing_form_of_a_passphrase(backup: Path) -> None:
    assert read(backup, PASSPHRASE.upper().replace(" ", " - ")).returncode == 0


def test_a_wrong_passphrase(backup: Path) -> None:
    ran = read(backup, PASSPHRASE + "s")
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", "wrong_passphrase\n")


@pytest.mark.parametrize("place", [0, 30, 8_192 + 4_000, -1, -20], ids=["salt", "header", "page", "tag", "nonce"])
def test_a_bit_that_flipped_in_a_database(backup: Path, place: int) -> None:
    [database] = [path for path in backup.iterdir() if path.name != "vault"]
    changed = bytearray(database.read_bytes())
    changed[place] ^= 1
    database.write_bytes(changed)
    ran = read(backup, PASSPHRASE)
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", "a page is not what was written\n")

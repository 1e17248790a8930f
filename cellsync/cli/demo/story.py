"""The demo's script, step by step. Three processes do the work; this one sends them requests, and narrates.

Every step has a deadline, so nothing can hang.
"""

from __future__ import annotations

import csv
import secrets
from pathlib import Path
from typing import Final, NamedTuple

import trio

from cellsync import casework
from cellsync.cli.demo import seizure
from cellsync.cli.demo.child import PATIENCE, Answer, Child, DemoFailed
from cellsync.cli.demo.company import Trio, agree, ask_all, company, hold
from cellsync.cli.demo.leaks import Needles
from cellsync.cli.demo.narration import Narrator
from cellsync.cli.demo.outcome import AuthoredValue, CaseReading, DeviceState, Outcome, same

EXAMPLE: Final = Path(casework.__path__[0]) / "data" / "cases.csv"
CASE: Final = "VR-0001"
FIELD: Final = "summary"

SUMMARY_BY_ANA: Final = "He was moved to the prison hospital."
SUMMARY_BY_VERA: Final = "He is still in the colony; the hospital refused him."
NOTE_BY_ANA: Final = "The lawyer has an appointment on Tuesday."
NOTE_BY_BEN: Final = "His sister can take the next parcel."
NOTE_BY_VERA: Final = "Two letters came back unopened."


async def play(teller: Narrator, folder: Path) -> Outcome:
    """The whole demo, with vaults in `folder`. Raises DemoFailed."""
    began = trio.current_time()
    vaults = folder / "vaults"
    vaults.mkdir()
    _introduce(teller)
    async with company(vaults) as cell:
        await _found(teller, cell)
        await _join(teller, cell.ana, cell.ben, with_qr=True)
        await _join(teller, cell.ana, cell.vera, with_qr=False)
        rate = await _import(teller, cell)
        await _cut(teller, cell)
        case = await _edit(teller, cell)
        digests = await _heal(teller, cell)
        readings = [_reading(answer) for answer in await ask_all(cell, "read", case=case)]
        counts = await ask_all(cell, "count")
        states = [
            DeviceState(child.name, count["cases"], shown["entries"], shown["digest"])
            for child, count, shown in zip(cell, counts, digests, strict=True)
        ]
        _compare(teller, states, readings[0])
        seized = await seizure.play(teller, cell, case)
        counts = await ask_all(cell, "count")
        await ask_all(cell, "close")
    hits = _search(folder)
    outcome = Outcome(
        states,
        CASE,
        FIELD,
        readings,
        [AuthoredValue(SUMMARY_BY_ANA, "Ana"), AuthoredValue(SUMMARY_BY_VERA, "Vera")],
        [AuthoredValue(NOTE_BY_ANA, "Ana"), AuthoredValue(NOTE_BY_BEN, "Ben"), AuthoredValue(NOTE_BY_VERA, "Vera")],
        seized,
        hits.found,
        sum(count["sent"] for count in counts),
        rate,
        trio.current_time() - began,
    )
    _sum_up(teller, outcome, hits)
    return outcome


def _introduce(teller: Narrator) -> None:
    teller.gap()
    teller.say(
        "Ana, Ben and Vera help political prisoners. Each keeps the same notes on a device of their own, encrypted. "
        "There is no server that could be seized. Here the devices are three processes on this machine, which talk "
        "over 127.0.0.1 only. All people and cases are invented."
    )


# --- 1 and 2: a cell ----------------------------------------------------------------------------------------


async def _found(teller: Narrator, cell: Trio) -> None:
    teller.chapter(1, "Ana founds a cell")
    await cell.ana.ask("found", circle="Mill Street", passphrase=secrets.token_urlsafe())
    teller.say("Her device has made its keys and an encrypted folder: the vault. Her passphrase opens it.")
    teller.chapter(2, "Ben and Vera join")


async def _join(teller: Narrator, ana: Child, guest: Child, *, with_qr: bool) -> None:
    invite = await ana.ask("invite", role="writer")
    if with_qr:
        teller.say(f"{ana.name}'s screen shows a code, good for one device and ten minutes:")
        teller.gap()
        teller.verbatim(invite["qr"])
        teller.say(invite["code"], "bold")
        teller.gap()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_enter, guest, invite["code"])
        asked = await ana.hear("words", 30)
        at_ana = " ".join(asked["words"])
        at_guest = " ".join((await guest.hear("words", 30))["words"])
        for child in (ana, guest):
            await child.ask("answer", yes=at_ana == at_guest and asked["name"] == guest.name)
        if at_ana != at_guest:
            raise DemoFailed("the words on the two devices differ: somebody is in between")
        member = await ana.ask("joined")
    if with_qr:
        teller.say(
            f"{guest.name} scans it or types it. The devices find each other on the local network, and both show four "
            f"words. {ana.name} and {guest.name} read them aloud; had somebody got in between, they would differ:"
        )
    else:
        teller.gap()
        teller.say(f"{guest.name} joins in the same way, with a code of her own:")
    teller.quote(ana.name, at_ana, "green")
    teller.quote(guest.name, at_guest, "green")
    teller.say(f"{ana.name} is asked whether to let {asked['name']} in, and says yes: one more {member['role']}.")


async def _enter(guest: Child, code: str) -> None:
    await guest.ask("join", 2 * PATIENCE, code=code, passphrase=secrets.token_urlsafe())


# --- 3: the import --------------------------------------------------------------------------------------------


async def _import(teller: Narrator, cell: Trio) -> float:
    """Import on one device, and wait until all hold it. Returns how many entries per second reached the others."""
    externals = [row[0] for row in _rows()]
    await ask_all(cell, "meet", others=2)
    await ask_all(cell, "expect", externals=externals)
    await agree(cell)
    teller.chapter(3, f"Ana imports {len(externals)} cases from a spreadsheet")
    teller.say(
        "A case becomes a few entries: each is signed, stored encrypted, and sent to the others, who check and store "
        "it, too. Cases that each device holds:"
    )
    before, began = cell.ana.entries, trio.current_time()
    with teller.bars(cell, len(externals)):
        report = await cell.ana.ask("import_file", 2 * PATIENCE, file=str(EXAMPLE))
        if report["errors"] or report["created"] != len(externals):
            raise DemoFailed(f"{report['created']} rows were imported, {report['errors']} were refused")
        for child in cell:
            await hold(child, report["entries"])
    seconds = trio.current_time() - began
    await agree(cell)
    teller.say(f"All three held everything {seconds:.1f} s after the import began, and it reads the same.")
    return float((report["entries"] - before) * (len(cell) - 1) / seconds)


# --- 4 to 6: apart, and together again ------------------------------------------------------------------------


async def _cut(teller: Narrator, cell: Trio) -> None:
    teller.chapter(4, "Vera's network cable is pulled out")
    await cell.vera.ask("pull_out")
    for child in (cell.ana, cell.ben):
        await child.ask("meet", others=1)
    teller.say("She can go on: everything that she needs is on her device.")


async def _edit(teller: Narrator, cell: Trio) -> str:
    """All three write in one case, two of them contradicting each other. Returns the case's id."""
    case = await cell.ana.ask("find", external=CASE)
    teller.chapter(5, f"All three write in the same case: {CASE}, {case['title']}")
    teller.say(f"Each adds a line to its timeline. Ana and Vera also write the {FIELD}, and cannot know of each other:")
    before = cell.ana.entries
    await cell.ana.ask("edit", case=case["id"], note=NOTE_BY_ANA, summary=SUMMARY_BY_ANA)
    await cell.vera.ask("edit", case=case["id"], note=NOTE_BY_VERA, summary=SUMMARY_BY_VERA)
    await cell.ben.ask("edit", case=case["id"], note=NOTE_BY_BEN, summary=None)
    for child, goal in zip(cell, (before + 2, before + 2, before + 1), strict=True):
        await hold(child, goal)
    teller.quote("Ana", f"{FIELD}: {SUMMARY_BY_ANA}", "yellow")
    teller.quote("", f"timeline: {NOTE_BY_ANA}")
    teller.quote("Ben", f"timeline: {NOTE_BY_BEN}")
    teller.quote("Vera", f"{FIELD}: {SUMMARY_BY_VERA}", "yellow")
    teller.quote("", f"timeline: {NOTE_BY_VERA}")
    identity: str = case["id"]
    return identity


async def _heal(teller: Narrator, cell: Trio) -> list[Answer]:
    teller.chapter(6, "The cable is back")
    began, goal = trio.current_time(), max(child.entries for child in cell) + 1
    await cell.vera.ask("plug_in")
    for child in cell:
        await hold(child, goal)
    seconds = trio.current_time() - began
    digests = await agree(cell)
    teller.say(f"The devices found each other again by themselves. After {seconds:.1f} s all three hold the same.")
    return digests


def _reading(answer: dict[str, list[list[str]]]) -> CaseReading:
    return CaseReading(
        [AuthoredValue(*value) for value in answer["conflict"]], [AuthoredValue(*entry) for entry in answer["timeline"]]
    )


# --- 7: what each device holds ----------------------------------------------------------------------------------


def _compare(teller: Narrator, states: list[DeviceState], reading: CaseReading) -> None:
    teller.chapter(7, "What each device holds now")
    teller.table(states)
    found = "The same digest: all cases read the same, to the last letter." if same(states) else "They differ!"
    teller.say(found, "dim")
    teller.gap()
    teller.say(f"The timeline of {CASE}: what people add side by side is all kept.")
    for authored in reading.timeline:
        if authored.value in (NOTE_BY_ANA, NOTE_BY_BEN, NOTE_BY_VERA):
            teller.quote(authored.author, authored.value)
    teller.gap()
    teller.say(f"The {FIELD} of {CASE}: a conflict. Both values stay, with their authors, until somebody decides.")
    for authored in reading.conflict:
        teller.quote(authored.author, authored.value, "yellow")


# --- 9: what came of it -----------------------------------------------------------------------------------------


class PlaintextSearch(NamedTuple):
    """A search of all vaults for plaintext."""

    texts: int
    files: int
    bytes: int
    found: int


def _search(folder: Path) -> PlaintextSearch:
    """Search for every text in the cases. Raises DemoFailed if the search cannot find planted texts."""
    cells = [cell for row in _rows() for cell in row]
    notes = NOTE_BY_ANA, NOTE_BY_BEN, NOTE_BY_VERA, seizure.TESTIMONY
    needles = Needles([*cells, SUMMARY_BY_ANA, SUMMARY_BY_VERA, *notes])
    if not needles.self_check(folder / "planted"):
        raise DemoFailed("the search for plaintext does not find what was planted")
    hits, files, size = needles.search_folder(folder / "vaults")
    return PlaintextSearch(len(needles.texts), files, size, len(hits))


def _rows() -> list[list[str]]:
    """The rows of the example table, without its header."""
    with EXAMPLE.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _sum_up(teller: Narrator, outcome: Outcome, search: PlaintextSearch) -> None:
    teller.chapter(9, "What it took, and what it left")
    teller.quote(
        "wire",
        f"{outcome.bytes / 1e6:.1f} MB, all encrypted; {outcome.entries_per_second:,.0f} entries per second reached "
        "the others during the import",
    )
    teller.quote(
        "disk",
        f"looked for {search.texts:,} names and texts of the cases in the {search.files} files of the vaults "
        f"({search.bytes / 1e6:.1f} MB), as UTF-8, UTF-16, CP1251 and base64: {search.found} found",
        "bold red" if search.found else "",
    )
    teller.quote("time", f"{outcome.seconds:.1f} s in all; what it made is deleted")

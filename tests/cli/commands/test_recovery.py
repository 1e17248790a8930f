"""recovery use: what is asked before the paper decides, how its key is typed, and what is said afterwards."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from cellsync.core.errors import WrongPaper
from tests.cli.profiles import HERE, Profiles
from tests.cli.terminals import PASSPHRASE, Person
from tests.cli.terminals import run as run_alone
from tests.scenarios.versions.test_commands import run

KEY = "2F6K-OEBX-MMRW-4LSB-5TQN-G3ZC-7DYJ-HAV6-I4UP-KQ2X-ELS5-BW3R-FTAA"


def becomes(name: str, was: str, status: str, old: str | None, role: str | None) -> dict[str, Any]:
    return {
        "member": name.encode().hex(), "name": name, "me": False,
        "was": was, "status": status, "old_role": old, "role": role,
    }  # fmt: skip


def strike(state: str, by: str, whom: str) -> dict[str, Any]:
    return {"state": state, "by": by, "whom": [whom]}


class Cell:
    """A cell whose coordinators have removed each other. `asked`: what was asked of it."""

    def __init__(self) -> None:
        quarrel = [strike("undecided", "Ana", "Ben"), strike("undecided", "Ben", "Ana")]
        changed = [
            becomes("Ana", "suspended", "active", None, "coordinator"),
            becomes("Ben", "suspended", "removed", None, None),
            becomes("Cara", "active", "active", "writer", "writer"),
        ]
        self.seen = {
            "v": 1, "circle": "c1", "name": "Mill Street", "members": changed, "unsettled": quarrel,
            "left_unsettled": [], "agrees": [], "cases": 3, "changes": 12, "no_coordinator": False,
            "devices": [{"device": "bb", "name": "Ben", "connected": False, "seen": None, "in_step": False}],
        }  # fmt: skip
        self.used = {
            "v": 1, "circle": "c1", "name": "Mill Street", "entries": ["ab" * 32], "members": changed[:2],
            "left_unsettled": [], "confirmed": 0, "others": 2,
        }  # fmt: skip
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        if operation == "circles":
            return {"v": 1, "circles": []}
        self.asked.append((operation, given))
        if given["paper"] != KEY:
            raise WrongPaper
        return {"recovery.preview": self.seen, "recovery.use": self.used}[operation]


@pytest.fixture
def on_paper(tmp_path: Any) -> int:
    """A descriptor from which the key is read."""
    (tmp_path / "paper").write_text(KEY + "\n")
    return os.open(tmp_path / "paper", os.O_RDONLY)


def test_what_would_change_is_said_before_the_paper_decides(monkeypatch: pytest.MonkeyPatch, on_paper: int) -> None:
    cell = Cell()
    given = ["recovery", "use", "--remove", "Ben", "--key-fd", str(on_paper), "--confirm", "mill street"]
    done = run(monkeypatch, cell, *given)
    assert done.exit_code == 0, done.output
    for sentence in (
        "This is the recovery key of Mill Street.",
        "Ana: no role, suspended → coordinator.",
        "Ben: no role, suspended → removed.",
        "Ben (last seen: never seen) KEEPS what it may have: up to 12 changes in 3 cases. Nobody can take that back.",
        "✓ The recovery key has decided. Confirmed by 0 of 2 other devices.",
        "Put the paper back where it was.",
        "next: cellsync sync",
    ):
        assert sentence in done.output
    assert "Cara" not in done.output, "nothing changes for her"
    assert KEY not in done.output
    orders = {"paper": KEY, "circle": "c1", "remove": ["Ben"], "coordinators": [], "endorse": []}
    assert cell.asked[1:] == [
        ("recovery.preview", orders),
        ("recovery.use", orders | {"confirm": "mill street"}),
    ]


def test_without_a_terminal_it_takes_what_to_do_and_the_name(monkeypatch: pytest.MonkeyPatch, on_paper: int) -> None:
    cell = Cell()
    key = ("--key-fd", str(on_paper))
    assert run(monkeypatch, cell, "recovery", "use", "--remove", "Ben").exit_code != 0  # nobody to ask for the key
    os.lseek(on_paper, 0, os.SEEK_SET)
    assert run(monkeypatch, cell, "recovery", "use", *key).exit_code != 0  # nor what it is to do
    os.lseek(on_paper, 0, os.SEEK_SET)
    assert run(monkeypatch, cell, "recovery", "use", "--remove", "Ben", *key).exit_code != 0  # nor to type the name
    assert "recovery.use" not in [operation for operation, _ in cell.asked]


def kept(state: str, **other: Any) -> dict[str, Any]:
    return {
        "entry": "ab" * 32, "state": state, "by": "Ana", "since": "2026-03-01T10:00:00+00:00", "exposed": [],
        "lacks": None, "circle": "c1",
    } | other  # fmt: skip


class Keys:
    """A cell with these recovery keys."""

    def __init__(self, *keys: dict[str, Any], killed_at: str = "") -> None:
        self.keys, self.killed_at = list(keys), killed_at
        self.replaced_by: list[str] = []

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        if operation == self.killed_at:
            raise SystemExit(137)
        if operation == "recovery.draw":
            return {"v": 1, "recovery_key": KEY}
        if operation == "recovery.preview":
            return {"name": "Mill Street"}
        if operation == "recovery.replace":
            self.replaced_by.append(given["new"])
        if operation == "recovery.replace":
            fixed = {"circle": "c1", "name": "Mill Street", "entry": "cd" * 32, "confirmed": 0, "others": 2}
            return {"v": 1, "recovery_key": KEY, "kept": self.keys[-1], **fixed}
        answers: dict[str, dict[str, Any]] = {
            "recovery.keys": {"v": 1, "keys": self.keys}, "circles": {"v": 1, "circles": []}, "permission": {"v": 1},
        }  # fmt: skip
        return answers[operation]


def test_which_keys_count_and_who_may_hold_one(monkeypatch: pytest.MonkeyPatch) -> None:
    lacks = {"words": 1, "of": ["Cara"]}
    said = run(monkeypatch, Keys(kept("in_force", exposed=["Ben"])), "recovery", "show").output
    assert "Recovery key abababab  counts  since 2026-03-01 " in said
    assert "⚠ Ben may hold the recovery key. Replace it now: cellsync recovery replace" in said
    quarrel = [kept("undecided"), kept("undecided", by="Dan", lacks=lacks)]
    said = run(monkeypatch, Keys(*quarrel), "recovery", "show").output
    assert said.count("Two have replaced the recovery key at once") == 1
    assert "Cara can agree: cellsync members endorse Dan" in said


def test_a_key_that_is_lost_is_replaced_after_a_question_and_waits_for_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Keys(kept("waits", lacks={"words": 1, "of": ["Ben"]}))
    assert run(monkeypatch, cell, "recovery", "replace", "--lost").exit_code != 0  # nobody to ask
    said = run(monkeypatch, cell, "recovery", "replace", "--lost", "--yes").output
    for sentence in (
        f"Recovery key: {KEY}",
        "Write it on paper and keep it away from this device.",
        "The recovery key by Ana does not count yet: the old one still does. Ben can agree: cellsync members endorse",
    ):
        assert sentence in said
    assert "speaks for nobody" not in said


@pytest.mark.parametrize("killed_at", ["recovery.draw", "asking", "recovery.replace", ""])
def test_wherever_it_is_killed_the_key_that_counts_was_shown_before(
    killed_at: str, monkeypatch: pytest.MonkeyPatch, on_paper: int
) -> None:
    cell, typed = Keys(kept("in_force"), killed_at=killed_at), iter(["ABCD-EFGH", "AA", KEY[-9:].lower(), ""])

    def ask(*_: object) -> str:
        if killed_at == "asking":
            raise SystemExit(137)
        return next(typed)

    monkeypatch.setattr("cellsync.cli.terminal.Terminal.ask_hidden", ask)
    done = run(monkeypatch, cell, "recovery", "replace", "--key-fd", str(on_paper))
    assert (KEY in done.output) is (killed_at != "recovery.draw")
    assert cell.replaced_by == ([] if killed_at else [KEY])
    if not killed_at:
        assert done.output.index(KEY) < done.output.index("error: that is not how it ends") < done.output.index("✓ New")
        assert next(typed) == "", "asked until it was right, and no more"


def test_a_script_says_that_it_has_the_new_key(monkeypatch: pytest.MonkeyPatch, on_paper: int) -> None:
    cell = Keys(kept("in_force"))
    done = run(monkeypatch, cell, "recovery", "replace", "--key-fd", str(on_paper))
    assert (done.exit_code, cell.replaced_by) == (2, []), "nobody typed it"
    assert "--yes" in done.output
    os.lseek(on_paper, 0, os.SEEK_SET)
    assert run(monkeypatch, cell, "recovery", "replace", "--key-fd", str(on_paper), "--yes").exit_code == 0
    assert cell.replaced_by == [KEY]


def test_a_wrong_paper_is_said_once_to_a_script(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "paper").write_text(KEY[::-1])
    other = os.open(tmp_path / "paper", os.O_RDONLY)
    done = run(monkeypatch, Cell(), "recovery", "use", "--remove", "Ben", "--key-fd", str(other))
    assert done.exit_code == 2
    assert "No recovery key that counts here reads like this" in done.output


@pytest.mark.e2e
def test_typed_at_a_terminal_after_two_mistakes_and_never_seen(profiles: Profiles) -> None:
    """Without an option it says what it can do, and what is open, and asks."""
    ana = profiles.empty("ana")
    founded = run_alone(
        "--profile", ana, "--passphrase-fd", "0", "init", "Mill Street", "--name", "Ana", *HERE, given=PASSPHRASE + "\n"
    )
    found = re.search(r"Recovery key: (\S+)", founded.out)
    assert found, founded
    key = found[1]
    with Person("--profile", ana, "recovery", "use") as person:
        person.answers("Passphrase:", PASSPHRASE)
        for typed, said in (
            ("ABCD", "It is mistyped: these are 4 letters and digits, not 52."),
            (KEY, "No recovery key that counts here"),
        ):
            person.answers("Recovery key, from the paper:", typed)
            person.sees(said)
        person.answers("Recovery key, from the paper:", key.lower().replace("-", " "))
        person.sees("This is the recovery key of Mill Street.")
        person.sees("Nothing is contested or waits for a word.")
        person.answers("Whom to remove? (Enter: nobody; commas between names):", "")
        person.answers("Who is to be a coordinator? (Enter: nobody; commas between names):", "ana")
        person.sees("Nothing about any member would change.")
        person.answers('Type "Mill Street" to let the recovery key decide:', "Mill Street")
        person.sees("✓ The recovery key has decided. Confirmed by 0 of 0 other devices.")
        assert person.ends() == 0
        assert not any(one in person.all for one in (key, key.lower().replace("-", " "), KEY))

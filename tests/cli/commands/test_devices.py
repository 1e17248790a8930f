"""device in a terminal: what is said of circles in which a device is not, and what is asked before it is removed."""

from __future__ import annotations

import os
from typing import Any

import pytest

from cellsync.api.contract import shapes
from tests.scenarios.versions.test_commands import filled, run

CIRCLES = [{"id": "c1", "name": "Mill Street", "short": "c1"}, {"id": "c2", "name": "Lawyers", "short": "c2"}]
PREVIEW = {
    "name": "Ana", "alike": True, "covered": True, "coordinators": [], "tell": [],
    "devices": [{"device": "bb", "name": "Ana / Phone", "connected": False, "seen": None, "in_step": False}],
    "cases": 3, "changes": 412, "unaware": ["Ben"], "admitted": [], "seconds": None, "last_coordinator": False,
    "planted": False,
}  # fmt: skip
WRITTEN = {"entry": "ab" * 32, "confirmed": 0, "others": 2, "error": None}


class Cell:
    """Ana's, with two circles. `asked`: what was asked of it."""

    def __init__(self) -> None:
        self.asked: dict[str, dict[str, Any]] = {}
        self.link = "verify_words"

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        self.asked[operation] = given
        match operation:
            case "circles":
                return {"v": 1, "circles": CIRCLES}
            case "devices":
                phone = {"circle": "c2", "device": "bb01", "name": "Ana / Phone", "suspended": True}
                laptop = {"circle": "c1", "device": "aa01", "name": "Ana", "suspended": False}
                return {"v": 1, "devices": [
                    {"name": "Ana", "me": True, "connected": False, "last_seen": None, "circles": [laptop]},
                    {"name": "Ana / Phone", "me": False, "connected": False, "last_seen": None, "circles": [phone]},
                ]}  # fmt: skip
            case "members":
                return {"v": 1, "members": [{"circle": "c2"}] if given["circle"] == "Lawyers" else []}
            case "removal.preview":
                return {"v": 1, "name": "Ana", "circles": [
                    PREVIEW | {"circle": one["id"], "called": one["name"]} for one in CIRCLES
                ]}  # fmt: skip
            case "removal":
                return {"v": 1, "circles": [WRITTEN | {"circle": one["id"], "called": one["name"]} for one in CIRCLES]}
            case "invite.confirm":
                self.link = "joined" if given["same"] else "failed"
        return filled(
            shapes.Invite, v=1, job="a1", step=1, state=self.link, role="writer", circle="c1", code="C", qr="",
            expires_in=600.0, name="Ana / Phone", words=["kite", "lemon"], namesakes=[], former=[], link="Phone",
            device="bb01", not_in=["c2"], hidden_by=None, listens=[], clock_ahead=0.0, error=None,
        )  # fmt: skip


def test_a_link_says_in_which_circles_the_new_device_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    cell, (reading, writing) = Cell(), os.pipe()
    os.write(writing, b"kite lemon\n")
    monkeypatch.setattr("cellsync.cli.commands.devices.bring_up", lambda *_: None)
    done = run(
        monkeypatch, cell, "device", "link", "--name", "Phone", "--circle", "Mill Street", "--words-fd", str(reading)
    )
    assert "The new device is here. Read the words on its screen." in done.stderr
    assert "✓ Ana / Phone is linked into Mill Street. Every coordinator is shown it." in done.output
    assert "It is not in Lawyers: cellsync device link --name Phone --circle Lawyers" in done.output
    assert cell.asked["link"] == {"name": "Phone", "circle": "Mill Street", "short_code": True}


def test_the_list_says_in_which_circles_each_is(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, Cell(), "device", "list")
    assert done.output.splitlines() == [
        "Ana          this one    aa01  Mill Street",
        "Ana / Phone  never seen  bb01  Lawyers (suspended)",
    ]


def test_a_removal_says_for_each_circle_what_it_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    done = run(monkeypatch, cell, "device", "remove", "phone", "--confirm", "Ana / Phone")
    assert done.exit_code == 0
    keeps = "Ana / Phone (last seen: never seen) KEEPS what it may have: up to 412 changes in 3 cases."
    assert done.stderr.count(keeps) == 2
    for sentence in (
        "Mill Street:", "Lawyers:", "Ben is not connected, and may still send to Ana / Phone until it hears of this.",
        "✓ Removed from Mill Street: Ana / Phone. Confirmed by 0 of 2 other devices.", "next: cellsync sync",
    ):  # fmt: skip
        assert sentence in done.output
    assert cell.asked["removal"] == {"member": "bb01", "device": "bb01", "circle": "", "confirm": "Ana / Phone"}


@pytest.mark.parametrize(
    ("given", "exit_code", "said"),
    [
        (["Ana"], 2, "That is the device that you are using."),
        (["Tablet"], 4, "You have no device of that name."),
        (["Phone", "--circle", "Mill Street"], 4, "That device is not in this circle."),
    ],
)
def test_what_is_not_removed(monkeypatch: pytest.MonkeyPatch, given: list[str], exit_code: int, said: str) -> None:
    cell = Cell()
    done = run(monkeypatch, cell, "device", "remove", *given, "--confirm", "x")
    assert (done.exit_code, said in done.stderr, "removal" in cell.asked) == (exit_code, True, False)

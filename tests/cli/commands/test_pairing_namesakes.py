"""The inviter's warning when a guest takes a member's name."""

from __future__ import annotations

import os
from typing import Any

import pytest

from cellsync.api.contract import shapes
from tests.scenarios.versions.test_commands import filled, run


class Inviting:
    """A daemon in which somebody has just come with the code."""

    def __init__(self, *namesakes: dict[str, Any]) -> None:
        self.said: list[bool] = []
        self.namesakes = [one for one in namesakes if "device" in one]
        self.former = [one for one in namesakes if "device" not in one]

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        if operation == "invite.confirm":
            self.said.append(given["same"])
        state = "verify_words" if operation in ("invite", "invite.show") and not self.said else "failed"
        return filled(
            shapes.Invite, v=1, job="a1", step=1, state=state, role="writer", circle="c1", code="C", qr="",
            expires_in=600.0, name="Ben", words=["kite", "lemon"], namesakes=self.namesakes, link="", not_in=[],
            hidden_by=None, listens=[],
            former=self.former, error=None,
        )  # fmt: skip


MEMBER = {
    "name": "ben",
    "role": "coordinator",
    "device": "8c01" * 16,
    "me": False,
    "circle": "c1",
    "member": "8c01" * 16,
}


def test_the_inviter_is_warned_before_the_words_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"other words\n")
    done = run(monkeypatch, Inviting(MEMBER), "--quiet", "invite", "--words-fd", str(reading))
    warned = done.stderr.index('"Ben" could be taken for ben: that of a coordinator of this cell.')
    assert warned < done.stderr.index("Yours: kite lemon")
    assert "If not, say no, and ask for another name." in done.stderr


def test_nothing_is_said_of_a_name_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"other words\n")
    done = run(monkeypatch, Inviting(), "invite", "--words-fd", str(reading))
    assert "could be taken" not in done.stderr


def test_the_inviter_is_told_that_somebody_of_that_name_was_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"other words\n")
    inviting = Inviting({"name": "ben (8c01)", "by": "Ana", "left": False}, {"name": "Ben", "by": "Ben", "left": True})
    done = run(monkeypatch, inviting, "--quiet", "invite", "--words-fd", str(reading))
    asked = done.stderr.index("Yours: kite lemon")
    assert done.stderr.index("ben (8c01) was removed by Ana. Should they come back?") < asked
    assert done.stderr.index("Ben has left. Should they come back?") < asked

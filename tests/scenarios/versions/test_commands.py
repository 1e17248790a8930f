"""Commands name a device that has to be updated, and end accordingly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import problem_of
from cellsync.cli.commands.syncing import _told
from cellsync.cli.main import main
from cellsync.core.errors import CellsyncError, PeerNewer, PeerOlder

AT = "2026-03-01T10:00:00+00:00"


def filled(shape: type[msgspec.Struct], **given: Any) -> dict[str, Any]:
    """What the API gives, in JSON; null in the fields that do not matter here."""
    known: dict[str, Any] = dict.fromkeys(field.name for field in msgspec.structs.fields(shape)) | given
    built: dict[str, Any] = msgspec.to_builtins(msgspec.convert(known, shape))
    return built


def peer(name: str, version: str | None, *, in_step: bool = False) -> dict[str, Any]:
    return filled(
        shapes.SyncPeer, name=name, device=name.encode().hex(), connected=in_step, last_seen=AT,
        lacks=0, owes=0, in_step_now=in_step, in_step=in_step or None, version=version,
        reached=in_step, came_in_step=AT if in_step else None, circle="c1",
        suspended=False,
    )  # fmt: skip


CIRCLE = filled(
    shapes.CircleRow, id="c1", short="c1", name="Mill Street", role="writer", device="aa", devices=2, cases=0, beside=0,
    changes=1, only_here=0, conflicts=0, own_passphrase=False, wipes_in=None,
    standing=filled(
        shapes.OwnStanding, circle="c1", called="Mill Street", status="active", role="writer", by="", left=False,
        settles=[], paper=False, listed=False,
    ),
)  # fmt: skip


class Canned:
    """Answers that were given before."""

    def __init__(self, peers: list[dict[str, Any]], error: CellsyncError | None = None) -> None:
        self._job = filled(
            shapes.Syncing, v=1, job="a1", step=1, state="failed" if error else "done", changes=1, peers=peers,
            error=None if error is None else problem_of(error)._asdict(),
        )  # fmt: skip
        self._status = filled(
            shapes.Status, v=1, cell="Mill Street", state="open", name="Ana", role="writer", device="aa", cases=0,
            key_memory=256,
            beside=0, changes=1, only_here=0, only_here_cases=[], conflicts=0, peers=peers, flags=[], circles=[CIRCLE],
            locked=[],
        )  # fmt: skip
        self._circles = {"v": 1, "circles": [CIRCLE], "locked": []}
        self._peers = {"v": 1, "port": 4000, "peers": peers}

    def call(self, operation: str, **_: Any) -> dict[str, Any]:
        return {
            "sync": self._job, "sync.show": self._job, "status": self._status, "peers": self._peers,
            "circles": self._circles,
        }[operation]  # fmt: skip


def run(monkeypatch: pytest.MonkeyPatch, canned: Any, *arguments: str, given: str | None = None) -> Result:
    """A command that finds this in place of a cell."""

    @contextmanager
    def opened(*_: Any, **__: Any) -> Iterator[Any]:
        yield canned

    monkeypatch.setattr("cellsync.cli.reach.opened", opened)
    return CliRunner().invoke(main, arguments, input=given)


@pytest.mark.parametrize("wait", [[], ["--wait"]])
def test_sync_with_others_in_step(monkeypatch: pytest.MonkeyPatch, wait: list[str]) -> None:
    canned = Canned([peer("Ben", "older"), peer("Cara", None, in_step=True), peer("Dina", "newer")])
    done = run(monkeypatch, canned, "sync", *wait)
    ben, cara, dina, *warnings = done.stdout.splitlines()
    assert ben.startswith("Ben   nothing exchanged (seen ")
    assert re.fullmatch(r"Cara  ✓ in step at \d\d:\d\d", cara)
    assert dina.startswith("Dina  nothing exchanged (seen ")
    assert warnings == [
        "⚠ Ben's cellsync is older: update it there.",
        "⚠ Dina's cellsync is newer: update the one here.",
    ]
    assert done.exit_code == 9


@pytest.mark.parametrize(
    ("version", "error", "message"),
    [
        ("older", PeerOlder(), "Ben's cellsync is older: update it there."),
        ("newer", PeerNewer(), "Ben's cellsync is newer: update the one here."),
    ],
)
def test_sync_with_nobody_else(
    monkeypatch: pytest.MonkeyPatch, version: str, error: CellsyncError, message: str
) -> None:
    canned = Canned([peer("Ben", version), peer("Cara", None)], error)
    done = run(monkeypatch, canned, "sync")
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"error: {message}\n  hint: " in done.stderr
    done = run(monkeypatch, canned, "sync", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"]["code"] == error.code


def test_a_failure_for_another_reason_keeps_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from cellsync.core.errors import NoPeer

    done = run(monkeypatch, Canned([peer("Ben", "older")], NoPeer()), "sync")
    assert done.exit_code == 5
    assert "error: No other device could be reached." in done.stderr


def test_status_and_peers_say_it_as_long_as_it_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    canned = Canned([peer("Ben", "older"), peer("Cara", None, in_step=True)])
    for command in ("status", "peers"):
        done = run(monkeypatch, canned, command)
        assert done.exit_code == 0
        assert "⚠ Ben's cellsync is older: update it there." in done.stdout.splitlines()
        (ben,) = [row for row in done.stdout.splitlines() if row.startswith("Ben ")]
        assert "nothing exchanged" in ben
        assert "up to date" not in ben
        assert "Cara's" not in done.stdout


def test_watch() -> None:
    older = {"device": "aa", "name": "Ben\x1b[2J", "version": "older"}
    told = _told("peer.version", older)
    assert "\x1b" not in told
    assert told.endswith("'s cellsync is older: update it there.")
    assert _told("peer.version", older | {"version": None, "name": "Ben"}).startswith("Ben and this device understand")


def test_carrying_on_is_asked_for_before_the_status_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    class Noting(Canned):
        def call(self, operation: str, **given: Any) -> dict[str, Any]:
            called.append(operation)
            return {} if operation == "carry_on" else super().call(operation, **given)

    done = run(monkeypatch, Noting([]), "status", "--carry-on")
    assert done.exit_code == 0
    assert "Nothing is required or announced here" in done.output
    assert called == ["status", "carry_on", "status"]
    called.clear()
    assert run(monkeypatch, Noting([]), "status").exit_code == 0
    assert called == ["status"]


@pytest.mark.parametrize("reason", ["outdated", "removal_ahead"])
def test_carrying_on_says_nothing_more_where_there_is_something_in_the_way(
    monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    class Flagged(Canned):
        def call(self, operation: str, **given: Any) -> dict[str, Any]:
            if operation == "carry_on":
                return {}
            flag = filled(
                shapes.Flag, reason=reason, text="so", author="Ana", device="aa", lasting=True, about=[], circle="c1"
            )
            return super().call(operation, **given) | {"flags": [flag]}

    done = run(monkeypatch, Flagged([]), "status", "--carry-on")
    assert done.exit_code == 0
    assert "Nothing is required" not in done.output

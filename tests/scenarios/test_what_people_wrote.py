"""Texts that people wrote do not steer a terminal, whatever a daemon answers and whichever command shows it."""

from __future__ import annotations

import json
import time
import types
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self
from unicodedata import category

import click
import msgspec
import pytest
from click.testing import CliRunner

from cellsync.api.contract import shapes
from cellsync.api.contract.table import BY_NAME
from cellsync.cli import reach
from cellsync.cli.main import main
from cellsync.cli.words import ago, clock
from tests.cli.profiles import Profiles, ask

# Colours, a window's title, an erased line, a C1 control, bidirectional overrides and isolates, invisible ones.
HOSTILE: Final = "A\x1b[31m\x1b]0;owned\x07\x1b[2K\r\x9b1mB\u202eC\u2066D\u200bE\ufeffF\x08\x00G\u2028H"
SHOWN: Final = "\N{REPLACEMENT CHARACTER}"

# Fields that no person has written: they come from the program that answers.
OURS: Final = {
    "device": "ab" * 32, "case": "cd" * 32, "id": "cd" * 32, "circle": "cd" * 32, "short": "cdcdcdcd", "job": "ef" * 8,
    "cursor": "", "at": "2026-03-01T09:58:00+00:00", "last_seen": "2026-03-01T09:58:00+00:00",
    "came_in_step": "2026-03-01T09:58:00+00:00",
    "backup": "2026-03-01T09:58:00+00:00",
    "copied": "2026-03-01T09:58:00+00:00", "as_of": "2026-03-01T09:58:00+00:00", "role": "writer",
    ("Flag", "text"): "has a clock that is more than a day ahead", ("Graph", "drawing"): "",
    ("Exported", "content"): "", ("Exported", "next"): "",
    ("Case", "next"): "3f2a-1", ("Log", "next"): "3f2a-1", ("Graph", "next"): "",
}  # fmt: skip
_DECIDED: Final = {"state": "done", "type": "log", "error": None}


def answer(shape: type, **fixed: Any) -> dict[str, Any]:
    """An answer of this shape, hostile wherever a person may have written it."""
    hints = typing.get_type_hints(shape, include_extras=False)
    made = {}
    for field in msgspec.structs.fields(shape):
        name = field.name
        own = OURS.get((shape.__name__, name), OURS.get(name))
        hint = hints[name]
        if name in fixed:
            made[name] = fixed[name]
        elif own is not None:
            made[name] = own
        elif name in _DECIDED and name != "type":
            made[name] = _DECIDED[name]
        else:
            made[name] = value(hint)
    return made


def value(hint: Any) -> Any:
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return inside[0]
    if origin in (typing.Union, types.UnionType):
        return value(inside[0])
    if origin is list:
        return [value(inside[0])] * 2
    if origin is dict:
        return {HOSTILE: value(inside[1])}
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return answer(hint)
    return {str: HOSTILE, bool: True, int: 2, float: 2.0, Any: HOSTILE}[hint]


class Hostile:
    """A client whose daemon has only such texts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def call(self, name: str, /, **_: Any) -> dict[str, Any]:
        fixed: dict[str, Any] = {}
        if name == "case.show":
            kinds = typing.get_args(typing.get_type_hints(shapes.Field)["type"])
            fixed = {"fields": [answer(shapes.Field, type=kind) for kind in kinds]}
        if name == "circle.create":
            fixed = {"circle": answer(shapes.CircleRow), "recovery_key": "2F6K-OEBX"}
        if name == "status":
            fixed = {"state": "open"}
        if name == "invite":
            fixed = {"state": "verify_words", "qr": "", "words": ["orbit"] * 4, "code": "X", "short_code": "7-orbit"}
        if name == "invite.show":
            fixed = {"state": "joined", "qr": "", "words": ["orbit"] * 4, "code": "X", "short_code": "7-orbit"}
        return answer(getattr(shapes, BY_NAME[name].gives), **fixed)

    def events(self, since: str) -> Iterator[dict[str, Any]]:
        device, case = {"device": "ab" * 32, "name": HOSTILE}, {"case": "cd" * 32}
        for event, data in (
            ("case.changed", {**case, "field": HOSTILE, "text": HOSTILE, "author": HOSTILE, "local": False}),
            ("case.conflict", {**case, "fields": [HOSTILE]}),
            ("peer.up", device), ("peer.down", device),
            ("member.added", {**device, "role": "writer", "member": "c" * 64}),
            ("member.removed", {**device, "left": False}), ("member.removed", {**device, "left": True}),
            ("member.suspended", {**device, "left": False}), ("member.suspended", {**device, "left": True}),
            ("member.returned", device),
            ("flag", {"reason": "fork", "device": "ab" * 32}), ("reset", {}), ("locked", {}),
        ):  # fmt: skip
            yield {"v": 1, "event": event, "cursor": "", "data": data}


COMMANDS: Final = [
    ["status"], ["status", "--seen"], ["members"], ["peers"], ["peers", "ping", "x"], ["peers", "add", "x", "[::1]:1"],
    ["sync"], ["case", "new", "x"], ["case", "edit", "x", "--set", "a=b"], ["case", "list"],
    ["case", "list", "--conflicts"], ["case", "show", "x"], ["case", "log", "x"], ["case", "log", "x", "--write", "y"],
    ["case", "import", __file__], ["invite"], ["watch"],
    ["circle", "list"], ["circle", "create", "x"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_answer_steers_the_terminal(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened(_: click.Context, **__: Any) -> Iterator[Any]:
        yield Hostile()

    monkeypatch.setattr(reach, "opened", opened)
    monkeypatch.setattr("cellsync.cli.terminal.Terminal.ask_yes", lambda *_: True)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (0, 9), (result.output, result.exception)
    assert result.output
    assert not steers(result.output), result.output
    if arguments[0] not in ("peers",) or len(arguments) == 1:
        assert SHOWN in result.output  # it was there to be shown


def steers(output: str) -> bool:
    return any(category(one)[0] == "C" or category(one) in ("Zl", "Zp") for one in output if one != "\n")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_json_says_all_of_it_in_characters_that_do_nothing(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def opened(_: click.Context, **__: Any) -> Iterator[Any]:
        yield Hostile()

    monkeypatch.setattr(reach, "opened", opened)
    monkeypatch.setattr("cellsync.cli.terminal.Terminal.ask_yes", lambda *_: True)
    result = CliRunner().invoke(main, ["--json", *arguments])
    assert result.exit_code in (0, 9), (result.output, result.exception)
    read = [json.loads(each) for each in result.stdout.splitlines()]
    assert read
    assert not steers(result.output)
    if arguments[0] not in ("peers", "invite") or len(arguments) == 1:
        assert any(HOSTILE in texts(one) for one in read)


def texts(read: Any) -> set[str]:
    """All texts in a value."""
    if isinstance(read, str):
        return {read}
    inside = [*read, *read.values()] if isinstance(read, dict) else read if isinstance(read, list) else []
    return {text for one in inside for text in texts(one)}


def test_an_error_quotes_nothing_that_steers() -> None:
    result = CliRunner().invoke(main, ["case", f"\x9b2J{HOSTILE}"])
    assert result.exit_code == 2
    assert not steers(result.output)


@pytest.mark.parametrize("event", ["invite.state", "join.state", "import.progress", "something.new"])
def test_events_that_have_no_words_of_their_own(event: str, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened(_: click.Context, **__: Any) -> Iterator[Any]:
        class One(Hostile):
            def events(self, since: str) -> Iterator[dict[str, Any]]:
                yield {"v": 1, "event": event, "cursor": "", "data": {"job": "ef" * 8, "name": HOSTILE}}

        yield One()

    monkeypatch.setattr(reach, "opened", opened)
    output = CliRunner().invoke(main, ["watch"]).output
    assert event in output
    assert not steers(output), output


@pytest.mark.parametrize("zone", ["Europe/Minsk", "America/Lima", "UTC"])
def test_a_clock_at_the_end_of_the_calendar(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device may claim any time; to show it in the time zone of this device can go beyond the last year."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert clock("9999-12-31T23:59:59+00:00").startswith("9999-12-31 ")
        assert clock("0001-01-01T00:00:00+00:00")
        assert ago("9999-12-31T23:59:59+00:00") == "just now"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.e2e
def test_a_real_case_with_such_a_title(profiles: Profiles) -> None:
    """Written, stored, read and drawn by the program itself; one line each, although there is a line break in it."""
    ana = profiles.cell()
    title = "Tunnel\x1b[31m\u202ered\u2066\nerror: pay"
    ask(ana, "case", "new", title, "--append", f"timeline={title}")
    for arguments in (
        ["case", "list"], ["case", "show", "tunnel"], ["case", "log", "tunnel"], ["graph", "tunnel"], ["status"],
    ):  # fmt: skip
        out = ask(ana, *arguments)
        assert not steers(out), (arguments, out)
        assert "Tunnel" in out
        assert SHOWN in out
        assert not out.startswith("error: ")
        assert "\nerror: " not in out, arguments

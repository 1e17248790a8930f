"""case new and edit: options become an edit of a case."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final

import click

from cellsync.api.contract.problems import USAGE, Problem, Refusal
from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Command, circle_option
from cellsync.cli.standing import say_if_outside
from cellsync.cli.terminal import Terminal, line_ended, terminal_of
from cellsync.cli.words import line

FROM_INPUT: Final = 'A value "-" is read from standard input: what stands in a command can be seen by others.'
_CASE: Final = "case"
_PERSON: Final = ("person", "cellsync.person")  # whose title is a name
_MOST_INPUT: Final = 1 << 20


def writing_options(command: Any) -> Any:
    for name, metavar, text in (
        ("--set", "FIELD=VALUE", "A register."),
        ("--add", "FIELD=VALUE", "To a set."),
        ("--discard", "FIELD=VALUE", "From a set."),
        ("--append", "FIELD=TEXT", "To a log."),
        ("--put", "FIELD.KEY=VALUE", "Into a map."),
        ("--delete", "FIELD.KEY", "From a map."),
        ("--count", "FIELD=+1", "A counter."),
    ):
        command = click.option(name, f"{name[2:]}_", multiple=True, metavar=metavar, help=text)(command)
    return command


def _writing(**given: Iterable[str]) -> dict[str, Any]:
    """The options as an edit. Raises Refusal: of two values for one place the last would win without a word."""
    made: dict[str, Any] = {
        "set": {name: typed_or_read(value) for name, value in _once(map(_split, given["set_"]), "--set")},
        "put": {}, "delete": {}, "count": {},
    }  # fmt: skip
    for kind in ("add", "discard", "append"):
        lists: dict[str, list[str]] = {}
        for name, value in map(_split, given[f"{kind}_"]):
            lists.setdefault(name, []).append(typed_or_read(value))
        made[kind] = lists
    for place, value in _once(map(_split, given["put_"]), "--put"):
        field, key = _place(place)
        made["put"].setdefault(field, {})[key] = typed_or_read(value)
    for text in given["delete_"]:
        field, key = _place(text)
        made["delete"].setdefault(field, []).append(key)
    for name, value in _once(map(_split, given["count_"]), "--count"):
        try:
            made["count"][name] = int(value)
        except ValueError:
            raise usage_error("A counter takes a whole number.", "Write --count parcels=+1.") from None
    return made


def _once(pairs: Iterable[tuple[str, str]], option: str) -> Iterator[tuple[str, str]]:
    """The pairs, each of another place. Raises Refusal."""
    seen = set()
    for place, value in pairs:
        if place in seen:
            raise usage_error(
                f"Two values are given for '{line(place, 40)}', and it takes one.",
                f"Nothing was written. Give {option} {line(place, 40)}=… once.",
            )
        seen.add(place)
        yield place, value


def _split(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise usage_error("That is not FIELD=VALUE.", 'Write, say, --set status=closed or --append notes="…".')
    return name.strip(), value


def _place(text: str) -> tuple[str, str]:
    field, dot, key = text.partition(".")
    if not dot or not key:
        raise usage_error("That is not FIELD.KEY.", "Write, say, --put roles.lawyer=Vera or --delete roles.lawyer.")
    return field.strip(), key


def typed_or_read(value: str) -> str:
    """The value; for "-", the text from standard input."""
    if value != "-":
        return value
    if sys.stdin is None:
        raise usage_error("There is no standard input to read from.", "Give the value in place of -.")
    if sys.stdin.isatty():
        with line_ended():
            typed: str = click.prompt("Text", err=True)
        return typed
    text = sys.stdin.read(_MOST_INPUT).rstrip("\n")
    if not text:  # empty output of a failed program must not empty a field
        raise usage_error(
            "Nothing came on standard input; nothing was written.", "To empty a field, write --set FIELD= ."
        )
    return text


def usage_error(message: str, hint: str) -> Refusal:
    return Refusal(Problem("invalid_value", message, hint, USAGE))


@click.command(cls=Command, epilog=FROM_INPUT, short_help="A new case, called TITLE.")
@click.argument("title", required=False)
@click.option("--kind", default=_CASE, show_default=True, metavar="KIND", help="Which kind: case, person, task, …")
@circle_option("Into this circle; needed if there are several.")
@writing_options
@click.pass_context
def new(context: click.Context, /, title: str | None, kind: str, circle: str, **given: Any) -> None:
    """A new case, called TITLE; or a person of that name, a task, or whatever else KIND says."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    written = _writing(**given)
    if title is not None and kind in _PERSON:
        written["add"].setdefault("names", []).insert(0, typed_or_read(title))
    elif title is not None:
        called = [("title", title), *written["set"].items()]
        written["set"] = dict(_once(called, "--set")) | {"title": typed_or_read(title)}
    elif kind == _CASE and not {"title", "external_id"} & written["set"].keys():
        raise usage_error("A case needs a title.", 'cellsync case new "Parcel for Anton"')
    elif not any(written.values()):
        raise usage_error(
            "There is nothing to write.",
            "Give --set, --add or another of `cellsync case new --help`, or what it is called.",
        )
    with opened(context, writes=True) as client:
        see_through(context, terminal)
        answer = client.call("case.new", kind=kind, circle=circle, **written)
    terminal.result(f"✓ {answer['short']}  {line(answer['title'])}".rstrip())
    say_if_outside(terminal, answer)
    if answer["alike"]:
        terminal.say(f"Called the same, and here already: {', '.join(line(case, 16) for case in answer['alike'])}")
    _say_doubts(terminal, answer)
    if not answer.get("waits"):
        terminal.next(f"cellsync case show {answer['short']}")
    terminal.answer(answer)


@click.command(cls=Command, epilog=FROM_INPUT)
@click.argument("case_", metavar="CASE")
@circle_option("If cases in several circles are called so.")
@writing_options
@click.option("--correct", "correct_", multiple=True, metavar="ITEM=TEXT", help="Say an item of a log anew.")
@click.option("--retract", "retract_", multiple=True, metavar="ITEM", help="Hide an item of a log.")
@click.pass_context
def edit(
    context: click.Context, /, case_: str, circle: str, correct_: tuple[str, ...], retract_: tuple[str, ...],
    **given: Any,
) -> None:  # fmt: skip
    """Write to a case. All that is given is one signed change.

    CASE is the beginning of its id, its title or a part of it. `case log` shows the ids of ITEMs.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    written = _writing(**given)
    written["correct"] = {name: typed_or_read(value) for name, value in _once(map(_split, correct_), "--correct")}
    written["retract"] = dict.fromkeys(retract_, "")
    if not any(written.values()):
        raise usage_error(
            "There is nothing to write.", "Give --set, --append or another of `cellsync case edit --help`."
        )
    with opened(context, writes=True) as client:
        see_through(context, terminal)
        answer = client.call("case.edit", case=case_, circle=circle, **written)
    terminal.result(f"✓ {answer['short']}  {line(answer['title'])}" if answer["written"] else "Nothing has changed.")
    say_if_outside(terminal, answer)
    _say_doubts(terminal, answer)
    terminal.answer(answer)


def _say_doubts(terminal: Terminal, answer: dict[str, Any]) -> None:
    for notice in answer["taken"]:
        terminal.say(f"{line(notice['field'], 40)}: taken as {line(notice['text'], 40)}")
    for notice in answer["doubts"]:
        terminal.need(f"⚠ {line(notice['text'], 300)}")

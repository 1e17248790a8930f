"""case list, show and log; and graph."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from shlex import quote
from typing import Any, Final, NoReturn

import click

from cellsync.cli.commands.edits import FROM_INPUT, typed_or_read, usage_error
from cellsync.cli.files import new_file, saving_options
from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Command, Group, circle_option
from cellsync.cli.standing import say_if_outside
from cellsync.cli.terminal import Terminal, terminal_of
from cellsync.cli.words import circle_names, clock, line, many, safe, said, table

_ID: Final = 8  # digits of an id in the text of a link
_LINES: Final = 100
_TIMELINE: Final = "timeline"
_LIMIT: Final = click.IntRange(1, 20_000)


@click.group(cls=Group)
def case() -> None:
    """Cases: write, read, list, import, export."""


@click.command("list", cls=Command)
@click.option("--kind", default="", metavar="KIND", help="Of one kind only: case, person, task, …")
@click.option(
    "--find", default="", metavar="TEXT", help="With this in the title or a name; marks and apostrophes do not matter."
)
@click.option("--conflicts", is_flag=True, help="Where people contradict each other, with all values.")
@click.option("--all", "beside", is_flag=True, help="Also the persons, episodes and other documents beside case files.")
@click.option("--of", default="", metavar="CASE", help="Only what points at this one, or is pointed at by it.")
@click.option("--archived", is_flag=True, help='Also those whose status is "archived".')
@circle_option("Only of this circle.")
@click.option("--limit", default=1_000, show_default=True, type=click.IntRange(1, 20_000), help="How many at most.")
@click.option("--after", default="", metavar="CASE", help="Those that stand behind this one.")
@click.pass_context
def list_(
    context: click.Context, kind: str, find: str, conflicts: bool, beside: bool, of: str, archived: bool, circle: str,
    limit: int, after: str,
) -> None:  # fmt: skip
    """The cases, in the order in which they arrived.

    Those of several circles follow one another.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call(
            "case.list", kind=kind, find=find, conflicts=conflicts, beside=beside, of=of, archived=archived,
            circle=circle, limit=limit, after=after,
        )  # fmt: skip
        circles = client.call("circles")["circles"]
    names = circle_names(circles) if len(circles) > 1 else {}
    if conflicts:
        for row in answer["cases"]:
            terminal.result(f"{row['short']}  {line(row['title'])}")
            _show_conflicts(terminal, row["short"], row.get("contradictions", []))
        if not answer["cases"]:
            terminal.result("No conflicts.")
    else:
        rows = _rows(answer["cases"], names)
        for shown_row in table(rows):
            terminal.result(shown_row)
        if not rows:
            terminal.result("No cases.")
            if not (find or kind or of or answer["archived"]):
                into = "" if not names else f" --circle {quote(line(circle))}" if circle else " --circle CIRCLE"
                terminal.next(f'cellsync case new "TITLE"{into}', writes=True)
        if answer["more"]:
            found = " …" if find or of or archived else ""
            terminal.say(f"{many(answer['more'], 'document')} beside them: cellsync case list{found} --all")
        if answer["archived"]:
            terminal.say(f"{answer['archived']} archived: cellsync case list --archived")
    if answer["next"]:
        terminal.need(f"There are more: cellsync case list … --after {answer['cases'][-1]['short']}")
    terminal.answer(answer)


def _rows(cases: list[dict[str, Any]], circles: dict[str, str]) -> list[list[str]]:
    """Cases as lines of a table; a column that is empty for all of them is left out. `circles`: names, by id."""
    columns = [
        [row["short"] for row in cases],
        [line(row["title"], 50) or "(no title)" for row in cases],
        [line(", ".join(row["about"]), 40) for row in cases],
        [line(row["status"], 16) for row in cases],
        [_kind(row) for row in cases],
        [circles.get(row["circle"], "") for row in cases],
        ["⚠ " + many(row["conflicts"], "conflict") if row["conflicts"] else "" for row in cases],
    ]
    return [list(row) for row in zip(*filter(any, columns), strict=True)]


def _say_if_cut(terminal: Terminal, answer: dict[str, Any], where: str) -> None:
    if answer.get("cut"):
        terminal.need(f"There is more than is shown here. {where}")


def _say_next(terminal: Terminal, answer: dict[str, Any], command: str) -> None:
    if answer["next"]:
        terminal.need(f"There is more from before: cellsync {command} {answer['id'][:_ID]} --after {answer['next']}")


def _show_conflicts(terminal: Terminal, case: str, conflicts: list[Any]) -> None:
    from cellsync.cli.settlement import command

    for conflict in conflicts:
        terminal.result(f"  {line(conflict['field'], 40)}  {said(conflict['values'])}")
        terminal.result(f"    choose: {line(command(case, conflict), 200)}")


@click.command(cls=Command)
@click.argument("case_", metavar="CASE")
@circle_option("If cases in several circles are called so.")
@click.option("--limit", default=_LINES, show_default=True, type=_LIMIT, help="How many items of its logs, the newest.")
@click.pass_context
def show(context: click.Context, case_: str, circle: str, limit: int) -> None:
    """A case, with every value where people contradict each other.

    CASE is the beginning of its id, its title or a part of it.
    """
    from cellsync.cli.reach import opened
    from cellsync.cli.settlement import command

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call("case.show", case=case_, circle=circle, limit=limit)
        circles = client.call("circles")["circles"]
    names = circle_names(circles) if len(circles) > 1 else {}
    _say_if_cut(terminal, answer, "cellsync case export writes all.")
    of = f" · {names.get(answer['circle'], '')}" if names else ""
    terminal.result(f"{line(answer['title'], 70) or '(no title)'} · {line(answer['kind'], 40)} · {answer['short']}{of}")
    contradicting = {conflict["field"]: conflict for conflict in answer["conflicts"]}
    width = max((len(field["name"]) for field in answer["fields"]), default=0)
    led = {link["id"][:_ID]: link for link in answer["links"]}
    for field in answer["fields"]:
        name = line(field["name"], 40).ljust(width)
        if field["items"]:
            newest = ", the newest" if answer["next"] else ""
            terminal.result(f"{name}  {many(len(field['items']), 'item')}{newest}")
            for item in field["items"]:
                _show_item(terminal, item, "  ")
        for key in field["keys"]:
            terminal.result(f"{name}  {line(key['text'], 40)}: {said(key['values'])}")
        if field["values"]:
            terminal.result(f"{name}  {_standing(field, led, names)}")
        if field["name"] in contradicting:
            terminal.result(
                f"{' ' * width}  choose: {line(command(answer['short'], contradicting[field['name']]), 200)}"
            )
    if answer["beside"]:
        terminal.result("beside it")
        for row in table(_rows(answer["beside"], names)):
            terminal.result(f"  {row}")
    if answer["more_beside"]:
        terminal.need(f"There is more beside it: cellsync case list --of {answer['short']}")
    _say_next(terminal, answer, "case log")
    terminal.answer(answer)


def _standing(field: dict[str, Any], links: dict[str, Any], circles: dict[str, str]) -> str:
    """The content of a field without keys and items: the values that people wrote, or elements (a sum is one)."""
    if field["values"][0]["at"] is not None:
        return said(field["values"])
    return ", ".join(_led(value["text"], links, circles) for value in field["values"])


def _led(text: str, links: dict[str, Any], circles: dict[str, str]) -> str:
    """An element of a set; for a link, its target: `about Anton (5b1c, Mill Street)`."""
    before, _, id_ = text.rpartition(" ")
    target = links.get(id_, {})
    if before and target.get("short"):
        where = ", ".join(filter(None, [target["short"], circles.get(target["circle"], "")]))
        return f"{line(before, 40)} {line(target['title'], 60) or 'a ' + _kind(target)} ({where})"
    if before and target:
        return f"{line(before, 40)} a case that is not here ({id_})"
    return line(text, 200)


def _kind(row: dict[str, Any]) -> str:
    return line(row["kind"].rpartition(".")[2], 20)


def _show_item(terminal: Terminal, item: Any, indent: str, id_: bool = False) -> None:
    now = item["values"][0]
    entry, _, place = item["id"].partition(".")
    mark = f"{entry[:6]}.{place}  " if id_ else ""
    corrected = "  (corrected)" if item["before"] else ""
    if len(item["values"]) > 1:
        terminal.result(f"{indent}{mark}{said(item['values'])}")
    else:
        who = f"{clock(now['at'])}  {line(now['author'], 24)}: "
        terminal.result(f"{indent}{mark}{who}{safe(now['text'])}{corrected}")


@click.command(cls=Command, epilog=FROM_INPUT, short_help="What the logs of a case say; or add a line.")
@click.argument("case_", metavar="CASE")
@click.option("--write", metavar="TEXT", help="Add this to the timeline (or to the log named by --field).")
@click.option("--kind", metavar="KIND", help="With --write: what happened: hearing, transferred, letter_sent, …")
@click.option("--date", metavar="DATE", help="With --write: when it happened: 2024-05-03, 2024-05, ~2024.")
@circle_option("If cases in several circles are called so.")
@click.option("--field", default="", metavar="NAME", help="One log of the case.")
@click.option("--since", default="", metavar="DAY", help="Recorded on this day or later.")
@click.option("--limit", default=_LINES, show_default=True, type=_LIMIT, help="How many lines at most, the newest.")
@click.option("--after", default="", metavar="PLACE", help="What arrived before, as the end of a page says it.")
@click.pass_context
def log(
    context: click.Context, case_: str, write: str | None, kind: str | None, date: str | None, circle: str, field: str,
    since: str, limit: int, after: str,
) -> None:  # fmt: skip
    """What the logs of a case say, in the order in which it was recorded; or add a line."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    if write is None:
        if kind or date:
            raise usage_error("--kind and --date go with --write.", "cellsync case log --help")
        with opened(context) as client:
            answer = client.call(
                "case.log", case=case_, circle=circle, since=since, field=field, limit=limit, after=after
            )
        for found in answer["lines"]:
            _show_item(terminal, found["item"], "", id_=True)
        if not answer["lines"]:
            terminal.result("Nothing in the newest changes." if answer["next"] else "Nothing to show.")
        _say_if_cut(terminal, answer, "cellsync case export writes all.")
        _say_next(terminal, answer, "case log")
        terminal.answer(answer)
        return
    if kind or date:
        _check_entry(field, kind, date)
    item: Any = typed_or_read(write)
    if kind or date:
        item = {"kind": kind or "note", "text": item, **({"date": date} if date else {})}
    with opened(context, writes=True) as client:
        see_through(context, terminal)
        answer = client.call("case.edit", case=case_, circle=circle, append={field or _TIMELINE: [item]})
    terminal.result(f"✓ {answer['short']}  {line(answer['title'])}")
    say_if_outside(terminal, answer)
    terminal.answer(answer)


def _check_entry(field: str, kind: str | None, date: str | None) -> None:
    """Check the options; errors name them as they were typed. Raises InvalidValue, Refusal."""
    from cellsync.casework import PartialDate, TimelineKind
    from cellsync.casework.editing import typed_value
    from cellsync.core.schema.values import value_type

    if field not in ("", _TIMELINE):
        raise usage_error("--kind and --date are for the timeline.", f"Leave --field out, or say --field {_TIMELINE}.")
    for option, given, wanted in (("--kind", kind, TimelineKind), ("--date", date, PartialDate)):
        if given:
            typed_value(value_type(wanted), option, given, _no_case)


def _no_case(named: str, kind: str = "", /) -> NoReturn:
    raise AssertionError  # neither option names a case


@click.command(cls=Command)
@click.argument("case_", metavar="CASE")
@circle_option("If cases in several circles are called so.")
@click.option("--format", "form", type=click.Choice(["text", "svg"]), default="text", show_default=True)
@click.option(
    "--limit", default=_LINES, show_default=True, type=click.IntRange(1, 2_000), help="How many changes, the newest."
)
@click.option("--after", default="", metavar="PLACE", help="What arrived before, as the end of a page says it.")
@saving_options
@click.pass_context
def graph(
    context: click.Context, case_: str, circle: str, form: str, limit: int, after: str, to: Path | None, replace: bool
) -> None:
    """Draw the history of a case: who wrote what, having seen what."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with new_file(to, replace=replace) if to is not None else nullcontext() as write:
        with opened(context) as client:
            answer = client.call("case.graph", case=case_, circle=circle, format=form, limit=limit, after=after)
        if write is not None:
            write([answer["drawing"].encode()])
    if to is not None:
        terminal.say(f"✓ {many(len(answer['rows']), 'change')} drawn. The file is not encrypted.")
    else:
        terminal.result(answer["drawing"].rstrip("\n"))
    _say_next(terminal, answer, "graph")
    terminal.answer(answer)

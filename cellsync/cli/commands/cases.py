"""case new, list, show, edit, log, import, export; and graph."""

from __future__ import annotations

import base64
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from cellsync.api.contract.problems import PARTLY, USAGE, Problem, Refusal
from cellsync.cli.files import new_file, saving_options
from cellsync.cli.options import Command, Group
from cellsync.cli.output import put
from cellsync.cli.terminal import Terminal, terminal_of
from cellsync.cli.words import clock, line, many, safe, said, table
from cellsync.core.plain import shown

if TYPE_CHECKING:
    from cellsync.api.client import Answer, Client

_FROM_INPUT: Final = 'A value "-" is read from standard input: what stands in a command can be seen by others.'
_CASE: Final = "case"
_ID: Final = 8  # digits of an id in the text of a link
_MOST_INPUT: Final = 1 << 20
_LINES: Final = 100
_TIMELINE: Final = "timeline"
_LIMIT: Final = click.IntRange(1, 20_000)
_COLUMNS: Final = (
    "Columns: external_id, title, description, name, name_latin, name_local, other_names, sex, birth_date, "
    "citizenship, occupation, languages, residence, status, priority, recognition, line_of_work, tags, summary, "
    "demands, further_demands, handler, episode_kind, agency, warrant, detained_on, detained_until, detention, "
    "facility, articles, court, sentence, next_task_kind, next_task, next_task_due, note, timeline; or what people "
    "call them in English, Belarusian, Russian and Polish."
)


@click.group(cls=Group)
def case() -> None:
    """Cases: write, read, list, import, export."""


# --- writing -------------------------------------------------------------------------------------------------


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
    """The options as an edit. Raises Refusal."""
    made: dict[str, Any] = {
        "set": {name: _read(value) for name, value in map(_split, given["set_"])},
        "put": {}, "delete": {}, "count": {},
    }  # fmt: skip
    for kind in ("add", "discard", "append"):
        lists: dict[str, list[str]] = {}
        for name, value in map(_split, given[f"{kind}_"]):
            lists.setdefault(name, []).append(_read(value))
        made[kind] = lists
    for text in given["put_"]:
        place, value = _split(text)
        field, key = _place(place)
        made["put"].setdefault(field, {})[key] = _read(value)
    for text in given["delete_"]:
        field, key = _place(text)
        made["delete"].setdefault(field, []).append(key)
    for name, value in map(_split, given["count_"]):
        try:
            made["count"][name] = int(value)
        except ValueError:
            raise _usage("A counter takes a whole number.", "Write --count parcels=+1.") from None
    return made


def _split(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise _usage("That is not FIELD=VALUE.", 'Write, say, --set status=closed or --append notes="…".')
    return name.strip(), value


def _place(text: str) -> tuple[str, str]:
    field, dot, key = text.partition(".")
    if not dot or not key:
        raise _usage("That is not FIELD.KEY.", "Write, say, --put roles.lawyer=Vera or --delete roles.lawyer.")
    return field.strip(), key


def _read(value: str) -> str:
    """The value; "-" stands for what comes on standard input."""
    if value != "-":
        return value
    if sys.stdin is None:
        raise _usage("There is no standard input to read from.", "Give the value in place of -.")
    if sys.stdin.isatty():
        typed: str = click.prompt("Text", err=True)
        return typed
    text = sys.stdin.read(_MOST_INPUT).rstrip("\n")
    if not text:  # what came to nothing elsewhere must not empty a field here
        raise _usage("Nothing came on standard input; nothing was written.", "To empty a field, write --set FIELD= .")
    return text


def _usage(message: str, hint: str) -> Refusal:
    return Refusal(Problem("invalid_value", message, hint, USAGE))


@case.command(epilog=_FROM_INPUT)
@click.argument("title", required=False)
@click.option("--kind", default=_CASE, show_default=True, metavar="KIND", help="Which kind: case, person, task, …")
@writing_options
@click.pass_context
def new(context: click.Context, /, title: str | None, kind: str, **given: Any) -> None:
    """A new case, called TITLE."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    written = _writing(**given)
    if title is not None:
        written["set"].setdefault("title", _read(title))
    elif kind == _CASE and not {"title", "external_id"} & written["set"].keys():
        raise _usage("A case needs a title.", 'cellsync case new "Parcel for Anton"')
    with opened(context, writes=True) as client:
        answer = client.call("case.new", kind=kind, **written)
    terminal.result(f"✓ {answer['short']}  {line(answer['title'])}".rstrip())
    if answer["alike"]:
        terminal.say(f"Called the same, and here already: {', '.join(line(one, 16) for one in answer['alike'])}")
    _say_doubts(terminal, answer)
    terminal.next(f"cellsync case show {answer['short']}")
    terminal.answer(answer)


@case.command(epilog=_FROM_INPUT)
@click.argument("case_", metavar="CASE")
@writing_options
@click.option("--correct", "correct_", multiple=True, metavar="ITEM=TEXT", help="Say an item of a log anew.")
@click.option("--retract", "retract_", multiple=True, metavar="ITEM", help="Hide an item of a log.")
@click.pass_context
def edit(
    context: click.Context, /, case_: str, correct_: tuple[str, ...], retract_: tuple[str, ...], **given: Any
) -> None:
    """Write to a case. All that is given is one signed change.

    CASE is the beginning of its id, its title or a part of it. `case log` shows the ids of ITEMs.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    written = _writing(**given)
    written["correct"] = {name: _read(value) for name, value in map(_split, correct_)}
    written["retract"] = dict.fromkeys(retract_, "")
    if not any(written.values()):
        raise _usage("There is nothing to write.", "Give --set, --append or another of `cellsync case edit --help`.")
    with opened(context, writes=True) as client:
        answer = client.call("case.edit", case=case_, **written)
    terminal.result(f"✓ {answer['short']}  {line(answer['title'])}" if answer["written"] else "Nothing has changed.")
    _say_doubts(terminal, answer)
    terminal.answer(answer)


def _say_doubts(terminal: Terminal, answer: dict[str, Any]) -> None:
    for one in answer["taken"]:
        terminal.say(f"{line(one['field'], 40)}: taken as {line(one['text'], 40)}")
    for one in answer["doubts"]:
        terminal.need(f"⚠ {line(one['text'], 300)}")


# --- reading -------------------------------------------------------------------------------------------------


@case.command("list")
@click.option("--kind", default="", metavar="KIND", help="Of one kind only: case, person, task, …")
@click.option(
    "--find", default="", metavar="TEXT", help="With this in the title or a name; marks and apostrophes do not matter."
)
@click.option("--conflicts", is_flag=True, help="Where people contradict each other, with all values.")
@click.option("--all", "beside", is_flag=True, help="Also the persons, episodes and other documents beside case files.")
@click.option("--of", default="", metavar="CASE", help="Only what points at this one, or is pointed at by it.")
@click.option("--archived", is_flag=True, help='Also those whose status is "archived".')
@click.option("--limit", default=1_000, show_default=True, type=click.IntRange(1, 20_000), help="How many at most.")
@click.option("--after", default="", metavar="CASE", help="Those that stand behind this one.")
@click.pass_context
def list_(
    context: click.Context, kind: str, find: str, conflicts: bool, beside: bool, of: str, archived: bool, limit: int,
    after: str,
) -> None:  # fmt: skip
    """The cases, in the order in which they arrived."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call(
            "case.list", kind=kind, find=find, conflicts=conflicts, beside=beside, of=of, archived=archived,
            limit=limit, after=after,
        )  # fmt: skip
    if conflicts:
        for row in answer["cases"]:
            terminal.result(f"{row['short']}  {line(row['title'])}")
            _show_conflicts(terminal, row["short"], row.get("contradictions", []))
        if not answer["cases"]:
            terminal.result("No conflicts.")
    else:
        rows = _rows(answer["cases"])
        for shown_row in table(rows):
            terminal.result(shown_row)
        if not rows:
            terminal.result("No cases.")
            if not (find or kind or of or answer["archived"]):
                terminal.next('cellsync case new "TITLE"')
        if answer["more"]:
            terminal.say(f"{many(answer['more'], 'document')} beside them: cellsync case list --all")
        if answer["archived"]:
            terminal.say(f"{answer['archived']} archived: cellsync case list --archived")
    if answer["next"]:
        terminal.need(f"There are more: cellsync case list … --after {answer['cases'][-1]['short']}")
    terminal.answer(answer)


def _rows(cases: list[dict[str, Any]]) -> list[list[str]]:
    """Cases as lines of a table; what nobody has said of any of them takes no column."""
    columns = [
        [row["short"] for row in cases],
        [line(row["title"], 50) or "(no title)" for row in cases],
        [line(", ".join(row["about"]), 40) for row in cases],
        [line(row["status"], 16) for row in cases],
        [_kind(row) for row in cases],
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


@case.command()
@click.argument("case_", metavar="CASE")
@click.option("--limit", default=_LINES, show_default=True, type=_LIMIT, help="How many items of its logs, the newest.")
@click.pass_context
def show(context: click.Context, case_: str, limit: int) -> None:
    """A case, with every value where people contradict each other.

    CASE is the beginning of its id, its title or a part of it.
    """
    from cellsync.cli.reach import opened
    from cellsync.cli.settlement import command

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call("case.show", case=case_, limit=limit)
    _say_if_cut(terminal, answer, "cellsync case export writes all.")
    terminal.result(f"{line(answer['title'], 70) or '(no title)'} · {line(answer['kind'], 40)} · {answer['short']}")
    contradicting = {one["field"]: one for one in answer["conflicts"]}
    width = max((len(field["name"]) for field in answer["fields"]), default=0)
    led = {one["id"][:_ID]: one for one in answer["links"]}
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
            terminal.result(f"{name}  {_standing(field, led)}")
        if field["name"] in contradicting:
            terminal.result(
                f"{' ' * width}  choose: {line(command(answer['short'], contradicting[field['name']]), 200)}"
            )
    if answer["beside"]:
        terminal.result("beside it")
        for row in table(_rows(answer["beside"])):
            terminal.result(f"  {row}")
    if answer["more_beside"]:
        terminal.need(f"There is more beside it: cellsync case list --of {answer['short']}")
    _say_next(terminal, answer, "case log")
    terminal.answer(answer)


def _standing(field: dict[str, Any], links: dict[str, Any]) -> str:
    """What stands in a field without keys and items: a value that people wrote, or elements, of which a sum is one."""
    if field["values"][0]["at"] is not None:
        return said(field["values"])
    return ", ".join(_led(one["text"], links) for one in field["values"])


def _led(text: str, links: dict[str, Any]) -> str:
    """An element of a set; of a link, what it leads to: `about Anton (5b1c)`."""
    before, _, id_ = text.rpartition(" ")
    target = links.get(id_, {})
    if before and target.get("short"):
        return f"{line(before, 40)} {line(target['title'], 60) or 'a ' + _kind(target)} ({target['short']})"
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


@case.command(epilog=_FROM_INPUT, short_help="What the logs of a case say; or add a line.")
@click.argument("case_", metavar="CASE")
@click.option("--write", metavar="TEXT", help="Add this to the timeline (or to the log named by --field).")
@click.option("--kind", metavar="KIND", help="With --write: what happened: hearing, transferred, letter_sent, …")
@click.option("--date", metavar="DATE", help="With --write: when it happened: 2024-05-03, 2024-05, ~2024.")
@click.option("--field", default="", metavar="NAME", help="One log of the case.")
@click.option("--since", default="", metavar="DAY", help="Recorded on this day or later.")
@click.option("--limit", default=_LINES, show_default=True, type=_LIMIT, help="How many lines at most, the newest.")
@click.option("--after", default="", metavar="PLACE", help="What arrived before, as the end of a page says it.")
@click.pass_context
def log(
    context: click.Context, case_: str, write: str | None, kind: str | None, date: str | None, field: str, since: str,
    limit: int, after: str,
) -> None:  # fmt: skip
    """What the logs of a case say, in the order in which it was recorded; or add a line."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    if write is None:
        if kind or date:
            raise _usage("--kind and --date go with --write.", "cellsync case log --help")
        with opened(context) as client:
            answer = client.call("case.log", case=case_, since=since, field=field, limit=limit, after=after)
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
    item: Any = _read(write)
    if kind or date:
        item = {"kind": kind or "note", "text": item, **({"date": date} if date else {})}
    with opened(context, writes=True) as client:
        answer = client.call("case.edit", case=case_, append={field or _TIMELINE: [item]})
    terminal.result(f"✓ {answer['short']}  {line(answer['title'])}")
    terminal.answer(answer)


def _check_entry(field: str, kind: str | None, date: str | None) -> None:
    """Errors name the options, as they were typed. Raises InvalidValue, Refusal."""
    from cellsync.casework import PartialDate, TimelineKind
    from cellsync.casework.editing import typed_value
    from cellsync.core.schema.values import value_type

    if field not in ("", _TIMELINE):
        raise _usage("--kind and --date are for the timeline.", f"Leave --field out, or say --field {_TIMELINE}.")
    for option, given, wanted in (("--kind", kind, TimelineKind), ("--date", date, PartialDate)):
        if given:
            typed_value(value_type(wanted), option, given, _no_case)


def _no_case(named: str, kind: str = "", /) -> NoReturn:
    raise AssertionError  # neither of them names one


@click.command(cls=Command)
@click.argument("case_", metavar="CASE")
@click.option("--format", "form", type=click.Choice(["text", "svg"]), default="text", show_default=True)
@click.option(
    "--limit", default=_LINES, show_default=True, type=click.IntRange(1, 2_000), help="How many changes, the newest."
)
@click.option("--after", default="", metavar="PLACE", help="What arrived before, as the end of a page says it.")
@saving_options
@click.pass_context
def graph(
    context: click.Context, case_: str, form: str, limit: int, after: str, to: Path | None, replace: bool
) -> None:
    """Draw the history of a case: who wrote what, having seen what."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with new_file(to, replace=replace) if to is not None else nullcontext() as write:
        with opened(context) as client:
            answer = client.call("case.graph", case=case_, format=form, limit=limit, after=after)
        if write is not None:
            write([answer["drawing"].encode()])
    if to is not None:
        terminal.say(f"✓ {many(len(answer['rows']), 'change')} drawn. The file is not encrypted.")
    else:
        terminal.result(answer["drawing"].rstrip("\n"))
    _say_next(terminal, answer, "graph")
    terminal.answer(answer)


# --- tables --------------------------------------------------------------------------------------------------


@case.command("import", epilog=_COLUMNS)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what it would do, and what is wrong with which line.")
@click.option(
    "--columns", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='A TOML or JSON file that says where columns go: "Nr" = "external_id", "Note" = "case.legal_notes", "X" = [].',
)  # fmt: skip
@click.option("--encoding", metavar="NAME", help="Of the file; else it is recognised, or you are asked for it.")
@click.option("--delimiter", metavar="CHARACTER", help="Between columns; else the most frequent of , ; tab.")
@click.pass_context
def import_(
    context: click.Context, file: Path, dry_run: bool, columns: Path | None, encoding: str | None,
    delimiter: str | None,
) -> None:  # fmt: skip
    """Import cases from a CSV file, or an export as JSON.

    The same table again changes nothing, so an import that broke off is simply given again. Ctrl-C ends it. A cell that
    cannot be read is named and left out; the rest of its row arrives.
    """
    from cellsync.cli.reach import opened
    from cellsync.cli.waits import finished, to_its_end

    terminal = terminal_of(context)
    given: dict[str, Any] = {"table": _load(file), "encoding": encoding, "delimiter": delimiter, "dry_run": dry_run}
    given["columns"] = None if columns is None else _columns(columns)
    with opened(context, writes=True) as client, terminal.bar("importing", "reading the table") as move:
        job = to_its_end(client, "import", given, lambda one: move(one["done"], one["total"]))
    finished(job)
    _say_how_read(terminal, job)
    would = "would be " if dry_run else ""
    unread = f", {many(job['unread'], 'cell')} not read" if job["unread"] else ""
    terminal.result(
        f"{'' if dry_run else '✓ '}{many(job['created'], 'case')} {would}created, {job['updated']} {would}updated, "
        f"{job['unchanged']} unchanged, {many(job['left_out'], 'row')} left out{unread}"
    )
    terminal.answer(job)
    if job["problems"]:
        raise SystemExit(PARTLY)


def _say_how_read(terminal: Terminal, job: Any) -> None:
    """Which headings were taken for what, and what could not be read."""
    if job["header_line"] > 1:
        terminal.say(f"The names of the columns are on line {job['header_line']}.")
    for heading, ours in job["columns"].items():
        terminal.say(f'column "{line(heading, 60)}" is taken as {line(ours, 40)}')
    if not job["id_column"] and job["done"]:
        terminal.say("There is no column external_id: rows are known by the name and the date of birth.")
    for problem in job["problems"]:
        terminal.result(line(problem["message"], 300))
        if problem["examples"]:
            terminal.result("  there: " + ", ".join(f'"{line(one, 40)}"' for one in problem["examples"]))
        if problem["fits"]:
            fits = line(", ".join(problem["fits"]), 200)
            terminal.result(f"  such words fit: {fits} (--columns says where a column goes)")
    if nameless := job["nameless"]:
        some = ", ".join(f'"{line(one["called"], 30)}" (line {one["line"]})' for one in nameless[:3])
        more = f" and {len(nameless) - 3} more" if len(nameless) > 3 else ""
        terminal.result(f"{many(len(nameless), 'row')} without a name: called {some}{more}")
    _say_who_is_alike(terminal, job["alike"])
    for column in job["ignored"]:
        terminal.say(f'column "{line(column, 60)}" is not known, and was left out')
    if job["ignored"]:
        terminal.say("  known ones: cellsync case import --help")


def _say_who_is_alike(terminal: Terminal, alike: Any) -> None:
    """Rows that may be about somebody who is here already."""
    for here, what in ((True, "the name of somebody who is here already"), (False, "the name of an earlier line")):
        lines = [one["line"] for one in alike if (one["case"] is not None) is here]
        if lines:
            more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
            named = ", ".join(map(str, lines[:3]))
            terminal.say(f"line{'s' * (len(lines) > 1)} {named}{more}: {what}. Is it the same person?")
    ids = list(dict.fromkeys(one["case"][:8] for one in alike if one["case"]))[:3]
    if ids:
        terminal.say(f"  here: {', '.join(ids)}")


def _columns(file: Path) -> Any:
    from cellsync.casework.importing import mapping_file
    from cellsync.core.errors import InvalidValue

    try:
        return mapping_file.load(file)
    except InvalidValue as error:
        raise _usage(f"{file.name}: {error}.", error.hint) from None


def _load(file: Path) -> str:
    try:
        return base64.b64encode(file.read_bytes()).decode()
    except OSError as error:
        message = f"The file cannot be read: {error.strerror or 'the system refused'}."
        raise Refusal(Problem("unreadable_file", message, "Check its name and permissions.", USAGE)) from None


@case.command(short_help="Export as a table, as JSON, or to print.")
@click.argument("cases", metavar="[CASE]...", nargs=-1)
@click.option("--format", "form", type=click.Choice(["csv", "json", "html"]), default="csv", show_default=True)
@click.option(
    "--for", "audience", type=click.Choice(["internal", "partners", "un", "public"]), default="internal",
    show_default=True, help="Whom it is for: their consent has to reach that far.",
)  # fmt: skip
@click.option("--compartment", "compartments", multiple=True, type=click.Choice([f"C{n}" for n in range(7)]))
@click.option("--language", default="", metavar="TAG", help="Mark the texts as being in it: ru, be, en.")
@saving_options
@click.pass_context
def export(
    context: click.Context, cases: tuple[str, ...], form: str, audience: str, compartments: tuple[str, ...],
    language: str, to: Path | None, replace: bool,
) -> None:  # fmt: skip
    """Export cases (all, if none is named) as a table, as JSON, or one of them as a page to print.

    Only what everybody concerned has consented to leaves; what is left out is said, with the reason, and ends in exit
    code 9. The file is not encrypted.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with new_file(to, replace=replace) if to is not None else nullcontext() as write, opened(context) as client:
        # One case is there before a bar could be read; all of a large cell take their time.
        with nullcontext() if cases else terminal.bar("exporting"):
            answer = client.call(
                "export", format=form, audience=audience, compartments=list(compartments) or None, cases=list(cases),
                language=language,
            )  # fmt: skip
        pieces = _pieces(client, answer)
        if write is not None:
            write(pieces)
            answer["content"] = ""  # it stands in the file
        elif terminal.options.json:
            answer["content"] = base64.b64encode(b"".join(pieces)).decode()
        else:
            _put_out(pieces)
        answer["export"] = answer["next"] = ""  # all was fetched
    chosen = ", ".join(answer["compartments"])
    noted = "noted in the cell" if answer["record"] else "not noted: this device writes nothing to the cell"
    terminal.say(f"✓ {many(answer['leaving'], 'case')}, {chosen}, for {audience}. Not encrypted; {noted}.")
    for one in answer["left_out"]:
        terminal.need(line(one["text"], 500))
    terminal.answer(answer)
    if answer["left_out"]:
        raise SystemExit(PARTLY)


def _pieces(client: Client, answer: Answer) -> Iterator[bytes]:
    """What an export gives, of which one piece at a time is here."""
    export, piece = answer["export"], answer
    yield base64.b64decode(piece["content"])
    while piece["next"]:
        piece = client.call("export.read", export=export, after=piece["next"])
        yield base64.b64decode(piece["content"])


def _put_out(pieces: Iterable[bytes]) -> None:
    """Marks of direction stay in a file, where they belong to how people write; on a terminal they could deceive."""
    if not sys.stdout.isatty():
        for piece in pieces:
            put(piece, end=False)
        return
    reader = getincrementaldecoder("utf-8")()
    for piece in pieces:
        put(shown(reader.decode(piece).replace("\t", " ")), end=False)

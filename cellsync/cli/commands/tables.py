"""case import and export."""

from __future__ import annotations

import base64
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cellsync.api.contract.problems import PARTLY, USAGE, Problem, Refusal
from cellsync.cli.commands.edits import usage_error
from cellsync.cli.files import new_file, saving_options
from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Command, circle_option
from cellsync.cli.output import put
from cellsync.cli.standing import say_if_outside
from cellsync.cli.terminal import Terminal, terminal_of
from cellsync.cli.words import line, many
from cellsync.core.plain import shown

if TYPE_CHECKING:
    from cellsync.api.client import Answer, Client

_COLUMNS: Final = (
    "Columns: external_id, title, description, name, name_latin, name_local, other_names, sex, birth_date, "
    "citizenship, occupation, languages, residence, status, priority, recognition, line_of_work, tags, summary, "
    "demands, further_demands, handler, episode_kind, agency, warrant, detained_on, detained_until, detention, "
    "facility, articles, court, sentence, next_task_kind, next_task, next_task_due, note, timeline; or what people "
    "call them in English, Belarusian, Russian and Polish."
)


@click.command("import", cls=Command, epilog=_COLUMNS)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what it would do, and what is wrong with which line.")
@click.option(
    "--columns", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='A TOML or JSON file that says where columns go: "Nr" = "external_id", "Note" = "case.legal_notes", "X" = [].',
)  # fmt: skip
@click.option("--encoding", metavar="NAME", help="Of the file; else it is recognised, or you are asked for it.")
@click.option("--delimiter", metavar="CHARACTER", help="Between columns; else the most frequent of , ; tab.")
@circle_option("Into this circle; needed if there are several.")
@click.pass_context
def import_(
    context: click.Context, file: Path, dry_run: bool, columns: Path | None, encoding: str | None,
    delimiter: str | None, circle: str,
) -> None:  # fmt: skip
    """Import cases from a CSV file, or an export as JSON.

    The same table again changes nothing, so an import that broke off is simply given again. Ctrl-C ends it. A cell that
    cannot be read is named and left out; the rest of its row arrives.
    """
    from cellsync.cli.reach import opened
    from cellsync.cli.waits import finished, to_its_end

    terminal = terminal_of(context)
    given: dict[str, Any] = {"table": _load(file), "encoding": encoding, "delimiter": delimiter, "dry_run": dry_run}
    given["circle"] = circle
    given["columns"] = None if columns is None else _columns(columns)
    with opened(context, writes=True) as client, terminal.bar("importing", "reading the table") as move:
        job = to_its_end(client, "import", given, lambda job: move(job["done"], job["total"]))
    finished(job)
    _say_how_read(terminal, job)
    would = "would be " if dry_run else ""
    unread = f", {many(job['unread'], 'cell')} not read" if job["unread"] else ""
    terminal.result(
        f"{'' if dry_run else '✓ '}{many(job['created'], 'case')} {would}created, {job['updated']} {would}updated, "
        f"{job['unchanged']} unchanged, {many(job['left_out'], 'row')} left out{unread}"
    )
    say_if_outside(terminal, job)
    terminal.answer(job)
    if job["problems"]:
        raise SystemExit(PARTLY)


def _say_how_read(terminal: Terminal, job: Any) -> None:
    """Say how the headings were understood, and which parts could not be read."""
    if job["header_line"] > 1:
        terminal.say(f"The names of the columns are on line {job['header_line']}.")
    for heading, ours in job["columns"].items():
        terminal.say(f'column "{line(heading, 60)}" is taken as {line(ours, 40)}')
    if not job["id_column"] and job["done"]:
        terminal.say("There is no column external_id: rows are known by the name and the date of birth.")
    for problem in job["problems"]:
        terminal.result(line(problem["message"], 300))
        if problem["examples"]:
            terminal.result("  there: " + ", ".join(f'"{line(example, 40)}"' for example in problem["examples"]))
        if problem["fits"]:
            fits = line(", ".join(problem["fits"]), 200)
            terminal.result(f"  such words fit: {fits} (--columns says where a column goes)")
    for notice in job["notices"]:
        terminal.result(line(notice["message"], 300))
        terminal.result("  there: " + ", ".join(f'"{line(example, 40)}"' for example in notice["examples"]))
    if nameless := job["nameless"]:
        some = ", ".join(f'"{line(row["called"], 30)}" (line {row["line"]})' for row in nameless[:3])
        more = f" and {len(nameless) - 3} more" if len(nameless) > 3 else ""
        terminal.result(f"{many(len(nameless), 'row')} without a name: called {some}{more}")
    _say_who_is_called_otherwise(terminal, job["renamed"])
    _say_who_is_alike(terminal, job["alike"])
    for column in job["ignored"]:
        terminal.say(f'column "{line(column, 60)}" is not known, and was left out')
    if job["ignored"]:
        terminal.say("  known ones: cellsync case import --help")


def _say_who_is_called_otherwise(terminal: Terminal, renamed: Any) -> None:
    """List the rows that were left out because their id may belong to another person."""
    if renamed:
        lines = [row["line"] for row in renamed]
        more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
        named = ", ".join(map(str, lines[:3]))
        where = f"line{'s' * (len(lines) > 1)} {named}{more}"
        terminal.result(f"{where}: left out: this id is here already, for somebody of another name")
        terminal.result("  Two people? Ids are the same in two tables where both count their rows: make them differ.")
        person = line(renamed[0]["person"], 40)[:8]
        terminal.result(f"  One person? Add the other name first: cellsync case edit {person} --add names=…")


def _say_who_is_alike(terminal: Terminal, alike: Any) -> None:
    """List the rows that may be about a person who already has a case."""
    for here, what in ((True, "the name of somebody who is here already"), (False, "the name of an earlier line")):
        lines = [row["line"] for row in alike if (row["case"] is not None) is here]
        if lines:
            more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
            named = ", ".join(map(str, lines[:3]))
            terminal.say(f"line{'s' * (len(lines) > 1)} {named}{more}: {what}. Is it the same person?")
    ids = list(dict.fromkeys(row["case"][:8] for row in alike if row["case"]))[:3]
    if ids:
        terminal.say(f"  here: {', '.join(ids)}")


def _columns(file: Path) -> Any:
    from cellsync.casework.importing import mapping_file
    from cellsync.core.errors import InvalidValue

    try:
        return mapping_file.load(file)
    except InvalidValue as error:
        raise usage_error(f"{file.name}: {error}.", error.hint) from None


def _load(file: Path) -> str:
    try:
        return base64.b64encode(file.read_bytes()).decode()
    except OSError as error:
        message = f"The file cannot be read: {error.strerror or 'the system refused'}."
        raise Refusal(Problem("unreadable_file", message, "Check its name and permissions.", USAGE)) from None


@click.command(cls=Command, short_help="Export as a table, as JSON, or to print.")
@click.argument("cases", metavar="[CASE]...", nargs=-1)
@click.option("--format", "form", type=click.Choice(["csv", "json", "html"]), default="csv", show_default=True)
@click.option(
    "--for", "audience", type=click.Choice(["internal", "partners", "un", "public"]), default="internal",
    show_default=True, help="Whom it is for: their consent has to reach that far.",
)  # fmt: skip
@click.option(
    "--compartment", "compartments", multiple=True, type=click.Choice([f"C{n}" for n in range(7)]),
    help="C0 for the public, C1 the case, C2 legal, C3 medical, C4 to C6 helpers and routes. Else what suits --for.",
)  # fmt: skip
@click.option("--language", default="", metavar="TAG", help="Mark the texts as being in it: ru, be, en.")
@click.option("--with-mentions", is_flag=True, help="Let texts go also where they say something that stays: a name.")
@circle_option("Out of this circle.")
@saving_options
@click.pass_context
def export(
    context: click.Context, cases: tuple[str, ...], form: str, audience: str, compartments: tuple[str, ...],
    circle: str, language: str, with_mentions: bool, to: Path | None, replace: bool,
) -> None:  # fmt: skip
    """Export cases of one circle (all, if none is named) as a table, as JSON, or one of them as a page to print.

    Only what everybody concerned has consented to leaves; what is left out is said, with the reason, and ends in exit
    code 9. The file is not encrypted.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with new_file(to, replace=replace) if to is not None else nullcontext() as write, opened(context) as client:
        # Named cases are exported before a bar could be read; all cases of a large cell take a while.
        with nullcontext() if cases else terminal.bar("exporting"):
            answer = client.call(
                "export", format=form, audience=audience, compartments=list(compartments) or None, cases=list(cases),
                circle=circle, language=language, with_mentions=with_mentions,
            )  # fmt: skip
        pieces = _pieces(client, answer)
        if write is not None:
            write(pieces)
            see_through(context, terminal)
            answer["content"] = ""  # it is in the file
        elif terminal.options.json:
            answer["content"] = base64.b64encode(b"".join(pieces)).decode()
        else:
            _put_out(pieces)
        answer["export"] = answer["next"] = ""  # all pieces were fetched
    chosen = ", ".join(answer["compartments"])
    noted = "noted in the cell" if answer["record"] else "not noted: this device writes nothing to the cell"
    terminal.say(f"✓ {many(answer['leaving'], 'case')}, {chosen}, for {audience}. Not encrypted; {noted}.")
    for notice in answer["left_out"]:
        terminal.need(line(notice["text"], 500))
    for notice in answer["mentions"]:
        terminal.need(line(notice["text"], 500))
    terminal.answer(answer)
    if answer["left_out"]:
        raise SystemExit(PARTLY)


def _pieces(client: Client, answer: Answer) -> Iterator[bytes]:
    """The pieces of an export, fetched one at a time."""
    export, piece = answer["export"], answer
    yield base64.b64decode(piece["content"])
    while piece["next"]:
        piece = client.call("export.read", export=export, after=piece["next"])
        yield base64.b64decode(piece["content"])


def _put_out(pieces: Iterable[bytes]) -> None:
    """Write an export to standard output. Direction marks are part of people's texts and stay in a file; on a terminal
    they could deceive, and are replaced."""
    if not sys.stdout.isatty():
        for piece in pieces:
            put(piece, end=False)
        return
    reader = getincrementaldecoder("utf-8")()
    for piece in pieces:
        put(shown(reader.decode(piece).replace("\t", " ")), end=False)

"""case move: written anew in another circle."""

from __future__ import annotations

from typing import Any

import click

from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Command, circle_option
from cellsync.cli.standing import say_if_outside
from cellsync.cli.terminal import Terminal, terminal_of
from cellsync.cli.words import clock, line, many, safe
from cellsync.core.errors import InvalidValue


@click.command(cls=Command, short_help="Write a case anew in another circle.")
@click.argument("case_", metavar="CASE")
@click.option("--to", required=True, metavar="CIRCLE", help="Its name, or the beginning of its id.")
@circle_option("If cases in several circles are called so.")
@click.option("--items", metavar="WHICH", help="Of its logs: all, none, or numbers as shown: 1,3-5.")
@click.option("--with-authors", is_flag=True, help="Their authors' names go along, as text.")
@click.option("--yes", is_flag=True, help="For scripts: without asking.")
@click.pass_context
def move(
    context: click.Context, case_: str, to: str, circle: str, items: str | None, with_authors: bool, yes: bool
) -> None:
    """Write CASE anew in another circle, with its values as they are and what you choose of its logs.

    The old one stays where it is, and who has read it has read it. Nothing in the new one says where it came from; the
    old one points at it only if all who read that may know it.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        seen = client.call("case.move.preview", case=case_, to=to, circle=circle)
        for sentence in _previewed(seen, with_authors=with_authors):
            terminal.need(sentence)
        chosen = _chosen(terminal, seen["items"], items)
        if not (yes or terminal.ask_yes(f"Write it anew in {line(seen['to'], 40)}?", "--yes")):
            terminal.result("Nothing was written.")
            terminal.answer({"v": 1, "id": None})
            return
        see_through(context, terminal)
        answer = client.call(
            "case.move", case=seen["id"], to=to, circle=circle, items=chosen, with_authors=with_authors
        )
    terminal.result(f"✓ {answer['short']}  {line(answer['title'])}, with {many(answer['items'], 'item')} of its logs")
    unpointed = "could not be made to point at it." if seen["linked"] else "does not point at it: some must not know."
    points = "points at it." if answer["linked"] else unpointed
    terminal.result(f"The old one stays, and {points}")
    say_if_outside(terminal, answer)
    if not answer.get("waits"):
        terminal.next(f"cellsync case show {answer['short']}")
    terminal.answer(answer)


def _previewed(seen: dict[str, Any], *, with_authors: bool) -> list[str]:
    fields = ", ".join(line(name, 40) for name in seen["fields"]) or "nothing"
    said = [
        f"{line(seen['title'], 70) or '(no title)'}: from {line(seen['called'], 40)} to {line(seen['to'], 40)}",
        f"  goes along: {fields}",
    ]
    if seen["left_out"]:
        left = ", ".join(line(name, 40) for name in seen["left_out"])
        said.append(f"  does not, or not all of it, because it names what is in no case there: {left}")
    for number, item in enumerate(seen["items"], 1):
        who = f"{line(item['author'], 24)}: " if with_authors else ""
        said.append(f"  {number:>3}  {clock(item['at'])}  {who}{safe(item['text'])}")
    said.append(f"  has been read, or can be, by: {_names(seen['read_by'])}. Nobody can take that back.")
    said.append(f"  will be read by: {_names(seen['will_read'])}.")
    return said


def _names(names: list[str]) -> str:
    return ", ".join(line(name, 40) for name in names)


def _chosen(terminal: Terminal, items: list[dict[str, Any]], given: str | None) -> list[str]:
    """The ids of the items that go along: as given, or asked for until they are numbers. Raises InvalidValue."""
    if not items:
        return []
    if given is not None:
        return [items[number - 1]["id"] for number in numbers(given, len(items))]
    while True:
        said = terminal.ask("Which items go along (all, none, 1,3-5)?", "--items WHICH")
        try:
            return [items[number - 1]["id"] for number in numbers(said, len(items))]
        except InvalidValue as error:
            terminal.need(f"error: {str(error).rstrip('.')}: {error.hint}")


def numbers(text: str, most: int) -> list[int]:
    """`all`, `none`, `1,3-5`. Raises InvalidValue."""
    said = text.strip().lower()
    if said in ("all", "none"):
        return list(range(1, most + 1)) if said == "all" else []
    found: dict[int, None] = {}
    for part in said.split(","):
        first, _, last = part.partition("-")
        try:
            begins = int(first)
            ends = int(last) if last else begins
        except ValueError:
            begins, ends = 0, 0
        if not 1 <= begins <= ends <= most:
            raise InvalidValue("Those are no numbers of items here.", hint=f"all, none, or numbers up to {most}: 1,3-5")
        found.update(dict.fromkeys(range(begins, ends + 1)))
    return sorted(found)

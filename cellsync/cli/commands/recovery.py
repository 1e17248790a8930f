"""recovery: what the key on paper does, once somebody types it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Group, circle_option
from cellsync.cli.terminal import Terminal, read_line, terminal_of
from cellsync.cli.words import ago, line, listed, many

if TYPE_CHECKING:
    from cellsync.api.client import Answer, Client

_NOTHING: Final = {"v": 1, "entries": [], "members": [], "confirmed": 0, "others": 0}
_MISTYPED: Final = frozenset({"invalid_value", "wrong_paper"})
_ABLE: Final = (
    "It speaks at once, and outweighs everybody. With it you can\n"
    "  remove members, whatever they have done to others (--remove NAME),\n"
    "  make members coordinators (--coordinator NAME), and\n"
    "  settle a removal that is contested or rests on one word (--endorse NAME: the one of NAME)."
)
_KEEP: Final = "Put the paper back where it was. Whoever has seen it can do the same."


@click.group(cls=Group, short_help="What the recovery key on paper can do.")
def recovery() -> None:
    """The recovery key, which was printed once when the circle was founded, and is on paper.

    Whoever has it decides for the circle: it removes anybody, and makes coordinators. It opens no device: a lost
    passphrase stays lost.
    """


@recovery.command(short_help="Let the recovery key decide, at once.")
@click.option("--remove", "removed", multiple=True, metavar="NAME", help="Remove NAME, whatever they have struck.")
@click.option("--coordinator", "coordinators", multiple=True, metavar="NAME", help="Make NAME a coordinator.")
@click.option("--endorse", "endorsed", multiple=True, metavar="NAME", help="Agree to the removal of NAME.")
@click.option("--confirm", metavar="CIRCLE", help="For scripts: the name of the circle.")
@click.option("--key-fd", type=int, metavar="N", help="Read the key from this file descriptor, in place of asking.")
@circle_option("Needed only if the key speaks for several.")
@click.pass_context
def use(
    context: click.Context, removed: tuple[str, ...], coordinators: tuple[str, ...], endorsed: tuple[str, ...],
    confirm: str | None, key_fd: int | None, circle: str,
) -> None:  # fmt: skip
    """Let the recovery key decide: remove members, make coordinators, settle what is contested.

    It asks for the key as it stands on the paper, shows what would change, and asks for the name of the circle before
    anything is written. It works on the device of any member, also offline and also on one that was removed. It cannot
    be taken back.

    Each option can be given several times. Without any, it says what is open, and asks.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        client.call("circles")  # nobody types a key into a cell that is locked
        key, seen = _typed(client, terminal, key_fd, circle)
        orders = {"remove": list(removed), "coordinators": list(coordinators), "endorse": list(endorsed)}
        terminal.need(f"This is the recovery key of {line(seen['name'])}.")
        if not any(orders.values()):
            orders = _asked(terminal, seen)
        if not any(orders.values()):
            terminal.result("Nothing was written.")
            terminal.answer(_NOTHING | {name: seen[name] for name in ("circle", "name", "left_unsettled")})
            return
        given = {"paper": key, "circle": seen["circle"], **orders}
        seen = client.call("recovery.preview", **given)
        for sentence in previewed(seen):
            terminal.need(sentence)
        question = f'Type "{line(seen["name"])}" to let the recovery key decide'
        typed = confirm if confirm is not None else terminal.ask(question, "--confirm CIRCLE")
        see_through(context, terminal)
        answer = client.call("recovery.use", **given, confirm=typed)
    terminal.result(f"✓ The recovery key has decided. {_heard(answer)}")
    for member in answer["members"]:
        terminal.result(f"  {_becomes(member)}")
    for strike in answer["left_unsettled"]:
        terminal.result(f"⚠ {_unsettled(strike)}")
    terminal.result(_KEEP)
    terminal.next("cellsync sync   and who has confirmed it: cellsync members")
    terminal.answer(answer)


# --- asking ------------------------------------------------------------------------------------------------


def _typed(client: Client, terminal: Terminal, descriptor: int | None, circle: str) -> tuple[str, Answer]:
    """The key, and what it finds; asked for again as long as it fits nothing, where there is somebody to ask."""
    from cellsync.api.contract.problems import problem_of
    from cellsync.core.errors import CellsyncError

    while True:
        asked = terminal.ask_hidden("Recovery key, from the paper", "--key-fd N") if descriptor is None else ""
        key = asked if descriptor is None else read_line(descriptor)
        try:
            return key, client.call("recovery.preview", paper=key or " ", circle=circle)
        except CellsyncError as error:
            problem = problem_of(error)
            if descriptor is not None or problem.code not in _MISTYPED:
                raise
            terminal.need(f"error: {problem.message}\n  hint: {problem.hint} Ctrl-C ends this.")


def _asked(terminal: Terminal, seen: dict[str, Any]) -> dict[str, list[str]]:
    """What the key is to do, asked for."""
    terminal.need(_ABLE)
    for strike in seen["unsettled"]:
        terminal.need(f"⚠ {_unsettled(strike)}")
    if not seen["unsettled"]:
        terminal.need("Nothing is contested or waits for a word.")
    terminal.need(f"Members: {listed(sorted({line(one['name'], 40) for one in seen['members']}))}.")
    give = "--remove, --coordinator or --endorse"
    return {
        "endorse": _names(terminal, "Whose removal is to stand?", give) if seen["unsettled"] else [],
        "remove": _names(terminal, "Whom to remove?", give),
        "coordinators": _names(terminal, "Who is to be a coordinator?", give),
    }


def _names(terminal: Terminal, question: str, give: str) -> list[str]:
    said = terminal.ask(f"{question} (Enter: nobody; commas between names)", give, default="")
    return [name.strip() for name in said.split(",") if name.strip()]


# --- saying ------------------------------------------------------------------------------------------------


def previewed(seen: dict[str, Any]) -> list[str]:
    """What would change, and what would not."""
    said = [f"{line(what, 200)}: the recovery key would agree." for what in seen["agrees"]]
    said += [f"{_becomes(one)}." for one in seen["members"] if _is_changed(one)]
    for kept in seen["devices"]:
        last = "connected" if kept["connected"] else f"last seen: {ago(kept['seen'])}"
        said.append(
            f"{line(kept['name'], 40)} ({last}) KEEPS what it {'has' if kept['in_step'] else 'may have'}: up to "
            f"{many(seen['changes'], 'change')} in {many(seen['cases'], 'case')}. Nobody can take that back."
        )
    said += [f"Still open after that: {_unsettled(one)}" for one in seen["left_unsettled"]]
    if seen["no_coordinator"]:
        said.append("No coordinator would be left to invite, remove or release: add --coordinator NAME.")
    return said or ["Nothing about any member would change."]


def _is_changed(member: dict[str, Any]) -> bool:
    return bool((member["was"], member["old_role"]) != (member["status"], member["role"]))


def _becomes(member: dict[str, Any]) -> str:
    """`Ben: active, writer → removed`."""
    name = line(member["name"], 40) + (" (you)" if member["me"] else "")
    was = _stands(member["was"], member["old_role"])
    becomes = _stands(member["status"], member["role"])
    return f"{name}: {was} → {becomes}" if was != becomes else f"{name}: {becomes}; their word counts"


def _stands(status: str, role: str | None) -> str:
    if status == "removed":
        return "removed"
    return f"{role or 'no role'}, {status}" if status != "active" else role or "no role"


def _unsettled(strike: dict[str, Any]) -> str:
    by = line(strike["by"] or "the recovery key", 40)
    whom = listed([line(name, 40) for name in strike["whom"]])
    how = "contested and undecided" if strike["state"] == "undecided" else "on one word: it can still be contested"
    return f"{by} removed {whom}, {how}."


def _heard(answer: dict[str, Any]) -> str:
    return f"Confirmed by {answer['confirmed']} of {many(answer['others'], 'other device')}."

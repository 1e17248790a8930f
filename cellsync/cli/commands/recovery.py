"""recovery: what the key on paper does, once somebody types it."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any, Final

import click

from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Group, circle_option
from cellsync.cli.terminal import Terminal, read_line, terminal_of
from cellsync.cli.words import ago, circle_names, clock, line, listed, many

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
_LOST: Final = (
    "Without the old paper a new key counts once two coordinators have said so: you, and one who agrees to it. Until\n"
    "then the old one counts, whoever finds it."
)
_ON_PAPER: Final = "Write it on paper and keep it away from this device. It is shown this once."
_NOT_YET: Final = "It does not count yet. Ctrl-C leaves everything as it is."
_TYPE: Final = "Its last two groups, from the paper"
_TYPED: Final = 8  # letters and digits
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


@recovery.command(short_help="Which recovery keys count, and who may hold them.")
@circle_option("Only of this circle.")
@click.pass_context
def show(context: click.Context, circle: str) -> None:
    """Which recovery keys count and since when, and which members who are gone may hold one."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call("recovery.keys", circle=circle)
        circles = client.call("circles")["circles"]
    names = circle_names(circles) if len(circles) > 1 else {}
    for key in answer["keys"]:
        of = names.get(key["circle"], "")
        terminal.result(f"{of}: {_key(key)}" if of else _key(key))
    for sentence in warnings(answer["keys"], names):
        terminal.result(f"⚠ {sentence}")
    terminal.answer(answer)


@recovery.command(short_help="Put a new recovery key in the place of the old one.")
@click.option("--lost", is_flag=True, help="The old paper is lost. A second coordinator has to agree.")
@click.option("--yes", is_flag=True, help="For scripts: without asking, also whether the new one is on paper.")
@click.option("--key-fd", type=int, metavar="N", help="Read the old key from this file descriptor.")
@circle_option("Needed with --lost if there are several.")
@click.pass_context
def replace(context: click.Context, lost: bool, yes: bool, key_fd: int | None, circle: str) -> None:
    """Put a new recovery key in the place of the old one, once you have written it down.

    It shows the new key, this once, and has you type the end of it from the paper. Until then nothing has changed.

    Do it whenever somebody was removed, or has left, who may hold the old paper or a copy. It asks for the old key,
    which speaks no more from then on; only what it has signed before stays.

    Without the old paper (--lost) it takes the words of two coordinators: yours, and one who agrees to it.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        client.call("circles")
        key = ""
        if lost:
            client.call("permission", deed="recovery.replace", circle=circle)
            terminal.need(_LOST)
            if not (yes or terminal.ask_yes("Is the old paper lost?", "--yes")):
                raise click.Abort
        else:
            key, seen = _typed(client, terminal, key_fd, circle, "Old recovery key, from the paper")
            terminal.need(f"This is the recovery key of {line(seen['name'])}.")
        new = client.call("recovery.draw")["recovery_key"]
        terminal.need(f"\nRecovery key: {new}\n{_ON_PAPER}\n{_NOT_YET}")
        if not yes:
            _written_down(terminal, new)
        see_through(context, terminal)
        answer = client.call("recovery.replace", paper=key, new=new, circle=circle)
    terminal.result(f"✓ New recovery key for {line(answer['name'])}. {_heard(answer)}")
    kept = answer["kept"]
    if kept is not None and kept["state"] != "in_force":
        terminal.result(f"⚠ {_open(kept)}")
    else:
        terminal.result("The old one speaks for nobody any more: destroy the paper.")
    terminal.next("cellsync sync   and how it stands: cellsync recovery show")
    terminal.answer(answer)


# --- asking ------------------------------------------------------------------------------------------------


def _typed(
    client: Client, terminal: Terminal, descriptor: int | None, circle: str,
    question: str = "Recovery key, from the paper",
) -> tuple[str, Answer]:  # fmt: skip
    """The key, and what it finds; asked for again as long as it fits nothing, where there is somebody to ask."""
    from cellsync.api.contract.problems import problem_of
    from cellsync.core.errors import CellsyncError

    while True:
        asked = terminal.ask_hidden(question, "--key-fd N") if descriptor is None else ""
        key = asked if descriptor is None else read_line(descriptor)
        try:
            return key, client.call("recovery.preview", paper=key or " ", circle=circle)
        except CellsyncError as error:
            problem = problem_of(error)
            if descriptor is not None or problem.code not in _MISTYPED:
                raise
            terminal.need(f"error: {problem.message}\n  hint: {problem.hint} Ctrl-C ends this.")


def _written_down(terminal: Terminal, new: str) -> None:
    """Have the end of the new key typed, until it is right: whoever loses this terminal then has the paper."""
    letters = new.replace("-", "")
    while True:
        typed = "".join(filter(str.isalnum, terminal.ask_hidden(_TYPE, "--yes"))).upper()
        if len(typed) >= _TYPED and letters.endswith(typed):
            return
        terminal.need("error: that is not how it ends. Look at the paper.")


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


# --- which keys count --------------------------------------------------------------------------------------


def warnings(keys: list[dict[str, Any]], names: dict[str, str]) -> list[str]:
    """What is not as it should be about recovery keys. `names`: of circles, where there are several."""
    said = []
    for key in keys:
        of = f"{names[key['circle']]}: " if key["circle"] in names else ""
        if key["state"] == "waits" or (key["state"] == "undecided" and key["lacks"] is not None):
            said.append(of + _open(key))
        if key["exposed"] and key["state"] != "waits":
            whom = listed([line(name, 40) for name in key["exposed"]])
            said.append(f"{of}{whom} may hold the recovery key. Replace it now: cellsync recovery replace")
    return said


def _key(key: dict[str, Any]) -> str:
    by = line(key["by"] or "whoever had the one before", 40)
    state = {"in_force": "counts", "undecided": "undecided", "waits": "does not count yet"}[key["state"]]
    return f"Recovery key {line(key['entry'][:8])}  {state}  since {clock(key['since'])}, by {by}"


def _open(key: dict[str, Any]) -> str:
    """Why a key does not speak, and what would let it."""
    by = line(key["by"] or "somebody", 40)
    why = (
        "Two have replaced the recovery key at once, and none counts until more coordinators agree to one"
        if key["state"] == "undecided"
        else f"The recovery key by {by} does not count yet: the old one still does"
    )
    lacks = key["lacks"]
    of = " or ".join(line(name, 40) for name in lacks["of"]) if lacks is not None else ""
    how = f"{of} can agree: cellsync members endorse {quote(by)}" if of else "Nobody is left whose word would do."
    return f"{why}. {how}"

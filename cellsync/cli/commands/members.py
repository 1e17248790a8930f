"""members: who is in this cell, why, and what is done about it."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

import click

from cellsync.cli.commands.recovery import warnings
from cellsync.cli.commands.settings import wanted
from cellsync.cli.interrupts import see_through
from cellsync.cli.options import Group, circle_option
from cellsync.cli.removal import counts_not_yet, gone, heard, missing_words, outcome, previewed
from cellsync.cli.standing import of_own
from cellsync.cli.terminal import terminal_of
from cellsync.cli.words import circle_names, line, listed, many, table
from cellsync.core.errors import NotPermitted

if TYPE_CHECKING:
    from cellsync.api.client import Client

_TELLING: Final = "Whoever has it learns then that yours is here."
_AGAINST_ME: Final = "With as many words on both sides it is undecided: both of you are suspended until another speaks."
_AGAINST_OTHERS: Final = "{whom} comes back once more words are with you than with {by}. Until then both are removed."
_OF: Final = circle_option("Needed if there are several.")
_WITH: Final = circle_option("Needed if somebody is called so in several.")


@click.group(cls=Group, invoke_without_command=True, short_help="Who is in this cell; removals and roles.")
@circle_option("Only of this circle.")
@click.pass_context
def members(context: click.Context, circle: str) -> None:
    """Who is in this cell, what they may do, and what about them is not settled."""
    if context.invoked_subcommand is not None:
        return
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call("roster", circle=circle)
        circles = client.call("circles")["circles"]
        keys = client.call("recovery.keys", circle=circle)["keys"]
    names = circle_names(circles) if len(circles) > 1 else {}
    for own in answer["own"]:
        for sentence in of_own(own):
            terminal.result(sentence)
    rows = [[*row, names.get(member["circle"], "")] for member in answer["members"] for row in _rows(member)]
    for row in table(rows):
        terminal.result(row)
    begun = {member["circle"] for member in answer["members"] if member["requires"]}
    for member in answer["members"]:
        for sentence in _remarks(member, begun):
            terminal.result(f"⚠ {sentence}")
    present = {(member["circle"], member["name"]) for member in answer["members"] if member["status"] != "removed"}
    for strike in answer["strikes"]:
        for sentence in _of_strike(strike, present):
            terminal.result(f"⚠ {sentence}")
    for sentence in warnings(keys, names):
        terminal.result(f"⚠ {sentence}")
    devices = [one for member in answer["members"] for one in member["devices"]]
    suspended = {one["device"] for one in devices if one["status"] == "suspended"}
    for held in answer["quarantine"]:
        wrote = f"{many(len(held['entries']), 'change')} to {many(len(held['cases']), 'case')}"
        why_ = "while suspended" if held["device"] in suspended else "which whoever removed them had not seen"
        terminal.result(f"⚠ {line(held['name'], 40)} wrote {wrote}, {why_}: kept, and not shown.")
    if answer["quarantine"]:
        terminal.next("cellsync quarantine list")
    terminal.answer(answer)


def _rows(member: dict[str, Any]) -> Iterator[list[str]]:
    """A member, and below them their devices, if they have several."""
    status = "" if member["status"] == "active" else member["status"]
    devices = [one for one in member["devices"] if one["status"] != "removed"]
    several = many(len(devices), "device") if len(devices) > 1 else ""
    name = line(member["name"], 40) + (" (you)" if member["me"] else "")
    gone = f"was {member['last_role']}" if member["last_role"] else "no role"
    yield [name, member["role"] or gone, status or several, line(member["member"][:8])]
    for one in devices if several else ():
        called = f"  {line(one['name'], 40)}" + (" (this one)" if one["me"] else "")
        yield [called, "device", "" if one["status"] == "active" else one["status"], line(one["device"][:8])]


def _remarks(member: dict[str, Any], begun: set[str]) -> list[str]:
    """What is not as it should be. `begun`: the circles in which somebody has required what removals need."""
    name, said = line(member["name"], 40), []
    if member["status"] == "removed":
        return []
    if member["lacks"] is not None:
        said.append(counts_not_yet(f"{name}'s", member["lacks"], member["name"]))
    if member["silent"] is not None:
        said.append(f"{name} coordinates, and has given no sign for {many(member['silent'], 'day')}. Is all well?")
    if member["role"] == "coordinator" and not member["requires"] and member["circle"] in begun:
        said.append(
            f"{name}'s device has not said yet that it understands removals. It says so by itself when it syncs, "
            "with a cellsync as new as this one."
        )
    return said


def _of_strike(strike: dict[str, Any], present: set[tuple[str, str]]) -> list[str]:
    """What is not settled about a removal. `present`: circles, and who is in them."""
    by, whom = line(strike["by"] or "the recovery key", 40), " and ".join(line(name, 40) for name in strike["whom"])
    if strike["state"] == "undecided" and strike["kind"] == "leave":
        need = "once somebody with the recovery key has made another coordinator: cellsync recovery use"
        return [f"{by} wants to leave, and nobody else coordinates. It counts {need}"]
    if strike["kind"] == "demote":
        why_ = f"cellsync members why {quote(whom)}"
        return [f"{by} gave {whom} a lesser role, which is undecided: {why_}"] if strike["state"] == "undecided" else []
    if strike["state"] == "undecided":
        return [f"{by} removed {whom}, which is contested and undecided: cellsync members why {quote(whom)}"]
    if strike["state"] == "stands" and strike["lacks"] is not None and strike["lacks"]["of"]:
        words = missing_words(strike["lacks"], strike["whom"][0])
        return [f"{by} removed {whom}, on one word. It can still be contested; it takes {words}"]
    still = [name for name in strike["whom"] if (strike["circle"], name) in present]
    if strike["kind"] == "remove" and strike["state"] == "void" and strike["by_me"] and still:
        return [f"Your removal of {whom} does not count: cellsync members why {quote(line(still[0], 200))}"]
    return []


@members.command(short_help="Why somebody stands as they do.")
@click.argument("name", metavar="NAME")
@_WITH
@click.pass_context
def why(context: click.Context, name: str, circle: str) -> None:
    """Why NAME stands as they do: who did what, by which rule, and whose word would settle what is open."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context) as client:
        answer = client.call("member.why", member=name, circle=circle)
    terminal.result(f"{line(answer['name'], 40)} is {answer['status']}.")
    for decided in answer["decided"]:
        for sentence in decided["lines"]:
            terminal.result(sentence)
    terminal.answer(answer)


@members.command(short_help="Remove somebody, with all their devices.")
@click.argument("name", metavar="NAME")
@click.option("--device", default="", metavar="ID", help="Only this one of their devices.")
@click.option("--with-admitted", is_flag=True, help="Also all whom they have admitted.")
@click.option("--tell/--no-tell", default=None, help="Whether their device hears of it when it calls.")
@click.option("--confirm", metavar="NAME", help="For scripts: the name once more.")
@circle_option("Only from this circle.")
@click.pass_context
def remove(
    context: click.Context, name: str, device: str, with_admitted: bool, tell: bool | None, confirm: str | None,
    circle: str,
) -> None:  # fmt: skip
    """Remove NAME with all their devices, at once, also offline. It cannot be taken back.

    From all circles that you coordinate, unless one is named: their keys say where they are. They keep what they have.
    Each other device sends them nothing from when it hears of it.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    given = {"member": name, "device": device, "circle": circle}
    with opened(context, writes=True) as client:
        seen = client.call("removal.preview", **given, with_admitted=with_admitted)
        shown = line(seen["name"], 200)
        if not seen["circles"]:
            terminal.result(gone(shown, seen["gone"]))
            terminal.answer({"v": 1, "circles": []})
            return
        for sentence in previewed(seen, with_admitted=with_admitted):
            terminal.need(sentence)
        if not any(there["covered"] for there in seen["circles"]):
            raise NotPermitted("Only coordinators remove others. Nothing was written.")
        admitted = sum(len(there["admitted"]) for there in seen["circles"] if there["covered"])
        if admitted and not with_admitted and not device and terminal.asks and confirm is None:
            with_admitted = terminal.ask_yes(f"Remove the {admitted} admitted by {shown} as well?")
        if tell is None and terminal.asks and confirm is None:
            terminal.need(f"Their device hears nothing of this, unless you let yours tell it. {_TELLING}")
            tell = terminal.ask_yes("Tell the device? A wipe needs it.")
        typed = confirm if confirm is not None else terminal.ask(f'Type "{shown}" to remove', "--confirm NAME")
        see_through(context, terminal)
        answer = client.call("removal", **given, with_admitted=with_admitted, confirm=typed, tell=bool(tell))
        keys = client.call("recovery.keys", circle=circle)["keys"]
        names = {there["circle"]: line(there["called"], 40) for there in seen["circles"] if len(seen["circles"]) > 1}
    what = "that device" if device else shown
    for there in answer["circles"]:
        terminal.result(outcome(there, what, several=len(answer["circles"]) > 1))
    for there in seen["circles"]:
        if there["covered"] and there["seconds"] is not None:
            terminal.result(
                f"It rests on your word. To make it final: {missing_words(there['seconds'], there['name'])}"
            )
    for sentence in warnings(keys, names):
        terminal.result(f"⚠ {sentence}")
    terminal.next("cellsync sync   and who has confirmed it: cellsync members")
    terminal.answer(answer)
    failed = [there["error"]["exit"] for there in answer["circles"] if there["error"] is not None]
    if failed:
        context.exit(failed[0])


@members.command(short_help="Give somebody another role.")
@click.argument("name", metavar="NAME")
@click.argument("new", metavar="ROLE", type=click.Choice(["reader", "writer", "coordinator"]))
@_OF
@click.pass_context
def role(context: click.Context, name: str, new: str, circle: str) -> None:
    """Give NAME the role reader, writer or coordinator."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        see_through(context, terminal)
        before = {(one["circle"], one["name"], one["in_force"]) for one in _chosen(client, circle)}
        answer = client.call("role", member=name, role=new, circle=circle)
        after = _chosen(client, circle)
    terminal.result(f"✓ {line(name, 40)} is a {new} now. {heard(answer)}")
    if answer.get("lacks"):  # a daemon from before does not say
        whose = f"{line(name, 40)}'s"
        terminal.result(f"⚠ {counts_not_yet(whose, answer['lacks'], name)}")
    for one in after:
        if one["wanted"] is not None and (one["circle"], one["name"], one["wanted"]["value"]) in before:
            terminal.result(f"⚠ No longer in force, since it rested on one word: {wanted(one)}")
    terminal.next("cellsync sync")
    terminal.answer(answer)


def _chosen(client: Client, circle: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.call("settings", circle=circle)["settings"]
    return found


@members.command(short_help="Agree to what others have decided.")
@click.argument("name", metavar="NAME")
@click.option("--yes", is_flag=True, help="For scripts: agree to all that is open about them.")
@_WITH
@click.pass_context
def endorse(context: click.Context, name: str, yes: bool, circle: str) -> None:
    """Agree to what others have decided about NAME: a removal, or that they are a coordinator."""
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        seen = client.call("endorsable", member=name, circle=circle)
        client.call("permission", deed="endorse", circle=seen["circle"])
        agreed = []
        for one in seen["open"]:
            terminal.need(f"{line(one['what'], 200)}.")
            if yes or terminal.ask_yes('Do you agree? To have seen it is not "I agree".', "--yes"):
                agreed.append(one["entry"])
        if not agreed:
            nothing = (
                "Nothing was said." if seen["open"] else f"Nothing about {line(seen['name'], 40)} lacks your word."
            )
            terminal.result(nothing)
            terminal.answer({"v": 1, "entry": None, "confirmed": 0, "others": 0})
            return
        see_through(context, terminal)
        answer = client.call("endorse", member=name, entries=agreed, circle=circle)
    terminal.result(f"✓ You have agreed to {many(len(agreed), 'decision')}. {heard(answer)}")
    terminal.next("cellsync sync")
    terminal.answer(answer)


@members.command(short_help="Answer a removal with another.")
@click.argument("removal", metavar="[ENTRY]", default="")
@click.option("--yes", is_flag=True, help="For scripts: without asking.")
@_OF
@click.pass_context
def contest(context: click.Context, removal: str, yes: bool, circle: str) -> None:
    """Answer a removal: remove its author, and dispute it. Without ENTRY, the newest one that is not yours.

    Who was removed needs as many words as the other side: then it is undecided, and both are suspended until another
    coordinator or the recovery key has spoken. Anybody else needs more words than the other side; until then both stay
    removed.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        client.call("permission", deed="contest", circle=circle)
        removals = client.call("contestable", circle=circle)["removals"]
        found = [one for one in removals if one["entry"].startswith(removal.lower())][:1]
        for one in found:
            removal, by = one["entry"], line(one["by"], 40)
            whom = " and ".join(line(each, 40) for each in one["whom"])
            terminal.need(f"{by} removed {whom}. To contest it is to remove {by}.")
            terminal.need(_AGAINST_ME if one["hits_me"] else _AGAINST_OTHERS.format(by=by, whom=whom))
            if not (yes or terminal.ask_yes("Contest it?", "--yes")):
                terminal.result("Nothing was written.")
                terminal.answer({"v": 1, "entry": None, "confirmed": 0, "others": 0})
                return
        see_through(context, terminal)
        answer = client.call("contest", removal=removal.lower(), circle=circle)
    terminal.result(f"✓ Contested. {heard(answer)}{_hearers(answer['hearers'])}")
    terminal.next("cellsync members   says how it stands, and whose word would settle it")
    terminal.answer(answer)


def _hearers(names: list[str] | None) -> str:
    """Who hears the answer of somebody who was removed, and by what way."""
    if names is None:
        return " Every device hears it that yours meets."
    if not names:
        return (
            "\n⚠ No device has told yours of the removal, so none that knows of it answers: nobody hears this yet."
            "\nAsk a member, from person to person, to let theirs tell it: cellsync members tell YOU"
        )
    who = listed([line(name, 40) for name in names])
    return f"\nIt is heard by {who}, whose device told yours, when the two meet, and by the others through it."


@members.command(short_help="Let a removed one hear of it.")
@click.argument("name", metavar="NAME")
@click.option("--stop", is_flag=True, help="Do not tell them any more.")
@_WITH
@click.pass_context
def tell(context: click.Context, name: str, stop: bool, circle: str) -> None:
    """Have this device tell NAME's, when it calls, that it was removed: a wipe needs that, and so does an answer.

    It learns who removed it and who agreed, no names and nothing of cases. Only this device tells it; decide on each
    one that is to. Otherwise who was removed meets silence.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        answer = client.call("tell", member=name, told=not stop, circle=circle)
    shown = line(answer["name"], 40)
    if stop:
        terminal.result(f"✓ Whoever calls with a device of {shown} meets silence here, if it was removed.")
    else:
        terminal.result(f"✓ A removed device of {shown} is told so when it calls. {_TELLING}")
    terminal.answer(answer)


@members.command(short_help="Leave, with all your devices.")
@click.option("--confirm", metavar="CIRCLE", help="For scripts: the name of the circle.")
@_OF
@click.pass_context
def leave(context: click.Context, confirm: str | None, circle: str) -> None:
    """Leave, with all your devices. It cannot be taken back; what is here stays here, and can be read.

    Others hear of it as soon as one of them is met, for a week. Then these devices talk to nobody there any more.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        seen = client.call("leave.preview", circle=circle)
        for sentence in _leaving(seen):
            terminal.need(sentence)
        question = f'Type "{line(seen["name"], 200)}" to leave'
        typed = confirm if confirm is not None else terminal.ask(question, "--confirm CIRCLE")
        see_through(context, terminal)
        answer = client.call("leave", confirm=typed, circle=circle)
    if seen["last_coordinator"]:
        terminal.result(f"✓ Written: you want to leave. {heard(answer)}")
        terminal.result("⚠ It counts once the recovery key has made another coordinator. Until then you are suspended.")
        terminal.next("cellsync recovery use --coordinator NAME   on any member's device")
    else:
        terminal.result(f"✓ You have left. {heard(answer)} What is here can still be read and exported.")
        terminal.next("cellsync case export   or destroy the folder")
    terminal.answer(answer)


def _leaving(seen: dict[str, Any]) -> list[str]:
    """What leaving does, before the name is typed."""
    devices = [line(name, 40) for name in seen["devices"]]
    said = [f"All your devices leave: {', '.join(devices)}." if len(devices) > 1 else "This device leaves."]
    if seen["only_here"]:
        said.append(f"{many(seen['only_here'], 'change')} on no other device yet. First: cellsync sync --wait")
    if seen["last_coordinator"]:
        said.append(
            "Nobody else coordinates. So it counts only once somebody with the recovery key has made a coordinator.\n"
            "Until then nobody invites or removes anybody. Better first: cellsync members role NAME coordinator"
        )
    return said


@members.command(short_help="Require what removals need.")
@_OF
@click.pass_context
def require(context: click.Context, circle: str) -> None:
    """Require what removals need: that nobody uses this circle with a cellsync that does not understand them.

    A circle requires it from its founding, unless an earlier cellsync founded it. There a coordinator's device does
    this by itself before it removes anybody; if there are several, it takes two of them.
    """
    from cellsync.cli.reach import opened

    terminal = terminal_of(context)
    with opened(context, writes=True) as client:
        see_through(context, terminal)
        answer = client.call("require", circle=circle)
    if answer["in_force"]:
        terminal.result("✓ Required, and in force: members can be removed.")
    else:
        terminal.result("✓ Required. Another coordinator has to sync with you, with a cellsync as new as this one.")
        terminal.next("cellsync sync")
    terminal.answer(answer)

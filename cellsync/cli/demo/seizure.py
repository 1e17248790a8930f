"""The demo's last act: a laptop is seized, its owner is removed offline, and her late testimony is not lost."""

from __future__ import annotations

from typing import Final

from cellsync.cli.demo.child import Answer
from cellsync.cli.demo.company import Trio, agree, ask_all, hold, until
from cellsync.cli.demo.narration import Narrator
from cellsync.cli.demo.outcome import Seizure

CHAPTER: Final = 8
TESTIMONY: Final = "They are at the door. He told me on the phone that they beat him on Monday."


async def play(teller: Narrator, cell: Trio, case: str) -> Seizure:
    """Vera is removed while Ana is offline, and what she wrote last is in quarantine until Ana releases it."""
    ana, ben, vera = cell
    teller.chapter(CHAPTER, "Vera's laptop is seized")
    teller.say("Ana is on a train, without a network. Vera writes one more line, and Ben's device receives it:")
    await ana.ask("pull_out")
    for child in (ben, vera):
        await child.ask("meet", others=1)
    goal = ben.entries + 1
    await vera.ask("edit", case=case, note=TESTIMONY, summary=None)
    await hold(ben, goal)
    teller.quote("Vera", TESTIMONY)
    await vera.ask("pull_out")
    teller.say(
        "Then her laptop is taken, unlocked. Somebody calls Ana, who removes Vera there on the train: one command. Of "
        "the last line Ana's device knows nothing."
    )
    await ana.ask("remove", name=vera.name)
    await ana.ask("plug_in")
    left = (ana, ben)
    await until(left, "standing", lambda shown: all(one["quarantine"] == [vera.name] for one in shown))
    aside = await ask_all(left, "read", case=case)
    teller.say(
        "Back on the network, Ben's device hears of it, and sends nothing more to Vera's. The line that Ana had not "
        "seen when she removed her is in quarantine on both: kept, and not shown. The police could have written it."
    )
    await ana.ask("release", name=vera.name)
    released = await until(left, "read", lambda shown: all(TESTIMONY in _lines(one) for one in shown), case=case)
    digests = await agree(left)
    teller.say(
        "Ben knows that it was Vera: he was on the phone with her. So Ana releases it, and both read it, as Vera's."
    )
    standing = await ask_all(left, "standing")
    return Seizure(
        vera.name,
        [child.name for child, one in zip(left, standing, strict=True) if one["removed"] == [vera.name]],
        [child.name for child, one in zip(left, aside, strict=True) if TESTIMONY not in _lines(one)],
        [child.name for child, one in zip(left, released, strict=True) if _lines(one).get(TESTIMONY) == vera.name],
        [shown["digest"] for shown in digests],
    )


def _lines(read: Answer) -> dict[str, str]:
    """The lines of the timeline that a device shows, with their authors."""
    return dict(read["timeline"])

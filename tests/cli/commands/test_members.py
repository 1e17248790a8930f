"""members and quarantine in a terminal: what is asked before somebody is removed, and what is said afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cellsync.cli.standing import of_own, outside
from tests.scenarios.versions.test_commands import run

ENTRY = "ab" * 32


def member(name: str, **other: Any) -> dict[str, Any]:
    return {
        "member": name.encode().hex(), "name": name,
        "role": "writer", "last_role": None, "status": "active", "devices": [], "me": False,
        "admitted_by": None, "counts": False, "lacks": None, "silent": None, "requires": False, "circle": "c1",
    } | other  # fmt: skip


def strike(**other: Any) -> dict[str, Any]:
    return {
        "entry": ENTRY, "kind": "remove", "state": "stands", "by": "Ana", "by_me": False, "hits_me": False,
        "whom": ["Ben"], "voters": ["Ana"],
        "at": "2026-03-01T09:58:00+00:00",
        "lacks": None, "final": False, "confirmed": 0, "others": 2, "circle": "c1",
    } | other  # fmt: skip


def there(**other: Any) -> dict[str, Any]:
    """A circle in which Ben is."""
    return {
        "circle": "c1", "called": "Mill Street", "name": "Ben", "alike": True, "covered": True, "coordinators": [],
        "tell": [],
        "devices": [{"device": "bb", "name": "Ben", "connected": True, "seen": None, "in_step": True}], "cases": 3,
        "changes": 412, "unaware": ["Cara"], "admitted": ["Dan"], "seconds": None, "last_coordinator": False,
        "planted": False,
    } | other  # fmt: skip


def removed(**other: Any) -> dict[str, Any]:
    return {
        "circle": "c1", "called": "Mill Street", "entry": ENTRY, "confirmed": 1, "others": 2, "error": None,
    } | other  # fmt: skip


class Cell:
    """A cell with these answers. `asked`: what was asked of it."""

    def __init__(self, **answers: Any) -> None:
        roster = {
            "v": 1,
            "members": [member("Ana", me=True)],
            "strikes": [],
            "quarantine": [],
            "removed": None,
            "own": [],
        }
        written = {"v": 1, "entry": ENTRY, "confirmed": 1, "others": 2, "hearers": None}
        preview = {
            "v": 1,
            "name": "Ben",
            "circles": [there()],
            "gone": None,
        }
        self.answers: dict[str, Any] = {
            "recovery.keys": {"v": 1, "keys": []},
            "roster": roster, "circles": {"v": 1, "circles": [{"id": "c1", "name": "Mill Street", "short": "c1"}]},
            "removal.preview": preview, "removal": {"v": 1, "circles": [removed()]},
            "release": written, "role": written, "leave": written, "leave.preview": leaving(), "settings": chosen(None),
            "endorse": written, "contest": written, "permission": {"v": 1}, "require": {"v": 1, "in_force": False},
            "endorsable": {"v": 1, "name": "Ben", "circle": "c", "open": [{"entry": ENTRY, "what": "Ana removed Ben"}]},
            "contestable": {"v": 1, "removals": [strike(hits_me=True, whom=["Cara"])]},
        } | answers  # fmt: skip
        self.asked: dict[str, dict[str, Any]] = {}

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        self.asked[operation] = given
        answer: dict[str, Any] = self.answers[operation]
        return answer


def test_the_list_says_what_is_not_settled_and_how_to_settle_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    words = {"words": 1, "of": ["Ben", "Cara"]}
    cell.answers["roster"] |= {
        "members": [
            member("Ana", role="coordinator", me=True, requires=True),
            member("Ben", role="coordinator", silent=9),
            member("Cara", role="coordinator", requires=True, lacks={"words": 1, "of": []}),
            member("Dan", status="removed", role=None, last_role="writer"),
        ],
        "strikes": [
            strike(whom=["Dan"], lacks=words),
            strike(state="undecided"),
            strike(kind="demote", state="undecided", whom=["Cara"]),
            strike(kind="demote", whom=["Dan"]),
            strike(state="void", by_me=True, whom=["Cara"]),
            strike(state="void", by_me=True, whom=["Dan"]),
        ],
        "quarantine": [
            {"device": "dd", "name": "Dan", "entries": ["01", "02"], "cases": [{"case": "11", "entries": 2}]}
        ],
    }  # fmt: skip
    said = run(monkeypatch, cell, "members").output
    for sentence in (
        "Ana (you)",
        "Dan        was writer   removed",
        "Ben coordinates, and has given no sign for 9 days.",
        "Ben's device has not said yet that it understands removals",
        "Cara's word does not count in a dispute yet. It takes the recovery key",
        "Ana removed Dan, on one word. It can still be contested; it takes 1 word more, of Ben or Cara: cellsync",
        "cellsync members endorse Dan",
        "Ana removed Ben, which is contested and undecided: cellsync members why Ben",
        "Ana gave Cara a lesser role, which is undecided: cellsync members why Cara",
        "Dan wrote 2 changes to 1 case, which whoever removed them had not seen: kept, and not shown.",
    ):
        assert sentence in said
    assert "Your removal of Cara does not count: cellsync members why Cara" in said
    assert "Your removal of Dan" not in said, "he is removed by another"


def test_a_removal_says_what_they_keep_before_the_name_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    done = run(monkeypatch, cell, "members", "remove", "ben", "--confirm", "Ben")
    assert done.exit_code == 0
    for sentence in (
        "Ben (connected) KEEPS what it has: up to 412 changes in 3 cases. Nobody can take that back.",
        "Cara is not connected, and may still send to Ben until it hears of this.",
        "admitted by Ben: 1 (Dan). They stay, unless you add --with-admitted.",
        "✓ Removed: Ben. Confirmed by 1 of 2 other devices.",
        "next: cellsync sync",
    ):
        assert sentence in done.output
    assert cell.asked["removal"] == {
        "member": "ben", "device": "", "circle": "", "with_admitted": False, "confirm": "Ben", "tell": False,
    }  # fmt: skip


def test_whoever_is_removed_hears_of_it_if_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell(tell={"v": 1, "name": "Ben", "told": True})
    run(monkeypatch, cell, "members", "remove", "ben", "--tell", "--confirm", "Ben")
    assert cell.asked["removal"]["tell"] is True
    said = run(monkeypatch, cell, "members", "tell", "ben").output
    assert "A removed device of Ben is told so when it calls. Whoever has it learns then that yours is here." in said
    assert cell.asked["tell"] == {"member": "ben", "told": True, "circle": ""}
    assert "meets silence" in run(monkeypatch, cell, "members", "tell", "ben", "--stop").output
    assert cell.asked["tell"]["told"] is False


def test_without_a_terminal_nothing_is_removed_until_a_script_gives_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    done = run(monkeypatch, cell, "members", "remove", "ben", "--with-admitted")
    assert done.exit_code != 0
    assert "removal" not in cell.asked
    run(monkeypatch, cell, "members", "remove", "ben", "--with-admitted", "--confirm", "Ben")
    assert cell.asked["removal"]["with_admitted"] is True


def test_each_circle_is_previewed_and_it_is_said_whom_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    cell.answers["removal.preview"]["circles"] = [
        there(),
        there(called="Lawyers", covered=False, coordinators=["Eve", "Lea"], tell=["Lea"]),
        there(called="Route", covered=False),
        there(called="Trap", name="Max", alike=False, covered=False),
    ]
    done = run(monkeypatch, cell, "members", "remove", "ben", "--confirm", "Ben")
    said = " ".join(done.output.split())
    assert done.exit_code == 0
    for sentence in (
        "Mill Street: Ben (connected) KEEPS",
        "Lawyers: You cannot remove Ben there: Eve or Lea can, and nothing is written there.",
        "Tell Lea, from person to person: cellsync members remove Ben --circle Lawyers",
        "Eve will see it without that",
        "Route: You cannot remove anybody there, and nobody coordinates: only its recovery key can.",
        "Trap: Somebody called Max has the same keys there. They stay",
        "cellsync members remove Max --circle Trap",
        "✓ Removed: Ben. Confirmed by 1 of 2 other devices.",
    ):
        assert sentence in said


def test_what_was_done_and_what_was_not_is_said_for_each_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    error = {"code": "disk_full", "message": "The disk is full.", "hint": "", "exit": 4}
    cell.answers["removal"]["circles"] = [removed(), removed(called="Our lawyers", entry=None, error=error)]
    done = run(monkeypatch, cell, "members", "remove", "ben", "--confirm", "Ben")
    said = " ".join(done.output.split())
    assert done.exit_code == 4
    assert "✓ Removed from Mill Street: Ben. Confirmed by 1 of 2 other devices." in said
    assert "✗ Not removed from Our lawyers: The disk is full. Once that is well: cellsync members remove" in said
    assert "--circle 'Our lawyers'" in said


def test_one_of_two_coordinators_is_removed_for_good_with_the_recovery_key_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cell = Cell()
    words = {"words": 1, "of": []}
    cell.answers["removal.preview"]["circles"] = [there(seconds=words, last_coordinator=True)]
    said = run(monkeypatch, cell, "members", "remove", "ben", "--confirm", "Ben").output
    assert "Ben can contest it. To make it final: the recovery key" in said
    assert "No coordinator would be left" in said


def test_who_decided_alone_in_two_histories_is_removed_with_the_recovery_key(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    assert "two histories" not in run(monkeypatch, cell, "members", "remove", "ben", "--confirm", "Ben").output
    cell.answers["removal.preview"]["circles"] = [there(planted=True)]
    said = run(monkeypatch, cell, "members", "remove", "ben", "--confirm", "Ben").output
    assert "Ben made coordinators where nobody else had a word, in two histories at once." in said
    assert "cellsync recovery use" in said


def test_to_have_seen_it_is_not_to_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    assert run(monkeypatch, cell, "members", "endorse", "Ben").exit_code != 0  # nobody to ask
    assert "endorse" not in cell.asked
    said = run(monkeypatch, cell, "members", "endorse", "Ben", "--yes").output
    assert "Ana removed Ben." in said
    assert cell.asked["endorse"]["entries"] == [ENTRY]
    nothing = Cell(endorsable={"v": 1, "name": "Ben", "circle": "c1", "open": []})
    assert "Nothing about Ben lacks your word." in run(monkeypatch, nothing, "members", "endorse", "Ben").output


def test_a_contest_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    said = run(monkeypatch, cell, "members", "contest", "--yes").output
    assert "Ana removed Cara. To contest it is to remove Ana." in said
    assert "both of you are suspended" in said
    assert cell.asked["contest"] == {"removal": ENTRY, "circle": ""}
    other = Cell(contestable={"v": 1, "removals": [strike()]})
    said = run(monkeypatch, other, "members", "contest", "--yes").output
    assert "Ben comes back once more words are with you than with Ana" in said


def leaving(**given: Any) -> dict[str, Any]:
    said = {"v": 1, "name": "Mill Street", "devices": ["Ana"], "only_here": 0, "last_coordinator": False}
    return said | given


def chosen(in_force: str | None, wanted: dict[str, Any] | None = None) -> dict[str, Any]:
    one = {"circle": "c1", "name": "when-removed", "in_force": in_force, "wanted": wanted, "obeyed": True}
    return {"v": 1, "settings": [one | {"words": []}]}


def test_who_leaves_hears_before_what_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = leaving(devices=["Ana", "Ana / Phone"], only_here=3, last_coordinator=True)
    cell = Cell(**{"leave.preview": seen})
    said = run(monkeypatch, cell, "members", "leave", "--confirm", "Mill Street").output
    for sentence in (
        "All your devices leave: Ana, Ana / Phone.",
        "3 changes on no other device yet. First: cellsync sync --wait",
        "Nobody else coordinates. So it counts only once somebody with the recovery key has made a coordinator.",
        "✓ Written: you want to leave.",
        "cellsync recovery use --coordinator NAME",
    ):
        assert sentence in said
    assert "You have left" not in said
    undecided = strike(kind="leave", state="undecided", by="Ana", whom=["Ana"])
    roster = Cell().answers["roster"] | {"strikes": [undecided]}
    listed = run(monkeypatch, Cell(roster=roster), "members").output
    assert "Ana wants to leave, and nobody else coordinates." in listed


def test_what_a_second_coordinator_ends_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What rested on the word of the only one takes two from then on."""

    class Ending(Cell):
        def call(self, operation: str, **given: Any) -> dict[str, Any]:
            if operation == "settings" and "role" in self.asked:
                want = {"value": "wipe", "by": "Ana", "lacks": {"words": 1, "of": ["Ben"]}}
                return chosen(None, want)
            return super().call(operation, **given)

    said = run(monkeypatch, Ending(settings=chosen("wipe")), "members", "role", "Ben", "coordinator").output
    assert "No longer in force, since it rested on one word: Ana wants when-removed wipe" in said
    assert "cellsync settings set when-removed wipe" in said
    assert (
        "in force" not in run(monkeypatch, Ending(settings=chosen("lock")), "members", "role", "Ben", "reader").output
    )


@pytest.mark.parametrize("lacks", [None, {"words": 1, "of": ["Cara", "Dan"]}, {"words": 1, "of": []}])
def test_of_a_new_coordinator_it_says_whose_word_is_missing(
    monkeypatch: pytest.MonkeyPatch, lacks: dict[str, Any] | None
) -> None:
    cell = Cell(role={"v": 1, "entry": ENTRY, "confirmed": 1, "others": 2, "hearers": None, "lacks": lacks})
    done = run(monkeypatch, cell, "members", "role", "Ben", "coordinator")
    of = "1 word more, of Cara or Dan: cellsync members endorse Ben" if lacks and lacks["of"] else "the recovery key"
    said = f"⚠ Ben's word does not count in a dispute yet. It takes {of}"
    assert (said in done.stdout) == (lacks is not None)


@pytest.mark.parametrize(
    ("arguments", "operation", "said"),
    [
        (["members", "role", "Ben", "reader"], "role", "✓ Ben is a reader now."),
        (["members", "leave", "--confirm", "Mill Street"], "leave", "✓ You have left."),
        (["members", "require"], "require", "Another coordinator has to sync with you"),
        (["quarantine", "release", "Ben"], "release", "✓ Released. Confirmed by 1 of 2 other devices."),
        (["quarantine", "list"], "roster", "Nothing is in quarantine."),
    ],
)
def test_each_says_what_was_done(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], operation: str, said: str
) -> None:
    cell = Cell()
    done = run(monkeypatch, cell, *arguments)
    assert (done.exit_code, operation in cell.asked) == (0, True)
    assert said in done.output


def change(number: int) -> dict[str, Any]:
    at = "2026-11-30T10:00:00Z"
    return {"entry": f"{number:064x}", "case": "11" * 16, "at": at, "lines": [f"title: visit {number}"]}


class Author(Cell):
    """Whoever wrote three changes that wait. They are answered one at a time, the newest first."""

    def call(self, operation: str, **given: Any) -> Any:
        if operation != "quarantine":
            return super().call(operation, **given)
        number = int(given["after"], 16) - 1 if given["after"] else 3
        following = change(number)["entry"] if number > 1 else ""
        return {"v": 1, "changes": [change(number)], "older": number - 1, "next": following}


def test_what_waits_is_read_page_by_page_by_whoever_wrote_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = run(monkeypatch, Author(), "quarantine", "show").output
    assert "title: visit 3" in said
    assert "title: visit 2" not in said
    assert f"2 changes of yours are older: cellsync quarantine show --after {change(3)['entry']}" in " ".join(
        said.split()
    )
    said = run(monkeypatch, Author(), "quarantine", "show", "--all").output
    assert [f"title: visit {number}" in said for number in (1, 2, 3)] == [True] * 3
    assert "older" not in said


def test_all_that_waits_is_one_answer_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, Author(), "quarantine", "show", "--all", "--json")
    answer = json.loads(done.output)
    assert (answer["changes"], answer["older"], answer["next"]) == ([change(1), change(2), change(3)], 0, "")


def test_a_page_and_all_of_it_are_not_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("0102", "--after=0102"):
        assert run(monkeypatch, Author(), "quarantine", "show", "--all", other).exit_code == 2


def test_as_json_the_answer_alone_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    done = run(monkeypatch, cell, "members", "--json")
    assert json.loads(done.output) == cell.answers["roster"]


def own(**other: Any) -> dict[str, Any]:
    """How this device stands."""
    return {
        "circle": "c1", "called": "Mill Street", "status": "removed", "role": None, "by": "Ana", "left": False,
        "at": None, "settles": [], "paper": False,
    } | other  # fmt: skip


def test_a_removed_device_says_by_whom_and_what_is_left_to_do() -> None:
    assert of_own(own()) == [
        "⚠ This device was removed from Mill Street, by Ana.",
        "It sends and receives nothing there any more. What is here can still be read and exported.",
        "A coordinator who disagrees answers: cellsync members contest",
    ]
    assert of_own(own(left=True, by="Ben")) == [
        "⚠ You left Mill Street.",
        "It sends and receives nothing there any more. What is here can still be read and exported.",
    ]
    assert "by whoever has its recovery key" in of_own(own(by=""))[0]
    assert of_own(own(status="active", role="writer")) == []
    leaving = of_own(own(status="suspended", role="coordinator", left=True, by="Ana", paper=True))
    assert leaving[0] == (
        "⚠ You want to leave Mill Street. That counts once the recovery key has made another coordinator, "
        "and until then you are suspended."
    )
    assert of_own(own(status="suspended", role="coordinator", by="", settles=["Cara", "Dan"], paper=True))[0] == (
        "⚠ This device is suspended in Mill Street, until Cara or Dan or the recovery key has decided the dispute."
    )


def test_what_is_listed_here_in_the_meantime_is_said_to_be() -> None:
    suspended = own(status="suspended", role="coordinator", by="", settles=["Cara"])
    assert "no list shows it, here or on other devices" in outside(suspended)
    assert of_own(suspended)[1].endswith("waits: cellsync quarantine show")
    told = suspended | {"listed": True}
    assert "no other device shows it until Cara has decided the dispute. This one lists it" in outside(told)
    assert "no list" not in outside(told)
    assert of_own(told)[1].endswith("is listed here alone")


def test_whoever_is_removed_already_is_said_to_be_and_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    for strike_, said in (
        (strike(at=None), "Ben was removed already, by Ana: nothing was written."),
        (strike(at=None, by=""), "Ben was removed already, by the recovery key: nothing was written."),
        (strike(at=None, kind="leave", by="Ben"), "Ben left already: nothing was written."),
        (strike(at=None, lacks={"words": 1, "of": ["Cara"]}), "To agree to it: cellsync members endorse Ben"),
        (None, "Ben was removed already: nothing was written."),
    ):
        cell.answers["removal.preview"] = {"v": 1, "name": "Ben", "circles": [], "gone": strike_}
        done = run(monkeypatch, cell, "members", "remove", "Ben")
        assert (done.exit_code, "removal" in cell.asked) == (0, False)
        assert said in done.output


def test_who_may_remove_nobody_there_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    cell.answers["removal.preview"]["circles"] = [there(covered=False, coordinators=["Ana"], tell=["Ana"])]
    done = run(monkeypatch, cell, "members", "remove", "Ben")
    assert "removal" not in cell.asked
    assert "Tell Ana, from person to person" in done.output
    assert (done.exit_code, "Only coordinators remove others" in done.output) == (7, True)


@pytest.mark.parametrize(
    ("hearers", "said"),
    [
        (None, "Every device hears it that yours meets."),
        ([], "nobody hears this yet."),
        (["Ana", "Cara"], "It is heard by Ana and Cara, whose device told yours, when the two meet"),
    ],
)
def test_a_contest_says_who_hears_it(monkeypatch: pytest.MonkeyPatch, hearers: list[str] | None, said: str) -> None:
    cell = Cell()
    cell.answers["contest"] |= {"hearers": hearers}
    assert said in run(monkeypatch, cell, "members", "contest", "--yes").output

"""The command line as a person meets it: a terminal of 80x24, prompts, a QR, Ctrl-C."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import pytest

from tests.cli.profiles import Profiles, ask
from tests.cli.terminals import COLUMNS, ESCAPE, PASSPHRASE, Person, run

pytestmark = pytest.mark.e2e
LONG = pytest.mark.slow

LOOPBACK: Final = ("--interface", "127.0.0.1")
FIRST: Final = "Passphrase (Enter = make one for me)"
WORDS: Final = re.compile(r"Yours: ((?:[a-z]+ ){3}[a-z]+)")
CODE: Final = re.compile(r"Code: (\d+-[a-z]+-[a-z]+-[a-z]+)")


@pytest.fixture
def ana(profiles: Profiles) -> str:
    """The folder of a cell."""
    return profiles.cell()


@pytest.fixture
def ben(tmp_path: Path) -> str:
    """A folder where no cell is yet."""
    return str(tmp_path / "ben")


def founded(folder: Path) -> str:
    with Person("--profile", str(folder), "init", "Mill Street", "--name", "Ana", *LOOPBACK) as person:
        person.answers(FIRST, PASSPHRASE)
        person.answers("The same again", PASSPHRASE)
        person.answers("[y/N]", "")
        assert person.ends() == 0
    return str(folder)


def inviting(folder: str) -> Person:
    """Somebody whose invitation is on the screen."""
    person = Person("--profile", folder, "invite")
    person.answers("Passphrase", PASSPHRASE)
    person.sees("Ctrl-C cancels it")
    return person


def code_of(person: Person) -> str:
    found = CODE.search(person.all)
    assert found is not None
    return found[1]


def joining(folder: str, code: str, within: float = 10) -> Person:
    person = Person("--profile", folder, "join", "--name", "Ben", "--timeout", str(within), *LOOPBACK)
    person.answers("Code", code)
    return person


def gives_passphrase(person: Person) -> None:
    person.answers(FIRST, PASSPHRASE)
    person.answers("The same again", PASSPHRASE)


def words_of(person: Person) -> str:
    person.sees("Same words?")
    found = WORDS.search(person.all)
    assert found is not None
    return found[1]


def members(folder: str) -> str:
    return ask(folder, "members")


# --- founding ------------------------------------------------------------------------------------------------


def test_founding_asks_shows_and_says_what_comes_next(tmp_path: Path) -> None:
    with Person("--profile", str(tmp_path / "ana"), "init", "Mill Street", *LOOPBACK) as person:
        person.answers("Your name", "Ana")
        person.sees(FIRST)
        echoes: bool = person.echoes
        assert not echoes
        person.types(PASSPHRASE + "\r")
        person.answers("The same again", "another")
        person.sees("They differ")
        gives_passphrase(person)
        person.sees("others nearby can see cellsync")
        person.answers("Announce on Wi-Fi always?", "n")
        assert person.ends() == 0
        assert person.echoes
        assert PASSPHRASE not in person.all
        assert len(re.findall(r"Recovery key: (?:[A-Z2-7]{4}-){12}[A-Z2-7]{4}", person.all)) == 1
        assert "next: cellsync invite" in person.all


def test_a_name_that_cannot_be_one_is_asked_for_again(tmp_path: Path) -> None:
    with Person("--profile", str(tmp_path / "ana"), "init", "Mill Street", *LOOPBACK) as person:
        person.answers("Your name", " ")
        person.sees("error: a name has 1 to 256 bytes")
        person.answers("Your name", "Ana")
        person.sees(FIRST)
        assert person.gives_up() == 130


def test_a_passphrase_is_made_up_for_who_wants_one(tmp_path: Path) -> None:
    folder = str(tmp_path / "ana")
    with Person("--profile", folder, "init", "Mill Street", "--name", "Ana", *LOOPBACK) as person:
        person.answers(FIRST, "")
        person.answers("[y/N]", "")
        assert person.ends() == 0
        made = re.search(r"Yours: ((?:[a-z]+-){6}[a-z]+)\nWrite it down", person.all)
        assert made is not None
    with Person("--profile", folder, "members") as person:
        person.answers("Passphrase", made[1])
        assert person.ends() == 0


def test_a_passphrase_that_is_easy_to_guess_is_refused_with_the_reason_and_another_one(tmp_path: Path) -> None:
    folder = str(tmp_path / "ana")
    with Person("--profile", folder, "init", "Mill Street", "--name", "Ana", *LOOPBACK) as person:
        person.answers(FIRST, "Passw0rd")
        person.sees("commonly used")
        person.answers(FIRST, "mill street ana")
        person.sees("takes this one:")
        person.answers(FIRST, "")
        person.answers("[y/N]", "")
        assert person.ends() == 0
        offered = set(re.findall(r"Enter\s+takes\s+this\s+one:\s+((?:[a-z]+-){6}[a-z]+)", person.all))
        made = re.search(r"Yours: ((?:[a-z]+-){6}[a-z]+)\n", person.all)
        assert made is not None
        assert offered == {made[1]}
        assert "too easy to guess" in person.all
        assert "Passw0rd" not in person.all
    with Person("--profile", folder, "members") as person:
        person.answers("Passphrase", made[1].replace("-", " ").upper())  # as it is typed from paper
        assert person.ends() == 0


@pytest.mark.parametrize("weak", ["a", " ", "password", "Mill Street"])
def test_a_script_gives_no_weak_passphrase(tmp_path: Path, weak: str) -> None:
    options = ("--profile", str(tmp_path / "ana"), "--passphrase-fd", "0", "--json")
    done = run(*options, "init", "Mill Street", "--name", "Ana", *LOOPBACK, given=weak + "\n")
    assert done.exit == 2
    assert json.loads(done.out)["error"]["code"] == "weak_passphrase"
    assert not (tmp_path / "ana" / "vault").exists()


def test_nothing_is_overwritten(ana: str) -> None:
    with Person("--profile", ana, "init", "Another") as person:
        assert person.ends() == 2
        assert "nothing was changed" in person.all


# --- pairing -------------------------------------------------------------------------------------------------


def test_two_people_pair(ana: str, ben: str) -> None:
    with inviting(ana) as inviter:
        screen = inviter.lines
        assert sum("█" in line for line in screen) == 16
        assert all(len(line) < COLUMNS for line in screen)  # a longer one would have been wrapped
        assert "Code: " in inviter.text
        code = code_of(inviter)
        number, *rest = code.split("-")
        # As people type: other case, spaces, a dash too many.
        with joining(ben, f"{number} {rest[0].upper()}--{rest[1]}  {rest[2].title()}") as joiner:
            gives_passphrase(joiner)
            assert words_of(inviter) == words_of(joiner)
            together = inviter.text
            for wanted in ("█", code, "is here", "Same words?"):
                assert wanted in together  # the QR, the code and the question at once, in 24 lines
            inviter.types("y\r")
            joiner.types("y\r")
            assert joiner.ends() == 0
            assert "Joined Mill Street as Ben" in joiner.all
            assert "next: cellsync case list" in joiner.all
        assert inviter.ends() == 0
        assert "Ben joined as writer" in inviter.all
    assert "Ben" in members(ana)


def test_a_mistyped_word_sends_nothing(ana: str, ben: str) -> None:
    with inviting(ana) as inviter:
        code = code_of(inviter)
        typo = code[:-2] + ("q" if code[-2] != "q" else "w") + code[-1] + "q"
        with joining(ben, typo) as joiner:
            joiner.sees("Nothing was sent")
            joiner.sees("hint:")
            joiner.answers("Code", code)  # the same code still works
            gives_passphrase(joiner)
            assert words_of(inviter) == words_of(joiner)
            inviter.types("y\r")
            joiner.types("y\r")
            assert (joiner.ends(), inviter.ends()) == (0, 0)


def test_a_wrong_code_is_used_up_on_both_sides(ana: str, ben: str) -> None:
    with inviting(ana) as inviter:
        number, *words = code_of(inviter).split("-")
        wrong = next(word for word in ("acorn", "zipper") if word != words[0])
        with joining(ben, "-".join([number, wrong, *words[1:]])) as joiner:
            assert joiner.ends() == 6
            assert FIRST not in joiner.all  # nobody invents a passphrase for a code that does not match
            assert "did not match and is now used up" in joiner.all
            assert "Ask for a new one" in joiner.all
        assert inviter.ends() == 6
        assert "used up" in inviter.all
        assert "hint: New code: cellsync invite" in inviter.all
    assert "Ben" not in members(ana)
    assert not (Path(ben) / "vault" / "vault").exists()
    with inviting(ana) as inviter, joining(ben, code_of(inviter)) as joiner:  # what the hint says works
        gives_passphrase(joiner)
        words_of(inviter)
        words_of(joiner)
        inviter.types("y\r")
        joiner.types("y\r")
        assert (joiner.ends(), inviter.ends()) == (0, 0)


@pytest.mark.parametrize("who", ["inviter", "joiner"])
def test_no_adds_nobody(ana: str, ben: str, who: str) -> None:
    with inviting(ana) as inviter, joining(ben, code_of(inviter)) as joiner:
        gives_passphrase(joiner)
        assert words_of(inviter) == words_of(joiner)
        says_no, says_yes = (inviter, joiner) if who == "inviter" else (joiner, inviter)
        says_no.types("n\r")
        says_yes.types("y\r")
        assert (says_no.ends(), says_yes.ends()) == (6, 6)
        for one in (inviter, joiner):
            assert "Nobody was added" in " ".join(one.all.split())
        assert "You said that the words differ." in says_no.all
        assert "The other person said that the words differ." in " ".join(says_yes.all.split())
    assert "Ben" not in members(ana)
    assert not (Path(ben) / "vault" / "vault").exists()


@pytest.mark.parametrize("leaver", ["inviter", "joiner"])
def test_the_question_ends_when_the_other_side_leaves(ana: str, ben: str, leaver: str) -> None:
    """It stood there until somebody answered what nobody would hear any more."""
    with inviting(ana) as inviter, joining(ben, code_of(inviter)) as joiner:
        gives_passphrase(joiner)
        assert words_of(inviter) == words_of(joiner)
        leaves, stays = (inviter, joiner) if leaver == "inviter" else (joiner, inviter)
        assert leaves.gives_up() == 130
        assert stays.ends() == 5  # without a key typed
        assert stays.echoes
        assert "That code is used up." in " ".join(stays.all.split())
        assert "Traceback" not in stays.all
        assert not re.search("Same words.*error", stays.all)  # not in the question's line
    assert "Ben" not in members(ana)


@pytest.mark.parametrize("command", ["invite", "join"])
def test_no_option_says_yes(command: str) -> None:
    assert run(command, "--yes").exit == 2
    assert "--yes" not in run(command, "--help").out


# --- Ctrl-C --------------------------------------------------------------------------------------------------


def interrupted(person: Person) -> None:
    with person:
        assert person.gives_up() == 130
        assert person.echoes
        assert "Traceback" not in person.all
        assert person.lines[-1] == "error: interrupted"  # not in the question's line


@pytest.mark.parametrize(
    "prompt", [*(pytest.param(one, marks=LONG) for one in ("Your name", FIRST, "[y/N]")), "The same again"]
)
def test_ctrl_c_while_founding(tmp_path: Path, prompt: str) -> None:
    person = Person("--profile", str(tmp_path / "ana"), "init", "Mill Street", *LOOPBACK)
    for asked, answer in (("Your name", "Ana"), (FIRST, PASSPHRASE), ("The same again", PASSPHRASE), ("[y/N]", "")):
        person.sees(asked)
        if asked == prompt:
            break
        person.types(answer + "\r")
    interrupted(person)
    assert founded(tmp_path / "ana")  # nothing half-made is in the way


def test_ctrl_c_at_the_passphrase(ana: str) -> None:
    for command in ("status", "invite"):
        person = Person("--profile", ana, command)
        person.sees("Passphrase")
        interrupted(person)


def test_ctrl_c_at_a_text_that_is_asked_for(ana: str) -> None:
    person = Person("--profile", ana, "case", "new", "-")
    person.sees("Text")
    interrupted(person)


def test_ctrl_c_takes_an_invitation_back(ana: str, ben: str) -> None:
    person = inviting(ana)
    code = code_of(person)
    interrupted(person)
    with joining(ben, code, within=1) as joiner:
        assert joiner.ends() == 5
        assert FIRST not in joiner.all


@pytest.mark.parametrize("prompt", ["Code", pytest.param("Looking for", marks=LONG)])
def test_ctrl_c_while_joining(ben: str, prompt: str) -> None:
    person = Person("--profile", ben, "join", "--name", "Ben", *LOOPBACK)
    if prompt != "Code":
        person.answers("Code", "7-orbit-maple-tulip")
    person.sees(prompt)
    interrupted(person)
    assert not (Path(ben) / "vault" / "vault").exists()


@pytest.mark.parametrize("prompt", [FIRST, pytest.param("The same again", marks=LONG)])
def test_ctrl_c_while_saying_who_joins(ana: str, ben: str, prompt: str) -> None:
    with inviting(ana) as inviter:
        person = joining(ben, code_of(inviter))
        if prompt != FIRST:
            person.answers(FIRST, PASSPHRASE)
        person.sees(prompt)
        interrupted(person)
        assert inviter.ends() == 5  # without a key typed
    assert not (Path(ben) / "vault" / "vault").exists()


def test_the_name_is_not_asked_for_after_the_invitation_was_taken_back(ana: str, ben: str) -> None:
    with inviting(ana) as inviter, joining(ben, code_of(inviter)) as joiner:
        joiner.sees(FIRST)
        assert inviter.gives_up() == 130
        assert joiner.ends() == 5
        assert joiner.echoes
        assert "hint: That code is used up." in joiner.all


@pytest.mark.parametrize("who", ["inviter", pytest.param("joiner", marks=LONG)])
def test_ctrl_c_at_the_words(ana: str, ben: str, who: str) -> None:
    with inviting(ana) as inviter, joining(ben, code_of(inviter)) as joiner:
        gives_passphrase(joiner)
        words_of(inviter)
        words_of(joiner)
        goes, stays = (inviter, joiner) if who == "inviter" else (joiner, inviter)
        assert goes.gives_up() == 130
        assert stays.ends() == 5
        assert "hint: That code is used up." in stays.all
    assert "Ben" not in members(ana)


# --- plain output --------------------------------------------------------------------------------------------


@pytest.fixture
def filled(ana: str) -> str:
    """A cell with a case whose title tries to steer the terminal."""
    with Person("--profile", ana, "case", "new", "-") as person:
        person.answers("Text", "Tunnel\x16\x1b[31mred")  # Ctrl-V: the next key is a character
        person.answers("Passphrase", PASSPHRASE)
        assert person.ends() == 0
    return ana


def test_what_people_wrote_does_not_steer_the_terminal(filled: str) -> None:
    for command in (["case", "list"], ["case", "show", "tunnel"], ["graph", "tunnel"], ["status"]):
        with Person("--profile", filled, *command, TERM="dumb") as person:
            person.answers("Passphrase", PASSPHRASE)
            assert person.ends() == 0
            assert "Tunnel" in person.all
            assert not ESCAPE.search(person.all.replace("\r", "")), command


def test_no_colours_and_no_bars_where_nobody_looks(tmp_path: Path) -> None:
    for arguments in (["--help"], ["status"], ["case", "list"], ["doctor", "--help"], ["fly"]):
        ran = run("--profile", str(tmp_path / "none"), *arguments)
        assert not ESCAPE.search(ran.out + ran.err)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script(shell: str, tmp_path: Path) -> None:
    ran = run("completion", shell)
    assert ran.exit == 0
    assert "_CELLSYNC_COMPLETE" in ran.out


def test_bash_completes_commands_and_options() -> None:
    for words, wanted in (
        ("cellsync sta", "status"), ("cellsync case im", "import"), ("cellsync case edit --se", "--set"),
    ):  # fmt: skip
        ran = run(
            COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1), _CELLSYNC_COMPLETE="bash_complete", cheap=False
        )
        assert wanted in ran.out, (words, ran)

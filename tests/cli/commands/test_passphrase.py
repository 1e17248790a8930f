"""passphrase change and rekey, as a person types them in a terminal, and as a script gives them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import pytest

from tests.cli.profiles import Profiles
from tests.cli.terminals import PASSPHRASE, Person, run

NEW: Final = "kitchen orbit seventeen lampshade"
OLD_ONE: Final = "Old passphrase:"
NEW_ONE: Final = "New passphrase (Enter = make one for me):"
AGAIN: Final = "The same again:"

pytestmark = pytest.mark.e2e


def vault(profile: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (Path(profile) / "vault").iterdir()}


def opens(profile: str, passphrase: str) -> bool:
    done = run("--profile", profile, "--passphrase-fd", "0", "status", given=passphrase + "\n")
    assert done.exit in (0, 3), done
    return done.exit == 0


def test_changed_at_a_terminal(profiles: Profiles) -> None:
    """Nothing that is typed is seen; a weak one is refused with a reason; what it does not do is said."""
    ana = profiles.cell()
    before = vault(ana)
    with Person("--profile", ana, "passphrase", "change") as person:
        person.answers(OLD_ONE, PASSPHRASE)
        for weak in ("password1", "Mill Street Ana"):
            person.answers(NEW_ONE, weak)
            person.sees("error: That passphrase is too easy to guess.")
        person.answers(NEW_ONE, NEW)
        person.answers(AGAIN, NEW + "s")
        person.sees("They differ. Once more.")
        person.answers(NEW_ONE, NEW)
        person.answers(AGAIN, NEW)
        person.sees("✓ The passphrase is changed.")
        person.sees("made before, backups among them, still open with the old")
        person.answers("Make new keys now? [y/N]:", "n")
        person.sees("next: cellsync passphrase rekey")
        assert person.ends() == 0
        for secret in (PASSPHRASE, NEW):
            assert secret not in person.all
    after = vault(ana)
    assert after.keys() == before.keys()
    assert after["vault"] != before["vault"]
    assert not opens(ana, PASSPHRASE)
    assert opens(ana, NEW)


def test_one_that_is_made_and_new_keys_at_once(profiles: Profiles) -> None:
    ana = profiles.cell()
    before = vault(ana)
    with Person("--profile", ana, "passphrase", "change") as person:
        person.answers(OLD_ONE, PASSPHRASE)
        person.answers(NEW_ONE, "")
        person.sees("Yours: ")
        made = re.search(r"[a-z]+(-[a-z]+){6}", person.sees("Write it down."))
        assert made
        person.answers("Make new keys now? [y/N]:", "y")
        person.sees("✓ New keys for all that is here")
        person.sees("next: cellsync backup")
        assert person.ends() == 0
    assert not vault(ana).keys() & (before.keys() - {"vault"})
    assert opens(ana, made[0])
    (Path(ana) / "vault" / "vault").write_bytes(before["vault"])
    done = run("--profile", ana, "--passphrase-fd", "0", "status", given=PASSPHRASE + "\n")
    assert done.exit == 1
    assert "A file of this vault is missing." in done.err


def test_a_wrong_old_one_is_told_before_the_new_one_is_asked_for(profiles: Profiles) -> None:
    ana = profiles.cell()
    before = vault(ana)
    with Person("--profile", ana, "passphrase", "change") as person:
        person.answers(OLD_ONE, NEW)
        person.sees("error: The passphrase is wrong.")
        assert person.ends() == 3
        assert NEW_ONE not in person.all
    assert vault(ana) == before


@pytest.mark.parametrize("question", [OLD_ONE, NEW_ONE, AGAIN])
def test_ctrl_c_at_a_question_changes_nothing(profiles: Profiles, question: str) -> None:
    ana = profiles.cell()
    before = vault(ana)
    with Person("--profile", ana, "passphrase", "change") as person:
        for asked, text in ((OLD_ONE, PASSPHRASE), (NEW_ONE, NEW), (AGAIN, NEW)):
            if asked == question:
                break
            person.answers(asked, text)
        person.sees(question)
        assert person.gives_up() == 130
    assert vault(ana) == before


def test_ctrl_c_at_the_last_question_leaves_it_changed_and_says_so(profiles: Profiles) -> None:
    ana = profiles.cell()
    with Person("--profile", ana, "passphrase", "change") as person:
        for asked, text in ((OLD_ONE, PASSPHRASE), (NEW_ONE, NEW), (AGAIN, NEW)):
            person.answers(asked, text)
        person.sees("✓ The passphrase is changed.")
        person.sees("Make new keys now?")
        assert person.gives_up() == 130
    assert opens(ana, NEW)


def test_new_keys_at_a_terminal(profiles: Profiles) -> None:
    ana = profiles.cell()
    before = vault(ana)
    with Person("--profile", ana, "passphrase", "rekey") as person:
        person.answers("Passphrase:", PASSPHRASE)
        person.sees("✓ New keys for all that is here")
        assert person.ends() == 0
        assert PASSPHRASE not in person.all
    assert not vault(ana).keys() & (before.keys() - {"vault"})
    assert opens(ana, PASSPHRASE)


def test_from_a_script(profiles: Profiles) -> None:
    """Two lines on one descriptor; no question is asked."""
    ana = profiles.cell()
    before = vault(ana)
    change = ("--profile", ana, "--passphrase-fd", "0", "passphrase", "change")
    for given, code, said in (
        (f"{NEW}\n{NEW}\n", 3, "The passphrase is wrong."),
        (f"{PASSPHRASE}\n", 2, "too easy to guess"),
        (f"{PASSPHRASE}\nMill Street Ana\n", 2, "too easy to guess"),
        (f"{PASSPHRASE}\n{PASSPHRASE.upper()}\n", 2, "That is the passphrase it has already."),
    ):
        done = run(*change, given=given)
        assert done.exit == code, done
        assert said in done.err
        assert vault(ana) == before
    done = run(*change, "--json", "--rekey", given=f"{PASSPHRASE}\n{NEW}\n")
    assert done.exit == 0, done
    assert json.loads(done.out) == {"v": 1}
    assert not vault(ana).keys() & (before.keys() - {"vault"})
    done = run("--profile", ana, "--passphrase-fd", "0", "passphrase", "rekey", "--json", given=NEW + "\n")
    assert done.exit == 0, done
    assert json.loads(done.out)["state"] == "done"
    assert opens(ana, NEW)


def test_nobody_to_ask(profiles: Profiles) -> None:
    ana = profiles.cell()
    for name in ("change", "rekey"):
        done = run("--profile", ana, "passphrase", name)
        assert done.exit == 2
        assert "Give it: --passphrase-fd N" in done.err
        done = run("--profile", profiles.empty(), "passphrase", name)
        assert done.exit == 4

"""A circle's own passphrase, set, changed and taken off where no daemon runs; and what only a daemon can do."""

from __future__ import annotations

from typing import Final

import pytest

from tests.cli.profiles import Profiles, ask
from tests.cli.terminals import PASSPHRASE, Person, Ran, run

OWN: Final = "thirsty lamp corridor basil moss"
ANOTHER: Final = "kitchen orbit seventeen lampshade"

pytestmark = pytest.mark.e2e


def said(profile: str, *lines: str, command: tuple[str, ...]) -> Ran:
    """A script that gives these lines."""
    given = "".join(f"{line}\n" for line in lines)
    return run("--profile", profile, "--passphrase-fd", "0", *command, given=given)


@pytest.mark.parametrize("name", ["Mill Street", "Lawyers"])
def test_a_passphrase_of_its_own_is_set_changed_and_taken_off_without_a_daemon(profiles: Profiles, name: str) -> None:
    ana = profiles.cell()
    ask(ana, "circle", "create", "Lawyers")
    with Person("--profile", ana, "circle", "passphrase", "set", name) as person:
        person.answers("Passphrase:", PASSPHRASE)
        person.answers("New passphrase of the circle (Enter = make one for me):", OWN)
        person.answers("The same again:", OWN)
        person.sees("It is locked")
        person.sees("next: cellsync circle list")
        assert person.ends() == 0
        assert "Passphrase of the cell" not in person.all  # it was asked for once
    listed = ask(ana, "circle", "list")
    assert ("a locked circle" in listed, name in listed) == (True, False)
    wrong = said(ana, PASSPHRASE, ANOTHER, OWN, command=("circle", "passphrase", "change", name))
    assert (wrong.exit, "No locked circle that is called so" in wrong.err) == (3, True), wrong
    other = said(ana, PASSPHRASE, OWN, ANOTHER, command=("circle", "passphrase", "change", "Kitchen"))
    assert (other.exit, "No locked circle that is called so" in other.err) == (3, True), other
    with Person("--profile", ana, "circle", "passphrase", "change", name.upper()) as person:
        person.answers("Passphrase:", PASSPHRASE)
        person.answers("Old passphrase of the circle:", OWN)
        person.answers("New passphrase of the circle (Enter = make one for me):", ANOTHER)
        person.answers("The same again:", ANOTHER)
        person.sees("Its passphrase is changed.")
        assert person.ends() == 0
    short = next(row.split("(")[1][:8] for row in ask(ana, "circle", "list").splitlines() if "locked" in row)
    old = said(ana, PASSPHRASE, OWN, command=("circle", "passphrase", "remove", short))
    assert old.exit == 3, old
    off = said(ana, PASSPHRASE, ANOTHER, command=("circle", "passphrase", "remove", short))
    assert (off.exit, "✓ It opens with the passphrase of the cell alone." in off.out) == (0, True), off
    listed = ask(ana, "circle", "list")
    assert ("a locked circle" in listed, name in listed) == (False, True)
    none = said(ana, PASSPHRASE, ANOTHER, command=("circle", "passphrase", "remove", name))
    assert (none.exit, "has no passphrase of its own" in none.err) == (2, True), none


@pytest.mark.parametrize(
    ("command", "step"),
    [("unlock", "cellsync daemon run, in another terminal"), ("lock", "cellsync circle passphrase set NAME")],
)
def test_without_a_daemon_it_is_said_what_is_so_and_what_to_do(profiles: Profiles, command: str, step: str) -> None:
    done = run("--profile", profiles.cell(), "circle", command, *(["Lawyers"] if command == "lock" else []))
    assert done.exit == 8, done
    assert "without one each such circle is locked" in " ".join(done.err.split())
    assert step in done.err

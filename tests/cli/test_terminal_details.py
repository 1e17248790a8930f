"""At a terminal, beyond the usual path: messages that are always shown, long names, scripts, a daemon."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from cellsync.api.client import DaemonSilent, SocketClient
from cellsync.core.pairing.words import WORDS
from cellsync.profile.holder import pid_of
from cellsync.profile.profile import Profile
from tests.cli.profiles import AS_SAID, HERE, Profiles, answers, ask, invited, new_passphrase
from tests.cli.terminals import COLUMNS, PASSPHRASE, WITHIN, Person, command, environment, run
from tests.patience import PATIENCE, wait_until

pytestmark = pytest.mark.e2e

QR: Final = re.compile("[ █▀▄]{30,}")


def drawn(person: Person) -> int:
    """How many whole lines of a QR are on the screen."""
    return sum(map(bool, map(QR.fullmatch, person.lines)))


# --- founding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-q", "--json"])
def test_a_passphrase_that_was_made_up_is_shown_whatever_else_is_not(profiles: Profiles, option: str) -> None:
    """With -q it was not: the vault could never be opened again."""
    ana = profiles.empty("ana")
    with Person("--profile", ana, option, "init", "Mill Street", "--name", "Ana", *HERE) as person:
        person.answers("make one for me):", "")
        person.answers("Announce on Wi-Fi always?", "y")
        assert person.ends() == 0
        shown = re.search(r"^Yours: ([a-z]+(?:-[a-z]+){6})$", person.all, re.MULTILINE)
        assert shown
    opened = run("--profile", ana, "--passphrase-fd", "0", "status", given=shown[1] + "\n")
    assert opened.exit == 0, opened
    assert '"lan": "announce"' in (profiles.folder / "ana" / "settings.json").read_text()


def test_a_wrong_passphrase_says_what_to_look_at(profiles: Profiles) -> None:
    with Person("--profile", profiles.cell(), "status") as person:
        person.answers("Passphrase:", "something else")
        assert person.ends() == 3
        assert "error: The passphrase is wrong." in person.text
        assert "Caps Lock" in person.text
        assert "something else" not in person.all


def test_where_nothing_can_be_made_no_passphrase_is_asked_for(profiles: Profiles, tmp_path: Path) -> None:
    ana = profiles.cell()
    for given, code, said in (
        (("backup", str(tmp_path)), 2, "There is something of that name already"),
        (("backup", str(tmp_path / "no" / "stick")), 2, "is not there."),
        (("--profile", profiles.empty(), "restore", str(tmp_path)), 4, "There is no backup in this folder."),
    ):
        with Person("--profile", ana, *given) as person:
            assert person.ends() == code
            assert said in person.all
            assert "Passphrase" not in person.all


def test_what_is_neither_yes_nor_no_is_asked_again(profiles: Profiles) -> None:
    with Person("--profile", profiles.empty("ana"), "init", "Mill Street", "--name", "Ana", *HERE) as person:
        new_passphrase(person)
        person.answers("[y/N]:", "x")
        person.sees("error: that is neither y nor n")
        person.answers("[y/N]:", " Yes ")
        assert person.ends() == 0
        assert "Error:" not in person.all
        folder = Path(profiles.empty("ana"))
        assert '"lan": "announce"' in (folder / "settings.json").read_text()


def test_end_of_input_is_an_interruption(profiles: Profiles) -> None:
    with Person("--profile", profiles.empty("ana"), "init", "Mill Street", *HERE) as person:
        person.sees("others will see it:")
        person.types("\x04")  # Ctrl-D
        assert person.ends() == 130
        assert person.lines[-1] == "error: interrupted"


# --- pairing -------------------------------------------------------------------------------------------------


def test_no_line_of_an_invitation_is_wrapped(profiles: Profiles) -> None:
    """Not with the long code either, nor when somebody has a long name (it was cut at 40, in a line of 80)."""
    with ExitStack() as stack:
        inviter, code = invited(stack, profiles.cell(), "--no-short-code")
        assert len(code) == 39
        joiner = stack.enter_context(Person("--profile", profiles.empty(), "join", *HERE, "--name", "Benjamina " * 6))
        joiner.answers("Code:", code.lower().replace("-", " "))
        new_passphrase(joiner)
        inviter.sees("Same words? [y/N]:")
        assert all(len(line) < COLUMNS for line in inviter.lines)
        assert drawn(inviter) == 17
        assert code in inviter.text
    longest = max(map(len, WORDS))
    assert len("Other device: cellsync join      Code: 99") + 3 * (1 + longest) < COLUMNS
    assert len("Yours: ") + 4 * (1 + longest) < COLUMNS


def test_quiet_still_shows_what_two_people_need(profiles: Profiles) -> None:
    """With -q neither the code nor the words were shown."""
    with ExitStack() as stack:
        inviter, code = invited(stack, profiles.cell(), "-q")
        assert drawn(inviter) == 0
        joiner = stack.enter_context(Person("-q", "--profile", profiles.empty(), "join", *HERE, "--name", "Ben"))
        joiner.answers("Code:", code)
        new_passphrase(joiner)
        for person in inviter, joiner:
            person.sees("Yours: ")
            person.answers("Same words?", "y")
        assert (inviter.ends(), joiner.ends()) == (0, 0)
        assert "next:" not in inviter.text + joiner.text


def test_a_script_that_gives_other_words_adds_nobody(profiles: Profiles) -> None:
    ana, ben = profiles.cell(), profiles.empty()
    code, passphrase, words = os.pipe(), os.pipe(), os.pipe()
    with ExitStack() as stack:
        for descriptor in (*code, *passphrase, *words):
            stack.callback(os.close, descriptor)
        os.write(passphrase[1], AS_SAID.encode() * 2)
        os.write(words[1], b"acorn acorn acorn acorn\n" * 2)  # one line for each
        started = []
        for arguments in (
            ("--profile", ana, "invite", "--code-fd", str(code[1])),
            ("--profile", ben, "join", *HERE, "--name", "Ben", "--code-fd", str(code[0])),
        ):
            process = subprocess.Popen(
                command(*arguments, "--json", "--passphrase-fd", str(passphrase[0]), "--words-fd", str(words[0])),
                pass_fds=(code[0], code[1], passphrase[0], words[0]), stdin=subprocess.DEVNULL, env=environment(),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            stack.callback(process.kill)
            started.append(process)
        said = [json.loads(process.communicate(timeout=WITHIN)[0]) for process in started]
        assert [process.returncode for process in started] == [6, 6]
    assert {one["error"]["code"] for one in said} <= {"declined", "words_differ"}
    assert len(json.loads(ask(ana, "--json", "members"))["members"]) == 1


# --- with a daemon -------------------------------------------------------------------------------------------


@contextmanager
def daemon(profile: str) -> Iterator[None]:
    process = subprocess.Popen(
        command("--profile", profile, "-q", "daemon", "run", *HERE), stdin=subprocess.DEVNULL, env=environment()
    )
    try:
        wait_until(lambda: answers(Path(profile)), "the daemon answers")
        yield
    finally:
        process.terminate()
        process.wait(WITHIN)


def test_interrupted_with_a_daemon(profiles: Profiles) -> None:
    """The daemon holds the cell, so it is the daemon that has to let the invitation go."""
    ana = profiles.cell()
    with daemon(ana):
        with Person("--profile", ana, "unlock") as person:
            person.sees("Passphrase:")
            assert person.gives_up() == 130
            assert person.echoes
        assert run("--profile", ana, "members").exit == 3  # still locked
        with Person("--profile", ana, "unlock") as person:
            person.answers("Passphrase:", PASSPHRASE)
            assert person.ends() == 0
            assert "✓ Mill Street is open; locks in 15 min without a command." in person.text
            assert person.lines[-1] == "  next: cellsync status"
        with Person("--profile", ana, "invite") as person:
            person.sees("Ctrl-C cancels it")
            assert person.gives_up() == 130
        client = SocketClient(Profile(profiles.folder / "ana"))
        assert [one["state"] for one in client.call("invites")["invites"]] == ["failed"]
        with Person("--profile", ana, "watch") as person:
            person.sees("Watching. Ctrl-C ends it.")
            assert person.gives_up() == 130
            assert "Traceback" not in person.all
            assert "error" not in person.all


def test_an_empty_name_is_said_to_be_one(profiles: Profiles) -> None:
    """It led to another path of the local API, which was what the error spoke of."""
    ana = profiles.cell()
    with daemon(ana):
        run("--profile", ana, "unlock", "--passphrase-fd", "0", given=AS_SAID)
        done = run("--profile", ana, "case", "show", "")
        assert (done.exit, done.err.splitlines()[0]) == (4, "error: Nothing has an empty name.")


def test_after_a_panic_the_hint_is_to_unlock_or_to_start(profiles: Profiles) -> None:
    ana = profiles.cell()
    with daemon(ana):
        run("--profile", ana, "unlock", "--passphrase-fd", "0", given=AS_SAID)
        with Person("--profile", ana, "watch") as person:
            person.sees("Watching. Ctrl-C ends it.")
            assert run("--profile", ana, "panic").exit == 0
            assert person.ends() == 8
            ended = pid_of(Profile(Path(ana))) is None  # it was too busy to let go at once, and was killed
            why = "The daemon ended before it answered." if ended else "The cell was locked before the daemon answered."
            assert f"error: {why}" in person.all
            assert ("cellsync daemon run" if ended else "cellsync unlock") in person.lines[-1]


def test_a_frozen_daemon_is_named_before_its_time_is_up(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does nothing at all is not waited for as one that is busy."""
    ana = profiles.cell()
    with daemon(ana):
        pid = pid_of(Profile(Path(ana)))
        assert pid is not None
        asked: list[float] = []
        client = SocketClient(Profile(Path(ana)))
        ask = client._ask

        def noted(name: str, given: Any, within: float) -> Any:
            asked.append(within)
            return ask(name, given, within)

        monkeypatch.setattr(client, "_ask", noted)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(DaemonSilent):
                client.health()
        finally:
            os.kill(pid, signal.SIGCONT)
        assert sum(asked) <= 2


def test_a_daemon_in_a_terminal_says_what_comes_next(profiles: Profiles) -> None:
    ana, ben = profiles.cell(), profiles.empty()
    for profile, said, then in (
        (ana, f"The daemon runs for {ana}, locked. Ctrl-C ends it.", "cellsync unlock"),
        (ben, f"There is no cell in {ben} yet. The daemon waits for one; Ctrl-C ends it.", "cellsync init CELL"),
    ):
        with Person("--profile", profile, "daemon", "run", *HERE) as person:
            person.sees(f"  next: {then}")
            assert said in " ".join(person.all.split())
            assert person.gives_up() == 0


def test_a_daemon_in_the_background_says_what_it_waits_for(profiles: Profiles, tmp_path: Path) -> None:
    """It waits for nothing if the folder was not the one that was meant."""
    ours, theirs = pty.openpty()
    with (tmp_path / "log").open("wb") as log:
        daemon = subprocess.Popen(
            command("--profile", profiles.empty(), "daemon", "run", *HERE), stdin=subprocess.DEVNULL, stdout=theirs,
            stderr=log, env=environment(), start_new_session=True,  # so it is nobody's in front
        )  # fmt: skip
    os.close(theirs)
    try:
        said = os.read(ours, 4096).decode()
        done = run("--profile", str(tmp_path / "ben"), "status")
    finally:
        daemon.terminate()
        daemon.wait(PATIENCE)
        os.close(ours)
    assert said.startswith(f"There is no cell in {tmp_path}/ben")
    assert "Ctrl-C" not in said
    assert (done.exit, done.err.splitlines()[0]) == (4, f"error: There is no cell in {tmp_path}/ben.")
    assert "hint: cellsync init" in done.err


def test_a_missing_cell_is_named_by_its_folder(profiles: Profiles) -> None:
    ben = profiles.empty()
    done = run("--profile", ben, "status")
    assert (done.exit, done.err.splitlines()[0]) == (4, f"error: There is no cell in {ben}.")

"""Profiles to work with: founded once, then copied."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from cellsync.api.client import NoDaemon, SocketClient
from cellsync.profile.profile import Profile
from tests.cli.terminals import PASSPHRASE, Person, run

HERE: Final = ("--interface", "127.0.0.1")
SHOWN: Final = "Ctrl-C cancels it"
AS_SAID: Final = PASSPHRASE + "\n"


class Profiles:
    """Folders of one test."""

    def __init__(self, folder: Path, founded: Path) -> None:
        self.folder, self._founded = folder, founded

    def cell(self, name: str = "ana") -> str:
        """Ana's, with the cell Mill Street in it and nobody else."""
        shutil.copytree(self._founded, self.folder / name)
        return str(self.folder / name)

    def empty(self, name: str = "ben") -> str:
        return str(self.folder / name)


def answers(profile: Path) -> bool:
    """Whether a daemon does."""
    try:
        return bool(SocketClient(Profile(profile)).health())
    except NoDaemon:
        return False


def found(folder: Path) -> Path:
    done = run(
        "--profile", str(folder), "--passphrase-fd", "0", "init", "Mill Street", "--name", "Ana", *HERE, given=AS_SAID
    )
    assert done.exit == 0, done
    return folder


def ask(profile: str, *arguments: str) -> str:
    """What a command prints on its standard output, with the passphrase and without a terminal."""
    done = run("--profile", profile, "--passphrase-fd", "0", *arguments, given=AS_SAID)
    assert done.exit == 0, done
    return done.out


def invited(stack: ExitStack, ana: str, *options: str, **more: str) -> tuple[Person, str]:
    """Somebody who has invited, and the code on their screen."""
    person = stack.enter_context(Person("--profile", ana, "invite", *options, **more))
    person.answers("Passphrase:", PASSPHRASE)
    person.sees(SHOWN)
    code = re.search(r"Code: (\S+)$", person.text, re.MULTILINE)
    assert code
    return person, code[1]


def joining(stack: ExitStack, ben: str, code: str, *options: str, **more: str) -> Person:
    """Somebody who has answered everything up to the words."""
    person = stack.enter_context(Person("--profile", ben, "join", *HERE, *options, **more))
    person.answers("Code:", code)
    person.sees("Looking for the other device")
    person.answers("others will see it:", "Ben")
    new_passphrase(person)
    return person


def new_passphrase(person: Person) -> None:
    person.answers("Passphrase (Enter = make one for me):", PASSPHRASE)
    person.answers("The same again:", PASSPHRASE)

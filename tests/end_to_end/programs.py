"""The real programs as processes: daemons and commands of a few profiles, all on 127.0.0.1, ended whatever happens.

The key derivation is cheap (`tests/cli/cheap.py`), and what they load was loaded before (`hatchery`); all else is as it
ships.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from cellsync.api.client import NoDaemon, SocketClient
from cellsync.core.errors import CellsyncError
from cellsync.profile.holder import pid_of
from cellsync.profile.profile import Profile
from tests.end_to_end import hatchery
from tests.end_to_end.devices import ROOT
from tests.patience import PATIENCE, wait_until

CHEAP: Final = str(ROOT / "tests" / "cli" / "cheap.py")
PASSPHRASE: Final = "harbour pickle staircase moth"
LOOPBACK: Final = ("--interface", "127.0.0.1")

Inside = Callable[[str], Sequence[str]]


class Ran(NamedTuple):
    """What a command did."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        (line,) = self.out.splitlines()
        return json.loads(line)


class Program:
    """One profile: its daemon, if one was started, and commands."""

    def __init__(self, folder: Path, name: str, prefix: Sequence[str] = (), *, alone: bool = False) -> None:
        self.name = name
        self.launcher = CHEAP
        self.profile = Profile(folder / name)
        self.log = folder / f"{name}.log"
        self._prefix = prefix
        self._alone = alone
        self._daemon: subprocess.Popen[bytes] | None = None

    @property
    def _popen(self) -> type[subprocess.Popen[Any]]:
        return hatchery.popen(self._prefix, alone=self._alone)

    # --- commands ------------------------------------------------------------------------------------------

    def command(self, *arguments: str) -> list[str]:
        return [*self._prefix, sys.executable, self.launcher, "--profile", str(self.profile.folder), *arguments]

    def run(self, *arguments: str, passphrase: str | None = PASSPHRASE, within: float = PATIENCE, **more: Any) -> Ran:
        """A command without a terminal."""
        with self.begin(*arguments, passphrase=passphrase, **more) as process:
            return _end_of(process, within)

    def run_as_given(self, *arguments: str, stdin: int | None) -> Ran:
        """The same without a passphrase for it."""
        with self._popen(
            self.command(*arguments), stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment(),
        ) as process:  # fmt: skip
            return _end_of(process, PATIENCE)

    def begin(
        self, *arguments: str, passphrase: str | None = PASSPHRASE, pass_fds: Sequence[int] = (), **more: Any
    ) -> subprocess.Popen[str]:
        """A command that goes on; its passphrase comes on a pipe."""
        reading, writing = os.pipe()
        os.write(writing, (passphrase or "").encode() + b"\n")
        os.close(writing)
        given = [] if passphrase is None else ["--passphrase-fd", str(reading)]
        try:
            return self._popen(
                self.command(*arguments, *given), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, pass_fds=[*pass_fds, reading], env=environment(), **more,
            )  # fmt: skip
        finally:
            os.close(reading)

    def json(self, *arguments: str) -> Any:
        ran = self.run(*arguments, "--json")
        assert ran.exit == 0, ran
        return ran.json

    def init(self, *network: str) -> Ran:
        ran = self.run("init", "Mill Street", "--name", self.name, *(network or LOOPBACK))
        assert ran.exit == 0, ran
        return ran

    # --- the daemon ----------------------------------------------------------------------------------------

    def start(self, *arguments: str, unlocked: bool = True, **more: Any) -> None:
        """Start the daemon, and wait until it answers."""
        with self.log.open("ab") as log:
            self._daemon = self._popen(
                self.command("daemon", "run", *arguments), stdin=subprocess.DEVNULL, stderr=log,
                env=environment(**more.pop("environment", {})), **more,
            )  # fmt: skip
        wait_until(lambda: self.state is not None, "the daemon answers")
        if unlocked:
            self.unlock()

    def call(self, operation: str, **given: Any) -> Any:
        """Ask the daemon itself: a command takes a third of a second of processor time before it asks."""
        return SocketClient(self.profile).call(operation, **given)

    def unlock(self, *arguments: str) -> None:
        ran = self.run("unlock", *arguments)
        assert ran.exit == 0, ran

    @property
    def state(self) -> str | None:
        """empty, locked or open; None if no daemon answers."""
        try:
            return str(SocketClient(self.profile).health(2)["state"])
        except NoDaemon:
            return None
        except CellsyncError:
            return "silent"

    @property
    def pid(self) -> int:
        assert self._daemon is not None
        return self._daemon.pid

    def send(self, what: signal.Signals) -> None:
        os.kill(self.pid, what)

    def ended(self, within: float = PATIENCE) -> int:
        """Wait for the daemon's end; its exit code."""
        assert self._daemon is not None
        code = self._daemon.wait(within)
        self._daemon = None
        return code

    def stop(self) -> None:
        if self._daemon is not None:
            with suppress(ProcessLookupError):
                self._daemon.kill()
            self._daemon.wait(PATIENCE)
            self._daemon = None
        assert pid_of(self.profile) is None


def _end_of(process: subprocess.Popen[str], within: float) -> Ran:
    try:
        out, err = process.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Ran(process.returncode, out, err)


def environment(**more: str) -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
        "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **more,
    }  # fmt: skip


@contextmanager
def programs(folder: Path, *names: str, inside: Inside = lambda _: (), alone: bool = False) -> Iterator[list[Program]]:
    """Profiles with these names, `inside` some network. Their daemons are ended with the block.

    `alone`: each loads for itself, as users' do, for who looks at processes from outside.
    """
    made = [Program(folder, name, inside(name), alone=alone) for name in names]
    try:
        yield made
    finally:
        for one in made:
            one.stop()


def pair(
    inviter: Program, joiner: Program, *, network: Sequence[str] = LOOPBACK, circle: str = "",
    by: Sequence[str] = ("invite",),
) -> tuple[Ran, Ran]:  # fmt: skip
    """Let one profile join the other's cell; each program compares the words with those that the other shows.

    `circle`: which one, where there are several; `by`: the command that shows the code. A profile that has a vault
    joins under the name that it has.
    """
    of = ["--circle", circle] if circle else []
    new = [] if joiner.profile.exists else ["--name", joiner.name, *network]
    code, code_in = os.pipe()
    for_inviter, from_joiner = os.pipe()
    for_joiner, from_inviter = os.pipe()
    inviting = inviter.begin(
        *by, *of, "--code-fd", str(code_in), "--words-fd", str(for_inviter),
        pass_fds=[code_in, for_inviter],
    )  # fmt: skip
    joining = joiner.begin(
        "join", *new, "--code-fd", str(code), "--words-fd", str(for_joiner),
        pass_fds=[code, for_joiner],
    )  # fmt: skip
    for descriptor in (code, code_in, for_inviter, for_joiner):
        os.close(descriptor)
    said: dict[str, list[str]] = {"inviter": [], "joiner": []}

    def listen(process: subprocess.Popen[str], who: str, pass_on: int) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                said[who].append(line)
                if line.startswith("Yours: ") and line.count(" ") == 4:
                    os.write(pass_on, line.removeprefix("Yours: ").encode())
        os.close(pass_on)

    listeners = [
        threading.Thread(target=listen, args=(inviting, "inviter", from_inviter)),
        threading.Thread(target=listen, args=(joining, "joiner", from_joiner)),
    ]
    for listener in listeners:
        listener.start()
    results = []
    for process, who, listener in zip((inviting, joining), said, listeners, strict=True):
        listener.join(PATIENCE)
        assert process.stdout is not None
        results.append(Ran(process.wait(PATIENCE), process.stdout.read(), "".join(said[who])))
        process.stdout.close()
    assert [one.exit for one in results] == [0, 0], results
    return results[0], results[1]

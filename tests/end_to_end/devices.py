"""The parent's end of devices that are processes; and functions that examine what they leave behind."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Final, TextIO

import pytest

from cellsync.core.ids import Passphrase
from cellsync.store.vault import Vault
from tests.end_to_end import hatchery
from tests.patience import PATIENCE

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
PASSPHRASE: Final = "harbour pickle staircase moth"

Answer = dict[str, Any]
_ports: Final[list[TextIO]] = []  # locked


class Refused(Exception):
    """What was asked failed with a CellsyncError."""

    def __init__(self, failed: dict[str, str]) -> None:
        super().__init__(f"{failed['code']}: {failed['message']}")
        self.code, self.message, self.hint = failed["code"], failed["message"], failed["hint"]


class Ended(Exception):
    """The process is gone."""


class Device:
    """A running device; `options` as in `cell_device.main`. `alone`: it loads for itself."""

    def __init__(
        self, folder: Path, errors: Path, prefix: Sequence[str] = (), *, alone: bool = False, **options: Any
    ) -> None:
        self.folder = folder
        self.port: int = options.get("port", 0)
        self.errors = errors
        self._asked = 0
        self._answers: dict[int, Answer] = {}
        self._told: dict[str, deque[Answer]] = {}
        self._news = Condition()
        self._ended = False
        popen = hatchery.popen(prefix, alone=alone or "real_kdf" in options)
        with errors.open("ab") as file:
            self._process = popen(
                [*prefix, sys.executable, str(HERE / "cell_device.py"),
                 json.dumps({"folder": str(folder), **options})],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    # --- asking ------------------------------------------------------------------------------------------

    def send(self, what: str, **details: object) -> int:
        """Ask without waiting; give the number to `answer`."""
        self._asked += 1
        with suppress(BrokenPipeError, ValueError):  # `answer` says so
            self._input.write(json.dumps({"id": self._asked, "do": what, **details}).encode() + b"\n")
            self._input.flush()
        return self._asked

    def answer(self, number: int, within: float = PATIENCE) -> Answer:
        """Raises Refused, or Ended if the process is gone."""
        self._wait(lambda: number in self._answers, within)
        answer = self._answers.pop(number)
        if "failed" in answer:
            raise Refused(answer["failed"])
        done: Answer = answer["done"]
        return done

    def ask(self, what: str, within: float = PATIENCE, **details: object) -> Answer:
        return self.answer(self.send(what, **details), within)

    def refusal(self, number: int, within: float = PATIENCE) -> Refused | None:
        """The answer, if it is a refusal."""
        try:
            self.answer(number, within)
        except Refused as refused:
            return refused
        return None

    def hear(self, what: str, within: float = PATIENCE) -> Answer:
        """The next thing of this kind that it tells by itself."""
        self._wait(lambda: bool(self._told.get(what)), within)
        return self._told[what].popleft()

    def heard(self, what: str) -> list[Answer]:
        """Everything of this kind that was not taken by `hear`."""
        return list(self._told.get(what, ()))

    def _wait(self, ready: Callable[[], bool], within: float) -> None:
        with self._news:
            if not self._news.wait_for(lambda: ready() or self._ended, within):
                pytest.fail(f"{self.folder.name} did not answer within {within:.0f} s; {self.said()}")
            if not ready():
                raise Ended(self.said())

    def said(self) -> str:
        return f"stderr: {self.errors.read_text(errors='replace')[-2000:]}"

    def _read(self) -> None:
        for line in self._output:
            message = json.loads(line)
            with self._news:
                if "id" in message:
                    self._answers[message["id"]] = message
                else:
                    self._told.setdefault(message["tell"], deque()).append(message)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    # --- its end -----------------------------------------------------------------------------------------

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """As a power cut for this process: SIGKILL, and everything it still said is read."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(PATIENCE)
        self._close()

    def stop(self) -> int:
        """Let it end by itself; its exit code."""
        with suppress(BrokenPipeError, ValueError):
            self._input.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE)
        self._close()
        return self._process.returncode

    def _close(self) -> None:
        self._reader.join(PATIENCE)
        with suppress(BrokenPipeError, ValueError):
            self._input.close()
        self._output.close()

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) << 10


class Workshop:
    """Starts devices below one folder, and ends them all."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack

    def start(self, name: str, **options: Any) -> Device:
        """A device on loopback that shows itself to nobody, unless `options` say otherwise."""
        options = {"interfaces_": ["127.0.0.1"], "mode": "off", **options}
        folder, errors = options.pop("folder", self.folder / name), self.folder / f"{name}.stderr"
        device = Device(folder, errors, **options)
        self._stack.callback(device.stop)
        device.hear("ready")
        return device

    def founded(self, name: str = "ana", **options: Any) -> Device:
        """One that has founded a cell, and has it open on a port that stays its own."""
        device = self.start(name, **{"port": free_port(), **options})
        device.ask("found", name=name, circle="Mill Street", passphrase=PASSPHRASE)
        device.ask("open", passphrase=PASSPHRASE)
        return device

    def joined(self, sponsor: Device, name: str, *, through: int | None = None, **options: Any) -> Device:
        """One that has joined; `through` is the port where it finds its sponsor. Not opened yet."""
        device = self.start(name, **{"port": free_port(), **options})
        enter(sponsor, device, name, through or sponsor.port)
        return device


def enter(sponsor: Device, device: Device, name: str, port: int | None) -> None:
    """Let `device` join, and compare the words."""
    code = sponsor.ask("invite")["code"]
    device.ask("join", code=code, name=name, passphrase=PASSPHRASE, port=port)
    assert sponsor.ask("joined")["name"] == name
    assert sponsor.hear("words")["words"] == device.hear("words")["words"]


def agree(devices: Sequence[Device], within: float = PATIENCE) -> Answer:
    """Wait until all show the same entries and state; that."""
    began = time.monotonic()
    while True:
        shown = [device.ask("status") for device in devices]
        if len({one["entries"] for one in shown}) == 1:  # a digest reads all cases, on devices that have work to do
            shown = [one | device.ask("digest") for one, device in zip(shown, devices, strict=True)]
            if len({one["digest"] for one in shown}) == 1:
                return shown[0]
        waited = time.monotonic() - began
        assert waited < within, f"no agreement: {shown}"
        time.sleep(min(0.5, 0.05 + waited / 10))


def free_port() -> int:
    """One that stays ours until this process ends, also while nobody listens there.

    Not one that the kernel gives: it would give it to the next connection of anybody. The locks keep tests apart that
    run side by side.
    """
    locks = Path(tempfile.gettempdir()) / f"cellsync-ports-{os.getuid()}"
    locks.mkdir(exist_ok=True)
    while True:
        port = random.randrange(10_000, 30_000)
        lock = (locks / str(port)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
        else:
            _ports.append(lock)
            return port


def check_vault(folder: Path, passphrase: str = PASSPHRASE) -> int:
    """The number of entries in a vault that nobody has open, after everything was found whole."""
    with Vault.open(folder, Passphrase(passphrase.encode()), allow_cheap=True) as vault:
        store = vault.open_circle(vault.circles[0])
        try:
            assert store._db.pragma("integrity_check") == "ok"
            chains = store.chains()
            for chain in chains:
                assert len(store.chain_slice(chain.number, 1, chain.length)) == chain.length
            entries = sum(chain.length for chain in chains)
            assert sum(len(store.case_entries(case.head, 0)) for case in store.cases()) == entries
            return entries
        finally:
            store.close()

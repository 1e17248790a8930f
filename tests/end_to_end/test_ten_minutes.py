"""Two laptops for ten minutes, as processes: they lock, sleep, start again, change networks and come back, and write.

`sync` is never used. Whenever both are awake on a network where they have met before, they come in step; at the end
both hold the same, and everything acknowledged is there. `status` is true all the while: a device that has been away
for long is not called in step, and changes that are said to be elsewhere too are there.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from tests.end_to_end.namespaces import town
from tests.end_to_end.programs import Program, pair, programs
from tests.end_to_end.test_finding_again import ASKED, HOSTS, Networks, are_connected
from tests.patience import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TEN_MINUTES: Final = 600.0
SEED: Final = 7
NETWORKS: Final = ("home", "office")
ASLEEP: Final = (2.0, 5.0, 12.0, 30.0, 75.0)  # seconds; after sixty without an answer the other gives a session up
QUIET: Final = 60.0  # seconds; after fifty without a word nobody is in step, only "when last seen"
GIVEN_UP: Final = 150.0  # seconds; nobody who has been away for so long is connected
A_DAY: Final = 20  # things that happen until both come home and open their laptops
PAUSES: Final = (0.0, 0.5, 2.0, 5.0)
WHAT_HAPPENS: Final = (
    "lock", "unlock", "unlock", "unlock", "sleep", "restart", "kill", "home", "home", "office", "out",
    "case", "case", "note", "note", "note",
)  # fmt: skip


class Laptop:
    """A daemon, and what its user does with it."""

    def __init__(self, program: Program, networks: Networks) -> None:
        self.program = program
        self.name = program.name
        self.network = "home"
        self.is_open = True
        self.wakes = 0.0  # when it does; 0: it is awake
        self.written: list[str] = []  # what was acknowledged
        self.promised: set[str] = set()  # what the other said to be here
        self._networks = networks
        self._moves = 0

    def call(self, operation: str, **given: Any) -> Any:
        return self.program.call(operation, **given)

    def move(self, network: str) -> None:
        """With another hardware address each time."""
        if network != self.network:
            self.network = network
            self._moves += 1
            hardware = f"02:00:00:{HOSTS[self.name]:02x}:{self._moves // 256:02x}:{self._moves % 256:02x}"
            if network in NETWORKS:
                self._networks.move(self.name, network, hardware)
            else:
                self._networks.pull_out(self.name)

    def sleep(self, seconds: float) -> None:
        self.program.send(signal.SIGSTOP)
        self.wakes = time.monotonic() + seconds

    def wake(self) -> None:
        if self.wakes:
            self.program.send(signal.SIGCONT)
            self.wakes = 0.0

    def lock(self) -> None:
        assert self.program.run("lock").exit == 0
        wait_until(lambda: self.program.state == "locked", "it is locked")
        self.is_open = False

    def unlock(self) -> None:
        self.program.unlock()
        self.is_open = True

    def come_home(self) -> None:
        self.wake()
        self.move("home")
        if not self.is_open:
            self.unlock()

    def restart(self, *, killed: bool) -> None:
        if killed:
            self.program.stop()
        else:
            assert self.program.run("daemon", "stop").exit == 0
            self.program.ended()
        self.program.start(unlocked=self.is_open)

    def write(self, *command: str, text: str) -> None:
        ran = self.program.run(*command)
        assert ran.exit == 0, ran
        self.written.append(text)

    def holds(self, texts: Iterable[str], shared: str) -> bool:
        said = str(self.call("case.list")) + str(self.call("case.log", case=shared))
        return all(text in said for text in texts)

    def everything(self) -> tuple[list[Any], list[Any]]:
        """All cases and what their logs say; without what is each device's own."""
        ids = sorted(one["id"] for one in self.call("case.list")["cases"])
        shown = [self.call("case.show", case=one) | {"heads": ""} for one in ids]
        return shown, [self.call("case.log", case=one) for one in ids]


@pytest.fixture
def laptops(tmp_path: Path) -> Iterator[list[Laptop]]:
    """Paired; they have met on both networks, because somebody said `sync` there, and are at home now."""
    with town() as made, ExitStack() as stack:
        networks = Networks(made, stack)
        for number, name in enumerate(HOSTS):
            networks.move(name, "home", f"02:00:00:00:01:{number:02x}")
        with programs(tmp_path, *HOSTS, inside=networks.inside) as [ana, ben]:
            ana.init(*ASKED)
            ana.start()
            pair(ana, ben, network=ASKED)
            ben.start()
            both = [Laptop(ana, networks), Laptop(ben, networks)]
            for network in ("office", "home"):
                for one in both:
                    one.move(network)
                wait_until(lambda: ana.run("sync", "--timeout", "20").exit == 0, "they meet there")
                wait_until(lambda: are_connected(ana, ben), "they are connected there")
            try:
                yield both
            finally:
                for one in both:
                    one.wake()


def are_together(ana: Laptop, ben: Laptop) -> bool:
    return (
        ana.is_open and ben.is_open and not ana.wakes and not ben.wakes
        and ana.network == ben.network and ana.network in NETWORKS
    )  # fmt: skip


def are_in_step(*laptops: Laptop) -> bool:
    return all(peer["in_step_now"] for one in laptops for peer in one.call("peers")["peers"])


def check_words(one: Laptop, other: Laptop, absent: float, shared: str) -> None:
    """What `status` says is so; `absent`: how long the two have been apart, in seconds."""
    if not one.is_open or one.wakes:
        return
    said = one.call("status")
    [peer] = said["peers"]
    assert said["flags"] == []
    assert (peer["version"], peer["name"]) == (None, other.name)
    assert not (peer["in_step_now"] and absent > QUIET), (peer, absent)
    assert not (peer["connected"] and absent > GIVEN_UP), (peer, absent)
    assert not (peer["in_step"] and peer["lacks"]), peer
    assert peer["lacks"] == said["only_here"], said  # there is nobody else
    if peer["lacks"] == 0:
        other.promised.update(one.written)
    if other.is_open and not other.wakes:
        assert other.holds(other.promised, shared), "what is said to be elsewhere too is there"


def test_ten_minutes_of_two_laptops_without_a_command(laptops: list[Laptop]) -> None:
    ana, ben = laptops
    random = Random(SEED)
    shared = ana.call("case.new", set={"title": "shared"})["id"]
    wait_until(lambda: are_in_step(ana, ben), "they are in step")
    happened: dict[str, int] = {}
    took: list[float] = []
    apart, since, checked = True, time.monotonic(), 0
    until = time.monotonic() + TEN_MINUTES
    number = 0
    while time.monotonic() < until:
        for one in laptops:
            if one.wakes and time.monotonic() >= one.wakes:
                one.wake()
                apart = True
        one, what = random.choice(laptops), random.choice(WHAT_HAPPENS)
        number += 1
        text = f"{what} {number} by {one.name}"
        if not one.wakes or what in (*NETWORKS, "out"):  # in a bag it is carried from one network to another
            happened[what] = happened.get(what, 0) + 1
            match what:
                case "lock" if one.is_open:
                    one.lock()
                case "unlock" if not one.is_open:
                    one.unlock()
                case "restart" | "kill":
                    one.restart(killed=what == "kill")
                case "sleep":
                    one.sleep(random.choice(ASLEEP))
                case "home" | "office" | "out":
                    one.move(what)
                case "case" if one.is_open:
                    one.write("case", "new", text, text=text)
                case "note" if one.is_open:
                    one.write("case", "edit", shared, "--append", f"timeline={text}", text=text)
        if number % A_DAY == 0:
            for one in laptops:
                one.come_home()
        if are_together(ana, ben):
            began = time.monotonic()
            wait_until(lambda: are_in_step(ana, ben), "they come in step by themselves")
            if apart:
                took.append(time.monotonic() - began)
            apart, since = False, time.monotonic()
        else:
            apart = True
        for this, that in ((ana, ben), (ben, ana)):
            check_words(this, that, time.monotonic() - since if apart else 0.0, shared)
            checked += 1
        time.sleep(random.choice(PAUSES))
    for one in laptops:
        one.come_home()
    wait_until(lambda: are_in_step(ana, ben), "they come in step by themselves")
    print(f"{happened}; they met {len(took)} times, after at most {max(took):.1f} s: {sorted(took)}")
    cases, logs = ana.everything()
    assert (cases, logs) == ben.everything()
    assert ana.call("status")["changes"] == ben.call("status")["changes"]
    assert [one.call("status")["only_here"] for one in laptops] == [0, 0]
    assert not ana.call("status")["flags"]
    said = str(cases) + str(logs)
    for one in laptops:
        assert len(one.written) > 10
        assert not [text for text in one.written if text not in said]
    assert len(took) >= 5
    assert checked > 100

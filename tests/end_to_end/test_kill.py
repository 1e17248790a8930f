"""`kill -9` at many moments: nothing acknowledged is lost, unfinished work resumes, no half-made vault is left."""

from __future__ import annotations

import random
import time

import pytest

from tests.end_to_end.devices import (
    PASSPHRASE,
    Device,
    Ended,
    Workshop,
    agree,
    check_vault,
)
from tests.patience import wait_until

ROWS = 400  # of one step of a bulk write


@pytest.mark.e2e
def test_killed_while_many_cases_are_written(workshop: Workshop) -> None:
    """A step that was confirmed is there; the one under way is there whole, or not at all."""
    dice = random.Random(3)
    device = workshop.founded()
    for _ in range(4):
        before = device.ask("status")["entries"]
        device.send("bulk", rows=ROWS, times=1000)
        for _ in range(dice.randrange(1, 8)):
            device.hear("written")
        time.sleep(dice.uniform(0, 0.05))
        device.kill()
        confirmed = max(step["entries"] for step in device.heard("written") or [{"entries": before}])
        held = check_vault(device.folder)
        assert held >= confirmed
        assert (held - before) % ROWS == 0
        device = workshop.start("ana", port=device.port)
        assert device.ask("open", passphrase=PASSPHRASE)["entries"] == held
    device.ask("create", title="it goes on")


@pytest.mark.e2e
@pytest.mark.parametrize("who", ["the one that catches up", "the one that is asked"])
def test_killed_during_catch_up(workshop: Workshop, who: str) -> None:
    ana = workshop.founded()
    ben = workshop.joined(ana, "ben")
    total = ana.ask("bulk", rows=500, times=10, size=2_000)["entries"]  # ten batches
    ben.ask("open", passphrase=PASSPHRASE)
    began = 0
    for moment in (0.0, 0.01, 0.03):  # seconds since a batch was held: the next one takes some hundredths
        ben.ask("wait_entries", entries=began + 1)
        time.sleep(moment)
        if who == "the one that catches up":
            ben.kill()
            held = check_vault(ben.folder)
            ben = workshop.start("ben", port=ben.port)
            assert ben.ask("open", passphrase=PASSPHRASE)["entries"] >= held >= began
        else:
            ana.kill()
            assert check_vault(ana.folder) >= total
            held = ben.ask("status")["entries"]
            ana = workshop.start("ana", port=ana.port)
            ana.ask("open", passphrase=PASSPHRASE)
        assert moment or held < total, "it was not killed in the middle"
        began = held
        if held == total:
            break
    assert agree([ana, ben])["entries"] >= total  # his first seal key may come to it
    ana.stop()
    ben.stop()
    assert check_vault(ana.folder) == check_vault(ben.folder) >= total


@pytest.mark.e2e
def test_what_a_peer_has_confirmed_survives_its_kill(workshop: Workshop) -> None:
    """`synced()` means: on the other's disk, whatever happens to its process in the next moment."""
    ana = workshop.founded()
    ben = workshop.joined(ana, "ben")
    for _ in range(3):
        ben.ask("open", passphrase=PASSPHRASE)
        ana.ask("bulk", rows=300, times=1)
        ana.ask("synced")
        ben.kill()
        assert check_vault(ben.folder) >= ana.ask("status")["entries"]
        ben = workshop.start("ben", port=ben.port)


@pytest.mark.e2e
def test_killed_while_a_cell_is_founded(workshop: Workshop) -> None:
    takes = founding_takes(workshop)
    for number in range(6):
        device = workshop.start(f"cell{number}")
        device.send("found", name="ana", circle="Mill Street", passphrase=PASSPHRASE)
        time.sleep(takes * number / 5)
        device.kill()
        device = workshop.start(f"cell{number}")
        usable(device)
        device.stop()


def founding_takes(workshop: Workshop) -> float:
    device = workshop.start("whole")
    began = time.monotonic()
    device.ask("found", name="ana", circle="Mill Street", passphrase=PASSPHRASE)
    return time.monotonic() - began


def usable(device: Device) -> None:
    """Either nothing was founded and founding works, or everything is there."""
    if refused := device.refusal(device.send("open", passphrase=PASSPHRASE)):
        assert refused.code == "vault_missing"
        device.ask("found", name="ana", circle="Mill Street", passphrase=PASSPHRASE)
        device.ask("open", passphrase=PASSPHRASE)
    device.ask("create", title="a case")
    assert device.ask("status")["entries"] == 3


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("who", "moments"),
    [
        ("joiner", (None, 0.0, 0.01, 0.02, 0.04, 0.08)),  # seconds after the words are shown; None: before
        ("inviter", (0.0, 0.01, 0.02, 0.04)),
    ],
)
def test_killed_while_somebody_joins(workshop: Workshop, who: str, moments: tuple[float | None, ...]) -> None:
    """The joiner has nothing, and can join with a new code; or has joined, and receives the history."""
    ana = workshop.founded()
    ana.ask("create", title="a case")
    for number, moment in enumerate(moments):
        ben = workshop.start(f"ben{number}")
        code = ana.ask("invite")["code"]
        joining = ben.send("join", code=code, name=f"ben{number}", passphrase=PASSPHRASE, port=ana.port, timeout=3)
        if moment is not None:
            ben.hear("words")
            time.sleep(moment)
        if who == "joiner":
            ben.kill()
            ben = workshop.start(f"ben{number}")
        else:
            ana.kill()
            ana = workshop.start("ana", port=ana.port)
            ana.ask("open", passphrase=PASSPHRASE)
            if refused := ben.refusal(joining):
                assert refused.code in ("interrupted", "no_peer", "invite_expired", "timeout")
        settle(ana, ben, f"ben{number}")
        ben.stop()


def settle(ana: Device, ben: Device, name: str) -> None:
    """Open what is there, or join again; then both hold the same."""
    if refused := ben.refusal(ben.send("open", passphrase=PASSPHRASE)):
        assert refused.code == "vault_missing"
        code = ana.ask("invite")["code"]
        ben.ask("join", code=code, name=name, passphrase=PASSPHRASE, port=ana.port)
        ben.ask("open", passphrase=PASSPHRASE)
    # With an end of its id where somebody of this name was admitted before it was killed.
    wait_until(lambda: any(one.startswith(name) for one in ben.ask("status")["members"]), "its own admission")
    agree([ana, ben])
    assert ben.ask("titles")["titles"] == ["a case"]


@pytest.mark.e2e
def test_a_killed_process_is_noticed_by_these_tests(workshop: Workshop) -> None:
    device = workshop.founded()
    device.kill()
    with pytest.raises(Ended):
        device.ask("status")

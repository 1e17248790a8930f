"""Daemons on a network of their own, with real multicast: pulled cables, and the doctor's findings about them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.namespaces import Lan, lan
from tests.end_to_end.programs import Program, pair, programs
from tests.patience import wait_until

pytestmark = pytest.mark.e2e

ANNOUNCE = ("--lan", "announce")


@pytest.fixture
def network() -> Iterator[Lan]:
    with lan("ana", "ben", ipv4=True) as made:
        yield made


@pytest.fixture
def devices(network: Lan, tmp_path: Path) -> Iterator[list[Program]]:
    """Two of one cell, their daemons open, each in a namespace."""
    with programs(tmp_path, "ana", "ben", inside=network.inside) as [ana, ben]:
        ana.init(*ANNOUNCE)
        ana.start()
        pair(ana, ben, network=ANNOUNCE)
        ben.start()
        yield [ana, ben]


def connected(one: Program) -> bool:
    return bool(one.call("peers")["peers"][0]["connected"])


def grades(one: Program) -> dict[str, str]:
    ran = one.run("doctor", "--json")
    assert ran.exit in (0, 9), ran
    return {found["check"]: found["grade"] for found in ran.json["findings"]}


def test_the_cable_comes_out_and_both_go_on(network: Lan, devices: list[Program]) -> None:
    ana, ben = devices
    wait_until(lambda: connected(ben), "they meet")
    case = ana.json("case", "new", "12 Mill St")["id"]
    assert ben.run("sync").exit == 0
    network.pull_out("ben")
    ana.json("case", "edit", case, "--set", "status=pending")
    ben.json("case", "edit", case, "--set", "status=closed")
    assert ben.run("sync", "--timeout", "1").exit == 5
    assert ben.call("status")["only_here"] == 1
    network.plug_in("ben")
    assert ben.run("sync", "--wait", "--timeout", "30").exit == 0
    for one in devices:
        assert len(one.json("case", "show", case)["conflicts"]) == 1
        assert one.call("status")["only_here"] == 0


def test_the_doctor_explains_a_lan_that_keeps_devices_apart(network: Lan, devices: list[Program]) -> None:
    ana, ben = devices
    wait_until(lambda: connected(ana) and connected(ben), "they meet")
    found = grades(ana)
    assert (found["lan_blocked"], found["network"]) == ("good", "good")

    network.keep_apart("ana", "ben")
    ana.run("daemon", "stop")
    ana.ended()
    ana.start()  # so that the old connection is gone
    ran = ana.run("doctor")
    assert ran.exit == 9
    assert "✗ This LAN blocks device-to-device traffic, or the others are off" in ran.out
    assert "use a phone's hotspot or a cable" in ran.out
    assert "cellsync peers add NAME ADDRESS:PORT" in ran.out
    for secret in ("Mill Street", "ben", "10.99.0."):
        assert secret not in ran.out


def test_the_doctor_says_that_there_is_no_network(network: Lan, devices: list[Program]) -> None:
    ana, _ = devices
    network.pull_out("ana")
    wait_until(lambda: grades(ana)["network"] == "bad", "the cable is out")

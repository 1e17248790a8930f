"""A whole cell on a network of its own: found, joined and kept in step over real multicast DNS, cut and healed."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.devices import PASSPHRASE, Device, Workshop, agree, enter
from tests.end_to_end.namespaces import Lan, lan, run
from tests.patience import wait_until

NAMES = ("ana", "ben", "vera")


def start(laid: Lan, workshop: Workshop, name: str) -> Device:
    return workshop.start(name, interfaces_="all", mode="announce", prefix=laid.inside(name))


def connected(device: Device) -> list[str]:
    names: list[str] = device.ask("status")["connected"]
    return names


@pytest.mark.e2e
@pytest.mark.parametrize("ipv4", [True, False], ids=["ipv4 and ipv6", "ipv6 link-local only"])
def test_three_devices_meet_part_and_agree_again(tmp_path: Path, ipv4: bool) -> None:
    with lan(*NAMES, ipv4=ipv4) as laid, ExitStack() as stack:
        workshop = Workshop(tmp_path, stack)
        devices = ana, ben, vera = [start(laid, workshop, name) for name in NAMES]

        ana.ask("found", name="ana", circle="Mill Street", passphrase=PASSPHRASE)
        ana.ask("open", passphrase=PASSPHRASE)
        for device, name in ((ben, "ben"), (vera, "vera")):
            enter(ana, device, name, None)
            device.ask("open", passphrase=PASSPHRASE)
        case = ana.ask("create", title="12 Mill Street")["case"]
        agree(devices)
        for device, name in zip(devices, NAMES, strict=True):
            others = sorted(set(NAMES) - {name})
            wait_until(lambda d=device, o=others: connected(d) == o, f"{name} meets both others")  # type: ignore[misc]

        laid.pull_out("vera")
        ana.ask("edit", case=case, title="court date set", line="by Ana")
        vera.ask("edit", case=case, title="moved out", line="by Vera")
        ben.ask("edit", case=case, line="by Ben")
        agree([ana, ben])
        assert ana.ask("read", case=case)["lines"] == ["by Ana", "by Ben"]
        assert vera.ask("read", case=case)["lines"] == ["by Vera"]

        laid.plug_in("vera")
        agree(devices)
        for device in devices:
            read = device.ask("read", case=case)
            assert read["lines"] == ["by Ana", "by Ben", "by Vera"]
            assert read["conflict"] == ["court date set", "moved out"]
        assert {device.stop() for device in devices} == {0}


@pytest.mark.e2e
def test_a_device_that_comes_back_with_another_address(tmp_path: Path) -> None:
    """Its old connection is dead, and TCP does not say so for minutes."""
    with lan("ana", "ben", ipv4=True) as laid, ExitStack() as stack:
        for name in ("ana", "ben"):
            run(*laid.inside(name), "sysctl", "-qw", "net.ipv6.conf.cable.disable_ipv6=1")
        workshop = Workshop(tmp_path, stack)
        ana, ben = start(laid, workshop, "ana"), start(laid, workshop, "ben")
        ana.ask("found", name="ana", circle="Mill Street", passphrase=PASSPHRASE)
        ana.ask("open", passphrase=PASSPHRASE)
        enter(ana, ben, "ben", None)
        ben.ask("open", passphrase=PASSPHRASE)
        agree([ana, ben])
        laid.pull_out("ben")
        run(*laid.inside("ben"), "ip", "addr", "flush", "dev", "cable")
        run(*laid.inside("ben"), "ip", "addr", "add", "10.99.0.77/24", "dev", "cable")
        laid.plug_in("ben")
        ana.ask("create", title="written meanwhile")
        agree([ana, ben])

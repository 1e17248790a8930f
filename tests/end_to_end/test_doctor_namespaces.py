"""The doctor on real networks: one that keeps devices apart, one that does not, and networks that look like either.

Run as a program in a namespace, this file is the doctor there: it takes a subject as JSON and prints its findings.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import trio
from zeroconf import DNSIncoming  # type: ignore[attr-defined]

from cellsync.doctor import Finding, Grade, OtherDevice, Subject, examine
from cellsync.node.network import Address
from tests.end_to_end.namespaces import Lan, lan, run
from tests.patience import PATIENCE, wait_until

pytestmark = pytest.mark.e2e

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
NAMES: Final = ("ada", "ben", "vera")  # ada asks the doctor; vera is the router, where there is one
LISTEN: Final = 3.0  # seconds
BEN: Final = ("10.99.0.2", 9)  # nothing listens there
BLOCKED: Final = "This LAN blocks device-to-device traffic, or the others are off: "


def main(asked: str) -> None:
    """Examine a subject, print findings."""
    ask = json.loads(asked)
    others = [OtherDevice("ben", False, [Address(*address)]) for address in ask["others"]]
    subject = Subject(
        Path(ask["profile"]), Path(ask["profile"]) / "vault", True, "all", ask["mode"], others=others
    )  # fmt: skip
    found = trio.run(partial(examine, subject, redact=ask["redact"], listen_seconds=LISTEN))
    print(json.dumps(found))


def ask(
    laid: Lan, folder: Path, *others: tuple[str, int], mode: str = "listen", redact: bool = True
) -> dict[str, Finding]:
    """What the doctor finds for ada."""
    wait_until(lambda: not tentative(laid, "ada"), "IPv6 is sure of its address")
    asked = {"profile": str(folder), "others": others, "mode": mode, "redact": redact}
    told = subprocess.run(
        [*laid.inside("ada"), sys.executable, __file__, json.dumps(asked)],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=PATIENCE, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    findings = [Finding(check, Grade(grade), text, hint) for check, grade, text, hint in json.loads(told)]
    return {finding.check: finding for finding in findings}


def tentative(laid: Lan, name: str) -> str:
    return run(*laid.inside(name), "ip", "-6", "addr", "show", "tentative")


@contextmanager
def running(laid: Lan, name: str, script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A script in a namespace, after its first line."""
    with subprocess.Popen(
        [*laid.inside(name), sys.executable, str(HERE / script), *arguments],
        stdout=subprocess.PIPE, text=True, bufsize=1, env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], PATIENCE)[0], f"{script} says nothing"
            assert process.stdout.readline(), f"{script} ended"
            yield process
        finally:
            process.terminate()


def announcing(laid: Lan, name: str) -> Any:
    return running(laid, name, "lan_host.py", "ben", "30")


def make_router(laid: Lan, name: str) -> None:
    """Ada's way to the rest of the world leads over `name`."""
    links = json.loads(run(*laid.inside(name), "ip", "-j", "-6", "addr", "show", "dev", "cable"))
    (local,) = [address["local"] for address in links[0]["addr_info"]]
    number = NAMES.index(name) + 1
    run(*laid.inside("ada"), "ip", "route", "add", "default", "via", f"10.99.0.{number}")
    run(*laid.inside("ada"), "ip", "-6", "route", "add", "default", "via", local, "dev", "cable")


def drop(laid: Lan, name: str, protocol: str, *networks: str) -> None:
    """As a firewall does: what comes in is thrown away."""
    for network in networks:
        everywhere = "::/0" if ":" in network else "0.0.0.0/0"
        run(*laid.inside(name), "ip", "xfrm", "policy", "add", "dir", "in", "src", everywhere, "dst", network,
            "proto", protocol, "action", "block")  # fmt: skip


@pytest.mark.parametrize("ipv4", [True, False], ids=["ipv4 and ipv6", "ipv6 only"])
def test_somebody_is_heard_until_the_network_keeps_devices_apart(tmp_path: Path, ipv4: bool) -> None:
    with lan(*NAMES, ipv4=ipv4) as laid, announcing(laid, "ben"):
        found = ask(laid, tmp_path)
        assert found["lan_blocked"][1:] == (Grade.GOOD, "Other devices on this network can be heard.", "")
        assert (found["multicast"].grade, found["network"].grade) == (Grade.GOOD, Grade.GOOD)

        laid.keep_apart("ada", "ben")
        blocked = ask(laid, tmp_path)["lan_blocked"]
        text = "No LAN announcements heard in 3 s: this Wi-Fi may block device-to-device traffic."
        assert blocked[1:3] == (Grade.WARNING, text)
        assert "cellsync peers add NAME ADDRESS:PORT" in blocked.hint
        assert "phone's hotspot or a cable" in blocked.hint


def test_a_known_device_that_should_be_here_makes_it_plain_and_a_router_that_speaks_does_not_hide_it(
    tmp_path: Path,
) -> None:
    with lan(*NAMES, ipv4=True) as laid, announcing(laid, "ben"), announcing(laid, "vera"):
        laid.keep_apart("ada", "ben")
        make_router(laid, "vera")
        found = ask(laid, tmp_path, BEN)
        assert found["lan_blocked"].grade is Grade.BAD
        assert found["lan_blocked"].text.startswith(BLOCKED)
        text = "Known device 1 does not answer: it is off, elsewhere, or kept apart by this network."
        assert found["device"].text == text
        assert not any(secret in str(found) for secret in ("ben", "10.99.", "fe80"))

        text = "Only the router was heard in 3 s: this Wi-Fi may block device-to-device traffic."
        assert ask(laid, tmp_path)["lan_blocked"][1:3] == (Grade.WARNING, text)


def test_beside_the_router_others_can_be_heard(tmp_path: Path) -> None:
    with lan(*NAMES, ipv4=True) as laid, announcing(laid, "vera"):
        make_router(laid, "vera")
        with announcing(laid, "ben"):
            assert ask(laid, tmp_path)["lan_blocked"].grade is Grade.GOOD


def test_a_neighbour_that_is_there_and_does_not_listen(tmp_path: Path) -> None:
    with lan("ada", "ben", ipv4=True) as laid:
        found = ask(laid, tmp_path, BEN, redact=False)
        assert found["device"].text == "ben is there, but cellsync does not run there or is locked."
        text = "Other devices on this network can be reached, though none was heard in 3 s."
        assert found["lan_blocked"][1:3] == (Grade.GOOD, text)
        assert "10.99.0.1" in found["network"].text

        drop(laid, "ben", "tcp", "10.99.0.0/24")
        run(*laid.inside("ada"), "ip", "neigh", "flush", "all")
        text = "Known device 1 is there, but its firewall or this network drops what we send."
        # On a busy machine two seconds can be too short for the other kernel to say that it is there.
        wait_until(lambda: ask(laid, tmp_path, BEN)["device"].text == text, "it is there and drops what we send")


def test_without_a_cable_there_is_no_network(tmp_path: Path) -> None:
    with lan("ada", "ben", ipv4=True) as laid:
        laid.pull_out("ada")
        found = ask(laid, tmp_path, BEN)
        assert found["network"][1:3] == (Grade.BAD, "There is no network.")
        assert found["lan_blocked"][1:3] == (Grade.UNKNOWN, "There is no network to listen on.")
        assert "device" not in found


def test_a_firewall_on_this_machine_is_told_from_the_network(tmp_path: Path) -> None:
    with lan("ada", "ben", ipv4=True) as laid, announcing(laid, "ben"):
        drop(laid, "ada", "udp", "0.0.0.0/0", "::/0")
        found = ask(laid, tmp_path)
        assert found["multicast"].grade is Grade.WARNING
        assert "firewall on this machine" in found["multicast"].text
        assert found["lan_blocked"].grade is Grade.UNKNOWN


def test_a_vpn_that_carries_everything(tmp_path: Path) -> None:
    with lan("ada", "ben", ipv4=True) as laid:
        inside = laid.inside("ada")
        run(*inside, "ip", "link", "add", "wg0", "type", "veth", "peer", "name", "far")
        run(*inside, "ip", "addr", "add", "10.98.0.1/24", "dev", "wg0")
        run(*inside, "ip", "link", "set", "far", "up")
        run(*inside, "ip", "link", "set", "wg0", "up")
        # As wg-quick does: a table of its own, so the main one has no default route.
        run(*inside, "ip", "route", "add", "default", "dev", "wg0", "table", "51820")
        run(*inside, "ip", "rule", "add", "not", "fwmark", "51820", "table", "51820")
        assert ask(laid, tmp_path)["vpn"].grade is Grade.WARNING


def test_it_asks_and_says_nothing_of_itself_and_in_mode_off_not_even_that(tmp_path: Path) -> None:
    with lan("ada", "ben", ipv4=True) as laid:
        with running(laid, "ben", "lan_capture.py", "cable") as tap:
            found = ask(laid, tmp_path, BEN, mode="off")
            assert found["lan_blocked"][1:3] == (Grade.GOOD, "Other devices on this network can be reached.")
            found = ask(laid, tmp_path, mode="off")
            text = "Did not listen for other devices: LAN discovery is off here."
            assert found["lan_blocked"][1:3] == (Grade.UNKNOWN, text)
            assert "multicast" not in found
            tap.terminate()
            assert messages(tap) == []
        with running(laid, "ben", "lan_capture.py", "cable") as tap:
            ask(laid, tmp_path)
            tap.terminate()
            heard = messages(tap)
        assert heard
        for message in heard:
            assert message.is_query()
            assert not message.answers()
            assert [question.name for question in message.questions] == [
                "_services._dns-sd._udp.local.", "_cellsync._tcp.local.",
            ]  # fmt: skip


def messages(tap: subprocess.Popen[str]) -> list[DNSIncoming]:
    assert tap.stdout is not None
    return [DNSIncoming(bytes.fromhex(line.split()[1])) for line in tap.stdout]


if __name__ == "__main__":
    main(sys.argv[1])

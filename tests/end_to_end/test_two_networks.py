"""One device on two networks at once, with neighbours that have only one each: neither learns of the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from zeroconf import DNSIncoming, DNSPointer  # type: ignore[attr-defined]

from cellsync.node.lan import SERVICE_TYPE
from tests.end_to_end.namespaces import Town, town
from tests.end_to_end.scripts import Process

pytestmark = pytest.mark.e2e

LEFT, RIGHT = "leftneighbour", "rightneighbour"
ASKERS = 8  # addresses of a neighbour: by which the kernel chose the receiver
KNOWN_ANSWERS = 3  # announcements during which the device asks again, naming what it knows

Start = Callable[..., Process]


@pytest.fixture
def place() -> Iterator[tuple[Town, Start]]:
    """`middle` is on both networks; `left` has no IPv6."""
    with town() as made, ExitStack() as stack:
        made.space("middle")
        for number, (name, ipv6) in enumerate((("left", False), ("right", True)), 1):
            made.network(name)
            made.space(name, ipv6=ipv6)
            made.cable(name)
            made.cable("middle", name)
            made.plug_in("middle", name, f"10.98.{number}.1/24", device=name)
            made.plug_in(name, name, *(f"10.98.{number}.{host}/24" for host in range(11, 11 + ASKERS)))

        def start(name: str, script: str, *arguments: str) -> Process:
            process = Process(made.inside(name), script, *arguments)
            stack.callback(process.stop)
            return process

        yield made, start


@pytest.mark.parametrize("run", range(2))
def test_each_question_is_answered_and_no_name_crosses(place: tuple[Town, Start], run: int) -> None:
    _, start = place
    taps = {name: start(name, "lan_capture.py", "cable") for name in ("left", "right")}
    for tap in taps.values():
        tap.wait_for("ready".__eq__)
    device = start("middle", "lan_host.py", "ada", "30")
    shown: set[str] = set()
    while not {"10.98.1.1", "10.98.2.1"} <= shown:
        shown |= set(device.event("announces")["announces"])
    neighbours = {
        name: start(name, "mdns_neighbour.py", says, SERVICE_TYPE,
                    *(f"10.98.{number}.{host}" for host in range(11, 11 + ASKERS)))
        for number, (name, says) in enumerate((("left", LEFT), ("right", RIGHT)), 1)
    }  # fmt: skip
    for neighbour in neighbours.values():
        told = [neighbour.event("asked") for _ in range(ASKERS)]
        assert all(one["told"] for one in told), told
        for _ in range(KNOWN_ANSWERS):
            neighbour.event("announced")
    # Who looks from now on asks who is there, three times in five seconds, and says what it knows already.
    again = start("middle", "lan_host.py", "ben", "30")
    again.event("ready")
    for neighbour in neighbours.values():
        for _ in range(6):
            neighbour.event("announced")

    heard = {name: [bytes.fromhex(line.split()[1]) for line in tap.rest()[1:]] for name, tap in taps.items()}
    for name, own, other in (("left", LEFT, RIGHT), ("right", RIGHT, LEFT)):
        everything = b"".join(heard[name])
        assert own.encode() in everything
        assert other.encode() not in everything
    # … and the names of the device itself are others on each network.
    names = {name: instances(heard[name]) for name in heard}
    assert all(names.values())
    assert not names["left"] & names["right"]


def instances(messages: list[bytes]) -> set[str]:

    found: set[str] = set()
    for content in messages:
        message = DNSIncoming(content)
        found |= {one.alias for one in message.answers() if isinstance(one, DNSPointer)}
    return {name for name in found if not name.startswith((LEFT, RIGHT))}

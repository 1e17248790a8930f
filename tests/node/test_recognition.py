"""How networks are told apart by the kernel's tables."""

from __future__ import annotations

from typing import Any

from cellsync.node.interfaces import Local
from cellsync.node.network import packed
from cellsync.node.recognition import WAIT, Recogniser
from cellsync.system.port import NO_TABLES, Gateway, Interface, Neighbour, Tables

ROUTER, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("020000000009")
OWN = bytes.fromhex("02000000000a")
HERE = (Local(3, "192.168.1.20", 24),)
GATEWAY = packed("192.168.1.1")
V6, V6_ROUTER = packed("fe80::1"), Gateway(6, 1024, packed("fe80::1"))


def tables(
    hardware: bytes | None = ROUTER, gateways: tuple[Gateway, ...] = (Gateway(4, 100, GATEWAY),), carrier: int = 1,
    own: bytes = OWN, more: dict[tuple[int, bytes], Neighbour] | None = None,
) -> Tables:  # fmt: skip
    neighbours = {} if hardware is None else {(3, GATEWAY): Neighbour(hardware, False)}
    return Tables({3: Interface(own, carrier)}, {3: list(gateways)} if gateways else {}, neighbours | (more or {}))


class Asked:
    def __init__(self) -> None:
        self.of: list[tuple[int, bytes]] = []

    def __call__(self, link: int, address: bytes) -> None:
        self.of.append((link, address))


def described(*steps: tuple[float, Tables], here: tuple[Local, ...] = HERE, **more: Any) -> list[bytes | None]:
    recognition = Recogniser(more.get("ask") or Asked())
    return [recognition.describe(here, table, now)[3] for now, table in steps]


def test_a_network_is_known_by_both_addresses_of_its_gateway() -> None:
    [home] = described((0, tables()))
    [twin] = described((0, tables(OTHER)))
    [moved] = described((0, tables()._replace(
        gateways={3: [Gateway(4, 100, packed("192.168.1.254"))]},
        neighbours={(3, packed("192.168.1.254")): Neighbour(ROUTER, True)},
    )))  # fmt: skip
    assert home
    assert len({home, twin, moved}) == 3
    # … and by nothing else: another address of ours, another hardware address of ours, another metric.
    assert described((0, tables(own=OTHER)), here=(Local(3, "192.168.1.77", 24),)) == [home]
    assert described((0, tables(gateways=(Gateway(4, 7, GATEWAY),)))) == [home]


def test_ipv4_decides_then_the_metric() -> None:
    both = (Gateway(4, 100, GATEWAY), V6_ROUTER)
    [home] = described((0, tables()))
    assert described((0, tables(gateways=both, more={(3, V6): Neighbour(OTHER, True)}))) == [home]


def test_a_gateway_that_is_not_known_yet_is_asked_for_and_waited_for() -> None:
    asked = Asked()
    unknown = tables(None)
    [home] = described((0, tables()))
    steps = [(0.0, unknown), (0.1, unknown), (0.7, unknown), (0.8, tables())]
    assert described(*steps, ask=asked) == [None, None, None, home]
    assert asked.of == [(3, GATEWAY)] * 2  # twice a second at most


def test_one_that_never_answers_leaves_our_own_addresses_to_decide() -> None:
    unknown = tables(None)
    first, before, after, later = described((0, unknown), (WAIT - 0.1, unknown), (WAIT, unknown), (WAIT + 9, tables()))
    assert (first, before) == (None, None)
    assert after is not None
    assert after.startswith(b"\2")
    assert described((0, tables())) == [later]  # as soon as it does answer


def test_a_gateway_that_falls_silent_is_the_same_one() -> None:
    """Its entry is dropped from the kernel's table after a while; that is no move to another network."""
    home, silent, with_other = described(
        (0, tables()), (100, tables(None)), (200, tables(None, more={(3, V6): Neighbour(OTHER, True)}))
    )
    assert home == silent == with_other


def test_another_network_with_the_same_addresses_is_noticed() -> None:
    """Home and café both have 192.168.1.1, and gave us 192.168.1.20."""
    home, moved = described((0, tables()), (2, tables(OTHER)))
    assert home != moved
    # Before its gateway is known: the cable was out.
    home, unknown, known = described((0, tables()), (2, tables(None, carrier=3)), (3, tables(OTHER, carrier=3)))
    assert (unknown, known) == (None, moved)


def test_without_a_gateway_our_own_addresses_decide() -> None:
    alone = tables(None, ())
    [here] = described((0, alone))  # at once: what was there when we started has all its addresses
    assert here is not None
    assert described((0, tables(None, (), own=OTHER))) != [here]
    assert described((0, alone), here=(Local(3, "192.168.1.21", 24),)) != [here]
    # IPv6 addresses come later, and change every day.
    later = (*HERE, Local(3, "2001:db8::77", 64), Local(3, "fe80::9%3", 64))
    assert described((0, alone), here=later) == [here]
    link_local = (Local(3, "fe80::9%3", 64),)
    [only] = described((0, alone), here=link_local)
    assert described((0, alone), here=(Local(3, "2001:db8::78", 64), *link_local)) == [only]


def test_a_link_that_is_new_has_a_moment_to_get_its_gateway() -> None:
    recognition = Recogniser(Asked())
    assert recognition.describe((), tables(None, ()), 0) == {}
    assert recognition.describe(HERE, tables(None, ()), 1) == {3: None}
    assert recognition.describe(HERE, tables(), 1.5)[3] == described((0, tables()))[0]


def test_where_the_system_does_not_say_nothing_is_recognised() -> None:
    assert described((0, NO_TABLES)) == [b""]

"""Spots: which claims of peers are believed, and which addresses are called. Hostile members have valid keys."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.ids import DeviceId
from cellsync.core.wire.messages import Places
from cellsync.node.network import Address, Ends, Here, packed
from cellsync.node.sites import UNRECOGNISED, Site
from cellsync.node.spots import AT_ONE_SITE, FAILURES, IN_ALL, SAID_BY_OTHERS, Basis, Spot, Spots

ME, BEN, CLEO = (DeviceId(bytes([at]) * 32) for at in (1, 2, 3))
HOME, CAFE = Site(b"h" * 16), Site(b"c" * 16)
AT_HOME = Here(HOME, 3, (Address("10.0.0.1", 50_000),), (ip_network("10.0.0.0/24"), ip_network("fe80::/64")))
AT_CAFE = Here(CAFE, 4, (Address("10.0.0.1", 50_001),), (ip_network("10.0.0.0/24"),))
ENDS = Ends("10.0.0.1", "10.0.0.2")


def place(host: str, port: int = 50_500) -> tuple[bytes, int]:
    return packed(host), port


def hosts(spots: Spots, device: DeviceId, here: tuple[Here, ...] = (AT_HOME,)) -> list[str]:
    return [address.host for address in spots.callable(device, here)]


@pytest.mark.parametrize(
    "host",
    [str(IPv4Address(0)), "127.0.0.1", "224.0.0.251", "255.255.255.255", "240.0.0.1", "10.0.0.255", "::", "::1",
     "ff02::fb", "8.8.8.8", "10.0.1.7", "192.168.1.7", "2001:db8::7"],
)  # fmt: skip
def test_no_peer_makes_us_call_what_is_not_on_a_network_that_we_are_on(host: str) -> None:
    spots = Spots()
    assert not spots.claimed(BEN, [(ip_address(host).packed, 445)], ENDS, [AT_HOME], None)
    assert not spots.heard(CLEO, [(ip_address(host).packed, 445)], ENDS, [AT_HOME])
    assert hosts(spots, BEN) == hosts(spots, CLEO) == []


def test_an_ipv4_address_inside_ipv6_is_none() -> None:
    mapped = (bytes(10) + b"\xff\xff" + packed("10.0.0.7"), 445)
    assert not Spots().claimed(BEN, [mapped], ENDS, [AT_HOME], None)


def test_a_device_may_say_the_address_it_speaks_from() -> None:
    """It is on another network, behind a router; only the port is news."""
    spots, ends = Spots(), Ends("10.0.0.1", "10.9.9.9")
    assert spots.claimed(BEN, [place("10.9.9.9"), place("10.9.9.8")], ends, [AT_HOME], None)
    assert hosts(spots, BEN) == ["10.9.9.9"]


def test_over_loopback_loopback_is_meant() -> None:
    here = Here(HOME, 1, (Address("127.0.0.1", 50_000),), (ip_network("127.0.0.0/8"),))
    ends = Ends("127.0.0.1", "127.0.0.1")
    spots = Spots()
    assert spots.claimed(BEN, [place("127.0.0.1")], ends, [here], None)
    assert hosts(spots, BEN, (here,)) == ["127.0.0.1%1"]
    assert not spots.claimed(CLEO, [place("127.0.0.1", 50_000)], ends, [here], None)  # that is us


def test_an_address_is_called_at_its_site_only() -> None:
    spots = Spots()
    assert spots.met(BEN, Address("10.0.0.7%3", 1), HOME)
    assert hosts(spots, BEN) == ["10.0.0.7%3"]
    assert hosts(spots, BEN, (AT_CAFE,)) == []
    assert hosts(spots, BEN, (AT_CAFE, AT_HOME)) == ["10.0.0.7%3"]
    assert hosts(spots, BEN, ()) == []


def test_what_a_person_said_is_called_anywhere() -> None:
    spots = Spots()
    spots.by_hand(BEN, Address("10.9.9.9", 1))
    for here in ((), (AT_HOME,), (AT_CAFE,)):
        assert hosts(spots, BEN, here) == ["10.9.9.9"]
    spots.claimed(BEN, [place("10.0.0.7")], ENDS, [AT_HOME], None)
    assert hosts(spots, BEN) == ["10.0.0.7%3", "10.9.9.9"]


def test_what_a_device_says_of_itself_replaces_what_was_known_there() -> None:
    spots = Spots()
    spots.met(BEN, Address("10.0.0.7", 1), HOME)
    spots.met(BEN, Address("10.0.0.7", 2), CAFE)
    spots.heard(BEN, [place("10.0.0.66")], ENDS, [AT_HOME])
    assert spots.claimed(BEN, [place("10.0.0.8", 3)], ENDS, [AT_HOME], Address("10.0.0.9", 4))
    assert [spot[:3] for spot in spots.known[BEN]] == [
        ("10.0.0.9", 4, HOME), ("10.0.0.8", 3, HOME), ("10.0.0.7", 2, CAFE)
    ]  # fmt: skip
    assert not spots.claimed(BEN, [place("10.0.0.8", 3)], ENDS, [AT_HOME], Address("10.0.0.9", 4))  # no news


def test_what_others_say_comes_last_and_is_forgotten_when_it_fails() -> None:
    spots = Spots()
    assert spots.heard(BEN, [place("10.0.0.66")], ENDS, [AT_HOME])
    spots.met(BEN, Address("10.0.0.7", 1), HOME)
    assert hosts(spots, BEN) == ["10.0.0.7%3", "10.0.0.66%3"]
    for _ in range(FAILURES):
        spots.failed(BEN, Address("10.0.0.66%3", 50_500))
        spots.failed(BEN, Address("10.0.0.7%3", 1))
    assert hosts(spots, BEN) == ["10.0.0.7%3"]


@pytest.mark.parametrize("again", ["claimed", "met", "forget_heard"])
def test_failures_are_forgotten_with_the_place_that_was_called(again: str) -> None:
    """Else each place that somebody made up, and that was called once, would be counted for good."""
    spots = Spots()
    spots.heard(BEN, [place("10.0.0.66")], ENDS, [AT_HOME])
    spots.failed(BEN, Address("10.0.0.66%3", 50_500))
    assert spots._failures
    match again:
        case "claimed":
            spots.claimed(BEN, [place("10.0.0.8", 3)], ENDS, [AT_HOME], None)
        case "met":
            spots.met(BEN, Address("10.0.0.66", 50_500), HOME)
        case _:
            spots.forget_heard()
    assert not spots._failures


def test_a_flood_of_lies_leaves_what_is_known() -> None:
    spots = Spots()
    for at in range(AT_ONE_SITE):
        spots.met(BEN, Address("10.0.0.7", 1 + at), HOME)
    spots.by_hand(BEN, Address("10.9.9.9", 1))
    before = set(spots.known[BEN])
    for at in range(8, 250):
        spots.heard(BEN, [place(f"10.0.0.{at}")], ENDS, [AT_HOME])
    assert before < set(spots.known[BEN])
    assert len(spots.known[BEN]) <= len(before) + SAID_BY_OTHERS
    # What it says of itself is bounded as well, and pushes out nothing of other sites.
    spots.met(BEN, Address("10.0.0.7", 9), CAFE)
    for at in range(8, 250):
        spots.claimed(BEN, [place(f"10.0.0.{at}", port) for port in range(1, 9)], ENDS, [AT_HOME], None)
    assert len([spot for spot in spots.known[BEN] if spot.site == HOME]) <= AT_ONE_SITE
    assert Spot("10.0.0.7", 9, CAFE, Basis.MET) in spots.known[BEN]


def test_others_are_told_what_was_met_at_this_site_and_what_a_person_said() -> None:
    spots = Spots()
    spots.met(CLEO, Address("10.0.0.7", 1), HOME)
    spots.met(CLEO, Address("10.0.0.7", 2), CAFE)
    spots.heard(CLEO, [place("10.0.0.66")], ENDS, [AT_HOME])
    spots.by_hand(CLEO, Address("10.9.9.9", 3))
    spots.met(BEN, Address("10.0.0.2", 4), HOME)
    mine = {ME: [(packed("10.0.0.1"), 50_000)]}
    told = spots.told_to(BEN, [BEN, CLEO], ME, ENDS, [AT_HOME])
    assert told == mine | {CLEO: [(packed("10.9.9.9"), 3), (packed("10.0.0.7"), 1)]} or told == mine | {
        CLEO: [(packed("10.0.0.7"), 1), (packed("10.9.9.9"), 3)]
    }
    # Not to one who is not there, and not where we are else.
    away = spots.told_to(BEN, [BEN, CLEO], ME, Ends("10.0.0.1", "10.9.9.9"), [AT_HOME])
    assert away == mine | {CLEO: [(packed("10.9.9.9"), 3)]}
    other = Here(CAFE, 4, (Address("172.16.0.1", 7),), (ip_network("172.16.0.0/24"),))
    assert spots.told_to(BEN, [], ME, ENDS, [other, AT_HOME]) == mine
    assert spots.told_to(BEN, [], ME, Ends("172.16.0.1", "172.16.0.2"), [other, AT_HOME]) == {
        ME: [place("172.16.0.1", 7)]
    }


def test_one_who_is_no_member_any_more_is_not_passed_on() -> None:
    spots = Spots()
    spots.met(CLEO, Address("10.0.0.7", 1), HOME)
    assert CLEO not in spots.told_to(BEN, [BEN], ME, ENDS, [AT_HOME])


def test_as_much_as_is_told_fits() -> None:
    spots = Spots()
    others = [DeviceId(bytes([at]) * 32) for at in range(2, 100)]
    for device in others:
        for at in range(20):
            spots.met(device, Address("10.0.0.7", 1 + at), HOME)
    told = spots.told_to(BEN, others, ME, ENDS, [AT_HOME])
    assert len(told) == caps.DEVICES
    assert all(len(listed) <= caps.ADDRESSES for listed in told.values())


def test_where_nothing_is_recognised_an_address_on_the_link_is_called() -> None:
    here = AT_HOME._replace(site=UNRECOGNISED)
    spots = Spots()
    spots.met(BEN, Address("10.0.0.7", 1), UNRECOGNISED)
    spots.met(BEN, Address("10.7.0.7", 1), UNRECOGNISED)
    assert hosts(spots, BEN, (here,)) == ["10.0.0.7%3"]
    assert hosts(spots, BEN) == ["10.0.0.7%3"]  # kept by an earlier version
    spots.met(BEN, Address("10.0.0.7", 1), HOME)  # and now we know
    assert [spot.site for spot in spots.known[BEN]] == [HOME, UNRECOGNISED]


addresses = st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16) | st.sampled_from(
    [packed(f"10.0.0.{at}") for at in range(256)]
)  # fmt: skip
rows = st.lists(st.tuples(addresses, st.integers(1, 65_535)), min_size=1, max_size=caps.ADDRESSES)
messages = st.dictionaries(st.sampled_from([BEN, CLEO]), rows)


@given(st.lists(st.tuples(messages, st.sampled_from([(AT_HOME,), (AT_CAFE,), (AT_HOME, AT_CAFE), ()])), max_size=12))
def test_whatever_members_say_it_is_bounded_and_only_hosts_of_our_links_are_called(
    said: list[tuple[Places, tuple[Here, ...]]],
) -> None:
    spots = Spots()
    for places, here in said:
        for device, listed in places.items():
            if device == BEN:
                spots.claimed(device, listed, ENDS, here, None)
            else:
                spots.heard(device, listed, ENDS, here)
        for device in (BEN, CLEO):
            assert len(spots.known.get(device, ())) <= IN_ALL
            for address in spots.callable(device, here):
                one = ip_address(address.packed)
                assert any(one in network and one != network.broadcast_address for h in here for network in h.networks)
                assert Address(str(one), address.port) not in [at for h in here for at in h.addresses]

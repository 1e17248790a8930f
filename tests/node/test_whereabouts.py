"""Whereabouts: what is told and learnt when the network is recognised late, and how much peers are told of others."""

from __future__ import annotations

import math
from collections.abc import Callable
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from cellsync.core.ids import DeviceId, Millis
from cellsync.core.wire.messages import Places
from cellsync.node.network import Address, Ends, Here, packed
from cellsync.node.sites import UNRECOGNISED, Site, Sites
from cellsync.node.whereabouts import LOST_FOR, RECOGNISED_WITHIN, TELL_EVERY, CircleWhereabouts

ME, BEN, CARA, DAN = (DeviceId(letter * 32) for letter in (b"m", b"b", b"c", b"d"))
HOME = Here(Site(b"h" * 16), 3, (Address("10.0.0.1", 50_000),), (ip_network("10.0.0.0/24"),))
NOT_YET = HOME._replace(site=UNRECOGNISED, addresses=())  # and so nothing listens there
THERE = Address("10.0.0.2", 50_500)


def link_with(peer: DeviceId, locate: Callable[[object, Places], None]) -> Any:
    """One of few, with a peer that has called us."""
    link = SimpleNamespace(
        stream=None, device=peer, address=None, site=UNRECOGNISED, began=trio.current_time(), said={}, ends=None,
        sparse=False, near=False, watched=False, told={}, named=(), lost_since=math.inf, other=None, told_of_all=False,
        strange={}, locate=locate, close=lambda: None,
        device_in=lambda _: peer, has=lambda _: True, is_about=lambda _: True,
    )  # fmt: skip
    link.strand = lambda _: link
    return link


class LinkWithBen:
    """One session with Ben, whom we have called, over a network that is recognised when `here` says so."""

    def __init__(self) -> None:
        self.here: list[Here] = [NOT_YET]
        self.others = [BEN]
        self.told: list[tuple[float, Places]] = []
        self.link: Any = link_with(BEN, lambda _, places: self.told.append((trio.current_time(), places)))
        self.link.address = THERE
        circle: Any = SimpleNamespace(
            id=bytes(32), device=ME, others=lambda: self.others, keep=None,
            store=SimpleNamespace(kept=lambda name: None),
            surroundings=SimpleNamespace(now=lambda: Millis(0), entropy=bytes),
        )  # fmt: skip
        network: Any = SimpleNamespace(here=lambda: self.here, ends=lambda stream: Ends("10.0.0.1", THERE.host))
        links: Any = {BEN: self.link}
        self.links = links
        self.to_call: list[DeviceId] = []
        self.whereabouts = CircleWhereabouts(circle, network, links, lambda: None, self.to_call.append, Sites())


async def test_what_was_opened_too_early_is_made_up_for_as_soon_as_the_network_is_recognised(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        link = LinkWithBen()
        nursery.start_soon(link.whereabouts.locate)
        link.whereabouts.moved()
        await wait_all_tasks_blocked()
        assert link.whereabouts.callable(BEN) == []
        link.here = [HOME]
        link.whereabouts.moved()
        await wait_all_tasks_blocked()
        assert link.whereabouts.callable(BEN) == [HOME.at(THERE.host, THERE.port)]
        assert link.told[-1] == (trio.current_time(), {ME: [(packed("10.0.0.1"), 50_000)]})
        nursery.cancel_scope.cancel()


async def test_a_session_from_an_address_that_is_listed_later_counts_at_once(autojump_clock: MockClock) -> None:
    """A link-local one comes a moment after the others: the network is recognised by then, and does not change."""
    async with trio.open_nursery() as nursery:
        link = LinkWithBen()
        link.here = [HOME._replace(addresses=(Address("10.0.0.77", 50_000),))]
        nursery.start_soon(link.whereabouts.locate)
        link.whereabouts.moved()
        await wait_all_tasks_blocked()
        assert link.whereabouts.callable(BEN) == []
        began = trio.current_time()
        link.here = [HOME]
        link.whereabouts.moved()
        await wait_all_tasks_blocked()
        assert link.whereabouts.callable(BEN) == [HOME.at(THERE.host, THERE.port)]
        assert trio.current_time() == began
        nursery.cancel_scope.cancel()


async def test_a_beacon_that_came_before_the_network_was_recognised_counts(autojump_clock: MockClock) -> None:
    """It is seen once. Its device may be thought to be connected, by a session of the network before."""
    async with trio.open_nursery() as nursery:
        link = LinkWithBen()
        link.here = []  # as it is until a network is recognised
        link.links.clear()
        nursery.start_soon(link.whereabouts.locate)
        link.whereabouts.moved()
        await wait_all_tasks_blocked()
        link.whereabouts.shown(BEN, THERE)
        assert link.whereabouts.callable(BEN) == []
        link.here = [HOME]
        link.whereabouts.here()  # somebody else looks first, and what others said is forgotten
        link.whereabouts.moved()
        await wait_all_tasks_blocked()
        assert link.whereabouts.callable(BEN) == [HOME.at(THERE.host, THERE.port)]
        assert link.to_call == [BEN]
        nursery.cancel_scope.cancel()


async def test_where_somebody_is_may_be_told_before_who_they_are(autojump_clock: MockClock) -> None:
    """A peer tells it as soon as the circle is shared, ahead of the batch with the admission, and never again."""
    link = LinkWithBen()
    link.here, link.link.site = [HOME], HOME.site
    there = (packed("10.0.0.3"), 50_600)
    link.whereabouts.hear(BEN, link.link, {CARA: [there], DAN: [there]})
    assert (link.whereabouts.callable(CARA), link.to_call) == ([], [])
    link.others.append(CARA)
    link.whereabouts.introduced()
    assert link.whereabouts.callable(CARA) == [HOME.at("10.0.0.3", 50_600)]
    assert link.to_call == [CARA]
    assert link.link.strange.keys() == {DAN}
    assert link.link.named == {CARA, DAN}


async def test_a_beacon_of_long_ago_does_not_count(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        link = LinkWithBen()
        link.here = []
        link.links.clear()
        link.whereabouts.shown(BEN, THERE)
        await trio.sleep(RECOGNISED_WITHIN + 1)
        nursery.start_soon(link.whereabouts.locate)
        link.here = [HOME]
        link.whereabouts.moved()
        await wait_all_tasks_blocked()
        assert link.to_call == []
        nursery.cancel_scope.cancel()


async def test_other_news_wait_a_while(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        link = LinkWithBen()
        link.here = [HOME]
        nursery.start_soon(link.whereabouts.locate)
        began = trio.current_time()
        for _ in range(5):
            link.whereabouts.moved()
            await trio.sleep(1)
        assert {when - began for when, _ in link.told} == {0}
        await trio.sleep(TELL_EVERY)
        assert {when - began for when, _ in link.told} == {0, TELL_EVERY}
        nursery.cancel_scope.cancel()


async def _after_a_session_that_ended_early(*, later: float, address: Address | None = THERE) -> LinkWithBen:
    """Ben said where he listens, the session ended, and so much later the network is recognised."""
    async with trio.open_nursery() as nursery:
        link = LinkWithBen()
        nursery.start_soon(link.whereabouts.locate)
        link.link.address = address
        link.whereabouts.note_meeting(BEN, link.link)
        link.whereabouts.hear(BEN, link.link, {BEN: [(packed(THERE.host), 50_600)]})
        del link.links[BEN]
        link.whereabouts.note_end(BEN, link.link)
        await trio.sleep(later)
        link.here = [HOME]
        link.whereabouts.moved()
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return link


async def test_a_session_that_ended_before_its_network_was_recognised_is_made_up_for(autojump_clock: MockClock) -> None:
    link = await _after_a_session_that_ended_early(later=1.5)
    assert link.whereabouts.callable(BEN) == [HOME.at(THERE.host, port) for port in (THERE.port, 50_600)]
    link = await _after_a_session_that_ended_early(later=1.5, address=None)  # he had called us
    assert link.whereabouts.callable(BEN) == [HOME.at(THERE.host, 50_600)]


async def test_one_that_began_long_before_may_have_been_elsewhere(autojump_clock: MockClock) -> None:
    link = await _after_a_session_that_ended_early(later=RECOGNISED_WITHIN + 1)
    assert link.whereabouts.callable(BEN) == []
    link.whereabouts.moved()
    assert link.whereabouts.callable(BEN) == []


async def test_it_may_have_been_at_another_of_our_addresses(autojump_clock: MockClock) -> None:
    """What is here when a network is recognised is not where the session ran: nothing of it is kept there."""
    async with trio.open_nursery() as nursery:
        link = LinkWithBen()
        nursery.start_soon(link.whereabouts.locate)
        link.whereabouts.note_meeting(BEN, link.link)
        del link.links[BEN]
        link.whereabouts.note_end(BEN, link.link)
        link.here = [HOME._replace(addresses=(Address("10.0.0.9", 50_000),))]
        link.whereabouts.moved()
        await wait_all_tasks_blocked()
        assert link.whereabouts.callable(BEN) == []
        nursery.cancel_scope.cancel()


class LinksWithMany:
    """Sessions with many, all of them here; what each was told."""

    def __init__(self, size: int, near: int) -> None:
        devices = [DeviceId(bytes([number]) * 32) for number in range(1, size + 1)]
        self.told: dict[DeviceId, list[Places]] = {device: [] for device in devices}
        self.links: dict[DeviceId, Any] = {}
        for number, device in enumerate(devices):
            one = self.links[device] = link_with(device, self._locate(device))
            one.stream, one.sparse, one.near, one.site = f"10.0.0.{number + 10}", True, number < near, HOME.site
        circle: Any = SimpleNamespace(
            id=bytes(32), device=ME, others=lambda: devices, keep=None,
            store=SimpleNamespace(kept=lambda name: None),
            surroundings=SimpleNamespace(now=lambda: Millis(0), entropy=bytes),
        )  # fmt: skip
        network: Any = SimpleNamespace(here=lambda: [HOME], ends=lambda stream: Ends("10.0.0.1", stream))
        links: Any = self.links
        self.whereabouts = CircleWhereabouts(circle, network, links, lambda: None, lambda device: None, Sites())

    def _locate(self, device: DeviceId) -> Callable[[object, Places], None]:
        def locate(_: object, places: Places) -> None:
            self.told[device].append(places)
            self.links[device].told = places

        return locate

    def hear(self, device: DeviceId, *others: DeviceId) -> None:
        places = {one: [(packed(self.links[one].stream), 50_500)] for one in (device, *others)}
        self.whereabouts.hear(device, self.links[device], places)


async def test_of_many_only_some_are_told_of_all_and_nobody_twice(autojump_clock: MockClock) -> None:
    """47 devices that came back at once told each other of all the others, at least twice: 9 MB."""
    async with trio.open_nursery() as nursery:
        crowd = LinksWithMany(size=40, near=4)
        nursery.start_soon(crowd.whereabouts.locate)
        first, second, *_ = crowd.told
        for device in crowd.told:
            crowd.hear(device, second if device == first else first)
        await trio.sleep(10 * TELL_EVERY)
        rows = [[len(places) for places in told] for told in crowd.told.values()]
        assert rows == [[40]] * 4 + [[2]] * 36
        for device, [places] in crowd.told.items():
            assert device not in places
            assert ME in places
        nursery.cancel_scope.cancel()


async def test_who_seems_to_know_few_is_told_of_all_in_a_while_and_once(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        crowd = LinksWithMany(size=40, near=4)
        nursery.start_soon(crowd.whereabouts.locate)
        *others, at_first, lost, poor = crowd.told
        for device in others:
            crowd.hear(device, lost)
        crowd.hear(at_first)
        crowd.hear(lost)
        crowd.hear(poor, *others[:2])
        await trio.sleep(1)
        assert all(len(crowd.told[device][-1]) == 2 for device in (at_first, lost, poor))
        crowd.hear(at_first, lost)  # it had only just come
        await trio.sleep(LOST_FOR + TELL_EVERY)
        assert [len(places) for places in crowd.told[at_first]] == [2]
        assert [[len(places) for places in crowd.told[device]] for device in (lost, poor)] == [[2, 40]] * 2
        told, began = len(crowd.told[poor]), trio.current_time()
        for _ in range(100):  # one that makes work on purpose
            crowd.hear(poor, lost)
            await trio.sleep(1)
            crowd.hear(poor)
            await trio.sleep(1)
        assert len(crowd.told[poor]) - told <= (trio.current_time() - began) / TELL_EVERY + 1
        assert len(crowd.told[lost]) == 2
        nursery.cancel_scope.cancel()

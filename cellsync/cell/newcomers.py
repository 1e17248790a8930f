"""Newcomers: they find the device that shows the code, compare the words, and store what it hands over."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

import trio

from cellsync.cell import short_codes
from cellsync.cell.confirmation import Asked, Confirm, Introduce, Introduction, ask, checked_confirm, introduction
from cellsync.cell.home import Home, Place, new_home
from cellsync.cell.lone_error import unwrapped
from cellsync.core import beacon, drawers
from cellsync.core.errors import CellsyncError, DiskFull, InviteExpired, NoPeer, VaultExists
from cellsync.core.ids import INCARNATION_BYTES, Incarnation, Passphrase
from cellsync.core.membership.clocks import Clocks, Difference
from cellsync.core.membership.control import checked_name
from cellsync.core.pairing import code, joiner, short
from cellsync.core.pairing.joiner import Joiner, JoiningFailed, Welcomed
from cellsync.core.pairing.messages import Welcome
from cellsync.core.pairing.short import ShortCode
from cellsync.core.replica import founding
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.ledger import joining
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.circles import OpenCircles
from cellsync.node.network import Address, Network, Sighting, checked_address, without_scope
from cellsync.node.node import Node
from cellsync.node.pairing import Pairing
from cellsync.node.remembered import encode_spots
from cellsync.node.search import OF_ONE, OF_ONE_WAIT
from cellsync.node.sites import UNRECOGNISED
from cellsync.node.spots import Basis, Spot
from cellsync.store.header import Identity
from cellsync.store.vault import Vault

FIND_WITHIN: Final = 60.0  # seconds
NOT_FOUND: Final = (
    "Check the number and the words of the code, and that the other screen still shows it; that both devices are on "
    "the same network and show the right date and time; or give an address: cellsync join --address HOST:PORT"
)
_MAYBE: Final = (
    "A device that may be the inviting one does not answer. If it is, its clock is wrong, and this code has been used "
    "or has expired: ask for a new one. Otherwise check that both devices are on the same network, or give an address: "
    "cellsync join --address HOST:PORT"
)
_KEPT: Final = 64  # the newest beacons that are searched, and those that are not searched again
_FIRST: Final = 1.0  # seconds in which only beacons of about now are looked for: nearly all clocks are right
_AGAIN: Final = 1.0


class Newcomer(NamedTuple):
    """The person who joins, checked."""

    name: str
    passphrase: Passphrase


async def join(
    place: Place, code_text: str, *, name: str, passphrase: str, confirm: Confirm,
    address: tuple[str, int] | None = None, timeout: float = FIND_WITHIN,
) -> None:  # fmt: skip
    """Join a cell with the code on another device's screen, long or short; then open it with `open_cell`.

    `confirm` is asked whether the matching words are the same on both devices, and told by how much the clocks differ.
    `address` is where the inviting device listens, for networks without multicast; else it is searched for, at most
    `timeout` seconds.

    Raises MalformedCode or InvalidValue (nothing was sent; UnknownWord, a MalformedCode, suggests the intended word in
    its hint; WeakPassphrase is an InvalidValue), VaultExists, NoPeer (not found in time), InviteExpired, WrongCode (a
    short code is good for one guess), Declined, WordsDiffer, PeerOlder or PeerNewer (one of the two has to be updated
    first), Interrupted, DiskFull. Nothing is stored unless it returns.
    """
    home = new_home(place)
    newcomer = checked(home, Introduction(name, passphrase))
    await _become_one(home, code_text, newcomer.name, lambda: newcomer, confirm, address, timeout)


async def join_introduced(
    place: Place, code_text: str, *, introduce: Introduce, confirm: Confirm, address: tuple[str, int] | None = None,
    timeout: float = FIND_WITHIN,
) -> None:  # fmt: skip
    """As `join`, for a program that asks for a name and a passphrase only once the code has matched.

    `introduce` has five minutes. An error it raises, or an unusable name or passphrase, ends the joining.
    """
    home, introduced = new_home(place), list[Newcomer]()

    async def named() -> str:
        introduced.append(checked(home, await introduction(introduce)))
        return introduced[-1].name

    await _become_one(home, code_text, named, lambda: introduced[-1], confirm, address, timeout)


async def join_as_well(
    circles: OpenCircles, node: Node, home: Home, code_text: str, *, confirm: Confirm,
    address: tuple[str, int] | None = None, timeout: float = FIND_WITHIN,
) -> OpenCircle:  # fmt: skip
    """Join one more circle, under the name and with the keys that this device has; as `Cell.join`."""
    secrets, joined = circles.new_secrets(), list[OpenCircle]()

    async def store(admitted: _Admitted) -> None:
        joined.append(await circles.join(admitted.welcome, secrets, admitted.kept))

    named, network = circles.vault.identity.name, nullcontext(node.network)
    await _join(
        replace(home, versions=node.versions), network, code_text, secrets, named, confirm, address, timeout, store
    )
    return joined[0]


def checked(home: Home, who: Introduction) -> Newcomer:
    """Raises InvalidValue."""
    return Newcomer(checked_name(who.name), home.new_passphrase(who.passphrase, (who.name,)))


class _Admitted(NamedTuple):
    """What a new device has learnt of its circle."""

    welcome: Welcome
    found_at: Spot
    difference: Difference | None

    @property
    def kept(self) -> dict[str, bytes]:
        """What its database holds of the inviting device."""
        sponsor = self.welcome.sponsor
        kept = {drawers.ADDRESSES: encode_spots({sponsor: [self.found_at]})}
        if self.difference is not None:
            kept[drawers.CLOCKS] = Clocks({sponsor: self.difference}).encode()
        return kept


_Store = Callable[[_Admitted], Awaitable[None]]
_Named = str | Callable[[], Awaitable[str]]
"""The joiner's name, or asks for it once the code has matched."""


async def _become_one(
    home: Home, code_text: str, named: _Named, newcomer: Callable[[], Newcomer], confirm: Confirm,
    address: tuple[str, int] | None, timeout: float,
) -> None:  # fmt: skip
    """Join with a new vault. `newcomer`: who that is, once the name is known."""
    if (home.path / "vault").exists():
        short.parse(code_text)
        checked_confirm(confirm)
        raise VaultExists
    entropy = home.surroundings.entropy
    secrets = founding.device_secrets(entropy(founding.KEYS_ENTROPY))

    def create(admitted: _Admitted, of: Newcomer) -> None:
        identity = Identity(secrets.signing, secrets.session, of.name)
        vault = Vault.create(
            home.path, of.passphrase, identity, kdf=home.kdf, at_least=home.derivation_seconds, entropy=entropy,
            publish=False,
        )  # fmt: skip
        with vault:
            welcome, incarnation = admitted.welcome, Incarnation(entropy(INCARNATION_BYTES))
            vault.create_circle(
                welcome.circle, lambda made: joining.fill(made, welcome, secrets, incarnation, admitted.kept)
            ).close()

    async def store(admitted: _Admitted) -> None:
        try:
            await home.surroundings.in_thread(partial(create, admitted, newcomer()))
        except DiskFull:
            raise DiskFull("The disk is full: this device has not joined.") from None

    await _join(home, home.network(), code_text, secrets, named, confirm, address, timeout, store)


async def _join(
    home: Home, on: AbstractAsyncContextManager[Network], code_text: str, secrets: DeviceSecrets, named: _Named,
    confirm: Confirm, address: tuple[str, int] | None, timeout: float, store: _Store,
) -> None:  # fmt: skip
    given = short.parse(code_text)
    checked_confirm(confirm)
    entropy = home.surroundings.entropy
    at = None if address is None else checked_address(*address)
    difference: Difference | None = None

    async def converse(network: Network, stream: trio.abc.Stream, found_at: Address) -> CellsyncError | None:
        """Talk to the device at the other end; why it failed, None if we have joined."""
        secret = await short_codes.prove(stream, given, entropy) if isinstance(given, ShortCode) else given
        now, clock = trio.current_time(), home.surroundings.now()
        name = named if isinstance(named, str) else None
        drawn = entropy(joiner.ENTROPY)
        machine = Joiner(secret, secrets, name, drawn, now, network.carrier, clock=clock, versions=home.versions)
        naming, asking = trio.CancelScope(), trio.CancelScope()
        failure: CellsyncError | None = None

        async def handle(event: joiner.Event) -> None:
            nonlocal failure, difference
            match event:
                case joiner.Matched() if not isinstance(named, str):
                    with naming:
                        await pairing.step(machine.introduce(await named(), trio.current_time()))
                case joiner.WordsReady(asked, difference):
                    with asking:
                        yes = await ask(confirm, Asked("", asked, difference.ahead / 1000))
                    if not asking.cancelled_caught:
                        await pairing.step(machine.confirm(yes, trio.current_time()))
                case Welcomed(welcome):
                    source = Basis.MET if at is None else Basis.HAND
                    spot = Spot(without_scope(found_at.host), found_at.port, UNRECOGNISED, source)
                    await store(_Admitted(welcome, spot, difference))
                    machine.done()
                    await pairing.step([])
                case JoiningFailed(error):
                    failure = error
                    naming.cancel()  # no answer is needed any more
                    asking.cancel()

        pairing = Pairing(machine, stream, handle)
        with unwrapped():
            await pairing.run()
        return failure

    with unwrapped():
        async with on as network:
            key = short.beacon_key(given.number) if isinstance(given, ShortCode) else code.beacon_key(given)
            search = _Search(network, home, key, timeout)
            failure: CellsyncError | None = None
            while True:
                try:
                    found = await search.dial() if at is None else await _reach(network, at, timeout)
                except NoPeer as none:
                    # The only device that seems to show the code is silent; it seems so perhaps by chance.
                    raise none if failure is None else NoPeer(str(none), hint=_MAYBE) from None
                try:
                    failure = await converse(network, found.stream, found.at)
                except InviteExpired as silent:
                    failure = silent
                if found.is_certain or not isinstance(failure, InviteExpired):
                    break
    if failure is not None:
        raise failure


class _Found(NamedTuple):
    """A connection to a device that seems to show the code."""

    stream: trio.abc.Stream
    at: Address
    is_certain: bool  # its beacon was made for about now, or shows the code twice: by chance, one in 30 million does


async def _reach(network: Network, address: Address, timeout: float) -> _Found:
    """The device at this address, as soon as it answers."""
    with trio.move_on_after(timeout):
        while True:
            try:
                return _Found(await network.dial(address), address, is_certain=True)
            except NoPeer:
                await trio.sleep(_AGAIN)
    raise NoPeer("the inviting device was not found", hint=NOT_FOUND)


class _Search:
    """The search for the device that shows this code, in `timeout` seconds of searching.

    Its clock may be hours or days off: then its beacon was made for another time, and tens of thousands of tags are
    tried, so by chance one beacon of others in 3,000 seems to be the one. The device that shows it is silent, and the
    search goes on. What was made for about now is called before anything is searched: there may be many others.
    """

    def __init__(self, network: Network, home: Home, beacon_key: bytes, timeout: float) -> None:
        self._network, self._home, self._key = network, home, beacon_key
        self._seconds = timeout
        self._hashes = OF_ONE_WAIT
        self._unplaced: deque[Sighting] = deque(maxlen=_KEPT)  # not made for about now
        self._done: deque[Sighting] = deque(maxlen=_KEPT)  # searched in vain, or called

    async def dial(self) -> _Found:
        """A connection to the next device that seems to be the one. Raises NoPeer."""
        began = trio.current_time()
        with trio.move_on_after(self._seconds):
            async with self._network.sightings() as sightings:
                while True:
                    sighting = await self._next(sightings, began + _FIRST)
                    if sighting is None:
                        found = await self._try(self._unplaced.popleft(), min(OF_ONE, self._hashes))
                    elif sighting in self._done or sighting in self._unplaced:
                        continue
                    else:
                        found = await self._try(sighting)
                    if found is not None:
                        self._seconds -= trio.current_time() - began
                        return found
        raise NoPeer("the inviting device was not found", hint=NOT_FOUND)

    async def _next(self, sightings: trio.MemoryReceiveChannel[Sighting], at: float) -> Sighting | None:
        """The next sighting; None if there is none, and from this moment on there is one to be searched."""
        with suppress(trio.WouldBlock):
            return sightings.receive_nowait()
        with trio.move_on_at(at if self._unplaced and self._hashes else math.inf):
            return await sightings.receive()
        return None

    async def _try(self, sighting: Sighting, hashes: int = 0) -> _Found | None:
        """With so many hashes; without any, only in the periods around now."""
        places = [beacon.Place(address.packed, address.port) for address in sighting.addresses]
        now = self._home.surroundings.now()
        self._hashes -= hashes
        for trace in beacon.search(
            sighting.blob, lambda _: [(self._key, b"")], places, now, hashes=max(3 * len(places), hashes)
        ):
            await trio.lowlevel.checkpoint()
            if trace is not None:
                at = sighting.addresses[[place.address for place in places].index(trace.address)]
                is_certain = abs(trace.period - beacon.period_of(now)) <= 1 or trace.fits > 1
                try:
                    found = _Found(await self._network.dial(at), at, is_certain)
                except NoPeer:  # it is called again once it is seen again
                    return None
                self._done.append(sighting)
                return found
        (self._done if hashes else self._unplaced).append(sighting)
        return None

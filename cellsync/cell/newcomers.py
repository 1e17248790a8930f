"""Newcomers: they find the device that shows the code, compare the words, and store what it hands over."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

import trio

from cellsync.cell import short_codes
from cellsync.cell.confirmation import Asked, Confirm, Introduce, Introduction, ask, checked_confirm, introduction
from cellsync.cell.home import Home, Place, new_home
from cellsync.cell.lone_error import unwrapped
from cellsync.core import beacon, drawers
from cellsync.core.errors import CellsyncError, NoPeer, VaultExists
from cellsync.core.ids import INCARNATION_BYTES, Incarnation, Passphrase
from cellsync.core.membership.clocks import Clocks, Difference
from cellsync.core.membership.control import checked_name
from cellsync.core.pairing import code, joiner, short
from cellsync.core.pairing.joiner import Joiner, JoiningFailed, Welcomed
from cellsync.core.pairing.messages import Welcome
from cellsync.core.pairing.short import ShortCode
from cellsync.core.replica import founding
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.ledger.circle import OpenCircle
from cellsync.node.network import Address, Network, checked_address, without_scope
from cellsync.node.pairing import Pairing
from cellsync.node.remembered import encode_spots
from cellsync.node.search import OF_ONE, OF_ONE_WAIT
from cellsync.node.sites import UNRECOGNISED
from cellsync.node.spots import Basis, Spot
from cellsync.store.header import Identity
from cellsync.store.sqlite import SqliteStore
from cellsync.store.vault import Vault

FIND_WITHIN: Final = 60.0  # seconds
NOT_FOUND: Final = (
    "Check that both devices are on the same network and show the right date and time, or give an address: "
    "cellsync join --address HOST:PORT"
)
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
    await _join(home, code_text, checked(home, Introduction(name, passphrase)), confirm, address, timeout)


async def join_introduced(
    place: Place, code_text: str, *, introduce: Introduce, confirm: Confirm, address: tuple[str, int] | None = None,
    timeout: float = FIND_WITHIN,
) -> None:  # fmt: skip
    """As `join`, for a program that asks for a name and a passphrase only once the code has matched.

    `introduce` has five minutes. An error it raises, or an unusable name or passphrase, ends the joining.
    """
    await _join(new_home(place), code_text, introduce, confirm, address, timeout)


def checked(home: Home, who: Introduction) -> Newcomer:
    """Raises InvalidValue."""
    return Newcomer(checked_name(who.name), home.new_passphrase(who.passphrase, (who.name,)))


async def _join(
    home: Home, code_text: str, who: Newcomer | Introduce, confirm: Confirm, address: tuple[str, int] | None,
    timeout: float,
) -> None:  # fmt: skip
    given = short.parse(code_text)
    checked_confirm(confirm)
    entropy = home.surroundings.entropy
    if (home.path / "vault").exists():
        raise VaultExists
    secrets = founding.device_secrets(entropy(founding.KEYS_ENTROPY))
    at = None if address is None else checked_address(*address)
    newcomer = who if isinstance(who, Newcomer) else None

    async def store(welcome: Welcome, found_at: Address) -> None:
        source = Basis.MET if at is None else Basis.HAND
        spot = Spot(without_scope(found_at.host), found_at.port, UNRECOGNISED, source)

        def create(of: Newcomer) -> None:
            identity = Identity(secrets.signing, secrets.session, of.name)
            vault = Vault.create(
                home.path, of.passphrase, identity, kdf=home.kdf, at_least=home.derivation_seconds, entropy=entropy,
                publish=False,
            )  # fmt: skip
            with vault:
                incarnation = Incarnation(entropy(INCARNATION_BYTES))
                vault.create_circle(
                    welcome.circle, lambda made: _fill(made, welcome, secrets, incarnation, spot, difference)
                ).close()

        if newcomer is not None:  # introduced by now
            await home.surroundings.in_thread(partial(create, newcomer))

    failure: CellsyncError | None = None
    difference: Difference | None = None
    with unwrapped():
        async with home.network() as network:
            key = short.beacon_key(given.number) if isinstance(given, ShortCode) else code.beacon_key(given)
            stream, found_at = await _find(network, home, key, at, timeout)
            secret = await short_codes.prove(stream, given, entropy) if isinstance(given, ShortCode) else given
            now, clock = trio.current_time(), home.surroundings.now()
            name = None if newcomer is None else newcomer.name
            machine = Joiner(
                secret,
                secrets,
                name,
                entropy(joiner.ENTROPY),
                now,
                network.carrier,
                clock=clock,
                versions=home.versions,
            )
            naming, asking = trio.CancelScope(), trio.CancelScope()

            async def handle(event: joiner.Event) -> None:
                nonlocal failure, difference, newcomer
                match event:
                    case joiner.Matched() if not isinstance(who, Newcomer):
                        with naming:
                            newcomer = checked(home, await introduction(who))
                            await pairing.step(machine.introduce(newcomer.name, trio.current_time()))
                    case joiner.WordsReady(asked, difference):
                        with asking:
                            yes = await ask(confirm, Asked("", asked, difference.ahead / 1000))
                        if not asking.cancelled_caught:
                            await pairing.step(machine.confirm(yes, trio.current_time()))
                    case Welcomed(welcome):
                        await store(welcome, found_at)
                        machine.done()
                        await pairing.step([])
                    case JoiningFailed(error):
                        failure = error
                        naming.cancel()  # no answer is needed any more
                        asking.cancel()

            pairing = Pairing(machine, stream, handle)
            with unwrapped():
                await pairing.run()
    if failure is not None:
        raise failure


def _fill(
    store: SqliteStore, welcome: Welcome, secrets: DeviceSecrets, incarnation: Incarnation, found_at: Spot,
    difference: Difference | None,
) -> None:  # fmt: skip
    if difference is not None:
        store.keep(drawers.CLOCKS, Clocks({welcome.sponsor: difference}).encode())
    store.keep(drawers.ADDRESSES, encode_spots({welcome.sponsor: [found_at]}))
    store.keep(drawers.SEAL_SECRET, secrets.seal.reveal())
    sponsor = welcome.sponsor, welcome.sponsor_session
    OpenCircle.prepare(store, welcome.device, incarnation, welcome.epoch, welcome.branches, welcome.circle, sponsor)


async def _find(
    network: Network, home: Home, beacon_key: bytes, address: Address | None, timeout: float
) -> tuple[trio.abc.Stream, Address]:
    """A connection to the device that shows this code, and its address."""
    with trio.move_on_after(timeout):
        if address is not None:
            while True:
                try:
                    return await network.dial(address), address
                except NoPeer:
                    await trio.sleep(_AGAIN)
        left = OF_ONE_WAIT
        async with network.sightings() as sightings:
            async for sighting in sightings:
                # Its clock may be hours or days off: then the beacon was made for another time.
                places = [beacon.Place(address.packed, address.port) for address in sighting.addresses]
                now, hashes = home.surroundings.now(), max(3 * len(places), min(OF_ONE, left))
                left -= hashes
                for trace in beacon.search(sighting.blob, lambda _: [(beacon_key, b"")], places, now, hashes=hashes):
                    await trio.lowlevel.checkpoint()
                    if trace is not None:
                        found_at = sighting.addresses[[place.address for place in places].index(trace.address)]
                        with suppress(NoPeer):
                            return await network.dial(found_at), found_at
    raise NoPeer("the inviting device was not found", hint=NOT_FOUND)

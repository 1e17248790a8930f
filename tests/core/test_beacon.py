from __future__ import annotations

import hashlib
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import beacon
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import Millis
from tests.core.noise import any_bytes

NOW: Final = Millis(1_800_000_000_000)
HERE: Final = bytes([10, 0, 0, 7])
PORT: Final = 40_001


def noise(seed: object, size: int) -> bytes:
    return hashlib.shake_128(repr(seed).encode()).digest(size)


KEY: Final = noise("key", 32)
WHO: Final = noise("who", 32)


def shown(seed: object = 0, *, key: bytes = KEY, who: bytes = WHO, now: int = NOW) -> bytes:
    nonce = noise(("nonce", seed), 16)
    made = beacon.tag(key, nonce, who, HERE, PORT, beacon.period_of(Millis(now)))
    return beacon.make([made], nonce, noise(("entropy", seed), 32))


def found(
    blob: bytes, *, key: bytes = KEY, who: bytes = WHO, at: bytes = HERE, port: int = PORT, now: int = NOW
) -> bool:
    return beacon.match(blob, [(key, who)], [at], port, Millis(now)) == beacon.Match(who, at)


def test_a_tag_is_what_the_specification_says() -> None:
    place = (6_000_000).to_bytes(8, "big") + (40_001).to_bytes(2, "big") + bytes([4, 10, 0, 0, 7])
    said = hashlib.blake2b(bytes(range(16)) + place + WHO, digest_size=4, key=KEY, person=b"cs1 tag").digest()
    assert beacon.tag(KEY, bytes(range(16)), WHO, HERE, PORT, 6_000_000) == said


def test_the_vector_of_the_specification() -> None:
    tag = beacon.tag(bytes([1] * 32), bytes(range(16)), bytes([2] * 32), HERE, PORT, 6_000_000)
    assert tag.hex() == "70d3077a"


def test_it_fits_one_string_of_a_txt_record() -> None:
    assert len(shown()) == beacon.SIZE == 208
    assert len(b"t=" + shown()) <= 255


@given(st.integers(), st.integers(-2, 2), st.integers(0, beacon.PERIOD - 1))
def test_it_matches_in_its_own_period_and_one_beside(seed: int, periods: int, offset: int) -> None:
    start = NOW - NOW % beacon.PERIOD
    blob = shown(seed, now=start)
    assert found(blob, now=start + periods * beacon.PERIOD + offset) == (abs(periods) <= 1)


@given(st.integers(), st.binary(min_size=32, max_size=32))
def test_only_the_right_key_device_address_and_port_match(seed: int, other: bytes) -> None:
    blob = shown(seed)
    assert found(blob)
    assert not found(blob, key=other)
    assert not found(blob, who=other)
    assert not found(blob, at=other[:4])
    assert not found(blob, at=other[:16])
    assert not found(blob, port=PORT ^ 1)


def test_an_address_added_by_someone_else_is_not_the_one_that_matches() -> None:
    forged = bytes([10, 0, 0, 66])
    answer = beacon.match(shown(), [(KEY, WHO)], [forged, HERE], PORT, NOW)
    assert answer == beacon.Match(WHO, HERE)


def test_it_finds_the_right_one_of_a_cell_whichever_circle_and_day() -> None:
    cell = [(noise(("key", day), 32), noise(("who", n), 32)) for day in range(3) for n in range(48)]
    key, who = cell[77]
    answer = beacon.match(shown(key=key, who=who), cell, [HERE], PORT, NOW)
    assert answer == beacon.Match(who, HERE)


@given(
    any_bytes(300) | any_bytes(beacon.SIZE, beacon.SIZE),
    st.lists(st.binary(max_size=20), max_size=4),
    st.integers(-5, 70_000),
)
def test_garbage_is_nobody(blob: bytes, addresses: list[bytes], port: int) -> None:
    assert beacon.match(blob, [(KEY, WHO)], addresses, port, NOW) is None


def test_random_beacons_match_nobody() -> None:
    # 300 beacons x 10 devices x 3 periods x 48 slots / 2^32: one chance in 10,000 for any fixed seed
    cell = [(KEY, noise(("who", n), 32)) for n in range(10)]
    for n in range(300):
        assert beacon.match(noise(("blob", n), beacon.SIZE), cell, [HERE], PORT, NOW) is None


def test_nothing_is_stable_across_rotations() -> None:
    blobs = [shown(n, now=NOW + n * beacon.PERIOD) for n in range(40)]
    slots = [blob[at : at + 4] for blob in blobs for at in range(0, beacon.SIZE, 4)]
    assert len(set(slots)) == len(slots)  # 2,080 random words: a repeat has one chance in 2,000, seeds are fixed
    places = {
        blob.index(beacon.tag(KEY, blob[:16], WHO, HERE, PORT, beacon.period_of(NOW) + n))
        for n, blob in enumerate(blobs)
    }
    assert len(places) > 20  # the tag moves about


def test_the_clock_at_its_beginning_is_no_special_case() -> None:
    assert found(shown(now=0), now=0)
    assert found(shown(now=0), now=beacon.PERIOD)


@given(st.integers(0, 100), st.integers())
def test_every_tag_up_to_48_is_carried_and_of_more_a_random_48(tags: int, seed: int) -> None:
    made = [noise((seed, n), 4) for n in range(tags)]
    blob = beacon.make(made, noise(seed, 16), noise(("entropy", seed), 32))
    slots = {blob[at : at + 4] for at in range(16, 208, 4)}
    assert len(blob) == beacon.SIZE
    assert len(slots & set(made)) == min(len(set(made)), beacon.SLOTS)


def test_among_too_many_tags_each_has_its_turn() -> None:
    made = [noise(n, 4) for n in range(60)]
    seen = set[bytes]()
    for turn in range(12):
        blob = beacon.make(made, noise(turn, 16), noise(("entropy", turn), 32))
        seen |= {blob[at : at + 4] for at in range(16, 208, 4)}
    assert set(made) <= seen


def test_the_same_entropy_makes_the_same_beacon() -> None:
    assert shown(5) == shown(5) != shown(6)


@pytest.mark.parametrize(("nonce", "entropy", "tags"), [(15, 32, [b"1234"]), (16, 31, []), (16, 32, [b"12345"])])
def test_wrong_lengths_are_refused(nonce: int, entropy: int, tags: list[bytes]) -> None:
    with pytest.raises(InvalidValue):
        beacon.make(tags, bytes(nonce), bytes(entropy))


# --- searching ------------------------------------------------------------------------------------------


def searched(blob: bytes, *, ahead: int = 0, hashes: int = 1_000_000) -> beacon.Trace | None:
    """What a search finds whose clock shows so many ms less."""
    places = [beacon.Place(HERE, PORT)]
    steps = beacon.search(blob, lambda _: [(KEY, WHO)], places, Millis(NOW - ahead), hashes=hashes)
    return next((step for step in list(steps) if step is not None), None)


@pytest.mark.parametrize("minutes", [0, 4, 11, 600, 36 * 60, 40 * 24 * 60])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_search_finds_a_beacon_of_another_time(minutes: int, sign: int) -> None:
    found = searched(shown(), ahead=sign * minutes * 60_000)
    assert found == beacon.Trace(WHO, HERE, beacon.period_of(NOW))


def test_a_search_ends() -> None:
    """Of what matches nothing, of what lies too far away, and of what would cost too much."""
    assert searched(shown(key=noise("another", 32)), hashes=5_000) is None
    too_far = (beacon.SPAN + 1) * beacon.PERIOD
    assert searched(shown(), ahead=too_far) is None
    assert searched(shown(), ahead=too_far - beacon.PERIOD) is not None
    assert searched(shown(), ahead=60 * beacon.PERIOD, hashes=100) is None
    assert searched(shown(), ahead=60 * beacon.PERIOD, hashes=200) is not None
    for junk in (b"", bytes(207), bytes(209)):
        assert searched(junk) is None


def test_others_get_their_turn_while_it_searches() -> None:
    calls: list[int] = []
    candidates = [(KEY, noise(number, 32)) for number in range(10)]
    places = [beacon.Place(HERE, PORT), beacon.Place(HERE, 9)]

    def whose(period: int) -> list[tuple[bytes, bytes]]:
        calls.append(period)
        return candidates

    pauses = 0
    for step in beacon.search(shown(who=noise("nobody", 32)), whose, places, NOW, hashes=50_000):
        assert step is None
        pauses += 1
    assert len(calls) * 20 == pytest.approx(50_000, abs=20)
    assert pauses >= 50_000 // beacon.SLICE - 1
    assert len(set(calls)) == len(calls)
    assert max(map(abs, (period - beacon.period_of(NOW) for period in calls))) == len(calls) // 2  # nearest first


def test_a_search_before_1970_is_no_error() -> None:
    early = shown(now=3 * beacon.PERIOD)
    steps = list(beacon.search(early, lambda _: [(KEY, WHO)], [beacon.Place(HERE, PORT)], Millis(0), hashes=10_000))
    assert [step for step in steps if step is not None] == [beacon.Trace(WHO, HERE, 3)]


def test_a_search_tells_all_that_fits_and_how_many_addresses_say_so() -> None:
    """One tag may fit by chance; two of one period do not."""
    own, nonce, there = beacon.period_of(NOW), noise(5, beacon.NONCE), b"\x0a\x00\x00\x09"
    tags = [beacon.tag(KEY, nonce, WHO, at, PORT, own + days) for at, days in ((HERE, 9), (HERE, 400), (there, 400))]
    blob = beacon.make(tags, nonce, noise(5, 32))
    places = [beacon.Place(at, PORT) for at in (HERE, there, HERE)]  # a place named twice says nothing new
    steps = beacon.search(blob, lambda _: [(KEY, WHO)], places, NOW, hashes=1_000_000)
    found = [step for step in steps if step is not None]
    assert found == [beacon.Trace(WHO, HERE, own + 9, 1), beacon.Trace(WHO, HERE, own + 400, 2)]

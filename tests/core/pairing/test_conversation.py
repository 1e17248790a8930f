"""The two machines: the result that two honest devices reach, and that no others reach it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import errors
from cellsync.core.errors import InvalidValue, Malformed
from cellsync.core.ids import Millis
from cellsync.core.pairing import inviter, joiner, messages
from cellsync.core.pairing.messages import Nonce
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from tests.core.pairing.pairs import (
    CLOCK,
    HELLO,
    INVITATION,
    KEYS,
    SPONSOR,
    WELCOME,
    Pair,
    cuts,
    failure,
    joiners_failure,
    new_inviter,
    new_joiner,
)

# --- what honest devices reach --------------------------------------------------------------------


@given(st.integers(0, 1 << 32), cuts, st.booleans())
@settings(max_examples=40)
def test_a_device_is_admitted_however_the_bytes_are_cut(seed: int, places: tuple[int, ...], we_first: bool) -> None:
    pair = Pair(seed, places)
    asked, asked_too = pair.ask()
    assert asked.words == asked_too.words
    assert (asked.name, asked.keys) == ("ben-laptop", KEYS.public)
    if we_first:
        assert pair.inviter.confirm(True, 1.0) == []
        pair.pump()
        assert pair.joiner.confirm(True, 1.0) == []
    else:
        assert pair.joiner.confirm(True, 1.0) == []
        pair.pump()
        pair.invited += pair.inviter.confirm(True, 1.0)
    pair.pump()
    assert pair.invited == [inviter.Agreed("ben-laptop", KEYS.public)]
    assert pair.joined == []

    assert pair.inviter.welcome(WELCOME, 2.0) == []
    pair.pump()
    assert pair.joined == [joiner.Welcomed(WELCOME)]
    pair.joiner.done()
    pair.pump()
    assert pair.invited[1:] == [inviter.Finished()]
    assert pair.inviter.over
    assert pair.joiner.over


def test_no_two_pairings_show_the_same_words() -> None:
    assert len({Pair(seed).ask()[0].words for seed in range(20)}) == 20


@pytest.mark.parametrize(("inviters", "joiners"), [(True, False), (False, True), (False, False)])
@pytest.mark.parametrize("one_first", [True, False])
def test_one_no_admits_nobody(inviters: bool, joiners: bool, one_first: bool) -> None:
    pair = Pair()
    pair.ask()
    pair.invited += pair.inviter.confirm(inviters, 1.0)
    if one_first:
        pair.pump()
    if not pair.joiner.over:
        pair.joined += pair.joiner.confirm(joiners, 1.0)
    pair.pump()
    expected = errors.WordsDiffer if inviters else errors.Declined
    assert failure(pair.invited) == (expected, True)
    both_asked = not (one_first and not inviters)
    assert joiners_failure(pair.joined) is (errors.WordsDiffer if joiners or not both_asked else errors.Declined)
    assert pair.inviter.over
    assert pair.joiner.over
    assert pair.inviter.welcome(WELCOME, 2.0) == []
    assert pair.inviter.outgoing() == b""


def test_an_answer_after_the_end_changes_nothing() -> None:
    pair = Pair()
    pair.ask()
    pair.confirm(inviters=False)
    assert pair.inviter.confirm(True, 1.0) == []
    assert pair.joiner.confirm(True, 1.0) == []
    pair.joiner.done()
    assert pair.inviter.receive(b"more", 1.0) == []
    assert pair.inviter.tick(1e9) == []
    assert pair.inviter.lost(1e9) == []
    assert pair.inviter.outgoing() + pair.joiner.outgoing() == b""


def test_answers_that_nobody_asked_for_are_the_callers_fault() -> None:
    pair = Pair()
    with pytest.raises(ValueError, match="no question"):
        pair.inviter.confirm(True, 0.0)
    with pytest.raises(ValueError, match="nobody"):
        pair.inviter.welcome(WELCOME, 0.0)
    with pytest.raises(ValueError, match="no welcome"):
        pair.joiner.done()
    pair.ask()
    pair.inviter.confirm(True, 0.0)
    with pytest.raises(ValueError, match="no question"):
        pair.inviter.confirm(True, 0.0)
    with pytest.raises(ValueError, match="nobody"):
        pair.inviter.welcome(WELCOME, 0.0)


# --- time -----------------------------------------------------------------------------------------


def test_humans_have_two_minutes_and_a_late_yes_is_none() -> None:
    pair = Pair()
    pair.ask()
    assert pair.inviter.deadline == 120.0
    assert pair.joiner.deadline == 150.0
    assert failure(pair.inviter.confirm(True, 120.0)) == (errors.Timeout, True)
    assert pair.inviter.outgoing() == b""
    assert joiners_failure(pair.joiner.tick(150.0)) is errors.Timeout


def test_nothing_is_admitted_after_ten_minutes() -> None:
    pair = Pair()
    pair.inviter = new_inviter(now=590.0)
    pair.now = 595.0
    pair.joiner = new_joiner()
    pair.joiner._until = 1e9
    pair.ask()
    pair.joiner.confirm(True, 599.0)
    pair.pump()
    assert pair.inviter.deadline == 600.0
    assert failure(pair.inviter.confirm(True, 600.0)) == (errors.InviteExpired, True)


def test_an_admission_that_has_begun_is_finished_after_ten_minutes() -> None:
    pair = Pair()
    pair.inviter = new_inviter(now=590.0)
    pair.now = 595.0
    pair.joiner._until = 1e9
    pair.ask()
    pair.confirm()
    assert pair.invited == [inviter.Agreed("ben-laptop", KEYS.public)]
    assert pair.inviter.deadline == 625.0
    assert pair.inviter.welcome(WELCOME, 601.0) == []
    pair.pump()
    pair.joiner.done()
    pair.pump()
    assert pair.invited[1:] == [inviter.Finished()]


def test_silence_before_the_reply_means_that_the_code_is_used_or_expired() -> None:
    assert joiners_failure(new_joiner().tick(20.0)) is errors.InviteExpired
    assert joiners_failure(new_joiner().lost(1.0)) is errors.InviteExpired


def test_a_lost_connection_burns_the_code() -> None:
    pair = Pair()
    pair.ask()
    assert failure(pair.inviter.lost(1.0)) == (errors.Interrupted, True)
    assert joiners_failure(pair.joiner.lost(1.0)) is errors.Interrupted


@pytest.mark.parametrize("end", ["lost", "late", "garbage"])
@pytest.mark.parametrize("welcomed", [True, False])
def test_after_the_admission_the_failure_says_what_to_do(end: str, welcomed: bool) -> None:
    pair = Pair()
    pair.ask()
    pair.confirm()
    pair.invited.clear()
    if welcomed:
        pair.inviter.welcome(WELCOME, 0.0)
    match end:
        case "lost":
            events = pair.inviter.lost(1.0)
        case "late":
            events = pair.inviter.tick(60.0)
        case _:
            events = pair.inviter.receive(b"\xff" * 2, 1.0)
    (failed,) = events
    assert isinstance(failed, inviter.InvitingFailed)
    assert "Remove it" in failed.error.hint


def test_after_the_welcome_the_joiner_is_a_member_whatever_happens() -> None:
    pair = Pair()
    pair.ask()
    pair.confirm()
    pair.inviter.welcome(WELCOME, 0.0)
    pair.pump()
    assert pair.joined == [joiner.Welcomed(WELCOME)]
    assert pair.joiner.receive(b"garbage", 1.0) == []
    assert pair.joiner.tick(1e9) == []
    assert pair.joiner.lost(1.0) == []
    pair.joiner.done()
    assert pair.joiner.outgoing() == b""


# --- secrets ----------------------------------------------------------------------------------------


def test_nothing_that_is_printed_holds_a_secret() -> None:
    pair = Pair()
    pair.ask()
    pair.confirm()
    pair.inviter.welcome(WELCOME, 0.0)
    pair.pump()
    printed = repr((INVITATION, pair.joined, pair.invited, pair.inviter, pair.joiner, WELCOME))
    assert "hidden" in printed
    for secret in (INVITATION.secret, KEYS.signing, WELCOME.branches.session):
        assert repr(secret.reveal())[2:-1] not in printed
        assert secret.reveal().hex() not in printed
    assert INVITATION.code not in printed
    assert SPONSOR.public.session == WELCOME.sponsor_session


def test_entropy_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidValue):
        inviter.Inviter(INVITATION, b"", 0.0, b"", 0.0, clock=CLOCK)
    with pytest.raises(InvalidValue):
        joiner.Joiner(INVITATION.secret, KEYS, "ana", b"", 0.0, b"", clock=CLOCK)


# --- clocks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [0, 60_000, -3 * 86_400_000, 40 * 86_400_000])
def test_both_sides_learn_by_how_much_the_clocks_differ(ahead: int) -> None:
    """Each way takes two seconds here: what is told is right within the time that a side waited."""
    pair = Pair()
    pair.joiner = new_joiner(clock=Millis(CLOCK + ahead))
    asked: list[inviter.Introduced | joiner.WordsReady] = []
    now, limit = 0.0, 20
    while len(asked) < 2 and now < limit:
        theirs, ours = pair.inviter.outgoing(), pair.joiner.outgoing()
        now += 2.0
        events = [*pair.inviter.receive(ours, now), *pair.joiner.receive(theirs, now)]
        asked += [event for event in events if isinstance(event, inviter.Introduced | joiner.WordsReady)]
    assert len(asked) == 2
    for event in asked:
        expected = ahead if isinstance(event, inviter.Introduced) else -ahead
        assert abs(event.difference.ahead - expected) <= event.difference.within <= 2_000


def test_a_hello_or_nonce_from_before_clocks_were_told_is_refused() -> None:
    """And not taken for something else."""
    hello: list[Any] = codec.decode(messages.encode(HELLO), 4_096, Rule.CAP_PAIRING)
    nonce: list[Any] = codec.decode(messages.encode(Nonce(bytes(32), CLOCK)), 4_096, Rule.CAP_PAIRING)
    for whole in (hello, nonce):
        assert messages.decode(codec.encode(whole))
        for wrong in (whole[:-1], [*whole, 0], *([*whole[:-1], bad] for bad in (-1, 1 << 63, True, None, 1.0, b"1"))):
            with pytest.raises(Malformed):
                messages.decode(codec.encode(wrong))

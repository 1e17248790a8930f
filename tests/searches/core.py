"""Searches below the network: replicas in memory, the store, the codec, hostile peers."""

from __future__ import annotations

from tests.core.membership.captures import captured
from tests.core.replica import test_planner
from tests.core.session import test_session
from tests.core.wire import test_batches, test_codec
from tests.scenarios.test_replicas import Cells
from tests.searches.drawn import examples, runs
from tests.store.test_sqlite import StoreMachine


def replicas(seed: int) -> int:
    return runs(Cells, seed, how_many=25, steps=40)


def captures(seed: int) -> int:
    return captured(seed)


def store(seed: int) -> int:
    return runs(StoreMachine, seed, how_many=50, steps=40)


def codec(seed: int) -> int:
    tests = (
        test_codec.test_what_is_encoded_is_canonical_and_comes_back,
        test_codec.test_every_other_encoding_is_refused,
        test_codec.test_truncated_and_trailing_bytes_are_refused,
        test_codec.test_nesting_is_counted_on_the_bytes,
        test_codec.test_random_bytes_give_a_value_or_a_peer_error,
    )
    return examples(tests[seed % len(tests)], seed)


def hostile(seed: int) -> int:
    tests = (
        test_planner.test_mutated_batches_change_nothing_or_only_what_is_signed,
        test_batches.test_mutated_messages_give_peer_errors_only,
        test_session.test_a_garbled_wire_ends_the_session_and_changes_nothing_else,
        test_session.test_a_member_that_talks_nonsense_is_only_ever_at_fault,
    )
    return examples(tests[seed % len(tests)], seed)

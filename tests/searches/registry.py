"""The searches, which look for counterexamples for as long as they are given.

A search has numbered seeds. `attempt(seed)` tries the histories of that seed, returns how many there were, and raises
if one of them is a counterexample. A seed has to mean the same in every process and on every machine: draw from
`Random(f"NAME {seed}")` or through `drawn`, never from the clock or from an order that is not fixed. A seed should
take a second or so, and at most a few, since a search ends between two seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from tests.scenarios import forks, overlays
from tests.searches import api, cells, core, membership, properties


class Search(NamedTuple):
    name: str
    tries: str  # what one history is, as protocol/search.md says it
    attempt: Callable[[int], int]  # seed → how many histories it tried
    gate: int = 0  # seeds from 0 on that `.ci/run` tries


_ALL: Final = (
    Search(
        "replicas",
        "2 to 5 replicas edit, sync partly and restart; a naive model says what each shows",
        core.replicas,
        gate=40,
    ),
    Search(
        "cells",
        "three whole cells in virtual time: edits, partitions, faults, closings, crashes",
        cells.histories,
        gate=1000,
    ),
    Search(
        "forks",
        "2 to 6 replicas: vaults put back or used twice, equivocators, late citations; all agree, nothing is lost",
        lambda seed: forks.history(seed) + forks.crowd(seed) + forks.puppets(seed),
        gate=1000,
    ),
    Search(
        "overlays",
        "3 to 12 devices, some of whom lie about what they hold, in a drawn network: all get everything soon",
        overlays.history,
        gate=20,
    ),
    Search(
        "membership",
        "a circle of 3 to 8 devices and more, one or two hostile coordinators or a hostile writer; the honest respond",
        membership.histories,
        gate=1000,
    ),
    Search(
        "captures",
        "a cell lives for weeks: who was removed opens nothing that was sealed after, and nobody else is shut out",
        core.captures,
        gate=40,
    ),
    Search("store", "writes, failures, flushes and reopens of the store; dicts say what it holds", core.store),
    Search("codec", "a value with its one encoding and the others, or any bytes", core.codec),
    Search("hostile", "a batch, message or wire that was mutated: nothing changes but what is signed", core.hostile),
    Search("values", "any value in any field of any kind: everything that reads goes on", api.values),
    Search("properties", "an example of any property of the suite, in turn", properties.in_turn),
)

SEARCHES: Final[Mapping[str, Search]] = {one.name: one for one in _ALL}
assert len(SEARCHES) == len(_ALL), "two searches of one name"

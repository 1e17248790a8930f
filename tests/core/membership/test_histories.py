"""Every history of `tests/histories`, judged by the naive model and by the rules.

What it expects holds for every assignment of ids, and for every order of arrival in which pasts come first.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest

from tests.core.deeds import arrivals, judged
from tests.histories import reader
from tests.histories.forms import Expected, History, Id, Moment
from tests.models.membership import Membership, Verdict

HISTORIES = reader.histories()
IDS = 4


def differences(expected: Expected, verdict: Verdict) -> dict[str, object]:
    """What is said and is not so, with what is so."""
    found: dict[str, object] = {}
    found |= {f"label of {x}": verdict.labels[x] for x, label in expected.labels.items() if verdict.labels[x] != label}
    found |= {x: verdict.devices[x] for x, status in expected.devices.items() if verdict.devices[x] != status}
    found |= {x: verdict.roles[x] for x, role in expected.roles.items() if verdict.roles[x] != role}
    if expected.epoch and verdict.epoch not in expected.epoch:
        found["epoch"] = verdict.epoch
    for name in ("quarantined", "final", "keys", "electors"):
        said, shown = getattr(expected, name), getattr(verdict, name)
        if said is not None and said != shown:
            found[name] = shown
    return found


def moments() -> list[object]:
    return [
        pytest.param(history, moment, id=f"{name} {number}" if number < len(history.moments) else name)
        for name, history in HISTORIES.items()
        for number, moment in enumerate(history.moments, 1)
    ]


def assigned(history: History) -> list[Mapping[Id, bytes]]:
    return list(reader.assignments(history, IDS))


@pytest.mark.parametrize(("history", "moment"), moments())
def test_the_model_says_what_a_history_expects(history: History, moment: Moment) -> None:
    model = Membership(history)
    for ids in assigned(history):
        assert differences(moment.expected, model.verdict(moment.held, ids)) == {}


@pytest.mark.parametrize(("history", "moment"), moments())
def test_the_rules_say_what_a_history_expects(history: History, moment: Moment) -> None:
    for number, ids in enumerate(assigned(history)):
        order = arrivals(history, moment.held, Random(number))
        assert differences(moment.expected, judged(history, ids, order, step_by_step=number % 2 == 1)) == {}

"""A fuzzer that reads the OpenAPI document, against an open, a locked and an empty profile."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings

from cellsync.api.contract.openapi import document
from cellsync.api.contract.table import OPERATIONS, Needs
from tests import profiles
from tests.api.services import PASSPHRASE
from tests.api.test_web import Server, cheap_defaults
from tests.patience import PATIENCE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what schemathesis imports uses names that are going to go
    import schemathesis

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

NEVER: Final = {"events", "doctor"}  # they go on for ever, or take seconds
END: Final = {"lock", "panic", "unlock"}  # the session of whoever has an open cell
SHORTEST: Final = 5  # letters: a shorter text may stand in any sentence
LONG: Final = settings.default == settings.get_profile(profiles.SEARCH)  # in `make test-long`

SCHEMA = schemathesis.openapi.from_dict(document())
OPEN = SCHEMA.exclude(operation_id=sorted(NEVER | END))
LOCKED = SCHEMA.exclude(operation_id=sorted(NEVER))
EMPTY = SCHEMA.exclude(operation_id=sorted(NEVER | {"init"}))
NEEDS: Final = {operation.name: operation.needs for operation in OPERATIONS}


def examples(few: int, many: int, *, edges: bool = False) -> settings:
    """`edges`: also the borders of each parameter, some forty requests for each operation."""
    return settings(
        phases=[*([Phase.explicit] if edges or LONG else []), Phase.generate, Phase.shrink],
        max_examples=many if LONG else few,
        deadline=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
        database=None,
    )


@pytest.fixture(scope="module")
def cheap() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellsync.cell.home.Home.__init__.__defaults__", cheap_defaults())
        yield


@pytest.fixture(scope="module")
def empty(cheap: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def opened(cheap: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With something to find."""
    made = Server(tmp_path_factory.mktemp("profile"))
    assert made.ask("POST", "/v1/cell", {"cell": "Mill", "name": "Ana", "passphrase": PASSPHRASE})[0] == 200
    assert made.ask("POST", "/v1/cases", {"set": {"title": "0"}, "append": {"timeline": ["note"]}})[0] == 200
    yield made
    made.close()


@pytest.fixture(scope="module")
def locked(cheap: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("profile"))
    assert made.ask("POST", "/v1/cell", {"cell": "Mill", "name": "Ana", "passphrase": PASSPHRASE})[0] == 200
    assert made.ask("POST", "/v1/lock")[0] == 200
    yield made
    made.close()


@OPEN.parametrize()
@examples(6, 150, edges=True)
def test_with_an_open_cell(case: Any, opened: Server) -> None:
    status, _ = answered(case, opened)
    guesses = {429} if "passphrase" in case.path or case.path.endswith("/unlock") else set()
    assert status in {200, 400, 404, 405, 409, 412, 413, 403, 422, 503} | guesses
    assert opened.service.state == "open"


@LOCKED.parametrize()
@examples(6, 60)
def test_with_a_locked_cell(case: Any, locked: Server) -> None:
    """Nothing that is sent opens it, and nothing is found out."""
    status, code = answered(case, locked)
    if NEEDS[case.operation.definition.raw["operationId"]] is Needs.OPEN:
        assert code in ("locked", "invalid_value", "method_not_allowed")
    elif case.operation.definition.raw["operationId"] in ("init", "join"):
        assert code in ("vault_exists", "locked", "invalid_value", "method_not_allowed")
    elif case.operation.definition.raw["operationId"] == "unlock":
        assert status in (400, 403, 405, 429)
    assert locked.service.state == "locked"


@EMPTY.parametrize()
@examples(6, 60)
def test_without_a_cell(case: Any, empty: Server) -> None:
    _, code = answered(case, empty)
    if NEEDS[case.operation.definition.raw["operationId"]] is Needs.OPEN:
        assert code in ("vault_missing", "invalid_value", "method_not_allowed")
    assert empty.service.state == "empty"


def answered(case: Any, server: Server) -> tuple[int, str]:
    """Call it: the answer is as the document says, and repeats nothing. The status, and the code of an error."""
    wait = (case.query or {}).get("wait")
    if isinstance(wait, (int, float)):
        case.query["wait"] = min(wait, 0.01)  # a job may be there, and a minute is long
    response = case.call(base_url=f"http://127.0.0.1:{server.port}", timeout=PATIENCE)
    assert response.status_code not in (500, 502), response.text
    case.validate_response(response, checks=CHECKS)
    if response.status_code == 200:
        return 200, ""
    error = response.json()["error"]
    said = f"{error['message']} {error['hint']}"
    query = {name: value for name, value in (case.query or {}).items() if name != "field"}  # the name of one
    for text in sent(case.body, case.path_parameters, query):
        assert len(text) < SHORTEST or text in OURS or text not in said, case.operation.label
    return response.status_code, error["code"]


CHECKS: Final = [
    schemathesis.checks.CHECKS.get_one(name)
    for name in ("status_code_conformance", "response_schema_conformance", "content_type_conformance")
]


def sent(*given: Any) -> Iterator[str]:
    """Every text among values; names of fields may be repeated."""
    for one in given:
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            yield from sent(*one.values())
        elif isinstance(one, list):
            yield from sent(*one)


OURS: Final = json.dumps(document())

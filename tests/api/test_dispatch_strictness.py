"""Input that two programs could read differently is refused by every operation, in every place where it can occur."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from cellsync.api.client import SocketClient
from cellsync.api.contract.table import BY_NAME, OPERATIONS, Operation
from cellsync.api.dispatch import taken
from cellsync.core.errors import InvalidValue
from tests.api.services import PASSPHRASE
from tests.api.test_web import Server, cheap_defaults
from tests.api.test_web_http import BehindTheDoor
from tests.patience import PATIENCE

BODIES: Final = {
    "a name twice": b'{"x":1,"x":2}', "deep inside": b'{"set":{"a":[{"b":1,"b":1}]}}',
    "escaped": rb'{"\u0078":1,"x":1}',
    "no UTF-8": b'{"x":"\xff"}', "overlong": b'{"x":"\xc0\x80"}', "half a pair": rb'{"x":"\udc80"}',
    "an encoded half": b'{"x":"\xed\xb2\x80"}', "UTF-16": '{"x":1}'.encode("utf-16"), "a mark": b"\xef\xbb\xbf{}",
    "no number": b'{"x":NaN}', "infinite": b'{"x":-Infinity}', "beyond a double": b'{"x":1e999}',
    "digits": b'{"x":' + b"9" * 5_000 + b"}", "deep": b'{"x":' + b"[" * 100_000, "more": b"{}{}", "no object": b"[]",
}  # fmt: skip
QUERIES: Final = ["x=%ff", "%ff=x", "x=%ed%b2%80", "x=%c0%80", "find=a&find=b", "find=a&find=a", "&".join(["a=b"] * 99)]
PATHS: Final = ["%ff", "%ed%b2%80", "a%c0%80"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellsync.cell.home.Home.__init__.__defaults__", cheap_defaults())
        made = Server(tmp_path_factory.mktemp("profile"))
        assert made.ask("POST", "/v1/cell", {"cell": "Mill", "name": "Ana", "passphrase": PASSPHRASE})[0] == 200
        yield made
        made.close()


def refused(server: Server, method: str, path: str, body: bytes | None = None, *headers: tuple[str, str]) -> bool:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.putrequest(method, path)
        if body is not None:
            headers += (("content-type", "application/json"), ("content-length", str(len(body))))
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        error = msgspec.json.decode(response.read(4_096))["error"]
        return (response.status, error["code"], error["exit"]) == (400, "invalid_value", 2)
    finally:
        connection.close()


def path_of(operation: Operation, named: str = "ab") -> str:
    return re.sub(r"{\w+}", named, operation.path)


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.method in ("POST", "PATCH")], ids=lambda o: o.name
)
def test_bodies(server: Server, operation: Operation) -> None:
    for what, body in BODIES.items():
        assert refused(server, operation.method, path_of(operation), body), what
    assert refused(server, operation.method, path_of(operation) + "?title=x", b"{}")  # not passed over in silence


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_queries_and_paths(server: Server, operation: Operation) -> None:
    for query in QUERIES:
        assert refused(server, operation.method, f"{path_of(operation)}?{query}"), query
    for part in PATHS if "{" in operation.path else []:
        assert refused(server, operation.method, path_of(operation, part)), part


def test_one_parameter_in_two_places(server: Server) -> None:
    assert refused(server, "PATCH", "/v1/cases/ab", b'{"case":"ab"}')
    assert refused(server, "PATCH", "/v1/cases/ab", b'{"heads":"ab"}', ("if-match", '"ab"'))
    assert refused(server, "PATCH", "/v1/cases/ab", b"{}", ("if-match", '"ab"'), ("if-match", '"cd"'))
    assert refused(server, "GET", "/v1/cases/ab?case=cd")
    assert refused(server, "GET", "/v1/events", None, ("last-event-id", "a:1"), ("last-event-id", "a:2"))


def test_it_is_still_open(server: Server) -> None:
    assert server.ask("GET", "/v1/health")[1]["state"] == "open"
    assert server.ask("GET", "/v1/cases")[1]["cases"] == []


@pytest.mark.parametrize("given", [{"title": "\udcff"}, {"\udcff": "x"}])
def test_bytes_of_a_command_line_that_are_no_characters(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidValue, match="not UTF-8"):
        taken(BY_NAME["case.new"], {"set": given})
    with pytest.raises(InvalidValue, match="not UTF-8"):
        taken(BY_NAME["case.edit"], {"case": "ab", "append": {"timeline": [*given, *given.values()]}})
    monkeypatch.setattr("cellsync.cell.home.Home.__init__.__defaults__", cheap_defaults())
    made = BehindTheDoor(tmp_path / "profile")
    client = SocketClient(made.profile)
    with pytest.raises(InvalidValue, match="not UTF-8"):
        client.call("case.new", set=given)
    with pytest.raises(InvalidValue, match="not UTF-8"):
        client.call("case.show", case="\udcff")
    with pytest.raises(InvalidValue, match="not UTF-8"):
        client.call("case.list", find="\udcff")
    made.close()

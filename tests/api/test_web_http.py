"""HTTP, byte by byte: contents of paths, persistent connections, bodies that are too large, streams that end."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
import trio

from cellsync.api.client import SocketClient
from cellsync.api.contract.problems import Locked, Refusal
from cellsync.api.contract.table import OPERATIONS, Needs
from cellsync.api.web import LARGEST
from cellsync.profile import door
from cellsync.profile.profile import Profile, Settings
from tests.api.services import PASSPHRASE
from tests.api.test_web import Server, cheap_defaults
from tests.patience import PATIENCE

FOUND = {"cell": "Mill", "name": "Ana", "passphrase": PASSPHRASE}


class BehindTheDoor(Server):
    """A service behind the Unix socket of its profile."""

    def __init__(self, folder: Path) -> None:
        self.profile = Profile(folder)
        self.profile.save(Settings(lan="off", interfaces=("127.0.0.1",)))
        self.socket = door.listen(self.profile)
        self._started = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._serve,))
        self._thread.start()
        assert self._started.wait(20)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellsync.cell.home.Home.__init__.__defaults__", cheap_defaults())


@pytest.fixture
def server(cheap: None, tmp_path: Path) -> Iterator[Server]:
    """Without a cell."""
    made = Server(tmp_path / "profile")
    yield made
    made.close()


@pytest.fixture
def client(cheap: None, tmp_path: Path) -> Iterator[SocketClient]:
    """Of a service with an open cell."""
    made = BehindTheDoor(tmp_path / "profile")
    client = SocketClient(made.profile)
    client.call("init", **FOUND)
    yield client
    made.close()


def in_time(done: Callable[[], bool]) -> bool:
    """Whether it is so, or becomes so in time."""
    until = time.monotonic() + PATIENCE
    while not done() and time.monotonic() < until:
        time.sleep(0.02)
    return done()


# --- paths ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title", ["12/3 Mill St", "Parcel/log", "/", "100% + 1", "%2F", "a?b#c&d=e", "..", "Ω ъ", "'\""]
)
def test_a_case_is_found_by_any_title(client: SocketClient, title: str) -> None:
    """A slash in it once led to another operation, or to none."""
    made = client.call("case.new", set={"title": title})
    assert client.call("case.show", case=title)["id"] == made["id"]
    assert client.call("case.log", case=title)["title"] == title
    assert client.call("case.edit", case=title, set={"status": "closed"})["written"]


def test_what_is_no_path(server: Server) -> None:
    for path in (
        "/", "/v1", "/v1/", "/v1/health/", "/v1//health", "/v2/health", "/v1/cases/x/", "/v1/cases/x/y",
        "/%76%31/health",
    ):  # fmt: skip
        status, said, headers = server.ask("GET", path)
        assert (status, said["error"]["code"]) == (404, "no_such_path"), path
        assert "location" not in headers


def test_methods_that_a_path_does_not_have(server: Server) -> None:
    for method, path, allowed in (
        ("PUT", "/v1/cases", {"GET", "POST"}), ("DELETE", "/v1/cases/x", {"GET", "PATCH"}),
        ("POST", "/v1/events", {"GET"}), ("POST", "/v1/openapi.json", {"GET", "HEAD"}),
        ("OPTIONS", "/v1/lock", {"POST"}),
    ):  # fmt: skip
        status, said, headers = server.ask(method, path)
        assert (status, said["error"]["code"]) == (405, "method_not_allowed")
        assert allowed <= {one.strip() for one in headers["allow"].split(",")}


def test_the_document_is_served(server: Server) -> None:
    status, said, _ = server.ask("GET", "/v1/openapi.json")
    assert (status, said["openapi"]) == (200, "3.1.0")


# --- empty, locked, open ---------------------------------------------------------------------------------------


def test_states_as_statuses(server: Server) -> None:
    """Every operation that needs an open cell is refused without; what is given is not looked at for that."""

    def refused() -> set[tuple[int, str]]:
        found = set()
        for operation in OPERATIONS:
            if operation.needs is Needs.OPEN:
                path = re.sub(r"{\w+}", "0", operation.path.replace("{deed}", "leave"))
                given = {
                    "peers.add": {"host": "127.0.0.1", "port": 1}, "invite.confirm": {"same": True},
                    "import": {"table": ""}, "backup": {"to": "/nowhere/backup"}, "fork.check": {"proof": ""},
                    "circle.create": {"name": "Lawyers"}, "circle.lock": {"circle": "Lawyers"},
                    "circle.unlock": {"passphrase": "x"},
                    "circle.passphrase": {"circle": "Lawyers", "old": "x", "new": None},
                    "removal": {"confirm": "Ben"}, "link": {"name": "Phone"}, "role": {"role": "writer"},
                    "case.move": {"to": "Lawyers"}, "recovery.preview": {"paper": "x"},
                    "recovery.use": {"paper": "x", "confirm": "x"}, "recovery.replace": {"new": "x"},
                    "settings.choose": {"name": "locks-after", "value": "x"},
                    "endorse": {"entries": ["0" * 64]}, "leave": {"confirm": "Mill Street"},
                }.get(operation.name, {})  # fmt: skip
                body = None if operation.method in ("GET", "DELETE") else given
                status, said, _ = server.ask(operation.method, path, body)
                found.add((status, said["error"]["code"]))
                assert said["error"]["code"] != "invalid_value", (operation.name, said)
        return found

    assert server.ask("GET", "/v1/health")[1]["state"] == "empty"
    assert refused() == {(409, "vault_missing")}
    assert server.ask("POST", "/v1/unlock", {"passphrase": "x"})[0] == 409
    assert server.ask("POST", "/v1/lock")[0] == 200
    assert server.ask("GET", "/v1/joins/0")[:1] == (404,)
    assert server.ask("POST", "/v1/joins", {"code": "nonsense", "name": "Ben", "passphrase": "x"})[0] == 200
    assert server.ask("POST", "/v1/cell", FOUND)[0] == 200
    assert server.ask("POST", "/v1/lock")[0] == 200
    assert server.ask("GET", "/v1/health")[1]["state"] == "locked"
    assert refused() == {(423, "locked")}
    assert server.ask("GET", "/v1/schemas")[0] == 200
    statuses = [server.ask("POST", "/v1/unlock", {"passphrase": guess})[0] for guess in ("a", "b", "c", "d")]
    assert statuses == [403, 403, 403, 429]
    assert server.ask("POST", "/v1/unlock", {"passphrase": PASSPHRASE})[1]["error"]["exit"] == 3


# --- connections and bodies ------------------------------------------------------------------------------------


def test_a_connection_goes_on_after_errors(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    typed = {"content-type": "application/json"}
    for method, path, body, status in (
        ("GET", "/v1/health", None, 200), ("GET", "/nothing", None, 404), ("POST", "/v1/cell", b"{", 400),
        ("POST", "/v1/cell", b"{}", 400), ("GET", "/v1/status", None, 409), ("GET", "/v1/health", None, 200),
    ):  # fmt: skip
        connection.request(method, path, body, typed)
        used = connection.sock
        response = connection.getresponse()
        json.loads(response.read())
        assert response.status == status
        assert connection.sock is used
    connection.close()


def test_a_body_in_pieces(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    raw = json.dumps(FOUND).encode()
    headers = {"content-type": "application/json; charset=utf-8"}
    connection.request("POST", "/v1/cell", iter([raw[:7], raw[7:9], raw[9:]]), headers, encode_chunked=True)
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["name"]) == (200, "Ana")
    connection.close()


@pytest.mark.parametrize("size", [LARGEST + 1, 8 << 20])
def test_a_body_that_is_too_large(client: SocketClient, size: int) -> None:
    """Whoever sends it learns why it was refused, also where the answer comes before all of it was sent."""
    with pytest.raises(Refusal) as raised:
        client.call("case.new", set={"title": "x" * size})
    assert raised.value.problem.code == "too_large"
    assert client.health()["state"] == "open"
    assert client.call("case.list")["cases"] == []


def test_a_table_may_be_larger(client: SocketClient) -> None:
    table = b"external_id,name,status,note\nVR-1,Anton,active,seen\nVR-2,Vera,active," + b"x" * (3 * LARGEST)
    job = client.call("import", table=base64.b64encode(table).decode(), dry_run=True)
    while job["state"] == "running":
        job = client.call("import.show", job=job["job"], after=job["step"], wait=5)
    assert (job["state"], job["error"]) == ("done", None)
    assert (job["created"], job["left_out"]) == (1, 1)  # whose note is too long for a cell


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"GET", b"GET /v1/health HTTP/1.1\r\n", b"POST /v1/cell HTTP/1.1\r\ncontent-length: 9\r\n\r\n{",
        b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9\r\n\r\n",
        b"GET /v1/events HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\n\r\n",
    ],
)  # fmt: skip
def test_requests_that_break_off_hurt_nobody(server: Server, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as line:
        line.sendall(raw)
    assert server.ask("GET", "/v1/health")[0] == 200


def test_nothing_that_was_sent_is_repeated(client: SocketClient) -> None:
    marked = "Zx9Anton"
    for operation, given in (
        ("case.show", {"case": marked}), ("case.list", {"kind": marked}), ("case.new", {"kind": marked}),
        ("case.new", {"set": {"status": marked}}), ("case.new", {"set": {"opened": marked}}),
        ("case.new", {"add": {"links": [marked]}}), ("case.new", {"append": {"timeline": [{"text": 1, marked: 2}]}}),
        ("peers.ping", {"peer": marked}), ("invite", {"role": marked}), ("export", {"format": marked}),
        ("export", {"cases": [marked]}), ("sync", {"everyone": marked}), ("unlock", {"passphrase": [marked]}),
        ("case.graph", {"case": "x", "format": marked}), ("case.log", {"case": marked, "since": marked}),
        ("init", FOUND | {"lan": marked}),
    ):  # fmt: skip
        text = ""
        try:
            client.call(operation, **given)
        except Refusal as refusal:
            text = f"{refusal} {refusal.hint}"
        assert marked.lower() not in text.lower(), operation


# --- events ----------------------------------------------------------------------------------------------------


class Stream:
    """Server-sent events, read as a browser does."""

    def __init__(self, server: Server, since: str = "", first: str = "open") -> None:
        self._line = door.connect(server.profile, PATIENCE)
        headers = f"last-event-id: {since}\r\n" if since else ""
        self._line.sendall(f"GET /v1/events HTTP/1.1\r\nhost: x\r\n{headers}\r\n".encode())
        self._read = self._line.makefile("rb")
        assert b"200" in self._read.readline()
        self.headers = dict(iter(lambda: self._read.readline().strip().lower().split(b": ", 1), [b""]))
        self.first = self.next()
        assert self.first["event"] == first

    def next(self) -> dict[str, str]:
        """The next event that is more than a comment."""
        found: dict[str, str] = {}
        while True:
            piece = self._read.read(int(self._read.readline(), 16) + 2)
            for one in piece.decode().splitlines():
                name, _, value = one.partition(": ")
                if name:
                    found[name] = value
            if found:
                return found

    def close(self) -> None:
        self._read.close()
        self._line.close()


@pytest.fixture
def behind(cheap: None, tmp_path: Path) -> Iterator[tuple[BehindTheDoor, SocketClient]]:
    made = BehindTheDoor(tmp_path / "profile")
    client = SocketClient(made.profile)
    client.call("init", **FOUND)
    yield made, client
    made.close()


def test_events_go_on_where_somebody_left(behind: tuple[BehindTheDoor, SocketClient]) -> None:
    server, client = behind
    first = client.call("case.new", set={"title": "Parcel"})
    stream = Stream(server)
    assert stream.headers[b"content-type"].startswith(b"text/event-stream")
    assert stream.headers[b"cache-control"] == b"no-store"
    assert in_time(lambda: any(feed._cell.first.followers for feed in server.service._feeds))
    client.call("case.edit", case=first["id"], set={"summary": "one\nwith another line"})
    told = stream.next()
    stream.close()
    assert told["event"] == "case.changed"
    said = json.loads(told["data"])
    assert (said["cursor"], said["data"]["value"]) == (told["id"], "one\nwith another line")
    client.call("case.edit", case=first["id"], set={"summary": "two"})
    client.call("lock")
    client.call("unlock", passphrase=PASSPHRASE)
    stream = Stream(server, told["id"])
    told = stream.next()
    assert json.loads(told["data"])["data"]["value"] == "two"
    client.call("lock")
    told = stream.next()
    assert (told["event"], "id" in told) == ("locked", False)
    stream.close()


def test_the_client_reads_events(behind: tuple[BehindTheDoor, SocketClient]) -> None:
    _, client = behind
    cursor = None
    made = client.call("case.new", set={"title": "Parcel"})
    for event in client.events("00000000:1"):
        assert event["event"] == "reset"
        cursor = event["cursor"]
        break
    assert cursor
    client.call("case.edit", case=made["id"], set={"summary": "one"})
    events = client.events(cursor)
    assert next(events)["data"]["text"] == "one"
    client.call("lock")
    assert [event["event"] for event in events] == ["locked"]
    with pytest.raises(Locked):
        next(client.events(""))


def test_a_stream_of_a_locked_cell_tells_of_unlock(behind: tuple[BehindTheDoor, SocketClient]) -> None:
    """Clients once had to ask again and again whether it is open."""
    server, client = behind
    made = client.call("case.new", set={"title": "Parcel"})
    stream = Stream(server)
    cursor = stream.first["id"]
    assert json.loads(stream.first["data"])["data"] == {"state": "open"}
    client.call("case.edit", case=made["id"], set={"summary": "one"})
    assert json.loads(stream.next()["data"])["data"]["text"] == "one"
    client.call("lock")
    assert stream.next()["event"] == "locked"
    stream.close()
    fresh, behind_it = Stream(server, first="locked"), Stream(server, cursor, first="locked")
    assert (json.loads(fresh.first["data"])["data"], "id" in fresh.first) == ({"state": "locked"}, False)
    client.call("unlock", passphrase=PASSPHRASE)
    opened = behind_it.next()
    assert (opened["event"], opened["id"]) == ("open", cursor)  # who goes away now comes back with the same
    assert json.loads(behind_it.next()["data"])["data"]["text"] == "one"
    assert fresh.next()["event"] == "open"
    client.call("case.edit", case=made["id"], set={"summary": "two"})
    for one in (fresh, behind_it):
        assert json.loads(one.next()["data"])["data"]["text"] == "two"
        one.close()


def test_a_stream_before_there_is_a_cell(server: Server) -> None:
    """And one that waits keeps nobody from ending: the fixture would wait for it."""
    server.socket.settimeout(PATIENCE)
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as line, line.makefile("rb") as read:
        line.sendall(b"GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n")
        told = next(one for one in read if one.startswith(b"data: "))
        assert json.loads(told[6:])["data"] == {"state": "empty"}
        assert server.ask("POST", "/v1/cell", FOUND)[0] == 200
        assert json.loads(next(one for one in read if one.startswith(b"data: "))[6:])["event"] == "open"


def test_whoever_leaves_costs_nothing(behind: tuple[BehindTheDoor, SocketClient]) -> None:
    """A stream once waited for the garbage collector to end."""
    server, client = behind
    for read in (0, 1, 2000) * 3:
        stream = door.connect(server.profile, PATIENCE)
        stream.sendall(b"GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n")
        if read:
            stream.recv(read)
        stream.close()
    assert in_time(lambda: not server.service._feeds)
    assert client.health()["state"] == "open"


def test_many_can_follow_at_once(behind: tuple[BehindTheDoor, SocketClient]) -> None:
    server, client = behind
    streams = [Stream(server) for _ in range(20)]
    assert in_time(lambda: len(server.service.cell.first.followers) == 20)
    client.call("case.new", set={"title": "Parcel"})
    assert {json.loads(stream.next()["data"])["data"]["text"] for stream in streams} == {"Parcel"}
    for stream in streams:
        stream.close()
    assert in_time(lambda: not server.service._feeds)

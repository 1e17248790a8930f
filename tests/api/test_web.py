"""The API over real HTTP: statuses, errors, events, and the OpenAPI document."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import jsonschema
import pytest
import trio
from hypercorn.trio import serve

from cellsync.api import client
from cellsync.api.client import DaemonGone, DaemonSilent, NoDaemon, SocketClient
from cellsync.api.contract.openapi import document
from cellsync.api.contract.problems import Refusal
from cellsync.api.contract.table import OPERATIONS
from cellsync.api.service import Service
from cellsync.api.web import LARGEST, application, configuration
from cellsync.core.errors import InvalidValue
from cellsync.profile import door
from cellsync.profile.profile import Profile, Settings, UnreadableSettings
from cellsync.store.header import Kdf
from tests.api.services import PASSPHRASE
from tests.patience import PATIENCE


class Server:
    """A service behind a port of this machine, in a thread."""

    def __init__(self, folder: Path) -> None:
        self.profile = Profile(folder)
        self.profile.save(Settings(lan="off", interfaces=("127.0.0.1",)))
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self._started = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._serve,))
        self._thread.start()
        assert self._started.wait(20)

    async def _serve(self) -> None:
        config = configuration(os.dup(self.socket.fileno()))
        config.graceful_timeout = 0.1
        self._token, self._ending = trio.lowlevel.current_trio_token(), trio.Event()
        async with trio.open_nursery() as nursery:
            self.service = Service(self.profile, self.profile.settings(), nursery)
            app: Any = application(self.service)
            self._started.set()
            await serve(app, config, shutdown_trigger=self._ending.wait, mode="asgi")
            await self.service.lock()
            nursery.cancel_scope.cancel()

    def close(self) -> None:
        self._token.run_sync_soon(self._ending.set)
        self._thread.join(20)
        self.socket.close()

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            typed = {"content-type": "application/json"} if raw is not None else {}
            connection.request(method, path, raw, typed | (headers or {}))
            response = connection.getresponse()
            return response.status, json.loads(response.read()), dict(response.getheaders())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With an open cell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellsync.cell.home.Home.__init__.__defaults__", cheap_defaults())
        made = Server(tmp_path_factory.mktemp("profile"))
        try:
            assert made.ask("POST", "/v1/cell", {"cell": "Mill", "name": "Ana", "passphrase": PASSPHRASE})[0] == 200
            yield made
        finally:
            made.close()


def cheap_defaults() -> tuple[Any, ...]:
    from cellsync.cell.home import Home

    return tuple(Kdf.CHEAP if isinstance(one, Kdf) else one for one in Home.__init__.__defaults__ or ())


# --- HTTP ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v1/nothing", None, 404, "no_such_path"),
        ("DELETE", "/v1/status", None, 405, "method_not_allowed"),
        ("POST", "/v1/cases", b"{", 400, "invalid_value"),
        ("POST", "/v1/cases", b"[]", 400, "invalid_value"),
        ("POST", "/v1/cases", b"[" * 100_000, 400, "invalid_value"),
        ("POST", "/v1/cases", b"\xff", 400, "invalid_value"),
        ("POST", "/v1/cases", {"kind": "case", "Anton": 1}, 400, "invalid_value"),
        ("POST", "/v1/cases", b" " * (LARGEST + 1), 413, "too_large"),
        ("GET", "/v1/cases?conflicts=maybe", None, 400, "invalid_value"),
        ("GET", "/v1/cases/nothing", None, 404, "not_found"),
        ("POST", "/v1/cell", {"cell": "Mill", "name": "Ana", "passphrase": "x"}, 409, "vault_exists"),
        ("POST", "/v1/peers/ben/ping", {}, 404, "not_found"),
        ("GET", "/v1/invites/ffff", None, 404, "not_found"),
    ],
)
def test_errors(server: Server, method: str, path: str, body: Any, status: int, code: str) -> None:
    got, said, headers = server.ask(method, path, body)
    assert (got, said["error"]["code"]) == (status, code)
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert ("allow" in headers) == (status == 405)
    assert "server" not in headers


def test_a_body_has_to_say_that_it_is_json(server: Server) -> None:
    status, said, _ = server.ask("POST", "/v1/cases", b"{}", {"content-type": "text/plain"})
    assert (status, said["error"]["code"]) == (400, "invalid_value")


def test_a_case_that_has_changed(server: Server) -> None:
    _, made, _ = server.ask("POST", "/v1/cases", {"set": {"title": "Parcel"}})
    _, read, _ = server.ask("GET", f"/v1/cases/{made['id']}")
    for value, status in (("active", 200), ("closed", 412)):
        path, headers = f"/v1/cases/{made['id']}", {"if-match": f'"{read["heads"]}"'}
        assert server.ask("PATCH", path, {"set": {"status": value}}, headers)[0] == status


def test_events_as_a_browser_would_read_them(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as line:
        line.sendall(b"GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n")
        got = line.recv(65536)
        assert b"content-type: text/event-stream" in got.lower()
        while b"event: open" not in got:
            got += line.recv(65536)
        server.ask("POST", "/v1/cases", {"set": {"title": "Told"}})
        while b"Told" not in got or not got.endswith(b"\n\n\r\n"):
            piece = line.recv(65536)
            assert piece
            got += piece
    [identity] = [one for one in got.splitlines() if one.startswith(b"id: ")][:1]
    assert b"event: case.changed" in got
    _, _, cursor = identity.decode().partition(": ")
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as line:
        line.sendall(b"GET /v1/events HTTP/1.1\r\nhost: x\r\nlast-event-id: 00000000:9\r\n\r\n")
        got = b""
        while b"event: reset" not in got:
            piece = line.recv(65536)
            assert piece
            got += piece
    assert cursor.count(":") == 1


# --- the document --------------------------------------------------------------------------------


def test_the_document_names_every_operation() -> None:
    named = {one["operationId"] for path in document()["paths"].values() for one in path.values()}
    assert named == {one.name for one in OPERATIONS}
    for name, shape in document()["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(shape)
        assert shape.get("description") or "enum" in shape or name, name


# --- the client ------------------------------------------------------------------------------------------------


@contextmanager
def answering(profile: Profile, answer: bytes | None) -> Iterator[None]:
    """Somebody behind the door who says this, and closes; or None: never says anything."""
    listening = door.listen(profile)
    listening.setblocking(True)
    held = []

    def work() -> None:
        line, _ = listening.accept()
        held.append(line)
        if answer is not None:
            line.recv(4096)
            line.sendall(answer)
            line.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join(5)
        for line in held:
            line.close()
        listening.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [(None, DaemonSilent), (b"", DaemonGone), (b"nonsense", DaemonGone), (b"HTTP/1.1 200 OK\r\n", DaemonGone)],
)
def test_what_is_no_answer(tmp_path: Path, answer: bytes | None, error: type[Exception]) -> None:
    profile = Profile(tmp_path / "profile")
    with answering(profile, answer), pytest.raises(error):
        SocketClient(profile).health(0.3)


@pytest.mark.parametrize(("works", "waits"), [(True, client.HEALTHY_WITHIN), (False, client.IDLE_WITHIN)])
def test_a_silent_daemon_that_works_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works: bool, waits: float
) -> None:
    """On a very busy machine it may only be waiting for a processor, which is work to be done as well."""
    now = [0.0]

    def ask(_: object, name: str, given: object, within: float) -> NoReturn:
        now[0] += within
        raise DaemonSilent

    monkeypatch.setattr(client, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(client, "working_time", lambda _: int(now[0] * 1e8) if works else 7)
    monkeypatch.setattr(SocketClient, "_ask", ask)
    with pytest.raises(DaemonSilent):
        SocketClient(Profile(tmp_path / "profile")).health()
    assert waits <= now[0] < waits + client.IDLE_WITHIN


def test_an_answer_of_another_version_is_an_error(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    said = b"HTTP/1.1 400 Bad\r\ncontent-length: 2\r\n\r\n{}"
    with answering(profile, said), pytest.raises(Refusal, match="cannot be read"):
        SocketClient(profile).health(2)


def test_no_daemon(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    with pytest.raises(NoDaemon):
        SocketClient(profile).health()
    door.listen(profile).close()  # left over
    with pytest.raises(NoDaemon):
        SocketClient(profile).health()


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    profile = Profile(tmp_path / ("long " * 30))
    with answering(profile, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"):
        assert SocketClient(profile).health(2) == {}
    assert profile.socket.stat().st_mode & 0o777 == 0o600
    assert profile.socket.parent.stat().st_mode & 0o777 == 0o700


# --- the profile -------------------------------------------------------------------------------------------------


def test_settings_are_kept(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    assert profile.settings() == Settings()
    profile.save(Settings(lan="listen", interfaces=("127.0.0.1",), port=4000))
    assert profile.settings() == Settings(lan="listen", interfaces=("127.0.0.1",), port=4000)


@pytest.mark.parametrize("text", ["", "[]", '{"lan": "loud"}', '{"port": "80"}', '{"interfaces": 7}', '{"x": 1}', "\0"])
def test_settings_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises((UnreadableSettings, InvalidValue)):
        Profile(tmp_path).settings()


def test_tags_and_keys_in_headers(server: Server) -> None:
    status, made, headers = server.ask("POST", "/v1/cases", {"set": {"title": "Tags"}}, {"Idempotency-Key": '"k 1"'})
    assert (status, headers["etag"]) == (200, f'"{made["heads"]}"')
    again = server.ask("POST", "/v1/cases", {"set": {"title": "Tags"}}, {"idempotency-key": "k 1"})
    assert again[1] == made
    status, said, _ = server.ask("POST", "/v1/cases", {"set": {"title": "Another"}}, {"Idempotency-Key": '"k 1"'})
    assert (status, said["error"]["code"]) == (422, "key_reused")
    path = f"/v1/cases/{made['id']}"
    assert server.ask("GET", path)[2]["etag"] == headers["etag"]

    def edit(tags: str, state: str) -> int:
        return server.ask("PATCH", path, {"set": {"status": state}}, {"If-Match": tags})[0]

    assert edit(headers["etag"], "active") == 200
    assert edit(headers["etag"], "closed") == 412
    now = server.ask("GET", path)[2]["etag"]
    assert now != headers["etag"]
    assert edit(f"W/{now}", "closed") == 412
    assert edit(f'"x" , {now}', "closed") == 200
    assert edit("*", "pending") == 200
    assert server.ask("PATCH", "/v1/cases/nothing", {"set": {"status": "closed"}}, {"If-Match": "*"})[0] == 404
    assert "etag" not in server.ask("GET", "/v1/cases")[2]

"""The table as HTTP: paths, query, JSON bodies, status codes, and server-sent events."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote

import msgspec
import trio
from hypercorn.config import Config
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cellsync.api import dispatch
from cellsync.api.contract import shapes
from cellsync.api.contract.openapi import document
from cellsync.api.contract.problems import FAULT, USAGE, Problem, problem_of, status_of
from cellsync.api.contract.table import EVENTS, HEADERS, OPERATIONS, Operation
from cellsync.api.service import Service
from cellsync.core import strict_json
from cellsync.core.errors import CellsyncError, InvalidValue, TooLarge
from cellsync.core.strict_json import NotStrict

LARGEST: Final = 1 << 20  # bytes of a request
LARGEST_TABLE: Final = 90 << 20  # of an import: 64 MiB in base64
LARGEST_PROOF: Final = 11 << 20  # of a fork: 8 MiB in base64
_LARGEST: Final = {"import": LARGEST_TABLE, "fork.check": LARGEST_PROOF}
PARAMETERS: Final = 64  # of a query
STOPPED_WITHIN: Final = 2.0  # seconds for requests that are being answered when the server is to end
BEAT: Final = 15.0  # seconds of silence after which an empty line shows that somebody is there
_NO_METHOD: Final = Problem("method_not_allowed", "This path has no such method.", "", USAGE)
_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

_BEAT: Final = b":\n\n"

T = TypeVar("T")

log = logging.getLogger(__name__)


def application(service: Service) -> Starlette:
    """The API of one service, as an ASGI application."""
    routes = [Route("/v1/openapi.json", _openapi, methods=["GET"])]
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    for path, methods in by_path.items():
        routes.append(Route(path, _endpoint(service, methods), methods=list(methods)))
    made = Starlette(routes=routes, middleware=[Middleware(_AsSent)], exception_handlers={HTTPException: _refused})
    made.router.redirect_slashes = False
    return made


class _AsSent:
    """Finds routes by the path as it was sent: a name with a slash in it, sent as %2F, is one part of the path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("latin-1")}
        await self._app(scope, receive, send)


def configuration(descriptor: int) -> Config:
    """How hypercorn serves it on an open socket, which it closes in the end."""
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.accesslog = config.errorlog = None
    config.include_server_header = False
    config.graceful_timeout = STOPPED_WITHIN
    config.keep_alive_timeout = 60
    return config


def _endpoint(service: Service, methods: dict[str, Operation]) -> Any:
    async def endpoint(request: Request) -> Response:
        operation = methods.get(request.method)
        if operation is None:  # HEAD comes with GET
            return _problem(
                Problem("method_not_allowed", "This path has no such method.", "", 2), 405, ", ".join(methods)
            )
        try:
            given = await _given(request, operation)
            if operation.name == EVENTS:
                return _Stream(service, given)
            answer = await dispatch.perform(service, operation.name, given)
        except CellsyncError as error:
            return _problem(problem_of(error), status_of(error))
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # a bug in one operation must not end the others; no content, so no text of it
            log.error("%s failed: %s", operation.name, type(error).__name__)
            return _problem(problem_of(CellsyncError(FAULT)), 500)
        heads: str | None = getattr(answer, "heads", None)
        headers = _HEADERS if heads is None else _HEADERS | {"etag": f'"{heads}"'}
        return Response(msgspec.json.encode(answer), media_type="application/json", headers=headers)

    return endpoint


async def _given(request: Request, operation: Operation) -> Any:
    """What stands in path, query, body and headers, each name once. Raises InvalidValue, TooLarge."""
    in_query = _query(request.scope["query_string"])
    if operation.method in ("GET", "DELETE"):
        given: dict[str, Any] = in_query
    elif in_query:
        raise InvalidValue("this operation takes its parameters in the body")
    else:
        given = await _body(request, _LARGEST.get(operation.name, LARGEST))
    beside = {name: _unquoted(part) for name, part in request.path_params.items()}
    for header, name in HEADERS.get(operation.name, {}).items():
        if (said := _header(request, header)) is not None:
            beside[name] = _READ[header](said)
    if operation.name == EVENTS and "since" in beside:
        given.pop("since", None)  # a browser that connects again sends the same address, and where it was
    if beside.keys() & given.keys():
        raise InvalidValue("a parameter is given twice", hint="Give it in the path or header, and not in the body.")
    given.update(beside)
    return dispatch.taken(operation, given, typed=operation.method not in ("GET", "DELETE"))


def _query(raw: bytes) -> dict[str, str]:
    """Raises InvalidValue."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS)
    except ValueError:
        raise InvalidValue("the query is not UTF-8, or has too many parameters") from None
    if len(dict(pairs)) < len(pairs):
        raise InvalidValue("a parameter is given twice")
    return dict(pairs)


def _unquoted(part: str) -> str:
    """Raises InvalidValue."""
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise InvalidValue("the path is not UTF-8") from None


def _tags(said: str) -> str:
    """`"a", "b"` as `a,b`. A weak tag (`W/"a"`) keeps its mark, and is the tag of nothing here."""
    return ",".join(tag.strip().strip('"') for tag in said.split(","))


_READ: Final[dict[str, Callable[[str], str]]] = {
    "If-Match": _tags,
    "Idempotency-Key": lambda said: said.strip('"'),
    "Last-Event-ID": str,
}


def _header(request: Request, name: str) -> str | None:
    """Raises InvalidValue."""
    found = request.headers.getlist(name)
    if len(found) > 1:
        raise InvalidValue("a header is given twice")
    return found[0] if found else None


async def _body(request: Request, most: int) -> dict[str, Any]:
    """Raises TooLarge, InvalidValue."""
    raw = bytearray()
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            raw += piece
            if len(raw) > most:
                raise TooLarge(f"the body of this request is larger than {most >> 20} MiB")
    if not raw:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise InvalidValue("the body is not JSON", hint="Send it with content-type: application/json")
    try:
        read = strict_json.read(raw)
    except NotStrict as error:
        raise InvalidValue(f"the body {error}") from None
    if not isinstance(read, dict):
        raise InvalidValue("the body is not an object")
    return read


class _Stream(StreamingResponse):
    """The events of a service, in whatever state it is."""

    def __init__(self, service: Service, ask: shapes.Follow) -> None:
        self._told = _events(service, ask.since)
        headers = _HEADERS | {"x-accel-buffering": "no"}
        super().__init__(self._told, media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._told):  # however the connection ends
            await super().__call__(scope, receive, send)


async def _events(service: Service, since: str) -> AsyncGenerator[bytes, None]:
    """How it stands first: a client that reads then what it shows, or waits to be unlocked, misses nothing."""
    yield b": cellsync\n\n"
    if service.state != "open":
        yield _event(shapes.Event(event="locked", cursor="", data={"state": service.state}))
        while (opened := await _in_time(service.opened)) is None:
            yield _BEAT
        if not opened:
            return
    before = since or service.cell.cursor()
    feed = service.follow(since)
    try:
        await feed.registered()
        yield _event(shapes.Event(event="open", cursor=before, data={"state": "open"}))
        while True:
            event = await _in_time(feed.next)
            if event is not None:
                yield _event(event)
            if feed.over:
                return
            if event is None:
                yield _BEAT
    finally:
        feed.end()


async def _in_time(ask: Callable[[], Awaitable[T]]) -> T | None:
    """What it gives; None if that takes so long that somebody might think nobody is there."""
    with trio.move_on_after(BEAT):
        return await ask()
    return None


def _event(event: shapes.Event) -> bytes:
    cursor = f"id: {event.cursor}\n".encode() if event.cursor else b""
    return cursor + b"event: %s\ndata: %s\n\n" % (event.event.encode(), msgspec.json.encode(event))


async def _openapi(_: Request) -> Response:
    return Response(msgspec.json.encode(document()), media_type="application/json", headers=_HEADERS)


async def _refused(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    allow = (error.headers or {}).get("Allow", "") if isinstance(error, HTTPException) else ""
    if status == 405:
        return _problem(_NO_METHOD, 405, allow)
    hint = "GET /v1/openapi.json lists the paths."
    return _problem(Problem("no_such_path", "There is nothing at this path.", hint, 4), status)


def _problem(problem: Problem, status: int, allow: str = "") -> Response:
    headers = _HEADERS | ({"allow": allow} if allow else {})
    raw = msgspec.json.encode(problem.as_json())
    return Response(raw, status_code=status, media_type="application/json", headers=headers)

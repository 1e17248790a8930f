"""A client: it calls operations by name. This one asks a daemon through its socket."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import Any, Final, Protocol, Self
from urllib.parse import quote, urlencode

from cellsync.api.contract.problems import Locked, Problem, Refusal
from cellsync.api.contract.table import BY_NAME, EVENTS, Operation
from cellsync.core.errors import CellsyncError, ExternalError, InvalidValue, NotFound, VaultMissing
from cellsync.profile import door
from cellsync.profile.holder import working_time
from cellsync.profile.profile import Profile

ANSWER_WITHIN: Final = 60.0  # seconds
LONG_WITHIN: Final = 3_600.0  # of what a slow disk has to take in
HEALTHY_WITHIN: Final = 20.0  # a daemon that starts again takes one, on a very busy machine fifteen
IDLE_WITHIN: Final = 1.5  # a daemon that does not answer meanwhile, and does nothing either, will not answer
_NOTHING: Final = 20_000_000  # nanoseconds of work
_IN_PATH: Final = re.compile(r"\{(\w+)\}")

Answer = dict[str, Any]


class NoDaemon(ExternalError):
    """No daemon is running for this profile."""

    code = "no_daemon"
    default_hint = "Start it, in another terminal or in the background: cellsync daemon run"


class DaemonSilent(ExternalError):
    """The daemon does not answer."""

    code = "daemon_silent"
    default_hint = "End it (everything confirmed is stored): cellsync panic. Then start it: cellsync daemon run"


class DaemonGone(ExternalError):
    """The daemon ended before it answered."""

    code = "daemon_gone"
    default_hint = "Start it, then give the same command again: cellsync daemon run"


class LockedMeanwhile(DaemonGone):
    """The cell was locked before the daemon answered."""

    default_hint = "Open it, then give the same command again: cellsync unlock"


class Client(Protocol):
    """Calls operations of the table by name, wherever they are carried out."""

    def call(self, name: str, /, **given: Any) -> Answer:
        """What the operation gives, as JSON. Raises CellsyncError: a Refusal, or what the way to it may cost."""
        ...

    def events(self, since: str) -> Iterator[Answer]:
        """Events, until the cell is locked. Raises CellsyncError; Locked if it is not open."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class SocketClient:
    """A `Client` of a profile's daemon."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def health(self, within: float = HEALTHY_WITHIN) -> Answer:
        """Raises NoDaemon, DaemonSilent: before the time is up if the daemon does nothing at all."""
        until = time.monotonic() + within
        worked = working_time(self._profile)
        while True:
            left = until - time.monotonic()
            try:
                return self._ask("health", {}, max(0.1, min(left, IDLE_WITHIN)))
            except DaemonSilent:
                before, worked = worked, working_time(self._profile)
                works = before is not None and worked is not None and worked - before > _NOTHING
                if left <= IDLE_WITHIN or not works:
                    raise

    def ask_quickly(self, name: str, within: float) -> Answer:
        """As `call`, for somebody who cannot wait."""
        return self._ask(name, {}, within)

    def call(self, name: str, /, **given: Any) -> Answer:
        within = LONG_WITHIN if BY_NAME[name].long else ANSWER_WITHIN
        try:
            return self._ask(name, given, within + float(given.get("wait", 0)))
        except DaemonGone:
            raise self._gone() from None

    def events(self, since: str) -> Iterator[Answer]:
        connection = _Connection(self._profile, ANSWER_WITHIN)
        try:
            response = _respond(connection, EVENTS, {"since": since} if since else {})
            if response.status != 200:
                raise _refusal(response.read())
            event: Answer = {}
            while line := response.readline():
                if line.startswith(b"data: "):
                    first, event = not event, json.loads(line[6:])
                    if first and event["event"] == "locked":
                        raise Locked if event["data"]["state"] == "locked" else VaultMissing
                    if event["event"] != "open":
                        yield event
            if event.get("event") != "locked":
                raise self._gone()
        except (OSError, HTTPException):
            raise self._gone() from None
        finally:
            connection.close()

    def _gone(self) -> DaemonGone:
        """Why a daemon that was there has not answered: locking and panic start its program again."""
        with suppress(CellsyncError):
            if self._ask("health", {}, HEALTHY_WITHIN)["state"] == "locked":
                return LockedMeanwhile()
        return DaemonGone()

    def _ask(self, name: str, given: Answer, within: float) -> Answer:
        connection = _Connection(self._profile, within)
        try:
            response = _respond(connection, name, given)
            raw = response.read()
        except TimeoutError:
            raise DaemonSilent from None
        except (FileNotFoundError, NotADirectoryError, PermissionError, ConnectionRefusedError):
            raise NoDaemon from None
        except (OSError, HTTPException):
            raise DaemonGone from None
        finally:
            connection.close()
        if response.status != 200:
            raise _refusal(raw)
        try:
            answer: Answer = json.loads(raw)
        except ValueError:
            raise DaemonGone from None
        return answer


class _Connection(HTTPConnection):
    """HTTP over the profile's socket."""

    def __init__(self, profile: Profile, timeout: float) -> None:
        super().__init__("cellsync", timeout=timeout)
        self._profile = profile
        self._within = timeout

    def connect(self) -> None:
        self.sock = door.connect(self._profile, self._within)


def check_named(operation: Operation, given: Answer) -> None:
    """Raises NotFound for an operation on something that is called nothing."""
    if any(given[part] == "" for part in _IN_PATH.findall(operation.path)):
        raise NotFound("Nothing has an empty name.", hint="cellsync case list shows cases, cellsync members people.")


def _respond(connection: _Connection, name: str, given: Answer) -> Any:
    try:
        return _answer(connection, name, given)
    except UnicodeEncodeError:  # bytes of a command line that are no characters
        raise InvalidValue("a text is not UTF-8") from None


def _answer(connection: _Connection, name: str, given: Answer) -> Any:
    operation = BY_NAME[name]
    check_named(operation, given)
    rest = dict(given)
    path = _IN_PATH.sub(lambda found: quote(str(rest.pop(found[1])), safe=""), operation.path)
    if operation.method in ("GET", "DELETE"):
        texts = {key: str(value).lower() if isinstance(value, bool) else value for key, value in rest.items()}
        connection.request(operation.method, path + ("?" + urlencode(texts) if texts else ""))
    else:
        headers = {"content-type": "application/json"}
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent: the answer says why
            connection.request(operation.method, path, json.dumps(rest, ensure_ascii=False).encode(), headers)
    return connection.getresponse()


def _refusal(raw: bytes) -> Refusal:
    try:
        return Refusal(Problem(**json.loads(raw)["error"]))
    except (ValueError, TypeError, KeyError):
        return Refusal(Problem("internal", "The daemon's answer cannot be read.", "Is it another version?", 1))

"""A TCP proxy on loopback: records both directions, and can stop reading one of them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Final, Self

from tests.patience import PATIENCE

CHUNK: Final = 64 << 10


class Conversation:
    """What went over one connection."""

    def __init__(self) -> None:
        self.there = bytearray()  # from the caller
        self.back = bytearray()  # from the callee
        self.opening = b""  # what the caller said before the callee said anything


class Proxy:
    """Listens on `port` and passes everything on to `target`, until the block ends."""

    def __init__(self, target: int, delay: float = 0.0) -> None:
        self.conversations: list[Conversation] = []
        self.reading = Event()  # while it is clear, nothing that the callee says is read
        self.reading.set()
        self._target = target
        self._delay = delay  # seconds that everything takes, one way
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.reading.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        for sock in self._sockets:
            sock.close()

    def cut(self) -> None:
        """Break all connections."""
        with self._lock:
            for sock in self._sockets:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def recorded(self) -> bytes:
        """Everything, both ways."""
        return b"".join(bytes(one.there) + bytes(one.back) for one in list(self.conversations))

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            try:
                callee = socket.create_connection(("127.0.0.1", self._target), PATIENCE)
            except OSError:
                caller.close()
                continue
            callee.settimeout(None)
            conversation = Conversation()
            self.conversations.append(conversation)
            with self._lock:
                self._sockets += [caller, callee]
            self._start(self._carry_there, caller, callee, conversation)
            self._start(self._carry_back, caller, callee, conversation)

    def _carry_there(self, caller: socket.socket, callee: socket.socket, record: Conversation) -> None:
        with suppress(OSError):
            while data := caller.recv(CHUNK):
                record.there += data
                time.sleep(self._delay)
                callee.sendall(data)
        self._end(caller, callee)

    def _carry_back(self, caller: socket.socket, callee: socket.socket, record: Conversation) -> None:
        with suppress(OSError):
            while self.reading.wait() and (data := callee.recv(CHUNK)):
                record.opening = record.opening or bytes(record.there)
                record.back += data
                time.sleep(self._delay)
                caller.sendall(data)
        self._end(caller, callee)

    def _end(self, *sockets: socket.socket) -> None:
        for sock in sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

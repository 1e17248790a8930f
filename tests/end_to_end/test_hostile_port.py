"""An open cell whose port strangers have found: they get not one byte, and members do not notice them.

Deadlines are short here: the 20 seconds of a real cell are WITHIN.
"""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, NamedTuple

import pytest

from tests.end_to_end.devices import PASSPHRASE, Device, Workshop, agree, enter, free_port
from tests.end_to_end.proxy import Proxy
from tests.patience import PATIENCE, wait_until

WITHIN: Final = 2.0  # seconds: the handshake of these devices
MIB: Final = 1 << 20
HEADER: Final = 42  # bytes of an opening: below, nothing can be told


class Visit(NamedTuple):
    """What became of a stranger's connection."""

    received: bytes
    seconds: float  # until it was closed


def visit(port: int, pieces: Sequence[bytes], pause: float = 0.0) -> Visit:
    """Connect, say this, and listen until the other side hangs up."""
    received = b""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock, suppress(ConnectionError):
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(pause)
        while data := sock.recv(65536):
            received += data
    return Visit(received, time.monotonic() - began)


def answer(port: int, opening: bytes) -> bytes:
    """The beginning of what an opening gets."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        sock.sendall(opening)
        return sock.recv(65536)


def visit_all(port: int, speeches: Sequence[Sequence[bytes]], pause: float = 0.0) -> list[Visit]:
    with ThreadPoolExecutor(len(speeches)) as pool:
        return list(pool.map(lambda pieces: visit(port, pieces, pause), speeches))


def founded(workshop: Workshop) -> Device:
    return workshop.founded(handshake_within=WITHIN)


def recorded_opening(workshop: Workshop, ana: Device) -> tuple[Device, bytes, bytes]:
    """A member, its opening, and all that it said to `ana` in a session."""
    with Proxy(ana.port) as proxy:
        ben = workshop.joined(ana, "ben", through=proxy.port)
        paired = len(proxy.conversations)
        ben.ask("open", passphrase=PASSPHRASE)
        agree([ana, ben])
        session = proxy.conversations[paired]
        assert session.back, "the recorded opening is one that was answered"
        opening, said = session.opening, bytes(session.there)
        assert len(said) > len(opening) > HEADER
    ben.ask("call", device=ana.ask("status")["device"], port=ana.port)  # the proxy is gone
    agree([ana, ben])
    return ben, opening, said


@pytest.mark.e2e
def test_strangers_get_nothing_and_learn_nothing_from_when_they_are_left(workshop: Workshop) -> None:
    dice = random.Random(5)
    ana = founded(workshop)
    ben, opening, said = recorded_opening(workshop, ana)
    flipped = [bytearray(said) for _ in range(4)]
    for place, copy in zip((3, 20, HEADER + 30, 1000), flipped, strict=True):
        copy[place] ^= 1
    garbage = [[dice.randbytes(3000)] for _ in range(12)]
    replays = [[said], [opening], [opening[:100], opening[100:]]]
    truncated = [[said[:size]] for size in (HEADER, HEADER + 1, 500, 1200)]
    changed = [[bytes(copy)] for copy in flipped]
    half_open = [[b""], [b"\0"], [said[: HEADER - 1]], [dice.randbytes(HEADER - 1)]]
    plain = [[b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2], [b"\x16\x03\x01" + dice.randbytes(500)]]
    large = [[dice.randbytes(64 << 10)] * 64]
    before = ana.memory()
    visits = visit_all(ana.port, garbage + replays + truncated + changed + half_open + plain + large)

    assert [one.received for one in visits] == [b""] * len(visits)
    assert min(one.seconds for one in visits) > WITHIN * 0.9  # whoever it is, and whatever was wrong
    times = [one.seconds for one in visits[: len(garbage)]]
    assert max(times) - min(times) > WITHIN / 4  # twelve of a kind; at random within WITHIN
    assert ana.memory() - before < 32 * MIB

    ana.ask("create", title="it works on")
    agree([ana, ben])


@pytest.mark.e2e
def test_byte_after_byte(workshop: Workshop) -> None:
    """A slow-loris holds a connection for a bounded time, whether it speaks nonsense or a replay."""
    ana = founded(workshop)
    ben, opening, _ = recorded_opening(workshop, ana)
    slow = [[bytes([byte]) for byte in text[:200]] for text in (opening, random.Random(1).randbytes(200))]
    visits = visit_all(ana.port, slow * 10, pause=0.04)
    assert [one.received for one in visits] == [b""] * len(visits)
    ana.ask("create", title="it works on")
    agree([ana, ben])


@pytest.mark.e2e
def test_an_opening_counts_once_also_after_a_restart(workshop: Workshop) -> None:
    ana = founded(workshop)
    ben = workshop.joined(ana, "ben")
    identity = ana.ask("status")["device"]
    ana.ask("close")
    with socket.create_server(("127.0.0.1", 0)) as hole:
        hole.settimeout(15)
        ben.ask("open", passphrase=PASSPHRASE)
        ben.ask("call", device=identity, port=hole.getsockname()[1])
        caller, _ = hole.accept()
        with caller:
            caller.settimeout(0.5)
            opening = b""
            with suppress(TimeoutError):
                while data := caller.recv(65536):
                    opening += data
    ben.kill()
    ana.ask("open", passphrase=PASSPHRASE)
    assert answer(ana.port, opening)  # nobody has seen it before
    assert visit(ana.port, [opening]).received == b""
    for killed in (False, True):
        if killed:
            ana.kill()
        else:
            ana.stop()
        ana = workshop.start("ana", port=ana.port, handshake_within=WITHIN)
        ana.ask("open", passphrase=PASSPHRASE)
        assert visit(ana.port, [opening]).received == b""


def connections(port: int, number: int) -> list[socket.socket]:
    """All under way at once."""
    sockets = [socket.socket() for _ in range(number)]
    for sock in sockets:
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", port))
    time.sleep(0.1)
    return sockets


@pytest.mark.e2e
def test_thousands_of_connections_beside_an_honest_one(workshop: Workshop) -> None:
    dice = random.Random(9)
    ana = founded(workshop)
    ben = workshop.joined(ana, "ben")
    ben.ask("open", passphrase=PASSPHRASE)
    held = agree([ana, ben])["entries"]
    before = ana.memory()
    total = 0
    for _ in range(10):
        sockets = connections(ana.port, 300)
        for number, sock in enumerate(sockets):
            with suppress(OSError):  # those that were closed, and those that wait in the backlog
                sock.send(dice.randbytes(number % 3 * 500))
        total += len(sockets)
        ana.ask("bulk", rows=20, times=5)
        ana.ask("synced")
        for sock in sockets:
            with suppress(OSError):
                assert sock.recv(65536) == b""
            sock.close()
    assert total == 3000
    assert agree([ana, ben])["entries"] >= held + 10 * 5 * 20
    assert ana.memory() - before < 48 * MIB

    vera = workshop.start("vera", port=free_port())
    enter(ana, vera, "vera", ana.port)  # the door is open again as soon as they are gone
    vera.ask("open", passphrase=PASSPHRASE)
    agree([ana, ben, vera])


@pytest.mark.e2e
def test_a_member_gets_in_through_two_thousand_idle_connections_a_second(workshop: Workshop) -> None:
    """It is a tenth of a second away, and calls while the flood is on: the opening comes 50 ms after the connection."""
    ana = workshop.founded()
    with Proxy(ana.port, delay=0.05) as proxy:
        ben = workshop.joined(ana, "ben", through=proxy.port)
        device = ana.ask("status")["device"]
        before = ana.memory()
        flooder = subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.flooder", str(ana.port), "2000"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            wait_until(lambda: ana.memory() > before, "the flood has begun")
            for turn in range(3):
                ben.ask("open", passphrase=PASSPHRASE)
                ben.ask("call", device=device, port=proxy.port)
                wait_until(lambda: ana.ask("status")["connected"] == ["ben"], "it is in")
                ana.ask("create", title=f"it works on {turn}")
                agree([ana, ben])
                ben.ask("close")
            assert flooder.poll() is None
            assert ana.memory() - before < 32 * MIB
        finally:
            made = json.loads(flooder.communicate(timeout=PATIENCE)[0])
        assert made["closed"] > 320  # all places were taken ten times over


def rewritten(device: Device, case: str) -> int:
    """32 MB more to send; the number of entries afterwards."""
    device.ask("rewrite", case=case, size=40_000, times=800)
    entries: int = device.ask("entries")["entries"]
    return entries


@pytest.mark.e2e
def test_a_member_that_stops_reading(workshop: Workshop) -> None:
    """Nothing piles up for it, others do not wait for it, and it gets everything when it reads again."""
    ana = workshop.founded()
    vera = workshop.joined(ana, "vera")
    vera.ask("open", passphrase=PASSPHRASE)
    with Proxy(ana.port) as proxy:
        ben = workshop.joined(ana, "ben", through=proxy.port)
        ben.ask("open", passphrase=PASSPHRASE)
        case = ana.ask("create", title="first")["case"]
        agree([ana, ben, vera])
        wait_until(lambda: ana.ask("status")["connected"] == ["ben", "vera"], "both are connected")
        total = rewritten(ana, case)  # caches are full from here on
        for device in (ben, vera):
            assert device.ask("wait_entries", entries=total)["entries"] == total

        before = ana.memory()
        proxy.reading.clear()
        total = rewritten(ana, case)
        assert vera.ask("wait_entries", entries=total)["entries"] == total
        assert ana.memory() - before < 24 * MIB
        assert ben.ask("entries")["entries"] < total

        proxy.reading.set()
        agree([ana, ben, vera])

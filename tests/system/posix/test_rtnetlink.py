"""Linux's table of neighbours."""

from __future__ import annotations

import socket
import struct

from cellsync.node.network import packed
from cellsync.system.port import NO_TABLES, Neighbour
from cellsync.system.posix import rtnetlink


def test_neighbours_as_the_kernel_lists_them() -> None:
    """One message of a kernel: 10.9.0.2 is at 02:00:00:00:00:02, confirmed; then the end."""
    address = struct.pack("=HH", 8, rtnetlink.NEIGHBOUR_ADDRESS) + packed("10.9.0.2")
    hardware = struct.pack("=HH", 10, 2) + bytes.fromhex("020000000002") + bytes(2)
    entry = rtnetlink.NEIGHBOUR.pack(socket.AF_INET, 3, rtnetlink.REACHABLE, 0, 1) + address + hardware
    end = rtnetlink.HEADER.pack(20, rtnetlink.DONE, 2, 1, 7) + bytes(4)
    data = rtnetlink.HEADER.pack(16 + len(entry), rtnetlink.NEW_NEIGHBOUR, 2, 1, 7) + entry + end
    assert list(rtnetlink.messages(data)) == [(rtnetlink.NEW_NEIGHBOUR, entry), (rtnetlink.DONE, bytes(4))]
    assert list(rtnetlink.attributes(address + hardware)) == [
        (rtnetlink.NEIGHBOUR_ADDRESS, packed("10.9.0.2")), (2, bytes.fromhex("020000000002")),
    ]  # fmt: skip
    assert list(rtnetlink.messages(bytes(16))) == [(0, b"")]  # a length of nothing does not go on for ever
    assert rtnetlink._neighbour(entry) == ((3, packed("10.9.0.2")), Neighbour(bytes.fromhex("020000000002"), True))


def test_neighbours_that_are_there_are_those_that_have_just_answered() -> None:
    here, gone = packed("10.9.0.2"), packed("10.9.0.3")
    known = {(3, here): Neighbour(b"", True), (3, gone): Neighbour(b"", False)}
    assert NO_TABLES._replace(neighbours=known).reachable() == {here}

"""A neighbour that speaks multicast DNS over IPv4, and asks from several addresses in turn.

mdns_neighbour.py NAME TYPE ADDRESS…

From each address it asks who offers the type, and prints a JSON line: the address, and the names it was told. Then it
says that NAME offers the type too, and repeats that every second until it is ended. It never says where, so everyone
interested asks for that, by its name.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time

from zeroconf import DNSIncoming, DNSOutgoing, DNSPointer, DNSQuestion  # type: ignore[attr-defined]

GROUP = "224.0.0.251"
PORT = 5353
ANSWERED_WITHIN = 60.0  # seconds, on a machine with other work
PTR, INTERNET = 12, 1


def opened(address: str) -> tuple[socket.socket, socket.socket]:
    """One that hears the group, and one that speaks from this address."""
    ear, mouth = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for sock in (ear, mouth):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    ear.bind((GROUP, PORT))
    ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + socket.inet_aton(address))
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, struct.pack("B", 255))
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, struct.pack("B", 0))
    mouth.bind((address, PORT))
    return ear, mouth


def send(mouth: socket.socket, out: DNSOutgoing) -> None:
    for packet in out.packets():
        mouth.sendto(packet, (GROUP, PORT))


def ask(address: str, kind: str) -> list[str]:
    ear, mouth = opened(address)
    with ear, mouth:
        out = DNSOutgoing(0)
        out.add_question(DNSQuestion(kind, PTR, INTERNET))
        send(mouth, out)
        until = time.monotonic() + ANSWERED_WITHIN
        while select.select([ear], [], [], max(0, until - time.monotonic()))[0]:
            message = DNSIncoming(ear.recv(9000))
            names = [one.alias for one in message.answers() if isinstance(one, DNSPointer) and one.name == kind]
            if names and not message.is_query():
                return names
    return []


def main(name: str, kind: str, addresses: list[str]) -> None:
    print(json.dumps({"ready": True}), flush=True)
    for address in addresses:
        print(json.dumps({"asked": address, "told": ask(address, kind)}), flush=True)
    _, mouth = opened(addresses[0])
    while True:
        out = DNSOutgoing(0x8400)
        out.add_answer_at_time(DNSPointer(kind, PTR, INTERNET, 4500, f"{name}.{kind}"), 0)
        send(mouth, out)
        print(json.dumps({"announced": True}), flush=True)
        time.sleep(1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

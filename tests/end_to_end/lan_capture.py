"""Prints the multicast DNS traffic of an interface: source MAC and UDP payload in hex, one line per packet.

lan_capture.py INTERFACE
"""

from __future__ import annotations

import socket
import sys

EVERYTHING = 0x0003  # ETH_P_ALL
PORT = (5353).to_bytes(2, "big")


def udp_of(frame: bytes) -> bytes | None:
    """The UDP datagram in an Ethernet frame, with its header."""
    kind, packet = frame[12:14], frame[14:]
    if kind == b"\x08\x00" and packet[9] == socket.IPPROTO_UDP:
        return packet[(packet[0] & 15) * 4 :]
    if kind == b"\x86\xdd" and packet[6] == socket.IPPROTO_UDP:
        return packet[40:]
    return None


def main(interface: str) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING)) as tap:
        tap.bind((interface, 0))
        print("ready", flush=True)
        while True:
            frame = tap.recv(65535)
            udp = udp_of(frame)
            if udp is not None and PORT in (udp[0:2], udp[2:4]):
                print(frame[6:12].hex(), udp[8:].hex(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

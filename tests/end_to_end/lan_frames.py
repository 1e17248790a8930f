"""Prints every frame that passes an interface, in hex, one per line.

lan_frames.py INTERFACE
"""

from __future__ import annotations

import socket
import sys

EVERYTHING = 0x0003  # ETH_P_ALL


def main(interface: str) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING)) as tap:
        tap.bind((interface, 0))
        print("ready", flush=True)
        while True:
            print(tap.recv(65535).hex(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

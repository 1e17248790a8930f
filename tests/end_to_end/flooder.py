"""A stranger in a process of its own: makes a given number of idle connections a second to a port of this machine,
until its standard input ends.

At the end it prints {"made": how many, "closed": how many of these the other side has ended}.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time

EACH = 0.01  # seconds between two bursts


def flood(port: int, each_second: int) -> dict[str, int]:
    """Connections stay open until the other side ends them."""
    polled = select.epoll()
    open_now: dict[int, socket.socket] = {}
    made = closed = 0
    began = time.monotonic()
    while not select.select([sys.stdin], [], [], 0)[0]:
        due = (time.monotonic() - began) * each_second
        while made < due:
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            polled.register(sock, select.EPOLLIN | select.EPOLLRDHUP)
            open_now[sock.fileno()] = sock
            made += 1
        for descriptor, _ in polled.poll(EACH):
            polled.unregister(descriptor)
            open_now.pop(descriptor).close()
            closed += 1
    return {"made": made, "closed": closed}


if __name__ == "__main__":
    print(json.dumps(flood(int(sys.argv[1]), int(sys.argv[2]))))

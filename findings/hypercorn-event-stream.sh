#!/bin/sh
# hypercorn does not tell an open stream of events that it wants to end, so each end takes the whole grace period.
#
# hypercorn 0.18.0 serves ASGI programs. On `shutdown_trigger` it takes no new connections and waits for the requests
# that are being answered, `graceful_timeout` at most. A stream of server-sent events is a request whose answer never
# ends. By ASGI a program learns from `receive` that it should stop: http.disconnect.
#
# What happens: the program that waits in `receive` hears nothing. It is cancelled when the grace period is over, as if
# it had failed, and the listener sees the stream break off without its last chunk. `lifespan.shutdown` comes after
# that, too late to be of use. So with one listener every end and every restart takes as long as was meant for the
# slowest request. (The trio worker is shown; the asyncio worker took its whole grace period too.)
#
# The ASGI specification leaves open what a server does here. Uvicorn sends http.disconnect since its pull request
# 2829; for hypercorn we found neither documentation nor an issue.
#
# Why it matters: a daemon that holds case logs must lock at once when it is told to, and a window that shows what is
# new is always open. cellsync's streams end when it locks, which it does itself when it is told to end, and it does
# not wait for the server after that (`daemon/work.py`).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "hypercorn[trio]==0.18.0" trio==0.35.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from functools import partial
from importlib.metadata import version

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

heard = []


async def program(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            if kind == "lifespan.shutdown":
                heard.append(kind)
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
    try:
        heard.append((await receive())["type"])
    except trio.Cancelled:
        heard.append("cancelled")
        raise


async def shut_down(grace):
    """How long the server takes to end while one listener is connected, and the last bytes the listener gets."""
    heard.clear()
    config = Config()
    config.bind, config.graceful_timeout, config.errorlog = ["127.0.0.1:0"], grace, None
    ending = trio.Event()
    got = b""
    async with trio.open_nursery() as nursery:
        [bound] = await nursery.start(partial(serve, program, config, shutdown_trigger=ending.wait))
        listener = await trio.open_tcp_stream("127.0.0.1", int(bound.rpartition(":")[2]))
        await listener.send_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while b"first" not in got:
            got += await listener.receive_some()
        start = trio.current_time()
        ending.set()
        while more := await listener.receive_some():
            got += more
    return trio.current_time() - start, got[-9:]


print("hypercorn", version("hypercorn"), "trio", version("trio"))
so = []
for grace in (0.5, 5.0):
    took, last = trio.run(shut_down, grace)
    print(f"grace {grace} s: ended after {took:.1f} s; the program heard {heard}; the last bytes: {last}")
    so.append(took >= grace)
    so.append(heard == ["cancelled", "lifespan.shutdown"])
    so.append(not last.endswith(b"0\r\n\r\n"))
sys.exit(None if all(so) else f"not as described above: {so}")
PYTHON

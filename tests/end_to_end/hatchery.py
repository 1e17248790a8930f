"""Programs that need not load: a process that has loaded all of cellsync, the hatchery, forks for each of them.

A command takes a third of a second of processor time before it does anything, a daemon half a second, and there are a
thousand of them here. Each is a process of its own, with its own arguments, environment, descriptors and end, as if it
had been started; only loading was done before. Rules:

1. The hatchery has one thread and no files; it loads modules and does nothing else. What draws randomness does so after
   the fork.
2. A program in a namespace of the network (`ip netns exec NAME`) enters it before its first line.
3. Whoever looks at a process from outside (its arguments, its memory, how it starts) starts it as users do.
4. What a program has used is added to the costs of the test, and so is what the hatchery did for it.

One for each worker, and it ends with it. Where there is no `pidfd_open` (Linux), programs are started as usual.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import gc
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import traceback
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn

ROOT: Final = Path(__file__).parent.parent.parent
POSSIBLE: Final = hasattr(os, "pidfd_open")
_LOADED: Final = (
    "tests.cli.cheap", "tests.end_to_end.cell_device", "cellsync.daemon.work", "cellsync.api.direct",
    "cellsync.api.dispatch", "cellsync.api.web", "zeroconf.asyncio",
)  # fmt: skip
_IN_SPACE: Final = ("ip", "netns", "exec")
_NETWORK: Final = 0x40000000  # CLONE_NEWNET
_REQUEST: Final = 1 << 17  # bytes
_DESCRIPTORS: Final = 64


# --- the worker's side -----------------------------------------------------------------------------------------------


def popen(prefix: Sequence[str] = (), *, alone: bool = False) -> type[subprocess.Popen[Any]]:
    """How to start a program with this before its command; `alone`: it loads for itself."""
    possible = not prefix or _is_place(prefix)
    return Hatched if possible and not alone and POSSIBLE else subprocess.Popen


def _is_place(words: Sequence[str]) -> bool:
    return tuple(words[: len(_IN_SPACE)]) == _IN_SPACE


class Hatched(subprocess.Popen[Any]):
    """`Popen` of a program in Python, `[sys.executable, FILE, ARGUMENTS…]`, which the hatchery forks."""

    # The rest of `Popen` (pipes, `communicate`, waiting with a timeout) works with what these three do.

    _told: socket.socket

    def _execute_child(  # type: ignore[no-untyped-def]
        self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell,
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, restore_signals, gid, gids, uid, umask,
        start_new_session, *_,
    ) -> None:  # fmt: skip
        space = args[len(_IN_SPACE)] if _is_place(args) else ""
        args = args[len(_IN_SPACE) + 1 :] if space else args
        assert (args[0], shell) == (sys.executable, False)
        if preexec_fn is not None:
            raise ValueError("a program that is forked has nothing that comes before it: start it alone")
        standard = [own if given == -1 else given for own, given in enumerate((p2cread, c2pwrite, errwrite))]
        request = {
            "arguments": args[1:], "environment": dict(os.environ if env is None else env),
            "folder": str(cwd or Path.cwd()), "descriptors": [0, 1, 2, *pass_fds],
            "leads": start_new_session, "space": space,
        }  # fmt: skip
        self._told, its = socket.socketpair(type=socket.SOCK_SEQPACKET)  # one that ends at once is told of twice
        with its:
            channel = _hatchery()
            socket.send_fds(channel, [json.dumps(request).encode()], [its.fileno(), *standard, *pass_fds])
        self.pid = json.loads(self._told.recv(_REQUEST))
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)  # type: ignore[attr-defined]

    def _try_wait(self, flags: int) -> tuple[int, int]:
        """As `waitpid`: 0, 0 while it goes on."""
        from tests import costs  # the hatchery itself has no use for pytest

        self._told.setblocking(not flags & os.WNOHANG)
        try:
            status, used = json.loads(self._told.recv(_REQUEST))
        except BlockingIOError:
            return 0, 0
        costs.add(used)
        self._told.close()
        return self.pid, status

    def _internal_poll(self, *_: object, **__: object) -> int | None:
        if self.returncode is None and self._waitpid_lock.acquire(False):  # type: ignore[attr-defined]
            try:
                pid, status = self._try_wait(os.WNOHANG) if self.returncode is None else (0, 0)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode


@cache
def _hatchery() -> socket.socket:
    """The channel on which this worker's hatchery takes requests, each with its descriptors."""
    ours, its = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with its:
        process = subprocess.Popen(
            [sys.executable, __file__, str(its.fileno())], pass_fds=[its.fileno()], cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
        )  # fmt: skip

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# --- the hatchery ----------------------------------------------------------------------------------------------------


def main(descriptor: int) -> None:
    """Fork for each request until the worker is gone."""
    for name in _LOADED:
        import_module(name)
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()
    counted = 0.0
    channel = socket.socket(fileno=descriptor)
    awaited = selectors.DefaultSelector()
    awaited.register(channel, selectors.EVENT_READ)
    while True:
        for key, _ in awaited.select():
            if key.data is None:
                asked, passed, *_ = socket.recv_fds(channel, _REQUEST, _DESCRIPTORS)
                if not asked:
                    return
                pid = os.fork()
                if not pid:
                    _become(json.loads(asked), passed[1:])
                for one in passed[1:]:
                    os.close(one)
                told = socket.socket(fileno=passed[0])
                told.send(str(pid).encode())
                awaited.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, told))
            else:
                pid, told = key.data
                awaited.unregister(key.fd)
                os.close(key.fd)
                _, status, usage = os.wait4(pid, 0)
                own, counted = time.process_time() - counted, time.process_time()
                with told:
                    told.send(json.dumps([status, usage.ru_utime + usage.ru_stime + own]).encode())


def _become(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """In the child: be the program, from its first line to its end."""
    code = 1
    try:
        _place(descriptors, request["descriptors"])
        if request["space"]:
            _enter(request["space"])
        if request["leads"]:
            os.setsid()
            take_terminal()
        os.environ.clear()
        os.environ.update(request["environment"])
        time.tzset()
        os.chdir(request["folder"])
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115
        sys.argv, sys.orig_argv = list(request["arguments"]), [sys.executable, *request["arguments"]]
        code = _run(sys.argv[0])
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _enter(space: str) -> None:
    with open(f"/run/netns/{space}", "rb") as place:
        if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), _NETWORK):
            raise OSError(ctypes.get_errno(), "setns")


def take_terminal() -> None:
    """What leads a session, and has a terminal as its standard input, gets the signals of that terminal."""
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _run(file: str) -> int:
    try:
        runpy.run_path(file, run_name="__main__")
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1
    return 0


def _place(descriptors: Sequence[int], numbers: Sequence[int]) -> None:
    """Give each descriptor its number, and close all others."""
    above = max(*numbers, *descriptors) + 1
    moved = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, above) for one in descriptors]
    os.closerange(0, above)
    for one, number in zip(moved, numbers, strict=True):
        os.dup2(one, number)
    os.closerange(above, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(int(sys.argv[1]))

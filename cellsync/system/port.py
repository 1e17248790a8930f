"""The port: what an operating system must offer to cellsync. Each Protocol is the interface of one module of a system.

Failures raise OSError unless stated otherwise; callers translate it where they know what it means.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from signal import Signals
from typing import Final, NamedTuple, NoReturn, Protocol


class Memory(NamedTuple):
    """A file system in memory: its contents reach a disk only as swap."""

    folder: Path  # where we may make folders
    free: int  # bytes


class FilePort(Protocol):
    """Files and folders that only their owner can read, that survive a power cut, and that one process can lock."""

    def user(self) -> int:
        """The user whose files we may read, as in `os.stat`."""

    def make_folder(self, path: Path, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Like `Path.mkdir`, closed to other users."""

    def make_private(self, folder: Path) -> None:
        """Close it to other users."""

    def is_private(self, folder: Path) -> bool:
        """Whether it is ours, and closed to other users."""

    def open_private(self, path: Path, *, new: bool) -> int:
        """A descriptor for reading and writing. A missing file is created, unreadable to other users.

        `new`: it must be created; FileExistsError if it exists.
        """

    def sync(self, descriptor: int) -> None:
        """Return when the content would survive a power cut."""

    def sync_folder(self, path: Path) -> None:
        """The same for the names in a folder."""

    def lock(self, descriptor: int) -> bool:
        """Try to take the exclusive lock of an open file, without waiting; returns whether we hold it.

        It is released when the descriptor and all its duplicates are closed, or when their process ends, however it
        ends.
        """

    def lock_folder(self, path: Path) -> int | None:
        """A descriptor that holds a folder's exclusive lock; None if another process holds it."""

    def is_read_only(self, path: Path) -> bool:
        """Whether its file system is mounted read-only."""

    def memory(self) -> Memory | None:
        """Where files can be kept in memory; None if nowhere, or if that cannot be determined."""


class LocalSocketPort(Protocol):
    """Sockets local to this machine, reachable only for programs of this user."""

    def listen(self, path: Path, backlog: int) -> socket.socket:
        """Listen, non-blocking, at a free name in a private folder."""

    def connect(self, path: Path, timeout: float) -> socket.socket: ...


class ProcessPort(Protocol):
    """This process, and what others can see of it."""

    def harden(self) -> None:
        """Harden a process that is about to hold keys, as far as the system allows. Never fails."""

    def descriptors(self) -> int:
        """The number of files and sockets that may be open at the same time."""

    def core_limit(self) -> int:
        """How many bytes of its memory a crash writes to the disk; -1: all."""

    def is_dumpable(self) -> bool | None:
        """Whether its memory can be dumped, and read by other processes of the same user; None if unknown."""

    def working_time(self, pid: int) -> int | None:
        """For how long a process has used a processor or waited for one, in nanoseconds; None if unknown."""

    def replace(self, arguments: list[str]) -> NoReturn:
        """Run a program in place of this one: process id and inheritable descriptors stay, its memory is freed."""


class SignalPort(Protocol):
    """Signals from one process, or one thread, to another."""

    def that_end(self, *, at_keyboard: bool) -> list[Signals]:
        """The signals on which a long-running program shuts down in good order; `at_keyboard`: Ctrl-C too.

        Signals ignored at its start stay ignored: `nohup` means that the program outlives the terminal, and a script
        that starts it in the background means Ctrl-C for itself.
        """

    def end(self, pid: int) -> None:
        """Ask a process to shut down in good order. ProcessLookupError if there is none."""

    def kill(self, pid: int) -> None:
        """Kill a process immediately, whatever it is doing. ProcessLookupError if there is none."""

    def when_broken_off(self, do: Callable[[], None]) -> None:
        """From now on, `break_off` makes the main thread call `do`, even in the middle of a blocking wait."""

    def break_off(self, thread: int) -> None:
        """Interrupt the wait of the main thread, whose `get_ident()` this is."""


class TerminalPort(Protocol):
    """The terminal that a person types at."""

    def in_front(self, descriptor: int) -> bool:
        """Whether this program is in the foreground there."""

    def unseen(self, descriptor: int) -> AbstractContextManager[None]:
        """Meanwhile input is not echoed; input still unread at the end is dropped."""


class ClockPort(Protocol):
    """What the system knows about its clock."""

    def is_synchronised(self) -> bool | None:
        """Whether it is synchronised over the network; None if unknown."""

    def since_boot(self) -> float:
        """Seconds, by a clock that is never set and keeps running while the machine sleeps."""

    def boot(self) -> bytes:
        """Which start of which machine this is: equal only where `since_boot` goes on from the same moment."""

    def asleep(self) -> float:
        """For how many seconds this machine has been suspended since boot, as far as the system tells."""


class Interface(NamedTuple):
    """The identity of a link."""

    hardware: bytes  # its address; empty for a tunnel
    carrier_changes: int  # how often its cable was plugged or unplugged


class Gateway(NamedTuple):
    """A default gateway; sorts by preference."""

    version: int  # 4 or 6
    metric: int
    address: bytes


class Neighbour(NamedTuple):
    """A device on a link, as the kernel knows it."""

    hardware: bytes
    reachable: bool  # it has just answered


class Tables(NamedTuple):
    """A snapshot of all tables, by interface index."""

    links: dict[int, Interface]
    gateways: dict[int, list[Gateway]]
    neighbours: dict[tuple[int, bytes], Neighbour]  # with a known hardware address

    def reachable(self) -> frozenset[bytes]:
        """The addresses of neighbours that have just answered."""
        return frozenset(address for (_, address), neighbour in self.neighbours.items() if neighbour.reachable)


NO_TABLES: Final = Tables({}, {}, {})


class InterfacePort(Protocol):
    """The links of this device. Their addresses come from `ifaddr`, on every system."""

    def loopback(self) -> int:
        """The index of the loopback interface."""

    def is_up(self, interface: str) -> bool:
        """Whether the interface is up and has a carrier: an IPv4 address stays on one that is down."""

    def tables(self) -> Tables:
        """Gateways and neighbours, without sending anything. NO_TABLES where the system does not tell."""


class SocketPort(Protocol):
    """Socket options set before binding that not every system has."""

    def bind_to_link(self, sock: socket.socket, link: int) -> bool:
        """Bind an unbound socket to an interface, *before* it is bound to an address; False if that is impossible.

        Then no traffic of other networks reaches it, and it sends to no other.
        """

    def listen_on_links(self) -> bool:
        """Whether this process may bind listeners to links, one per link on the same port."""

    def ready_to_listen(self, sock: socket.socket) -> None:
        """Allow binding a port that this program has just left, which no other program can take meanwhile.

        Where the system can do that, also on an address that this device does not have now.
        """

    def share_port(self, sock: socket.socket) -> None:
        """Allow other programs to bind the same port: that of multicast DNS."""

    def hear_own_groups_only(self, sock: socket.socket) -> None:
        """Do not receive for groups that only other programs of this device have joined."""

    def host_of_group(self, group: str) -> str:
        """The address to bind in order to hear only a group, where the system can do that; "" is any address."""

    @property
    def NO_LINGER(self) -> bytes:
        """The SO_LINGER value with which closing resets the connection, ending it immediately on both sides."""


class Unit(NamedTuple):
    """A file for the system's service manager, and the commands that start it."""

    path: Path
    content: str
    commands: tuple[tuple[str, ...], ...]

    @property
    def start(self) -> str:
        """For people."""
        return " && ".join(" ".join(command) for command in self.commands)


class ServicePort(Protocol):
    """The service manager, which starts the daemon when its user logs in and is told its state."""

    def notify(self, state: str) -> None:
        """`READY=1`, `STOPPING=1`, `STATUS=…`. Does nothing if no service manager listens. Never fails."""

    def unit(self, command: list[str], mark: str) -> Unit:
        """The unit that runs a command; `mark` distinguishes units of one user."""

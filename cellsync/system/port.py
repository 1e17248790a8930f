"""The port: what a system has to be able to do for cellsync. Each Protocol is what one module of a system offers.

What can fail raises OSError, unless it says otherwise; the callers know what that means where they are.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from signal import Signals
from typing import Final, NamedTuple, NoReturn, Protocol


class Memory(NamedTuple):
    """A file system that is kept in memory: what is in it is on no disk, but as swap."""

    folder: Path  # in which we may make folders
    free: int  # bytes that still fit


class FilePort(Protocol):
    """Files and folders that only their owner may read, that outlive a power cut, and that one process may lock."""

    def user(self) -> int:
        """Whose files we may read, as `os.stat` gives it."""

    def make_folder(self, path: Path, *, parents: bool = False, exist_ok: bool = False) -> None:
        """As `Path.mkdir`. Nobody else may enter it."""

    def make_private(self, folder: Path) -> None:
        """Nobody else may enter it from now on."""

    def is_private(self, folder: Path) -> bool:
        """Whether it is ours, and nobody else may enter it."""

    def open_private(self, path: Path, *, new: bool) -> int:
        """A descriptor for reading and writing. A file that was not there is made; nobody else may read that.

        `new`: it has to be made; FileExistsError if there is one.
        """

    def sync(self, descriptor: int) -> None:
        """Return when the content is where a power cut leaves it."""

    def sync_folder(self, path: Path) -> None:
        """The same for the names in a folder."""

    def lock(self, descriptor: int) -> bool:
        """Take the only lock of an open file, at once or not at all; whether we have it.

        It is let go when the descriptor and all that were made of it are closed, or their process ends, however.
        """

    def lock_folder(self, path: Path) -> int | None:
        """A descriptor that holds a folder's only lock; None if somebody else does."""

    def is_read_only(self, path: Path) -> bool:
        """Whether nothing can be written to the disk that it is on, by anybody."""

    def memory(self) -> Memory | None:
        """Where files can be kept in memory; None where that cannot be done, or nobody knows."""


class LocalSocketPort(Protocol):
    """Sockets of this machine, which only programs of this user reach."""

    def listen(self, path: Path, backlog: int) -> socket.socket:
        """At a name that is free, in a folder that is private. It does not block."""

    def connect(self, path: Path, timeout: float) -> socket.socket: ...


class ProcessPort(Protocol):
    """This process, and what others may see of it."""

    def harden(self) -> None:
        """What a process that holds keys does first, as far as the system lets it. Never fails."""

    def descriptors(self) -> int:
        """How many files and sockets may be open at once."""

    def core_limit(self) -> int:
        """How many bytes of its memory are written to the disk when it crashes; -1: all."""

    def is_dumpable(self) -> bool | None:
        """Whether its memory can be dumped, and read by others of the same user; None where nobody knows."""

    def working_time(self, pid: int) -> int | None:
        """For how long a process has used a processor or waited for one, in nanoseconds; None where nobody knows."""

    def replace(self, arguments: list[str]) -> NoReturn:
        """Run a program in place of this one: its process id and inheritable descriptors stay, its memory goes."""


class SignalPort(Protocol):
    """What one process, or one thread, tells another to do."""

    def that_end(self, *, at_keyboard: bool) -> list[Signals]:
        """What ends a program that runs for long, in good order; `at_keyboard`: Ctrl-C too.

        What was ignored when it started stays so: `nohup` means that it outlives the terminal, and a script that puts
        it in the background means that Ctrl-C is for the script.
        """

    def end(self, pid: int) -> None:
        """Ask a process to end in good order. ProcessLookupError if there is none."""

    def kill(self, pid: int) -> None:
        """End a process at once, whatever it is doing. ProcessLookupError if there is none."""

    def when_broken_off(self, do: Callable[[], None]) -> None:
        """Call `do` in the main thread, in the middle of what it waits for, upon `break_off`. From then on."""

    def break_off(self, thread: int) -> None:
        """Break off what the main thread, which has this `get_ident()`, waits for."""


class TerminalPort(Protocol):
    """Where a person types."""

    def in_front(self, descriptor: int) -> bool:
        """Whether this program is the one that somebody works with there."""

    def unseen(self, descriptor: int) -> AbstractContextManager[None]:
        """What is typed meanwhile is not shown, and what has not been read at the end is dropped."""


class ClockPort(Protocol):
    """What the system knows of its clock."""

    def is_synchronised(self) -> bool | None:
        """Whether the network keeps it right; None where nobody knows."""

    def since_boot(self) -> float:
        """Seconds, by a clock that nobody sets and that goes on while the machine sleeps."""

    def asleep(self) -> float:
        """For how many seconds this machine has been suspended since it was started, as far as the system says."""


class Interface(NamedTuple):
    """What tells one from another."""

    hardware: bytes  # its address; nothing for a tunnel
    carrier_changes: int  # how often its cable was in or out


class Gateway(NamedTuple):
    """A default gateway, in the order of preference."""

    version: int  # 4 or 6
    metric: int
    address: bytes


class Neighbour(NamedTuple):
    """A device on a link, as the kernel knows it."""

    hardware: bytes
    reachable: bool  # it has just answered


class Tables(NamedTuple):
    """Everything at one moment, by the index of an interface."""

    links: dict[int, Interface]
    gateways: dict[int, list[Gateway]]
    neighbours: dict[tuple[int, bytes], Neighbour]  # whose hardware address is known

    def reachable(self) -> frozenset[bytes]:
        """The addresses of neighbours that are there."""
        return frozenset(address for (_, address), neighbour in self.neighbours.items() if neighbour.reachable)


NO_TABLES: Final = Tables({}, {}, {})


class InterfacePort(Protocol):
    """The links of this device. Their addresses come from `ifaddr`, on every system."""

    def loopback(self) -> int:
        """The index of the one that leads back here."""

    def is_up(self, interface: str) -> bool:
        """Whether the cable is in, so to speak: an IPv4 address stays on an interface that is down."""

    def tables(self) -> Tables:
        """Gateways and neighbours, without asking anybody. NO_TABLES where the system does not say."""


class SocketPort(Protocol):
    """What is asked of a socket before it is bound, beyond what every system has."""

    def bind_to_link(self, sock: socket.socket, link: int) -> bool:
        """Bind an unbound socket to an interface, *before* it is bound to an address; False where that cannot be done.

        Then nothing of other networks reaches it, and it sends to no other.
        """

    def listen_on_links(self) -> bool:
        """Whether this process may bind listeners to links, so that one port has one on each."""

    def ready_to_listen(self, sock: socket.socket) -> None:
        """A port that this program has just left can be taken at once, by nobody else meanwhile.

        Where the system can do that, also on an address that this device has not now.
        """

    def share_port(self, sock: socket.socket) -> None:
        """Other programs may be bound to the same port: that of multicast DNS."""

    def hear_own_groups_only(self, sock: socket.socket) -> None:
        """And not those that other programs of this device have joined."""

    def host_of_group(self, group: str) -> str:
        """What to bind to, to hear a group and nothing else where the system can do that; "" is any address."""

    @property
    def NO_LINGER(self) -> bytes:
        """What SO_LINGER is set to so that the connection is over at once when it is closed, on both sides."""


class Unit(NamedTuple):
    """A file for the system's service manager, and what makes it start."""

    path: Path
    content: str
    commands: tuple[tuple[str, ...], ...]

    @property
    def start(self) -> str:
        """For people."""
        return " && ".join(" ".join(command) for command in self.commands)


class ServicePort(Protocol):
    """What starts the daemon when its user logs in, and is told how it stands."""

    def notify(self, state: str) -> None:
        """`READY=1`, `STOPPING=1`, `STATUS=…`. Without a service manager that listens nothing happens. Never fails."""

    def unit(self, command: list[str], mark: str) -> Unit:
        """What lets it run a command; `mark` tells units of one user apart."""

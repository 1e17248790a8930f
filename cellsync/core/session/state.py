"""The states of a session, and their default behaviour."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import ClassVar, Final

from cellsync.core.ids import CircleId
from cellsync.core.session.building import Building
from cellsync.core.session.connection import Connection
from cellsync.core.session.events import Event
from cellsync.core.session.exchange import Exchange
from cellsync.core.wire.places import Gap

NO_EXCHANGES: Final[Mapping[bytes, Exchange]] = {}


class State(Enum):
    OPENING = auto()
    LISTENING = auto()
    CALLED = auto()
    SILENT = auto()
    TALKING = auto()
    PARTING = auto()
    CLOSED = auto()


class Phase(ABC):
    """One state. Each input returns the phase that follows, or itself.

    A phase raises PeerError for a fault of the peer; the session then ends.
    """

    state: ClassVar[State]

    def __init__(self, connection: Connection) -> None:
        self.connection: Final = connection

    @property
    def deadline(self) -> float:
        """When `late` is due."""
        return self.connection.hang_up

    @abstractmethod
    def receive(self, data: bytes) -> tuple[Phase, list[Event]]:
        """Handle these bytes."""

    @abstractmethod
    def late(self) -> tuple[Phase, list[Event]]:
        """The deadline has passed."""

    def accept(self) -> Phase:
        """The ephemeral of the opening is committed."""
        return self

    # Only `Talking` has more to do for the following.

    @property
    def exchanges(self) -> Mapping[bytes, Exchange]:
        """The exchanges of the circles that both sides speak of, by name."""
        return NO_EXCHANGES

    @property
    def offered(self) -> Collection[CircleId]:
        """The circles that we have offered."""
        return ()

    @property
    def restless(self) -> bool:
        return False

    def ping(self) -> None:  # noqa: B027 - here it is not sent
        """A ping was counted: send it."""

    def committed(
        self,
        circle: CircleId,
        reached: Sequence[tuple[int, int] | None],
        refused: Collection[int],
        gaps: Collection[Gap],
        news: bool,
    ) -> list[Event]:
        return []

    def pulling(self, ripe: float, events: list[Event], circle: CircleId | None) -> Iterator[Building]:
        return iter(())

    def tell(self, circle: CircleId, grown: Sequence[bytes]) -> None:  # noqa: B027 - nobody to tell
        """Branches have grown here."""

    def locate(self, circle: CircleId) -> None:  # noqa: B027 - told later
        """There are places to tell."""

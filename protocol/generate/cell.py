"""Devices of one circle, and what they write (protocol/30-history.md, 40-membership.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from nacl.signing import SigningKey

from protocol.generate.conversation import x25519
from protocol.generate.encapsulation import xwing_keys
from protocol.generate.hashes import h, invented
from protocol.generate.header import FOUND, ZEROS, Entry
from protocol.generate.packed import packed

CASE, ADMIT, REQUIRE, RECOVERY = 0, 2, 13, 14
READER, WRITER, COORDINATOR = 1, 2, 3
NOON: Final = 1_790_000_000_000
DAY: Final = NOON // 86_400_000


@dataclass(frozen=True)
class Keys:
    """The keys of a device, and the public halves that introduce it."""

    name: str
    signing: SigningKey
    public: tuple[bytes, bytes, bytes]


@cache
def keys_of(name: str) -> Keys:
    signing = SigningKey(invented(f"{name}: signing"))
    session = x25519(invented(f"{name}: session"))
    return Keys(name, signing, (bytes(signing.verify_key), session, xwing_keys(invented(f"{name}: seal"))[2]))


def salted(value: Any, *about: Any) -> bytes:
    return invented(f"salt {about} {value}", 16) + packed(value)


SIGNERS: Final[dict[bytes, SigningKey]] = {}
"""The signing key of every device there has been, by its id."""


@dataclass
class Writer:
    """A device in one incarnation, on one branch of its chain: `head` is what it goes on from."""

    keys: Keys
    circle: bytes
    device: bytes
    incarnation: bytes
    head: Entry | None = None

    def __post_init__(self) -> None:
        SIGNERS[self.device] = self.keys.signing

    def write(
        self,
        kind: int,
        case: bytes,
        shape: bytes,
        content: bytes,
        cites: Sequence[Entry] = (),
        clock: int | None = None,
    ) -> Entry:
        before = [self.head] if self.head else []
        height = 1 + max((entry.height for entry in (*before, *cites)), default=0)
        self.head = Entry(
            circle=self.circle, device=self.device, incarnation=self.incarnation,
            sequence=1 + (self.head.sequence if self.head else 0), previous=self.head.id if self.head else ZEROS,
            height=height, clock=NOON + 1_000 * height if clock is None else clock, kind=kind, case=case,
            shape=shape, content=content, parents=tuple(entry.id for entry in cites),
        )  # fmt: skip
        return self.head

    def says(self, value: Any, case: str = "case", cites: Sequence[Entry] = (), **more: Any) -> Entry:
        """A case entry that appends one item to the case's log."""
        content = salted([value], self.keys.name, self.incarnation.hex())
        return self.write(CASE, invented(case), packed([[7, "log", None]]), content, cites, **more)

    def admits(self, name: str, role: int = WRITER, cites: Sequence[Entry] = (), keys: Any = None) -> Entry:
        public = list(keys_of(name).public) if keys is None else keys
        return self.write(ADMIT, self.circle, packed([role, public]), salted([name], "admit"), cites)

    def fork(self, after: Entry | None) -> Writer:
        """The same chain, gone on from another entry."""
        return replace(self, head=after)

    def again(self, number: int = 2) -> Writer:
        """The same device in another incarnation, which has written nothing."""
        return replace(self, incarnation=invented(f"{self.keys.name} {number}", 8), head=None)


def introduced(name: str, by: Entry) -> Writer:
    """The device that an entry introduces. Its first entry has to have that in its past."""
    return Writer(keys_of(name), by.circle, by.id, invented(f"{name} 1", 8))


def recovery_secret(what: str) -> bytes:
    """The signing half of the keys that a secret on paper gives."""
    return h("cs1 recovery", b"sign", invented(f"recovery of {what}"))


def recovery_keys(what: str) -> list[bytes]:
    """The public halves of both."""
    seal = h("cs1 recovery", b"seal", invented(f"recovery of {what}"))
    return [bytes(SigningKey(recovery_secret(what)).verify_key), xwing_keys(seal)[2]]


def founder(name: str = "ana", circle: str = "Mill Street", *, older: bool = False) -> Writer:
    """A device that has founded a circle: its head is the `found`. `older`: of the form without a key that opens."""
    keys, root = keys_of(name), invented(f"root of {circle}")
    commitment = h("cs1 commitment", key=root)
    recovery: Any = recovery_keys(circle)
    wraps = [invented(f"wrap {number}", 1_168) for number in range(2)]
    if older:
        recovery, wraps = recovery[0], wraps[:1]
    shape = packed([recovery, list(keys.public), [commitment, DAY, *wraps]])
    writer = Writer(keys, ZEROS, ZEROS, invented(f"{name} 1", 8))
    found = writer.write(FOUND, ZEROS, shape, salted([circle, name], "found"))
    named = replace(found, circle=found.id, device=found.id, case=found.id)
    return replace(writer, circle=found.id, device=found.id, head=named)

"""The part `vault`: the header of a vault (protocol/70-vault.md, Header)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as xchacha_sealed
from nacl.pwhash import argon2id

from protocol.generate.hashes import h, invented
from protocol.generate.vector import Vector, fault

MAGIC: Final = b"csvault\0"
MASTER: Final = invented("master key")
SIGNING, SESSION = invented("signing seed"), invented("session secret")
PHRASE: Final = "orbit maple tulip"
OWN: Final = "rope silk tuna"
CHEAP: Final = 1


@dataclass(frozen=True)
class Slot:
    kind: int = 1
    derivation: int = 1
    zero: int = 0
    passes: int = 1
    memory: int = 8_192
    form: bytes = PHRASE.encode()  # what the key is derived from

    @property
    def bound(self) -> bytes:
        numbers = struct.pack(">BBHIQ", self.kind, self.derivation, self.zero, self.passes, self.memory)
        return numbers + invented("salt", 16)

    def written(self, profile: int) -> bytes:
        nonce = invented("nonce of a slot", 24)
        if not (self.kind == 1 and self.derivation == 1 and 1 <= self.passes <= 3 and 8_192 <= self.memory < 1 << 24):
            return self.bound + nonce + invented("what none has to open", 48)
        key = argon2id.kdf(32, self.form, self.bound[16:], opslimit=self.passes, memlimit=self.memory)
        associated = b"cellsync/1 vault slot\0" + MAGIC + struct.pack(">HBB", 1, profile, 0) + self.bound
        return self.bound + nonce + xchacha_sealed(MASTER, associated, nonce, key)


@dataclass(frozen=True)
class Lock:
    """A circle's own passphrase."""

    passes: int = 1
    memory: int = 8_192
    form: bytes = OWN.encode()
    file: int | None = None  # another circle's, whose file it was made for

    def written(self, circle: bytes, file: bytes, key: bytes, profile: int) -> bytes:
        numbers, salt = struct.pack(">IQ", self.passes, self.memory), invented("salt of a circle", 16)
        nonce = invented("nonce of a circle", 24)
        if not (1 <= self.passes <= 3 and 8_192 <= self.memory < 1 << 24):
            return numbers + salt + nonce + invented("what none has to open", 48)
        derived = argon2id.kdf(32, self.form, salt, opslimit=self.passes, memlimit=self.memory)
        made_for = file if self.file is None else invented(f"file {self.file}", 16)
        associated = b"cellsync/1 vault circle\0" + circle + made_for + struct.pack(">H", profile) + numbers + salt
        return numbers + salt + nonce + xchacha_sealed(key, associated, nonce, derived)


@dataclass(frozen=True)
class Header:
    slots: Sequence[Slot] = (Slot(),)
    profile: int = CHEAP
    version: int = 2
    locks: Mapping[int, Lock] = field(default_factory=dict)  # by number of the circle
    copied: int = 0  # ms, of every circle
    name: bytes = b"Ana"
    circles: int = 2
    body: bytes | None = None

    @property
    def rows(self) -> list[list[bytes]]:
        return [[invented(f"circle {n}"), invented(f"file {n}", 16), invented(f"key {n}")] for n in range(self.circles)]

    @property
    def plain(self) -> bytes:
        if self.body is not None:
            return self.body
        circles = b"".join(b"".join(row) if self.version == 1 else self.row(n) for n, row in enumerate(self.rows))
        body = SIGNING + SESSION + struct.pack(">H", len(self.name)) + self.name + bytes([self.circles]) + circles
        return body.ljust(4_096 if self.version == 1 else 8_192, b"\0")

    def row(self, number: int) -> bytes:
        circle, file, key = self.rows[number]
        lock = self.locks.get(number)
        opens = bytes(52) + key + bytes(16) if lock is None else lock.written(circle, file, key, self.profile)
        return circle + file + struct.pack(">Q", self.copied) + opens

    def written(self) -> bytes:
        opening = MAGIC + struct.pack(">HBB", self.version, self.profile, len(self.slots))
        opening += b"".join(slot.written(self.profile) for slot in self.slots)
        nonce, key = invented("nonce of the body", 24), h("cs1 vault key", key=MASTER)
        return opening + nonce + xchacha_sealed(self.plain, b"cellsync/1 vault body\0" + opening, nonce, key)

    def whole(self) -> bytes:
        return checked(self.written())

    def result(self, *, unlocked: bool) -> dict[str, Any]:
        rows: list[list[bytes | None]] = [
            [circle, file, key if unlocked or number not in self.locks else None]
            for number, (circle, file, key) in enumerate(self.rows)
        ]
        return {"signing": SIGNING, "session": SESSION, "name": self.name.decode(), "circles": rows}


def checked(content: bytes) -> bytes:
    return content + h("cs1 vault check", content)


def flipped(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


PLAIN: Final = Header()


def opened() -> Iterator[Vector]:
    def good(name: str, header: Header, passphrase: str = PHRASE, own: str | None = None) -> Vector:
        given = {"header": header.whole(), "passphrase": passphrase, "cheap": True}
        given |= {} if own is None else {"own": own}
        return Vector("vault", name, given, result=header.result(unlocked=own is not None))

    yield good("two circles", PLAIN)
    yield good("no circles", replace(PLAIN, circles=0))
    yield good("32 circles", replace(PLAIN, circles=32))
    yield good("an empty name", replace(PLAIN, name=b""))
    yield good("a name of 256 bytes", replace(PLAIN, name="Б".encode() * 128))
    yield good("more passes and more memory", replace(PLAIN, slots=[Slot(passes=2, memory=16_384)]))
    yield good("memory that is no whole KiB", replace(PLAIN, slots=[Slot(memory=9_000)]))
    yield good("two passphrases, the first", replace(PLAIN, slots=[Slot(), Slot(form=b"another phrase")]))
    yield good("two passphrases, the second", replace(PLAIN, slots=[Slot(form=b"another phrase"), Slot()]))
    yield good("eight slots", replace(PLAIN, slots=[Slot(form=b"%d" % number) for number in range(7)] + [Slot()]))
    yield good("a slot of a later kind", replace(PLAIN, slots=[Slot(kind=9, derivation=77, zero=5, passes=0), Slot()]))
    yield good("capitals, dashes and blanks", PLAIN, " Orbit-MAPLE\u2011\u2013 tulip ")
    yield good("a soft hyphen", PLAIN, "orbit\u00admaple tulip")
    yield good("full width letters", replace(PLAIN, slots=[Slot(form=b"orbit")]), "\uff2f\uff52\uff42\uff49\uff54")
    yield good("an apostrophe", replace(PLAIN, slots=[Slot(form="it's zo\u00eb".encode())]), "IT\u2019S Zoe\u0308")
    yield good("a letter that folds to two", replace(PLAIN, slots=[Slot(form=b"strasse")]), "Stra\u00dfe")
    old = replace(PLAIN, slots=[Slot(form="Orbit-Maple  Ë".encode())])
    yield good("a vault from before the typing form", old, "Orbit-Maple  E\u0308")
    yield good("version 1", replace(PLAIN, version=1))
    yield good("version 1 with 32 circles", replace(PLAIN, version=1, circles=32))
    yield good("a locked circle", replace(PLAIN, locks={1: Lock()}))
    yield good("a circle unlocked", replace(PLAIN, locks={1: Lock()}), own="Rope-Silk  tuna")
    yield good(
        "a lock from a passphrase as it is", replace(PLAIN, locks={1: Lock(form="Rope-Ë".encode())}), own="Rope-E\u0308"
    )
    yield good(
        "all but the first unlocked", replace(PLAIN, circles=32, locks={n: Lock() for n in range(1, 32)}), own=OWN
    )
    first = replace(PLAIN, locks={0: Lock()})
    yield good("the first circle locked", first)
    yield good("the first circle unlocked", first, own=OWN)
    every = replace(PLAIN, locks={0: Lock(), 1: Lock()})
    yield good("every circle locked", every)
    yield good("every circle unlocked", every, own=OWN)
    more = Lock(passes=2, memory=16_384)
    yield good("a lock with more passes and more memory", replace(PLAIN, locks={1: more}), own=OWN)
    yield good("circles that were copied", replace(PLAIN, locks={1: Lock()}, copied=1_700_000_000_000))


def refused() -> Iterator[Vector]:
    def bad(
        name: str, raw: bytes, error: str, passphrase: str = PHRASE, *, cheap: bool = True, own: str | None = None
    ) -> Vector:
        given = {"header": raw, "passphrase": passphrase, "cheap": cheap} | ({} if own is None else {"own": own})
        return Vector("vault", name, given, fault(error))

    raw, content = PLAIN.whole(), PLAIN.written()
    yield bad("another passphrase", raw, "wrong_passphrase", "orbit maple tulips")
    yield bad("another letter", raw, "wrong_passphrase", "órbit maple tulip")
    yield bad("a cheap vault that nobody asked for", raw, "cheap_vault", cheap=False)
    yield bad("something else", b"SQLite format 3\0" + bytes(100), "not_a_vault")
    yield bad("an empty file", b"", "vault_damaged")
    yield bad("half of the magic", MAGIC[:4], "vault_damaged")
    yield bad("half of the file", raw[:2_000], "vault_damaged")
    yield bad("a byte too many", raw + b"\0", "vault_damaged")
    for name, at in (("the version", 9), ("a slot", 30), ("the body", 500), ("the checksum", len(raw) - 1)):
        yield bad(f"a bit flipped in {name}", flipped(raw, at), "vault_damaged")
    yield bad("a later version", replace(PLAIN, version=3).whole(), "newer_version")
    yield bad(
        "a later version of another size", checked(replace(PLAIN, version=9).written() + b"more"), "newer_version"
    )
    yield bad("the version 0", replace(PLAIN, version=0).whole(), "vault_damaged")
    yield bad("a profile that there is not", replace(PLAIN, profile=2).whole(), "vault_damaged")
    yield bad("no slots", replace(PLAIN, slots=[]).whole(), "vault_damaged")
    yield bad("nine slots", replace(PLAIN, slots=[Slot()] * 9).whole(), "vault_damaged")
    yield bad("a byte between body and checksum", checked(content + b"\0"), "vault_damaged")
    for name, slot in (
        ("another derivation", Slot(derivation=2)),
        ("something in place of the zeros", Slot(zero=1)),
        ("no pass", Slot(passes=0)),
        ("21 passes", Slot(passes=21)),
        ("too little memory", Slot(memory=8_191)),
        ("too much memory", Slot(memory=(2 << 30) + 1)),
    ):
        yield bad(name, replace(PLAIN, slots=[slot]).whole(), "vault_damaged")
    yield bad("cheap parameters in a real vault", replace(PLAIN, profile=0).whole(), "vault_damaged", cheap=False)
    yield bad("no slot that a passphrase opens", replace(PLAIN, slots=[Slot(kind=2)]).whole(), "wrong_passphrase")
    yield bad("a slot with a bit flipped, and checked anew", checked(flipped(content, 80)), "wrong_passphrase")
    yield bad("a body with a bit flipped, and checked anew", checked(flipped(content, 500)), "vault_damaged")
    one = replace(PLAIN, slots=[Slot()]).written()
    added = one[:11] + b"\x02" + one[12:116] + Slot(kind=9).written(CHEAP) + one[116:]
    yield bad("a slot that was added", checked(added), "vault_damaged")
    long = SIGNING + SESSION + struct.pack(">H", 257)
    yield bad("a name of 257 bytes", replace(PLAIN, body=long.ljust(8_192, b"\0")).whole(), "vault_damaged")
    latin = SIGNING + SESSION + struct.pack(">H", 1) + b"\xff"
    yield bad("a name that is no UTF-8", replace(PLAIN, body=latin.ljust(8_192, b"\0")).whole(), "vault_damaged")
    many = SIGNING + SESSION + bytes(2) + bytes([33])
    yield bad("33 circles", replace(PLAIN, body=many.ljust(8_192, b"\0")).whole(), "vault_damaged")
    padded = replace(PLAIN, body=PLAIN.plain[:-1] + b"\x01")
    yield bad("something behind the circles", padded.whole(), "vault_damaged")
    before = replace(PLAIN, version=1)
    behind = replace(before, body=before.plain[:-1] + b"\x01")
    yield bad("something behind the circles of version 1", behind.whole(), "vault_damaged")
    yield bad("a body of version 1 in version 2", replace(PLAIN, body=before.plain).whole(), "vault_damaged")
    locked = replace(PLAIN, locks={1: Lock()})
    yield bad("another own passphrase", locked.whole(), "wrong_passphrase", own="rope silk tunas")
    yield bad("the passphrase of the vault for a circle", locked.whole(), "wrong_passphrase", own=PHRASE)
    yield bad("the own passphrase for the vault", locked.whole(), "wrong_passphrase", OWN)
    other = replace(PLAIN, locks={1: Lock(file=0)})
    yield bad("a lock of another file", other.whole(), "wrong_passphrase", own=OWN)
    for name, lock in (
        ("no pass", Lock(passes=0)),
        ("21 passes", Lock(passes=21)),
        ("too little memory", Lock(memory=8_191)),
        ("too much memory", Lock(memory=(2 << 30) + 1)),
    ):
        yield bad(f"a lock with {name}", replace(PLAIN, locks={1: lock}).whole(), "vault_damaged")
    for name, at in (("a salt", 13), ("a nonce", 30), ("something behind the key", 99)):
        place = 67 + len(PLAIN.name) + 56 + at
        told = PLAIN.plain[:place] + b"\x01" + PLAIN.plain[place + 1 :]
        yield bad(f"{name} without a lock", replace(PLAIN, body=told).whole(), "vault_damaged")


def vectors() -> Iterator[Vector]:
    yield from opened()
    yield from refused()

"""The part `session`: what may be said next, after what both sides have said (protocol/50-sync.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from protocol.generate import messages
from protocol.generate.hashes import h, invented
from protocol.generate.messages import CASE, CHAIN, CITED, DEVICE, ENTRY, LIFE, ROW, SIGNATURE, changed, steps
from protocol.generate.packed import packed
from protocol.generate.vector import Vector, fault

HASH: Final = invented("handshake hash", 64)
ONE: Final = invented("one circle")
OTHER: Final = invented("the other circle")
PSKS: Final = {ONE: invented("psk"), OTHER: invented("the other psk")}
FILL: Final = [invented(f"fill {number}", 16) for number in range(32)]


def tag(role: str, circle: bytes) -> bytes:
    return h("cs1 offer", role.encode() + HASH + circle, PSKS[circle], 16)


NAME: Final = tag("caller", ONE)[:8]
OTHERS_NAME: Final = tag("caller", OTHER)[:8]


def about(message: list[Any], name: bytes = NAME) -> list[Any]:
    """The same message, about a circle of this session."""
    return changed(message, 1, name)


def offer(role: str, *circles: bytes) -> list[Any]:
    tags = [tag(role, circle) for circle in circles]
    return [1, sorted(tags + FILL[len(tags) :])]


DIGEST: Final = about([2, b"", ENTRY])
FRONTIER: Final = about(messages.frontier([[DEVICE, LIFE, 7, ENTRY]]))
PATH: Final = about(messages.path([DEVICE, LIFE, steps(3)]))
WHEREABOUTS: Final = about(messages.whereabouts([DEVICE, [[messages.ADDRESS, 40_001]]]))
ACK: Final = [5, NAME, []]
PING: Final[list[Any]] = [6]
PONG: Final[list[Any]] = [7]
CLOCK: Final = [11, 1_790_000_000_123]
DETACHED: Final = [
    12, NAME, DEVICE, LIFE, 3, ENTRY, 9, 1_790_000_000_000, 5 + 3 * 256, packed([[invented("target")]]),
    invented("hash of a content"), 17, [], SIGNATURE,
]  # fmt: skip


WANTED: Final = about([13, b"", messages.EPOCH])
STATES: Final = about(messages.GIVEN)


def batch(last: bool = True, chains: Any = (CHAIN,), cases: Any = (CASE,), entries: Any = (ROW,)) -> list[Any]:
    return [4, NAME, last, list(chains), list(cases), list(entries)]


WHOLE: Final = batch()
BEGUN: Final = batch(last=False)
THREE: Final = batch(chains=[CHAIN, [invented("third"), LIFE, 3, ENTRY, SIGNATURE], CITED],
                     entries=[ROW, [1, *ROW[1:]]])  # fmt: skip


@dataclass(frozen=True)
class Talk:
    """A session, as the side `role` sees it: what it holds the peer to be, and what was said."""

    role: str = "callee"
    hinted: bytes = ONE
    active: tuple[bytes, ...] = (ONE,)
    inactive: tuple[bytes, ...] = ()
    said: tuple[list[Any], ...] = field(default=())

    @property
    def peer(self) -> str:
        return "caller" if self.role == "callee" else "callee"

    def ours(self, message: list[Any], times: int = 1) -> Talk:
        return replace(self, said=(*self.said, ["ours", packed(message), times]))

    def theirs(self, message: list[Any], times: int = 1) -> Talk:
        return replace(self, said=(*self.said, ["theirs", packed(message), times]))

    def offered(self, theirs: tuple[bytes, ...] = (ONE,), ours: tuple[bytes, ...] | None = None) -> Talk:
        """The caller offers with its first frame, the callee after that."""
        own = offer(self.role, *(self.active if ours is None else ours))
        other = offer(self.peer, *theirs)
        return self.ours(own).theirs(other) if self.role == "caller" else self.theirs(other).ours(own)

    def given(self, message: list[Any]) -> dict[str, Any]:
        circles = [
            {"circle": circle, "psk": PSKS[circle], "active": circle in self.active}
            for circle in (*self.active, *self.inactive)
        ]
        talk = {"role": self.role, "hash": HASH, "hinted": self.hinted, "circles": circles}
        return {**talk, "said": list(self.said), "message": packed(message)}

    def takes(self, name: str, message: list[Any], *names: bytes) -> Vector:
        """`names`: the circles that have one afterwards."""
        rows = sorted([tag("caller", circle)[:8], circle] for circle in names or self.active)
        return Vector("session", name, self.given(message), result={"names": rows})

    def refuses(self, name: str, message: list[Any], rule: str) -> Vector:
        return Vector("session", name, self.given(message), fault(rule))


CALLEE: Final = Talk().offered()
CALLER: Final = Talk("caller").offered()
BOTH: Final = Talk(active=(ONE, OTHER)).offered((ONE, OTHER))
UNKNOWN: Final = Talk(active=(), inactive=(ONE,)).offered()  # whom a member has admitted, and we have not heard of it
NEW: Final = Talk("caller").offered(theirs=())  # the callee has not heard of us
REMOVED: Final = Talk(active=(), inactive=(ONE,)).offered(ours=(ONE,))  # the peer was active when we offered


# --- offers, and names ------------------------------------------------------------------------------------


def offers() -> Iterator[Vector]:
    first, reply = offer("caller", ONE), offer("callee", ONE)
    yield Vector("session", "the first message of a caller", Talk().given(first), result={"names": []})
    calling = Talk("caller").ours(first)
    yield calling.takes("the offer of a callee", reply)
    yield (
        Talk(active=(ONE, OTHER))
        .theirs(offer("caller", OTHER))
        .ours(offer("callee", ONE, OTHER))
        .takes("one of two circles is shared", about(DIGEST, OTHERS_NAME), OTHER)
    )
    yield BOTH.takes("two circles are shared", DIGEST)
    yield CALLEE.refuses("a second offer of a caller", first, "offer.twice")
    yield CALLEE.theirs(PING).ours(PONG).refuses("an offer after a ping", offer("caller"), "offer.twice")
    yield CALLER.takes("a second offer of a callee", reply)
    yield NEW.takes("a callee offers again, once it knows the caller", reply)
    yield CALLER.theirs(reply).refuses("a third offer of a callee", reply, "offer.twice")
    yield NEW.theirs(reply).refuses("a third offer, after one of nothing", offer("callee"), "offer.twice")

    yield Talk().refuses("a digest before any offer", DIGEST, "circle.shared")
    yield Talk().refuses("an acknowledgement before any offer", ACK, "circle.shared")
    yield calling.refuses("a frontier before the callee's offer", FRONTIER, "circle.shared")
    other = about(DIGEST, OTHERS_NAME)
    yield CALLEE.refuses("a circle that neither offered", other, "circle.shared")
    yield Talk().offered(theirs=(ONE, OTHER)).refuses("a circle that only the peer offered", other, "circle.shared")
    yield Talk(active=(ONE, OTHER)).offered().refuses("a circle that only we offered", other, "circle.shared")
    yield CALLEE.refuses("the name in the callee's tag", about(DIGEST, tag("callee", ONE)[:8]), "circle.shared")
    for name, message in (
        ("a frontier", FRONTIER), ("a path", PATH), ("a batch", WHOLE), ("whereabouts", WHEREABOUTS),
        ("a wanted epoch", WANTED), ("states", STATES),
        ("an acknowledgement", ACK), ("a detached entry", DETACHED),
    ):  # fmt: skip
        yield CALLEE.refuses(f"{name} about no shared circle", about(message, OTHERS_NAME), "circle.shared")


# --- who is not active ------------------------------------------------------------------------------------


def strangers() -> Iterator[Vector]:
    asked = {
        "a digest": DIGEST, "a frontier": FRONTIER, "a path": PATH, "whereabouts": WHEREABOUTS,
        "a wanted epoch": WANTED, "a detached entry": DETACHED,
    }  # fmt: skip
    for name, message in asked.items():
        yield UNKNOWN.refuses(f"{name} of a caller that is not known", message, "circle.active")
        yield REMOVED.refuses(f"{name} of a device that is active no more", message, "circle.active")
    yield UNKNOWN.takes("a batch of a caller that is not known", WHOLE, ONE)
    yield UNKNOWN.takes("a ping of a caller that is not known", PING, ONE)
    yield UNKNOWN.takes("a clock of a caller that is not known", CLOCK, ONE)
    unnamed = Talk(active=(), inactive=(ONE,)).offered(theirs=())
    yield unnamed.refuses("a batch of a caller that is not known and offers nothing", WHOLE, "circle.shared")
    yield REMOVED.takes("a batch of a device that is active no more", WHOLE, ONE)
    yield REMOVED.ours(WHOLE).takes("an acknowledgement of a device that is active no more", ACK, ONE)
    known = Talk(said=UNKNOWN.theirs(WHOLE).ours(ACK).said)
    yield known.ours(offer("callee", ONE)).takes("a digest of a caller that has become known", DIGEST)
    yield known.ours(offer("callee", ONE)).takes("a detached entry of a caller that has become known", DETACHED)
    yield NEW.ours(WHOLE).takes("an acknowledgement of a callee that does not know the caller", ACK)
    for name, message in asked.items():
        yield NEW.refuses(f"{name} of a callee that does not know the caller", message, "circle.shared")
        yield NEW.theirs(offer("callee", ONE)).takes(f"{name} of a callee that has come to know the caller", message)


# --- what is said once, or after something ------------------------------------------------------------------


def turns() -> Iterator[Vector]:
    yield Talk().theirs(offer("caller", ONE)).ours(offer("callee", ONE)).takes("a clock", CLOCK)
    yield CALLEE.theirs(CLOCK).refuses("a second clock", CLOCK, "clock.twice")
    yield CALLER.theirs(CLOCK).theirs(DIGEST).refuses("a second clock, which shows less", [11, 0], "clock.twice")
    yield CALLEE.ours(CLOCK).takes("a clock after ours", CLOCK)
    yield UNKNOWN.theirs(CLOCK).refuses("a second clock of a caller that is not known", CLOCK, "clock.twice")

    yield CALLEE.takes("a digest", DIGEST)
    yield CALLEE.ours(DIGEST).takes("a digest after ours", DIGEST)
    yield CALLEE.takes("a frontier before the digest", FRONTIER)
    yield CALLEE.theirs(FRONTIER).takes("a digest after a frontier", DIGEST)
    yield CALLEE.theirs(DIGEST).refuses("a second digest", DIGEST, "digest.twice")
    yield CALLER.theirs(DIGEST).refuses("a second digest, of something else", about([2, b"", CASE]), "digest.twice")
    yield (
        CALLEE.theirs(DIGEST)
        .ours(DIGEST)
        .theirs(FRONTIER)
        .refuses("a second digest after a frontier", DIGEST, "digest.twice")
    )
    yield BOTH.theirs(DIGEST).takes("a digest about each of two circles", about(DIGEST, OTHERS_NAME))
    yield (
        BOTH.theirs(DIGEST)
        .theirs(about(DIGEST, OTHERS_NAME))
        .refuses("a second digest about one of two circles", DIGEST, "digest.twice")
    )
    yield CALLEE.theirs(FRONTIER, 3).takes("a fourth frontier", FRONTIER)
    yield CALLEE.takes("a pong that answers nothing", PONG)
    yield CALLEE.theirs(DETACHED).takes("a detached entry a second time", DETACHED)

    yield CALLEE.takes("a wanted epoch before a digest", WANTED)
    yield CALLEE.theirs(WANTED, 31).takes("an epoch that is wanted for the 32nd time", WANTED)
    yield CALLEE.theirs(WANTED, 32).refuses("an epoch that is wanted for the 33rd time", WANTED, "epoch.often")
    yield (BOTH.theirs(WANTED, 32).takes("an epoch that is wanted of another circle", about(WANTED, OTHERS_NAME)))
    yield CALLER.ours(WANTED).takes("states that were wanted", STATES)
    yield CALLER.refuses("states that nobody wanted", STATES, "epoch.unasked")
    yield CALLER.theirs(WANTED).refuses("states that only the peer wants", STATES, "epoch.unasked")
    yield CALLER.ours(WANTED).theirs(STATES).refuses("states that came already", STATES, "epoch.unasked")
    another = changed(STATES, 2, invented("another epoch"))
    yield CALLER.ours(WANTED).refuses("states of another epoch than was wanted", another, "epoch.unasked")
    yield BOTH.ours(WANTED).refuses(
        "states of another circle than was meant", about(STATES, OTHERS_NAME), "epoch.unasked"
    )
    yield CALLEE.theirs(WHEREABOUTS, 15).takes("whereabouts for the 16th time at once", WHEREABOUTS)
    yield CALLEE.theirs(WHEREABOUTS, 16).refuses(
        "whereabouts for the 17th time at once", WHEREABOUTS, "whereabouts.often"
    )
    elsewhere = about(WHEREABOUTS, OTHERS_NAME)
    yield (
        BOTH.theirs(WHEREABOUTS, 8)
        .theirs(elsewhere, 8)
        .refuses("whereabouts for the 17th time, about two circles", elsewhere, "whereabouts.often")
    )


# --- batches --------------------------------------------------------------------------------------------------


def acknowledgements() -> Iterator[Vector]:
    yield CALLEE.refuses("an acknowledgement of nothing", ACK, "ack.nothing")
    yield CALLEE.theirs(WHOLE).refuses("an acknowledgement of one's own batch", ACK, "ack.nothing")
    sent = CALLEE.ours(WHOLE)
    yield sent.takes("an acknowledgement", ACK)
    yield sent.theirs(ACK).refuses("a batch acknowledged twice", ACK, "ack.nothing")
    yield sent.ours(WHOLE).theirs(ACK).takes("an acknowledgement of the second batch", ACK)
    yield sent.ours(WHOLE).theirs(ACK, 2).refuses("three acknowledgements of two batches", ACK, "ack.nothing")
    yield sent.theirs(ACK).ours(WHOLE).takes("an acknowledgement of a batch after another", ACK)
    yield CALLEE.ours(BEGUN).ours(batch(chains=[], cases=[])).takes("one acknowledgement of two parts", ACK)
    parts = CALLEE.ours(BEGUN).ours(batch(chains=[], cases=[])).theirs(ACK)
    yield parts.refuses("two acknowledgements of two parts", ACK, "ack.nothing")
    both = BOTH.ours(WHOLE)
    yield both.refuses("an acknowledgement about the other circle", about(ACK, OTHERS_NAME), "ack.nothing")

    yield sent.takes("the only row refused", [5, NAME, [0]])
    yield sent.refuses("a row refused behind the last", [5, NAME, [1]], "ack.row")
    three = CALLEE.ours(THREE)
    yield three.takes("both rows with entries refused", [5, NAME, [0, 1]])
    yield three.refuses("a row refused that was not sent", [5, NAME, [0, 3]], "ack.row")
    yield (
        CALLEE.ours(BEGUN)
        .ours(batch(chains=[THREE[3][1]], cases=[], entries=[[1, *ROW[1:]]]))
        .takes("a row of the second part refused", [5, NAME, [1]])
    )
    yield three.ours(WHOLE).theirs(ACK).refuses("a row refused that an earlier batch had", [5, NAME, [1]], "ack.row")
    yield CALLEE.ours(batch(chains=[], cases=[], entries=[])).refuses(
        "a row refused of an empty batch", [5, NAME, [0]], "ack.row"
    )


def batches() -> Iterator[Vector]:
    yield CALLEE.takes("a batch", WHOLE)
    yield CALLEE.theirs(WHOLE).takes("a second batch before the first is acknowledged", WHOLE)
    yield CALLEE.theirs(WHOLE, 2).refuses("a third batch while two wait", WHOLE, "cap.unacknowledged")
    yield CALLEE.theirs(WHOLE, 2).refuses("the first part of a third batch", BEGUN, "cap.unacknowledged")
    yield CALLEE.theirs(WHOLE, 2).ours(ACK).takes("a third batch after one acknowledgement", WHOLE)
    yield (
        CALLEE.theirs(WHOLE, 2)
        .ours(WHOLE)
        .theirs(ACK)
        .refuses("a third batch after the peer's acknowledgement", WHOLE, "cap.unacknowledged")
    )
    yield (
        CALLEE.theirs(WHOLE)
        .theirs(BEGUN)
        .takes("the last part of the second batch", batch(chains=[], cases=[], entries=[]))
    )
    yield (
        CALLEE.theirs(WHOLE)
        .theirs(BEGUN)
        .theirs(batch(chains=[], cases=[], entries=[]))
        .refuses("a third batch after one in parts", WHOLE, "cap.unacknowledged")
    )
    yield BOTH.theirs(WHOLE, 2).takes("a batch of another circle while two wait", about(WHOLE, OTHERS_NAME))
    yield UNKNOWN.theirs(WHOLE, 2).refuses("a third batch of a caller that is not known", WHOLE, "cap.unacknowledged")
    begun = CALLEE.theirs(BEGUN)
    yield begun.takes("a ping between two parts", PING)
    yield begun.takes("a frontier between two parts", FRONTIER)
    yield begun.takes("a part that names a row of the part before", batch(chains=[], cases=[]))
    yield CALLEE.theirs(WHOLE).refuses(
        "a batch that names a row of the batch before", batch(chains=[], cases=[]), "batch.entry"
    )
    beside = BOTH.theirs(BEGUN)
    yield beside.refuses(
        "a part that names a row of another circle's",
        about(batch(chains=[], cases=[]), OTHERS_NAME), "batch.entry",
    )  # fmt: skip


# --- caps ---------------------------------------------------------------------------------------------------------


def caps() -> Iterator[Vector]:
    cited = batch(last=False, chains=[CITED] * 16, cases=[], entries=[])
    full = CALLEE.theirs(cited, 1_023)
    yield full.takes("16,384 rows of chains", cited)
    yield CALLEE.theirs(cited, 1_024).refuses(
        "16,385 rows of chains", batch(last=False, chains=[CITED], cases=[], entries=[]), "cap.chains"
    )
    named = batch(last=False, chains=[], cases=[CASE] * 64, entries=[])
    yield CALLEE.theirs(named, 1_023).takes("65,536 cases, most of them again", named)
    yield CALLEE.theirs(named, 1_024).refuses(
        "65,537 cases", batch(last=False, chains=[], cases=[CASE], entries=[]), "cap.cases"
    )
    most = about(messages.path([DEVICE, LIFE, steps(32)]))
    yield CALLEE.theirs(most, 2_047).takes("65,536 entries of paths", most)
    one = about(messages.path([DEVICE, LIFE, steps(1)]))
    yield CALLEE.theirs(most, 2_048).refuses("65,537 entries of paths", one, "cap.paths")


def vectors() -> Iterator[Vector]:
    yield from offers()
    yield from strangers()
    yield from turns()
    yield from acknowledgements()
    yield from batches()
    yield from caps()

"""The results of the demo: the table at its end, and its JSON object."""

from __future__ import annotations

from typing import Any, NamedTuple


class DeviceState(NamedTuple):
    """What one device holds at the end."""

    name: str
    cases: int
    entries: int
    digest: str  # hex; equal where all cases read the same


class AuthoredValue(NamedTuple):
    """One value of a conflict."""

    value: str
    author: str


class CaseReading(NamedTuple):
    """How the case in which all three wrote reads on one device."""

    conflict: list[AuthoredValue]  # by author
    timeline: list[AuthoredValue]


class Seizure(NamedTuple):
    """How the act ended in which a laptop is seized: on which of the two devices that are left what was so."""

    whom: str
    removed: list[str]  # that show its owner as removed
    quarantined: list[str]  # that did not show her late testimony, until it was released
    released: list[str]  # that show it then, under her name
    digests: list[str]

    @property
    def good(self) -> bool:
        everywhere = self.removed == self.quarantined == self.released and len(self.removed) == len(self.digests)
        return everywhere and len(set(self.digests)) == 1


def same(devices: list[DeviceState]) -> bool:
    """Whether all devices hold the same."""
    return len({device[1:] for device in devices}) == 1


class Outcome(NamedTuple):
    devices: list[DeviceState]
    case: str  # its external id
    field: str  # the one with two values
    readings: list[CaseReading]  # one per device
    contradictions: list[AuthoredValue]  # must all be in `conflict`
    additions: list[AuthoredValue]  # must all be in `timeline`
    seizure: Seizure
    plaintext_hits: int
    bytes: int
    entries_per_second: float
    seconds: float

    @property
    def agree(self) -> bool:
        """Whether all devices held the same, when all three were together."""
        return same(self.devices)

    @property
    def kept(self) -> bool:
        """Whether every device shows both values of the conflict, and everything that was added."""
        return all(
            sorted(reading.conflict) == sorted(self.contradictions) and set(self.additions) <= set(reading.timeline)
            for reading in self.readings
        )

    @property
    def good(self) -> bool:
        return self.agree and self.kept and self.seizure.good and not self.plaintext_hits

    def as_json(self) -> dict[str, Any]:
        return {
            "devices": [device._asdict() for device in self.devices],
            "conflict": {
                "case": self.case,
                "field": self.field,
                "values": [value._asdict() for value in self.readings[0].conflict],
            },
            "seizure": self.seizure._asdict(),
            "plaintext_hits": self.plaintext_hits,
            "bytes": self.bytes,
            "entries_per_second": round(self.entries_per_second, 1),
            "seconds": round(self.seconds, 2),
        }

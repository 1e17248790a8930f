"""The bench: what lies before the rules when they judge the deeds of one set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cellsync.core.membership.ballots import Weight, rule_7_weight
from cellsync.core.membership.deeds import Bit, Deeds, has
from cellsync.core.membership.label import UNDECIDED, Label
from cellsync.core.membership.verdicts import Verdicts


@dataclass(frozen=True)
class Bench:
    """The deeds of a set, what is known of them beforehand, and the labels of its ballots so far."""

    deeds: Deeds
    within: int
    frozen: int  # rules 9 and 9b
    by_paper: Mapping[Bit, Label]  # rule 12
    verdicts: Verdicts
    labels: Mapping[Bit, Label]  # absent: UNDECIDED
    striking: Mapping[Bit, Label] | None = None  # of strikes, as far as they void something, if others than `labels`
    _weights: dict[tuple[Bit, Bit], Weight] = field(default_factory=dict)

    def label(self, bit: Bit) -> Label:
        """Of a ballot."""
        return self.labels.get(bit, UNDECIDED)

    def strikes_with(self, strike: Bit) -> Label:
        """The label with which a strike voids what it hits."""
        return (self.labels if self.striking is None else self.striking).get(strike, UNDECIDED)

    def weight(self, one: Bit, other: Bit) -> Weight:
        found = self._weights.get((one, other))
        if found is None:
            found = self._weights[one, other] = rule_7_weight(
                self.deeds, self.within, one, other, self.frozen, self.by_paper, self.verdicts
            )
        return found

    def strikes_at(self, device: Bit) -> Iterator[Bit]:
        """The strikes that hit a device."""
        return (strike for strike in self.deeds.strikes_at(device) if has(self.within, strike))

"""Names of members: which are confusable, and how they are told apart.

A name is its bearer's claim: nothing keeps a guest from taking a member's. So wherever a device is shown by name, a
name that could be mistaken for another device's is followed by the beginning of its id, `Ben (3f2a)`, on both sides of
the confusion. The result is the same on all devices, since it follows from the introductions alone. It covers former
members too, because what they wrote stays.

Names are alike if they fold alike (`core.folded`) or merely look alike: letters of one shape in Latin, Cyrillic, Greek
and Armenian, be it only in one case (Γ and Г), 0 and o, 1, I and l; a letter with a hook or a tail, or a small capital,
counts as the plain letter; a letter of any other alphabet counts as the one that Unicode's list of confusable
characters (UTS 39) gives for it, so Canadian ᗅ and Lisu ꓮ are A. Blanks and signs are ignored. That is wider than need
be, and costs a few digits behind a name.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from unicodedata import lookup
from unicodedata import name as character_name

from cellsync.core.folded import folded
from cellsync.core.ids import DeviceId

SHORTEST: Final = 4  # hexadecimal digits

_SHAPES: Final = str.maketrans(
    {
        "а": "a", "в": "b", "г": "r", "е": "e", "и": "u", "к": "k", "м": "m", "н": "h", "о": "o", "п": "n", "р": "p",
        "с": "c", "т": "t", "у": "y", "х": "x", "ь": "b", "ѕ": "s", "і": "l", "ј": "j", "ԁ": "d", "ӏ": "l", "һ": "h",
        "ԛ": "q", "ԝ": "w",
        "α": "a", "β": "b", "γ": "r", "ε": "e", "ζ": "z", "η": "h", "ι": "l", "κ": "k", "μ": "m", "ν": "n", "ο": "o",
        "ρ": "p", "τ": "t", "υ": "y", "χ": "x", "ω": "w",
        "օ": "o", "ս": "u", "հ": "h", "ո": "n", "ռ": "n", "ց": "g", "զ": "q", "լ": "l", "տ": "s", "ք": "p", "յ": "j",
        "ү": "y", "ѵ": "v", "ԍ": "g", "ʌ": "a", "ɩ": "l", "ɑ": "a",
        "λ": "л", "π": "n", "σ": "c", "φ": "ф", "ψ": "ѱ", "ϛ": "c", "ϝ": "f", "ϳ": "j", "ϻ": "m", "ͷ": "u", "ͻ": "ɔ",
        "ѡ": "w", "ҽ": "e", "ә": "e", "ӌ": "ч", "ӡ": "з",
        "ƅ": "b", "ƍ": "g", "ĸ": "k", "ǀ": "l", "ǝ": "e", "ƽ": "s", "ȣ": "b", "ȝ": "з", "ʒ": "з", "ɜ": "з", "ɣ": "y",
        "ɯ": "w", "ɸ": "ф", "ʍ": "m", "ƨ": "2", "ϩ": "2",
        "0": "o", "1": "l", "3": "з", "5": "s", "6": "б", "8": "b", "i": "l", "|": "l", "!": "l",
    }
)  # fmt: skip
_VARIANT: Final = re.compile(r"(.+ LETTER) (?:(?:SMALL CAPITAL|SCRIPT|LONG|DOTLESS) )?([A-Z]+)(?: WITH .+)?")


_USUAL: Final = 0x500  # Latin, Greek, Cyrillic


class _OneShape(dict[int, str]):
    """The shape of each letter. Cached for the usual alphabets only: a peer may send any letter of any other."""

    def __missing__(self, letter: int) -> str:
        if letter >= _USUAL and letter not in _SHAPES:
            return _plain(_listed(chr(letter))).translate(_SHAPES)
        shape = _plain(chr(letter)).translate(_SHAPES)
        if letter < _USUAL:
            self[letter] = shape
        return shape


def _listed(letter: str) -> str:
    """The letter of the usual alphabets that it looks like; itself if it looks like none."""
    from confusable_homoglyphs.confusables import confusables_data  # 8 ms and 8 MB, for what hardly any name has

    both = {letter, letter.upper()}  # it was folded, and a capital may look like what its small letter does not
    shapes = [like["c"].casefold() for letter in both for like in confusables_data.get(letter, ())]
    usual = [shape for shape in shapes if len(shape) == 1 and ord(shape) < _USUAL and shape.isalnum()]
    return min(usual, default=letter)


def _plain(letter: str) -> str:
    """Without what its Unicode name adds to the letter: ɓ, "LATIN SMALL LETTER B WITH HOOK", is b."""
    if found := _VARIANT.fullmatch(character_name(letter, "")):
        kind = found[1].replace("LATIN LETTER", "LATIN SMALL LETTER")
        with suppress(KeyError):
            return lookup(f"{kind} {found[2]}")
    return letter


_ONE_SHAPE: Final = _OneShape()
_MARKED: Final = re.compile(r"\([0-9a-fA-F]{4,}\)\s*$")


def alike(name: str) -> str:
    """The same text for all names that could be mistaken for one another."""
    form = folded(name).translate(_ONE_SHAPE)
    letters = "".join(letter for letter in form if letter.isalnum())
    return letters.replace("rn", "m").replace("vv", "w") or form


class Names:
    """The names of devices. `add` each device once; devices with similar names are told apart from then on."""

    def __init__(self) -> None:
        self._claimed: dict[DeviceId, tuple[str, str]] = {}  # its name, and the form that similar names share
        self._alike: dict[str, list[DeviceId]] = {}  # in order of arrival
        self._ordered: dict[str, list[DeviceId]] = {}  # the same ascending, where there is more than one
        self._shown: dict[DeviceId, str] = {}

    def add(self, device: DeviceId, name: str) -> None:
        form = alike(name)
        self._claimed[device] = name, name if form == name else form
        self._shown.pop(device, None)
        group = self._alike.setdefault(form, [])
        group.append(device)
        if len(group) > 1:
            ordered = self._ordered.setdefault(form, group[:1])
            at = bisect_left(ordered, device)
            ordered.insert(at, device)
            for beside in _beside(ordered, at):  # no other device's prefix gets longer
                self._shown.pop(beside, None)

    def of(self, device: DeviceId) -> str:
        """The name to show; the beginning of the id if no name is known."""
        shown = self._shown.get(device)
        if shown is None:
            claimed = self._claimed.get(device)
            shown = device.hex()[: 2 * SHORTEST] if claimed is None else self._told_apart(device, *claimed)
            self._shown[device] = shown
        return shown

    def _told_apart(self, device: DeviceId, name: str, form: str) -> str:
        ordered = self._ordered.get(form)
        if ordered is None and not _MARKED.search(name):  # a name without a mark must not look marked
            return name
        others = [] if ordered is None else _beside(ordered, bisect_left(ordered, device))
        return f"{name} ({_beginning(device, others)})"

    def claimed(self, device: DeviceId) -> str:
        """The name as it was claimed; "" if none is known."""
        return self._claimed.get(device, ("", ""))[0]

    def like(self, name: str) -> list[DeviceId]:
        """The devices whose name could be mistaken for this one, in order of arrival."""
        return list(self._alike.get(alike(name), []))

    def first_like(self, name: str) -> DeviceId | None:
        """The first of these."""
        return next(iter(self._alike.get(alike(name), ())), None)


def _beside(ordered: list[DeviceId], at: int) -> list[DeviceId]:
    """The ids before and after one in order: no other id shares a longer prefix with it."""
    return ordered[max(0, at - 1) : at] + ordered[at + 1 : at + 2]


def _beginning(device: DeviceId, others: Iterable[DeviceId]) -> str:
    """The shortest prefix of an id that none of the others shares."""
    rest, own, length = [other.hex() for other in others], device.hex(), SHORTEST
    while any(digits.startswith(own[:length]) for digits in rest):
        length += 1
    return own[:length]

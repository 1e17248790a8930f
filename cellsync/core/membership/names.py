"""Names of members: when two pass for one, and how they are told apart.

A name is its bearer's claim: nothing keeps a guest from taking a member's. So wherever a device is called by its name,
a name that could be taken for another device's has the beginning of its id behind it, `Ben (3f2a)`, for each of them.
It is the same on all devices, as it follows from the introductions alone; also of those who are no members any more,
for what they wrote stays.

Alike are names that fold alike (`core.folded`), and those that only look alike: letters of one shape in Latin, Cyrillic
and Greek, 0 and o, 1, I and l; blanks and signs count for nothing. That is wider than it need be, and costs a few
digits behind a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from cellsync.core.folded import folded
from cellsync.core.ids import DeviceId

SHORTEST: Final = 4  # hexadecimal digits

_ONE_SHAPE: Final = str.maketrans(
    {
        "а": "a", "в": "b", "г": "r", "е": "e", "и": "u", "к": "k", "м": "m", "н": "h", "о": "o", "п": "n", "р": "p",
        "с": "c", "т": "t", "у": "y", "х": "x", "ь": "b", "ѕ": "s", "і": "l", "ј": "j", "ԁ": "d", "ӏ": "l", "һ": "h",
        "ԛ": "q", "ԝ": "w",
        "α": "a", "β": "b", "γ": "y", "ε": "e", "ζ": "z", "η": "h", "ι": "l", "κ": "k", "μ": "m", "ν": "n", "ο": "o",
        "ρ": "p", "τ": "t", "υ": "y", "χ": "x", "ω": "w",
        "0": "o", "1": "l", "5": "s", "i": "l", "|": "l", "!": "l",
    }
)  # fmt: skip
_MARKED: Final = re.compile(r"\([0-9a-fA-F]{4,}\)\s*$")


def alike(name: str) -> str:
    """The same text for all names that pass for one."""
    form = folded(name).translate(_ONE_SHAPE)
    letters = "".join(one for one in form if one.isalnum())
    return letters.replace("rn", "m").replace("vv", "w") or form


class Names:
    """What devices are called. `add` each once; devices of one name are told apart from then on."""

    def __init__(self) -> None:
        self._claimed: dict[DeviceId, str] = {}
        self._alike: dict[str, list[DeviceId]] = {}
        self._shown: dict[DeviceId, str] = {}

    def copy(self) -> Names:
        twin = Names()
        twin._claimed = dict(self._claimed)
        twin._alike = {form: list(devices) for form, devices in self._alike.items()}
        return twin

    def add(self, device: DeviceId, name: str) -> None:
        self._claimed[device] = name
        self._shown.clear()
        self._alike.setdefault(alike(name), []).append(device)

    def of(self, device: DeviceId) -> str:
        """The name to show; the beginning of the id where none is known."""
        shown = self._shown.get(device)
        if shown is None:
            name = self._claimed.get(device)
            shown = device.hex()[: 2 * SHORTEST] if name is None else self._told_apart(device, name)
            self._shown[device] = shown
        return shown

    def _told_apart(self, device: DeviceId, name: str) -> str:
        others = [one for one in self._alike[alike(name)] if one != device]
        if not others and not _MARKED.search(name):  # nobody may look marked who is not
            return name
        return f"{name} ({_beginning(device, others)})"

    def claimed(self, device: DeviceId) -> str:
        """The name as it was claimed; "" where none is known."""
        return self._claimed.get(device, "")

    def like(self, name: str) -> list[DeviceId]:
        """The devices whose name could be taken for this one."""
        return list(self._alike.get(alike(name), []))


def _beginning(device: DeviceId, others: Iterable[DeviceId]) -> str:
    """The shortest beginning of an id that none of the others has."""
    rest, own, length = [one.hex() for one in others], device.hex(), SHORTEST
    while any(one.startswith(own[:length]) for one in rest):
        length += 1
    return own[:length]

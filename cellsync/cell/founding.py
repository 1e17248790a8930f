"""Founding a cell: a vault, a first circle, and the recovery key that is shown once."""

from __future__ import annotations

import base64
import re
from typing import Final, Self, final

from cellsync.cell.home import Place, new_home
from cellsync.core.crypto import primitives
from cellsync.core.errors import DiskFull, InvalidValue
from cellsync.core.ids import RecoverySecret
from cellsync.core.membership import recovery
from cellsync.core.membership.control import checked_name
from cellsync.core.membership.recovery import RecoveryKeys
from cellsync.core.replica import founding
from cellsync.ledger.founding import fill
from cellsync.store.header import Identity
from cellsync.store.vault import Vault

RECOVERY_BYTES: Final = 32
GROUP: Final = 4  # characters between two dashes, where the key is written
_GROUPS: Final = 13
_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_MISREAD: Final = str.maketrans("018", "OIB")  # digits that the key never has, and what they were


def _slip(groups: list[str]) -> str:
    """What is mistyped in a recovery key that has not the form of one, and where: no character of it is said."""
    if len(groups) > 1:
        for number, group in enumerate(groups, 1):
            if not set(group) <= _LETTERS:
                return f"Group {number} is mistyped: no recovery key has such a character."
            if len(group) != GROUP:
                return f"Group {number} is mistyped: it has {len(group)} characters, not {GROUP}."
        if len(groups) != _GROUPS:
            return f"A group is missing, or typed twice: these are {len(groups)}, not {_GROUPS}."
    else:
        letters = "".join(groups)
        wrong = next((at for at, letter in enumerate(letters) if letter not in _LETTERS), None)
        if wrong is not None:
            return f"Group {wrong // GROUP + 1} is mistyped: no recovery key has such a character."
        if len(letters) != GROUP * _GROUPS:
            return f"It is mistyped: these are {len(letters)} letters and digits, not {GROUP * _GROUPS}."
    return f"Group {_GROUPS}, the last one, is mistyped."


@final
class RecoveryKey:
    """The key on paper that restores a circle: 13 groups of four letters and digits, to be written down.

    It is stored nowhere, so `print` shows it: a key printed only as "hidden" would be lost. Debuggers, tracebacks with
    variables and logs of objects show values unasked; they use `repr`, which hides it.
    """

    def __init__(self, secret: RecoverySecret) -> None:
        self._secret = secret

    @classmethod
    def read(cls, written: str) -> Self:
        """The key that somebody has typed from paper, however it is grouped. Raises InvalidValue."""
        groups = [part for part in re.split(r"[\s\-–—.]+", written.upper().translate(_MISREAD)) if part]
        letters = "".join(groups)
        try:
            secret = base64.b32decode(letters + "=" * (-len(letters) % 8))
        except ValueError:
            secret = b""
        if len(secret) != RECOVERY_BYTES or base64.b32encode(secret).decode().rstrip("=") != letters:
            raise InvalidValue(_slip(groups), hint="A recovery key has 13 groups of four letters and digits.")
        return cls(RecoverySecret(secret))

    @property
    def secret(self) -> RecoverySecret:
        """What signs and opens. Secret."""
        return self._secret

    @property
    def public(self) -> RecoveryKeys:
        """The public halves, as entries show them."""
        secrets = recovery.from_paper(self._secret)
        return RecoveryKeys(primitives.signing_public(secrets.signing), primitives.xwing_public(secrets.seal))

    @property
    def text(self) -> str:
        """What to write down. Secret."""
        letters = base64.b32encode(self._secret.reveal()).decode().rstrip("=")
        return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return "RecoveryKey(hidden; print it, or its text)"


async def found_cell(place: Place, circle_name: str, *, name: str, passphrase: str) -> RecoveryKey:
    """Found a cell in an empty folder and return its recovery key, which is stored nowhere: write it down.

    Members will see `circle_name` and your `name`. Open the cell with `open_cell`.

    Raises VaultExists if there is a vault already, InvalidValue for an unusable name, WeakPassphrase (an InvalidValue;
    `make_passphrase` makes a strong one), DiskFull or StorageFailed.
    """
    home = new_home(place)
    now, entropy = home.surroundings.now(), home.surroundings.entropy
    secrets = founding.device_secrets(entropy(founding.KEYS_ENTROPY))
    founded = founding.found(circle_name, name, secrets.public, now, entropy(founding.ENTROPY))
    identity = Identity(secrets.signing, secrets.session, checked_name(name))
    words = home.new_passphrase(passphrase, (circle_name, name))

    def create() -> None:
        vault = Vault.create(
            home.path, words, identity, kdf=home.kdf, at_least=home.derivation_seconds, entropy=entropy, publish=False
        )
        with vault:
            vault.create_circle(founded.circle, lambda store: fill(store, founded, secrets, now)).close()

    try:
        await home.surroundings.in_thread(create)
    except DiskFull:
        raise DiskFull("The disk is full: nothing was founded.") from None
    return RecoveryKey(founded.recovery)

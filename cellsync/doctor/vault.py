"""The closed vault: whether its header is intact. That needs no passphrase."""

from __future__ import annotations

from typing import Final

from cellsync.core.errors import CellsyncError, NewerVersion
from cellsync.doctor.finding import Finding, bad, good
from cellsync.doctor.subject import Visit
from cellsync.store import header
from cellsync.store.vault import DATABASE_NAME, HEADER_NAME

CHECK: Final = "vault"
LONGEST: Final = 1 << 16  # bytes of a header that are read
BACK: Final = "Move the profile's folder away, then: cellsync restore FROM, or cellsync join with new keys"


def vault_header(visit: Visit) -> list[Finding]:
    folder = visit.subject.vault
    if not (folder / HEADER_NAME).is_file():
        return []  # already reported for its folder
    with (folder / HEADER_NAME).open("rb") as file:
        content = file.read(LONGEST)
    try:
        header.decode(content)
    except NewerVersion as error:
        return [bad(CHECK, "The vault was written by a newer cellsync.", error.hint)]
    except CellsyncError:
        return [bad(CHECK, "The vault's header is damaged: no passphrase opens it.", BACK)]
    if not any(DATABASE_NAME.fullmatch(path.name) for path in folder.iterdir()):
        return [bad(CHECK, "The vault's database is missing.", BACK)]
    return [good(CHECK, "The vault's header is whole.")]

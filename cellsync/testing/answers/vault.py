"""`vault`: the header of a vault, opened with a passphrase. What is wrong with one is an error, and no rule."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from cellsync.core.errors import CellsyncError, InvalidValue
from cellsync.store import passphrases
from cellsync.store.vault import HEADER_NAME, Vault
from cellsync.testing.answers.question import Answer, BadQuestion, Given, ok


def answer(given: Given) -> Answer:
    header, cheap = given.raw("header"), given.truth("cheap")
    try:
        typed = passphrases.forms(given.text("passphrase"))
        own = passphrases.forms(given.text("own")) if given.has("own") else ()
    except InvalidValue as error:
        raise BadQuestion(str(error)) from None
    with TemporaryDirectory() as folder:
        Path(folder, HEADER_NAME).write_bytes(header)
        try:
            with Vault.open(Path(folder), typed, allow_cheap=cheap) as vault:
                signing, session, name = vault.identity
                for circle in vault.locked if own else ():
                    vault.unlock(circle, own)
                rows = [vault.locked_file(circle) for circle in vault.circles]
        except CellsyncError as error:
            return Answer(f"fault:{error.code}")
    circles = [[row.circle, row.file, None if row.key is None else row.key.reveal()] for row in rows]
    return ok(signing=signing.reveal(), session=session.reveal(), name=name, circles=circles)

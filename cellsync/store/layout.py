"""The layout of a circle's database: its tables, and the upgrades from older versions.

(protocol/70-vault.md, Databases)
"""

from __future__ import annotations

from typing import Final

import apsw

from cellsync.core.errors import NewerVersion, VaultDamaged
from cellsync.core.history.entry import slot_of
from cellsync.store import listings

APPLICATION: Final = 0x63737931  # "csy1"
VERSION: Final = 6

# The stretches of each branch in which entries cite others, so what authors had seen is found without the rest: a row
# for each branch of a commit. An index of these entries cost 0.6 µs an entry of 5 devices in turns, and 1.0 of 47.
_CITATIONS: Final = """
CREATE TABLE citations (
    chain INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (chain, last)
) WITHOUT ROWID;
"""

# The rows that hold the entries of a slice of a branch (store/slices.py).
_SLICES: Final = """
CREATE TABLE slices (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, ahead INTEGER NOT NULL);
CREATE TRIGGER one_entry_a_slot BEFORE INSERT ON slices
WHEN (SELECT first FROM slices WHERE last >= NEW.first ORDER BY last LIMIT 1) <= NEW.last
BEGIN SELECT RAISE(ABORT, 'two slices with one slot'); END;
"""

# Columns are in the order of the NamedTuples, so rows are bound and read without any mapping.
SCHEMA: Final = f"""
CREATE TABLE entries (
    number INTEGER PRIMARY KEY, case_number INTEGER NOT NULL, prior INTEGER NOT NULL, id BLOB NOT NULL,
    height INTEGER NOT NULL, clock INTEGER NOT NULL, kind INTEGER NOT NULL, past INTEGER NOT NULL,
    standing INTEGER NOT NULL, parents BLOB NOT NULL, shape BLOB NOT NULL, content BLOB NOT NULL,
    signature BLOB, form INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE chains (
    number INTEGER PRIMARY KEY, device BLOB NOT NULL, incarnation BLOB NOT NULL, base INTEGER NOT NULL,
    first INTEGER NOT NULL, length INTEGER NOT NULL, head BLOB NOT NULL, height INTEGER NOT NULL,
    past INTEGER NOT NULL, cited INTEGER NOT NULL
);
CREATE TABLE cases (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL, head INTEGER NOT NULL, folded INTEGER NOT NULL DEFAULT 0
);
-- apart from cases: a new head must not rewrite a snapshot
CREATE TABLE snapshots (case_number INTEGER PRIMARY KEY, snapshot BLOB NOT NULL);
CREATE TABLE pasts (number INTEGER PRIMARY KEY, bits BLOB NOT NULL);
CREATE TABLE arrivals (
    number INTEGER PRIMARY KEY, chain INTEGER NOT NULL, sequence INTEGER NOT NULL, size INTEGER NOT NULL,
    last INTEGER NOT NULL
);
CREATE INDEX arrivals_of_chain ON arrivals (chain, sequence);
{_CITATIONS}{_SLICES}CREATE TABLE kept (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE ephemerals (
    device BLOB NOT NULL, day INTEGER NOT NULL, ephemeral BLOB NOT NULL, PRIMARY KEY (device, day, ephemeral)
) WITHOUT ROWID;
{listings.SCHEMA}
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""

# From version 1, in which no chain had more than one branch.
_FROM_1: Final = """
ALTER TABLE chains RENAME TO chains_1;
CREATE TABLE chains (
    number INTEGER PRIMARY KEY, device BLOB NOT NULL, incarnation BLOB NOT NULL, base INTEGER NOT NULL,
    first INTEGER NOT NULL, length INTEGER NOT NULL, head BLOB NOT NULL, height INTEGER NOT NULL,
    past INTEGER NOT NULL, cited INTEGER NOT NULL
);
INSERT INTO chains SELECT number, device, incarnation, 0, 1, length, head, height, past, cited FROM chains_1;
DROP TABLE chains_1;
"""
# From version 2, which had no listings. They are made when first needed.
_FROM_2: Final = (
    """
DROP TABLE IF EXISTS listings; DROP TABLE IF EXISTS called; DROP TABLE IF EXISTS links;
"""
    + listings.SCHEMA
)
# From version 3, whose entries were all in full form.
_FROM_3: Final = "ALTER TABLE entries ADD COLUMN form INTEGER NOT NULL DEFAULT 0;"
# From version 4, which had an index of the entries that cite, or had none.
_FROM_4: Final = "DROP INDEX IF EXISTS citing;" + _CITATIONS
_CITING: Final = """
INSERT INTO citations SELECT slot >> 40, min(slot) & 0xffffffffff, max(slot) & 0xffffffffff FROM entries
WHERE parents <> x'' AND slot BETWEEN ? AND ? GROUP BY slot >> 8
"""
# From version 5, whose entries were in the row of their slot: they stay there, and new ones are numbered after them.
_FROM_5: Final = (
    "ALTER TABLE entries RENAME COLUMN slot TO number;"
    + _SLICES
    + """
INSERT INTO slices SELECT number << 40 | length, number << 40 | first, 0 FROM chains WHERE length >= first;
"""
)
_AT_ONCE: Final = 1 << 16  # entries grouped per query: SQLite keeps 50 bytes of each


def is_current(connection: apsw.Connection) -> bool:
    """Whether a database is of this version, and not of an older one. Raises VaultDamaged, NewerVersion."""
    version = connection.pragma("user_version")
    if connection.pragma("application_id") != APPLICATION or version < 1:
        raise VaultDamaged
    if version > VERSION:
        raise NewerVersion
    return bool(version == VERSION)


def renew(connection: apsw.Connection) -> None:
    """Upgrade a database of an older version to this one, within a transaction."""
    before = connection.pragma("user_version")
    for step in (_FROM_1, _FROM_2, _FROM_3, _FROM_4)[before - 1 :]:
        connection.execute(step)
    if before < 5:
        _find_citations(connection)
    connection.execute(_FROM_5)
    connection.pragma("user_version", VERSION)


def _find_citations(connection: apsw.Connection) -> None:
    for number, length in list(connection.execute("SELECT number, length FROM chains")):
        for first in range(0, length + 1, _AT_ONCE):
            connection.execute(_CITING, (slot_of(number, first), slot_of(number, first + _AT_ONCE - 1)))

"""Import: a table of cases becomes case files, people, detention episodes, proceedings and tasks.

    report = await import_cases(cell, "cases.csv", dry_run=True)
    for problem in report.problems:
        print(problem.message)                          # lines 7, 9 and 365 more: birth_date is not a date. Write …
    await import_cases(cell, "cases.csv", progress=bar)

One row is one case file, and up to four documents beside it, where their cells are filled. Their ids are derived from
the row's external id and the circle, so two devices that import the same table make the same cases.

The same table again writes nothing. A changed table writes what changed in it; what people have edited since stays, and
where both changed they see a conflict (`merge` has the rules). A row that is not in the table any more is left alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cellsync.casework.importing.encodings import UnreadableFile
    from cellsync.casework.importing.intake import Report, import_cases
    from cellsync.casework.importing.mapping import EXAMPLE, Mapping
    from cellsync.casework.importing.problems import Problem
    from cellsync.casework.importing.reading import Reading, RowError, read_csv

__all__ = [
    "EXAMPLE", "Mapping", "Problem", "Reading", "Report", "RowError", "UnreadableFile", "import_cases", "read_csv",
]  # fmt: skip

_HOMES: Final = {
    "EXAMPLE": "mapping", "Mapping": "mapping", "Problem": "problems", "Reading": "reading", "Report": "intake",
    "RowError": "reading", "UnreadableFile": "encodings", "import_cases": "intake", "read_csv": "reading",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a name when it is first used (PEP 562): a caller that only needs `cells`, to read what is typed into
    fields, does not load the rest."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value

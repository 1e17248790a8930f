"""Export: cases leave the circle as a table, as JSON, or one of them as a page to print.

    export = await export_cases(cell, form=Form.CSV, audience=Scope.PARTNERS)
    Path("cases.csv").write_bytes(export.content)
    export.left_out                                     # what stayed, and why

What may be too much for memory goes to a sink of the program's own, piece by piece: `write_cases(cell, sink, …)`.

What never happens: something about a person leaves without their consent that reaches its audience (`permission`); a
name that stays leaves in a text that says it, unless somebody lets that text go (`mentions`);
C4-C6 leave together with C0-C3; one of several contradicting values leaves as if it were the only one; a link names a
document that stays. Retracted items of logs, fields that no schema here knows, and the import's marks stay. Outside the
circle authors are "author 1", "author 2", times are days, and what an item said before it was corrected stays: who is a
member, and what they took back, is nobody's business there.
"""

from __future__ import annotations

from cellsync.casework.exporting.export import Export, Form, export_cases, write_cases
from cellsync.casework.exporting.left_out import LeftOut, Mentioned, NoConsent, NothingLeaves, Why
from cellsync.casework.exporting.sink import Sink

__all__ = [
    "Export", "Form", "LeftOut", "Mentioned", "NoConsent", "NothingLeaves", "Sink", "Why", "export_cases",
    "write_cases",
]  # fmt: skip

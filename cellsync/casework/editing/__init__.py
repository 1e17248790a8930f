"""Editing: what people type, or clients send as JSON, becomes writes on a draft of any case.

    edit = Edit(set={"status": "closed"}, add={"links": ["about:4f2a"]}, append={"timeline": ["hearing: put off"]})
    async with case.edit() as draft:
        apply(draft, edit, find)                        # `find` gives the case of "4f2a", the beginning of its id

A text is read as people type it, by the type of its field (`texts`); anything else is taken as the field stores it
(`objects`). `as_text` and `as_json` are the ways back. A case of an unknown kind takes any name and any value, and
there a text stays a text.

Errors name the field and say what can be written there. They never repeat the value.
"""

from __future__ import annotations

from cellsync.casework.editing.edit import Edit, Taken, apply
from cellsync.casework.editing.kinds import schema_named
from cellsync.casework.editing.objects import typed_value
from cellsync.casework.editing.texts import Find
from cellsync.casework.values.json_form import as_json
from cellsync.casework.values.words import as_text

__all__ = ["Edit", "Find", "Taken", "apply", "as_json", "as_text", "schema_named", "typed_value"]

"""Editing: typed text, or JSON from a client, becomes writes on a draft of any case.

    edit = Edit(set={"status": "closed"}, add={"links": ["about:4f2a"]}, append={"timeline": ["hearing: put off"]})
    async with case.edit() as draft:
        apply(draft, edit, find)                        # `find` returns the case of "4f2a", the beginning of its id

A text is parsed by the type of its field (`texts`); any other value is taken as the field stores it (`objects`).
`as_text` and `as_json` convert back. A case of an unknown kind accepts any name and any value, and in it a text stays a
text.

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

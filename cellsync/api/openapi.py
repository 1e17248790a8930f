"""The OpenAPI document, made from the table and the shapes."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import msgspec

from cellsync import __version__
from cellsync.api import shapes
from cellsync.api.table import EVENTS, OPERATIONS, Needs, Operation

_IN_PATH: Final = re.compile(r"\{(\w+)\}")
_REFERENCE: Final = "#/components/schemas/{name}"


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    used = {getattr(shapes, name) for operation in OPERATIONS for name in (operation.takes, operation.gives)}
    _, components = msgspec.json.schema_components(
        sorted(used | {shapes.Failed}, key=lambda one: one.__name__), ref_template=_REFERENCE
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, components)
    given = {operation.gives for operation in OPERATIONS}
    for operation in OPERATIONS:  # what is taken is described where it is taken
        if operation.takes not in given:
            components.pop(operation.takes, None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cellsync local API",
            "version": __version__,
            "description": "On a Unix socket that only its owner can open. protocol/80-local-api.md is the text.",
            "license": {"name": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items()))},
    }


def _operation(operation: Operation, components: dict[str, Any]) -> dict[str, Any]:
    in_path = _IN_PATH.findall(operation.path)
    taken = components[operation.takes]
    fields: dict[str, Any] = {name: one for name, one in taken["properties"].items() if name not in in_path}
    required = [name for name in taken.get("required", []) if name in fields]
    made: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs {operation.needs.value}." if operation.needs is not Needs.NOTHING else "In any state.",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": taken["properties"][name]} for name in in_path
        ],
        "responses": {
            "200": {"description": "Done", "content": _content(operation)},
            "default": {
                "description": "Not done; `code` says why, `hint` what helps",
                "content": {"application/json": {"schema": {"$ref": _REFERENCE.format(name="Failed")}}},
            },
        },
    }
    if operation.method in ("GET", "DELETE"):
        made["parameters"] += [
            {"name": name, "in": "query", "required": name in required, "schema": one} for name, one in fields.items()
        ]
    elif fields:
        body: dict[str, Any] = {
            "type": "object", "properties": fields, "required": required, "additionalProperties": False,
            "description": taken.get("description", ""),
        }  # fmt: skip
        made["requestBody"] = {"required": bool(required), "content": {"application/json": {"schema": body}}}
    return made


def _content(operation: Operation) -> dict[str, Any]:
    if operation.name == EVENTS:
        text = "Server-sent events; `data` of each is the JSON object Event, `id` its cursor if it has one."
        return {"text/event-stream": {"schema": {"type": "string", "description": text}}}
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=operation.gives)}}}

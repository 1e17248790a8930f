"""The OpenAPI document, made from the table, the shapes and the failures.

It is written for generators of typed clients (examples/typescript is made with one), which read some of it literally:

* an object without named properties is one with any properties, and has to say so; else it is taken to be empty;
* what an answer always has is `required`, also where our side has a default for it;
* what may be left out of a body has no `default`, which generators take for "always there": its text says it instead;
* every status has the codes that come with it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, Final

import msgspec

from cellsync import __version__
from cellsync.api.contract import events, shapes
from cellsync.api.contract.failures import by_status
from cellsync.api.contract.table import EVENTS, HEADERS, OPERATIONS, Needs, Operation

_IN_PATH: Final = re.compile(r"\{(\w+)\}")
_REFERENCE: Final = "#/components/schemas/{name}"
_ABOUT: Final = {  # what stands in a header
    "If-Match": 'The `ETag` that was read, or several; "*": any. If the case has changed since, nothing is written.',
    "Idempotency-Key": (
        "Drawn by the client for this request: it can be sent again with it, and is done once. New cases and the "
        "newest 256 edits with a key are known for good, other requests as long as the cell is open."
    ),
    "Last-Event-ID": "The id of the last event that was seen.",
}
_STATUSES: Final = {
    400: "It cannot be done as it was asked", 403: "Not allowed", 404: "Not there", 409: "Not as things stand",
    412: "The case has changed since", 413: "Too large", 422: "The key belongs to another request",
    423: "The cell is locked", 429: "Too many guesses", 500: "A fault of cellsync", 503: "Something outside failed",
    507: "The disk is full",
}  # fmt: skip


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    used = {getattr(shapes, name) for operation in OPERATIONS for name in (operation.takes, operation.gives)}
    _, components = msgspec.json.schema_components(
        sorted(used | {shapes.Failed}, key=lambda shape: shape.__name__), ref_template=_REFERENCE
    )
    _open_objects(components)
    taken = {name: components.pop(name) for name in {operation.takes for operation in OPERATIONS}}
    for name, schema in components.items():
        _answered(getattr(shapes, name), schema)
    components |= _events()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, taken, components)
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


def _events() -> dict[str, Any]:
    """One of several, told apart by the name of the event."""
    _, components = msgspec.json.schema_components(
        sorted({*events.DATA.values()}, key=lambda shape: shape.__name__), ref_template=_REFERENCE
    )
    for name, schema in components.items():
        _answered(getattr(events, name), schema)
    each = [
        {
            "type": "object",
            "required": ["event", "cursor", "data"],
            "properties": {
                "event": {"const": event},
                "cursor": {"type": "string"},
                "data": {"$ref": _REFERENCE.format(name=shape.__name__)},
            },
        }
        for event, shape in events.DATA.items()
    ]
    return {**components, "Event": {"description": (shapes.Event.__doc__ or "").strip(), "oneOf": each}}


def _open_objects(schema: Any) -> None:
    """Objects without named properties say that they may have any."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and not schema.keys() & {"properties", "additionalProperties"}:
            schema["additionalProperties"] = True
        for inner in schema.values():
            _open_objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _open_objects(inner)


def _answered(shape: type[msgspec.Struct], schema: dict[str, Any]) -> None:
    """What it always has is required."""
    if "properties" not in schema:
        return
    for field in schema["properties"].values():
        field.pop("default", None)
    schema["required"] = [] if shape.__struct_config__.omit_defaults else list(schema["properties"])


def _operation(operation: Operation, taken: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    in_path = _IN_PATH.findall(operation.path)
    shape = taken[operation.takes]
    fields: dict[str, Any] = {name: schema for name, schema in shape["properties"].items() if name not in in_path}
    required = [name for name in shape.get("required", []) if name in fields]
    made: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs {operation.needs.value}." if operation.needs is not Needs.NOTHING else "In any state.",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": shape["properties"][name]} for name in in_path
        ],
        "responses": {"200": {"description": "Done", **_etag(operation, components), "content": _content(operation)}},
    }
    if operation.method in ("GET", "DELETE"):
        made["parameters"] += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in fields.items()
        ]
    elif fields:
        components[operation.takes] = _body(fields, required, shape.get("description", ""))
        content = {"application/json": {"schema": {"$ref": _REFERENCE.format(name=operation.takes)}}}
        made["requestBody"] = {"required": bool(required), "content": content}
    made["parameters"] += [
        {"name": name, "in": "header", "required": False, "description": _ABOUT[name], "schema": {"type": "string"}}
        for name in HEADERS.get(operation.name, {})
    ]
    for status, codes in by_status(operation).items():
        made["responses"][str(status)] = {
            "description": f"{_STATUSES[status]}: {', '.join(codes)}. Nothing was done.",
            "content": {"application/json": {"schema": _failed(codes)}},
        }
    return made


def _body(fields: dict[str, Any], required: list[str], description: str) -> dict[str, Any]:
    properties = {}
    for name, schema in fields.items():
        properties[name] = field = dict(schema)
        default = field.pop("default", None)
        if default not in (None, {}, []):
            field["description"] = f"{field.get('description', '')} Left out: {json.dumps(default)}.".strip()
    return {
        "type": "object", "properties": properties, "required": required, "additionalProperties": False,
        "description": description,
    }  # fmt: skip


def _failed(codes: list[str]) -> dict[str, Any]:
    code = {"type": "object", "required": ["code"], "properties": {"code": {"type": "string", "enum": codes}}}
    return {
        "allOf": [
            {"$ref": _REFERENCE.format(name="Failed")},
            {"type": "object", "required": ["error"], "properties": {"error": code}},
        ]
    }


def _etag(operation: Operation, components: dict[str, Any]) -> dict[str, Any]:
    if "heads" not in components.get(operation.gives, {}).get("properties", {}):
        return {}
    return {"headers": {"ETag": {"description": "The heads, for If-Match.", "schema": {"type": "string"}}}}


def _content(operation: Operation) -> dict[str, Any]:
    if operation.name == EVENTS:
        text = "Server-sent events; `data` of each is the JSON object Event, `id` its cursor if it has one."
        return {"text/event-stream": {"schema": {"type": "string", "description": text}}}
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=operation.gives)}}}
